use std::fmt;

/// Why a text could not be substituted, where, and at which variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SubstituteError {
    /// What went wrong; its text begins with the words Flux users know.
    pub cause: Cause,
    /// Line of the reference, counted from 1.
    pub line: usize,
    /// Name of the variable, when it could be read.
    pub variable: Option<String>,
}

/// What is wrong with a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A function is used in a way it does not know.
    #[error("bad substitution")]
    BadSubstitution,
    /// After the name comes neither `}` nor a known function.
    #[error("missing closing brace")]
    MissingClosingBrace,
    /// `${` is not followed by a name.
    #[error("unable to parse variable name")]
    VariableName,
    /// The argument of a function is empty or cut off.
    #[error("unable to parse substitution within function")]
    Argument,
    /// Strict mode, and the variable has neither a value nor a default.
    #[error("variable not set (strict mode)")]
    NotSet,
    /// A substring or pattern cut a character in two.
    #[error("substitution cuts a character: the result is not utf-8")]
    NotUtf8,
    /// References nested deeper than the limit.
    #[error("substitution nested too deep")]
    TooDeep,
    /// The result is larger than the limit.
    #[error("substitution result too large")]
    TooLarge,
    /// Pattern matching takes more steps than the limit.
    #[error("substitution pattern too expensive")]
    TooExpensive,
}

impl fmt::Display for SubstituteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        match &self.variable {
            Some(name) => write!(f, ": {name:?} (line {})", self.line),
            None => write!(f, " (line {})", self.line),
        }
    }
}
