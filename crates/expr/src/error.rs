/// Why an expression is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// No CEL.
    #[error("failed to parse the CEL expression '{expression}': {message}")]
    Syntax {
        /// The expression as given.
        expression: String,
        /// Position and cause, as the parser says them.
        message: String,
    },
    /// A name or function that the environment does not declare.
    #[error("failed to parse the CEL expression '{expression}': undeclared reference to '{name}'")]
    Undeclared {
        /// The expression as given.
        expression: String,
        /// The name.
        name: String,
    },
    /// Operands that no function takes, whatever the variables are.
    #[error("failed to parse the CEL expression '{expression}': {message}")]
    Operands {
        /// The expression as given.
        expression: String,
        /// The function and the types.
        message: String,
    },
    /// A part without variables that cannot be evaluated.
    #[error("failed to create the CEL program of '{expression}': {message}")]
    Constant {
        /// The expression as given.
        expression: String,
        /// What CEL says.
        message: String,
    },
    /// The expression can only give another type than the one asked for.
    #[error("CEL expression output type mismatch: expected {expected}, got {got}")]
    Output {
        /// The type asked for.
        expected: &'static str,
        /// The type it gives.
        got: &'static str,
    },
    /// More bytes than [`crate::MAX_TEXT`].
    #[error("the CEL expression is too long: {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes of the expression.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Nested deeper than [`crate::MAX_DEPTH`].
    #[error("the CEL expression is nested too deep: the limit is {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
}

/// Why an expression gives no result. The text holds values of the variables only in so far as the cause
/// cannot be told without.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The expression failed: a missing field, types that do not fit, a division by zero.
    #[error("failed to evaluate the CEL expression '{expression}': {message}")]
    Failed {
        /// The expression as given.
        expression: String,
        /// What CEL says.
        message: String,
    },
    /// The result is of another type than the caller wants.
    #[error("failed to evaluate CEL expression as {expected}: '{expression}'")]
    WrongType {
        /// The expression as given.
        expression: String,
        /// The type wanted.
        expected: &'static str,
    },
    /// The evaluation needs more than [`crate::MAX_WORK`] steps.
    #[error("the CEL expression '{expression}' is too expensive: more than {limit} steps")]
    TooExpensive {
        /// The expression as given.
        expression: String,
        /// The limit.
        limit: u64,
    },
    /// A variable nested deeper than Kubernetes allows.
    #[error("variable '{name}' of the CEL expression '{expression}' is nested too deep")]
    VariableTooDeep {
        /// The expression as given.
        expression: String,
        /// The variable.
        name: String,
    },
}
