use cel::{
    Context, IdedExpr,
    common::{
        types::{CelBool, CelString},
        value::CowVal,
    },
};
use serde_json::Value;

use crate::{
    budget, check, constants,
    environment::{Env, library},
    error::{CompileError, EvalError},
    instrument::{MAX_DEPTH, MAX_TEXT, instrument, is_shallow},
    types::{Type, infer},
    value,
};

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program {
    text: String,
    expr: IdedExpr,
    /// Only these are converted when it is evaluated: an object may be large.
    names: Vec<String>,
}

impl Program {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is no CEL, too long or too deep, names what `env` does not declare, or can only give another
    /// type than `env` asks for.
    pub fn compile(text: &str, env: &Env) -> Result<Self, CompileError> {
        if text.len() > MAX_TEXT {
            return Err(CompileError::TooLong { bytes: text.len(), limit: MAX_TEXT });
        }
        let parser = library().parser().max_recursion_depth(MAX_DEPTH as u16);
        let mut expr = parser.parse(text).map_err(|errors| CompileError::Syntax {
            expression: text.to_owned(),
            // The parser leaves out the blank before the ruler that cel-go prints.
            message: errors.to_string().replace("\n| ", "\n | "),
        })?;
        if !is_shallow(&expr) {
            return Err(CompileError::TooDeep { limit: MAX_DEPTH });
        }
        let names: Vec<String> = check::free_names(&expr).into_iter().collect();
        check_names(text, &expr, &names, env)?;
        check_output(&expr, env)?;
        if env.variables.is_some() {
            check_types(text, &expr, env)?;
        }
        instrument(&mut expr);
        Ok(Self { text: text.to_owned(), expr, names })
    }

    /// The expression as given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates with these variables; those the expression does not name cost nothing.
    ///
    /// # Errors
    /// When the evaluation fails (a field that is missing is a failure, not false), takes too many steps, or
    /// gives what has no JSON form.
    pub fn eval(&self, variables: &[(&str, &Value)]) -> Result<Value, EvalError> {
        let context = self.context(variables.iter().copied())?;
        self.run(&context, |value| {
            let value = cel::Value::try_from(value.as_ref()).ok()?;
            value.json().ok()
        })?
        .ok_or_else(|| self.wrong_type("JSON"))
    }

    /// Evaluates to a boolean.
    ///
    /// # Errors
    /// As [`Self::eval`]; when the result is no boolean.
    pub fn eval_bool(&self, variables: &[(&str, &Value)]) -> Result<bool, EvalError> {
        let context = self.context(variables.iter().copied())?;
        self.run(&context, |value| value.downcast_ref::<CelBool>().map(|value| *value.inner()))?
            .ok_or_else(|| self.wrong_type("boolean"))
    }

    /// Evaluates to a string.
    ///
    /// # Errors
    /// As [`Self::eval`]; when the result is no string.
    pub fn eval_string(&self, variables: &[(&str, &Value)]) -> Result<String, EvalError> {
        let context = self.context(variables.iter().copied())?;
        self.run(&context, |value| value.downcast_ref::<CelString>().map(|text| text.inner().to_owned()))?
            .ok_or_else(|| self.wrong_type("string"))
    }

