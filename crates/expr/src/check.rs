//! What can be said of an expression before it is evaluated.

use std::collections::BTreeSet;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, operators},
};

use crate::{environment::Output, instrument::children};

/// Names that an expression reads as variables: those bound by a loop are left out.
pub(crate) fn free_names(expr: &IdedExpr) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(expr, &mut Vec::new(), &mut names);
    names
}

fn collect<'e>(expr: &'e IdedExpr, bound: &mut Vec<&'e str>, names: &mut BTreeSet<String>) {
    match &expr.expr {
        Expr::Ident(name) => {
            if !bound.contains(&name.as_str()) && !name.starts_with('@') {
                names.insert(name.trim_start_matches('.').to_owned());
            }
        }
        Expr::Comprehension(loop_) => {
            collect(&loop_.iter_range, bound, names);
            collect(&loop_.accu_init, bound, names);
            let outside = bound.len();
            bound.extend([loop_.iter_var.as_str(), loop_.accu_var.as_str()]);
            bound.extend(loop_.iter_var2.as_deref());
            [&loop_.loop_cond, &loop_.loop_step, &loop_.result]
                .iter()
                .for_each(|part| collect(part, bound, names));
            bound.truncate(outside);
        }
        other => children(other).into_iter().for_each(|child| collect(child, bound, names)),
    }
}

/// Names of types and of the namespaces of functions, which stand where a variable may.
pub(crate) fn is_built_in(name: &str) -> bool {
    const NAMES: [&str; 17] = [
        "base64",
        "bool",
        "bytes",
        "double",
        "dyn",
        "google",
        "int",
        "list",
        "map",
        "math",
        "null_type",
        "optional",
        "optional_type",
        "sets",
        "string",
        "strings",
        "type",
    ];
    NAMES.contains(&name) || name == "uint"
}

/// The first function called that no library has.
pub(crate) fn unknown_function(expr: &IdedExpr) -> Option<&str> {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        if let Expr::Call(call) = &expr.expr {
            let operator = call.func_name.starts_with(['_', '@', '!', '-']);
            if !operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                return Some(&call.func_name);
            }
        }
        open.extend(children(&expr.expr));
    }
    None
}

/// Functions of the standard library and the extensions of Flux's environment.
#[rustfmt::skip]
const FUNCTIONS: [&str; 60] = [
    "bool", "bytes", "charAt", "contains", "decode", "double", "duration", "dyn", "encode", "endsWith",
    "equivalent", "format", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear",
    "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds", "hasValue", "indexOf", "int",
    "intersects", "join", "lastIndexOf", "lowerAscii", "matches", "none", "of", "ofNonZeroValue", "optFlatMap",
    "optMap", "or", "orValue", "quote", "replace", "reverse", "size", "split", "startsWith", "string",
    "substring", "timestamp", "trim", "type", "uint", "upperAscii", "value", "first", "last", "unwrapOpt",
    "unwrap", "all", "exists", "map", "filter", "has",
];

/// The type an expression gives, where it can be told without its variables.
pub(crate) fn output(expr: &IdedExpr) -> Option<Found> {
    match &expr.expr {
        Expr::Literal(literal) => Some(of_literal(literal)),
        Expr::Select(select) if select.test => Some(Found::Bool),
        // Fields of variables may be anything, and anything is no boolean to CEL: `x == true` is.
        Expr::Select(_) => Some(Found::Other("dyn")),
        Expr::List(_) => Some(Found::Other("list")),
        Expr::Map(_) => Some(Found::Other("map")),
        Expr::Call(call) => of_call(&call.func_name).or_else(|| of_operands(call)),
        _ => None,
    }
}

/// A type found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    Bool,
    String,
    Other(&'static str),
}

impl Found {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::String => "string",
            Self::Other(name) => name,
        }
    }

    pub(crate) fn fits(self, output: Output) -> bool {
        self.name() == output.name()
    }
}

fn of_literal(literal: &LiteralValue) -> Found {
    match literal {
        LiteralValue::Boolean(_) => Found::Bool,
        LiteralValue::String(_) => Found::String,
        LiteralValue::Bytes(_) => Found::Other("bytes"),
        LiteralValue::Double(_) => Found::Other("double"),
        LiteralValue::Int(_) => Found::Other("int"),
        LiteralValue::UInt(_) => Found::Other("uint"),
        LiteralValue::Null => Found::Other("null_type"),
    }
}

/// The type of what is selected from, or added to, another value.
fn of_operands(call: &CallExpr) -> Option<Found> {
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::ADD, [left, right]) => output(left).filter(|left| Some(*left) == output(right)),
        (operators::INDEX, [from, _]) => output(from).filter(|from| *from == Found::Other("dyn")),
        _ => None,
    }
}

fn of_call(function: &str) -> Option<Found> {
    match function {
        operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::LOGICAL_NOT
        | operators::EQUALS
        | operators::NOT_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::IN
        | "contains"
        | "startsWith"
        | "endsWith"
        | "matches"
        | "hasValue" => Some(Found::Bool),
        "string" | "join" | "replace" | "lowerAscii" | "upperAscii" | "trim" | "substring" | "format"
        | "charAt" | "quote" | "reverse" | "encode" => Some(Found::String),
        "size" | "int" | "indexOf" | "lastIndexOf" => Some(Found::Other("int")),
        _ => None,
    }
}
