//! Conversions of literals, which cel-go evaluates when it makes a program.
use cel::{
    Context, ExecutionError, IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue},
};

use crate::{environment::library, instrument::children};

/// The error of the first conversion of a literal that fails, or of the first pattern that is none.
pub(crate) fn failing(expr: &IdedExpr) -> Option<ExecutionError> {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        if let Expr::Call(call) = &expr.expr
            && let Some(error) = of_call(expr, call)
        {
            return Some(error);
        }
        open.extend(children(&expr.expr));
    }
    None
}

fn of_call(expr: &IdedExpr, call: &CallExpr) -> Option<ExecutionError> {
    let [IdedExpr { expr: Expr::Literal(literal), .. }] = call.args.as_slice() else { return None };
    match (call.func_name.as_str(), &call.target, literal) {
        ("int" | "uint" | "double" | "bool" | "timestamp" | "duration", None, _) => {
            let context = Context::with_env(library().clone());
            cel::Value::resolve_val(expr, &context).err()
        }
        ("matches", Some(_), LiteralValue::String(pattern)) => {
            let regex = regex_syntax(pattern.inner());
            regex.err().map(|error| ExecutionError::function_error("matches", error))
        }
        _ => None,
    }
}

fn regex_syntax(pattern: &str) -> Result<(), regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(crate::functions::MAX_REGEX).build().map(|_| ())
}