    /// Evaluates to a boolean, with the top-level fields of an object as variables (`status`, `spec`, …).
    ///
    /// # Errors
    /// As [`Self::eval_bool`].
    pub fn eval_bool_on(&self, object: &Value) -> Result<bool, EvalError> {
        let fields = object.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value));
        let context = self.context(fields)?;
        self.run(&context, |value| value.downcast_ref::<CelBool>().map(|value| *value.inner()))?
            .ok_or_else(|| self.wrong_type("boolean"))
    }

    fn context<'v>(
        &self,
        variables: impl Iterator<Item = (&'v str, &'v Value)>,
    ) -> Result<Context<'v, 'v>, EvalError> {
        let mut context = Context::with_env(library().clone());
        for (name, value) in variables {
            if self.names.iter().any(|wanted| wanted == name) {
                let value = value::borrowed(value).ok_or_else(|| EvalError::VariableTooDeep {
                    expression: self.text.clone(),
                    name: name.to_owned(),
                })?;
                context.add_variable_as_val(name, value);
            }
        }
        Ok(context)
    }

    fn run<T>(
        &self,
        context: &Context<'_, '_>,
        take: impl FnOnce(&CowVal<'_, '_>) -> T,
    ) -> Result<T, EvalError> {
        budget::start();
        let result = cel::Value::resolve_val(&self.expr, context);
        if budget::exhausted() {
            return Err(EvalError::TooExpensive { expression: self.text.clone(), limit: budget::MAX_WORK });
        }
        match result {
            Ok(value) => Ok(take(&value)),
            Err(error) => {
                let message = self.without_values(&error).unwrap_or_else(|| message_of(&error));
                Err(EvalError::Failed { expression: self.text.clone(), message })
            }
        }
    }

    /// What is told of a key that the expression took from a variable: it may be anybody's value.
    fn without_values(&self, error: &cel::ExecutionError) -> Option<String> {
        match error {
            cel::ExecutionError::NoSuchKey(key) if !self.text.contains(key.as_str()) => {
                Some("no such key".to_owned())
            }
            _ => None,
        }
    }

    fn wrong_type(&self, expected: &'static str) -> EvalError {
        EvalError::WrongType { expression: self.text.clone(), expected }
    }
}

fn check_names(text: &str, expr: &IdedExpr, names: &[String], env: &Env) -> Result<(), CompileError> {
    let Some(declared) = &env.variables else { return Ok(()) };
    let unknown = names.iter().find(|name| !declared.contains(name) && !check::is_built_in(name));
    match unknown.map(String::as_str).or_else(|| check::unknown_function(expr)) {
        Some(name) => Err(CompileError::Undeclared { expression: text.to_owned(), name: name.to_owned() }),
        None => Ok(()),
    }
}

fn check_output(expr: &IdedExpr, env: &Env) -> Result<(), CompileError> {
    match (env.output, check::output(expr)) {
        (Some(wanted), Some(found)) if !found.fits(wanted) => {
            Err(CompileError::Output { expected: wanted.name(), got: found.name() })
        }
        _ => Ok(()),
    }
}

/// What can be refused where the variables are declared, as cel-go does then only.
fn check_types(text: &str, expr: &IdedExpr, env: &Env) -> Result<(), CompileError> {
    let expression = || text.to_owned();
    let found = infer(expr)
        .map_err(|misfit| CompileError::Operands { expression: expression(), message: misfit.0 })?;
    if let Some(error) = constants::failing(expr) {
        return Err(CompileError::Constant { expression: expression(), message: message_of(&error) });
    }
    let got = match found {
        Type::Dyn => "dyn",
        Type::Plain(name) => name,
        _ => return Ok(()),
    };
    match env.output {
        Some(wanted) if wanted.name() != got => Err(CompileError::Output { expected: wanted.name(), got }),
        _ => Ok(()),
    }
}

/// CEL's own words where Flux users know them; the values an error carries are left out.
fn message_of(error: &cel::ExecutionError) -> String {
    use cel::ExecutionError as Cause;
    match error {
        Cause::NoSuchKey(key) => format!("no such key: {key}"),
        Cause::UndeclaredReference(name) => format!("no such attribute(s): {name}"),
        Cause::NoSuchOverload(overload) => format!("no such overload: {overload}"),
        Cause::DivisionByZero(_) => "division by zero".into(),
        Cause::RemainderByZero(_) => "modulus by zero".into(),
        Cause::Overflow(..) => "integer overflow".into(),
        Cause::IndexOutOfBounds(_) => "index out of bounds".into(),
        // The others put their arguments in.
        Cause::FunctionError { function, message } if tells_positions(function) => {
            format!("{function}: {message}")
        }
        Cause::FunctionError { function, .. } => format!("{function}: invalid argument"),
        Cause::UnexpectedType { got, want } => format!("unexpected type: got '{got}', want '{want}'"),
        Cause::ValuesNotComparable(..) | Cause::UnsupportedBinaryOperator(..) => "no such overload".into(),
        Cause::InvalidArgumentCount { .. } => error.to_string(),
        _ => "no such overload".into(),
    }
}

fn tells_positions(function: &str) -> bool {
    matches!(function, "charAt" | "indexOf" | "lastIndexOf" | "substring" | "cost")
}
