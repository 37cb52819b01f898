//! text/template's own functions.

mod compare;
mod escape;
mod index;

use crate::{
    func::{FuncError, Signature},
    printf,
    value::{Str, Type, Value},
};

type Body = fn(&[Value]) -> Result<Value, FuncError>;

/// A function of text/template.
#[derive(Clone, Copy)]
pub(crate) enum Builtin {
    /// Stops at the first false argument.
    And,
    /// Stops at the first true argument.
    Or,
    /// Calls a value that is a function.
    Call,
    /// Any other.
    Plain(Signature, Body),
}

pub(crate) fn is_builtin(name: &str) -> bool {
    find(name).is_some()
}

pub(crate) fn find(name: &str) -> Option<Builtin> {
    const ONE: Signature = Signature::fixed(&[Type::Reflect]);
    const TWO: Signature = Signature::fixed(&[Type::Reflect, Type::Reflect]);
    const ONE_MORE: Signature = Signature::variadic(&[Type::Reflect], Type::Reflect);
    const PRINT: Signature = Signature::variadic(&[], Type::Any);
    Some(match name {
        "and" => Builtin::And,
        "or" => Builtin::Or,
        "call" => Builtin::Call,
        "not" => Builtin::Plain(ONE, |a| Ok(Value::Bool(!a[0].truth()))),
        "len" => Builtin::Plain(ONE, |a| Ok(index::len(&a[0])?)),
        "index" => Builtin::Plain(ONE_MORE, |a| Ok(index::index(&a[0], &a[1..])?)),
        "slice" => Builtin::Plain(ONE_MORE, |a| Ok(index::slice(&a[0], &a[1..])?)),
        "eq" => Builtin::Plain(ONE_MORE, |a| Ok(Value::Bool(compare::eq(&a[0], &a[1..])?))),
        "ne" => Builtin::Plain(TWO, |a| Ok(Value::Bool(!compare::eq(&a[0], &a[1..])?))),
        "lt" => Builtin::Plain(TWO, |a| Ok(Value::Bool(compare::lt(&a[0], &a[1])?))),
        "le" => Builtin::Plain(TWO, |a| Ok(Value::Bool(compare::le(&a[0], &a[1])?))),
        "gt" => Builtin::Plain(TWO, |a| Ok(Value::Bool(!compare::le(&a[0], &a[1])?))),
        "ge" => Builtin::Plain(TWO, |a| Ok(Value::Bool(!compare::lt(&a[0], &a[1])?))),
        "print" => Builtin::Plain(PRINT, |a| Ok(Value::String(printf::sprint(a)?))),
        "println" => Builtin::Plain(PRINT, |a| Ok(Value::String(printf::sprintln(a)?))),
        "printf" => Builtin::Plain(Signature::variadic(&[Type::String], Type::Any), format),
        "html" => Builtin::Plain(PRINT, |a| Ok(Value::string(escape::html(&escape::arguments(a)?)))),
        "js" => Builtin::Plain(PRINT, |a| Ok(Value::string(escape::js(&escape::arguments(a)?)))),
        "urlquery" => Builtin::Plain(PRINT, |a| Ok(Value::string(escape::url_query(&escape::arguments(a)?)))),
        _ => return None,
    })
}

fn format(arguments: &[Value]) -> Result<Value, FuncError> {
    let format = arguments[0].as_string().cloned().unwrap_or_default();
    Ok(Value::String(printf::sprintf(&format, &arguments[1..])?))
}

/// Whether a value may be passed where a type is asked for.
pub(crate) fn assignable(value: &Value, kind: Type) -> bool {
    match (value.kind_type(), kind) {
        (_, Type::Any | Type::Reflect) => true,
        (None, kind) => kind.can_be_nil(),
        (Some(Type::NamedMap(_)), Type::Map) | (Some(Type::Map), Type::NamedMap(_)) => true,
        (Some(own), kind) => own == kind,
    }
}

/// A value that may be passed, as what a function asks for: Go converts a map with a type of its own to a plain one.
pub(crate) fn passed(value: Value, kind: Type) -> Value {
    match value {
        Value::Map(map) if matches!(kind, Type::Map | Type::NamedMap(_)) && map.kind() != kind => {
            Value::Map(map.retyped(kind))
        }
        value => value,
    }
}

/// The arguments of `call`, converted to what the function asks for.
pub(crate) fn check_call(
    name: &str,
    signature: Signature,
    arguments: &[Value],
) -> Result<Vec<Value>, String> {
    let (fixed, given) = (signature.fixed.len(), arguments.len());
    if signature.variadic.is_some() && given < fixed {
        return Err(format!("wrong number of args for {name}: got {given} want at least {fixed}"));
    }
    if signature.variadic.is_none() && given != fixed {
        return Err(format!("wrong number of args for {name}: got {given} want {fixed}"));
    }
    let kind = |index: usize| signature.fixed.get(index).copied().or(signature.variadic).unwrap_or(Type::Any);
    let prepare = |(index, value): (usize, &Value)| {
        prepare(value, kind(index)).map_err(|error| format!("arg {index}: {error}"))
    };
    arguments.iter().enumerate().map(prepare).collect()
}

fn prepare(value: &Value, kind: Type) -> Result<Value, String> {
    if value.is_nil() {
        let nil = || format!("value is nil; should be of type {kind}");
        return kind.can_be_nil().then(|| Value::zero(kind)).ok_or_else(nil);
    }
    if assignable(value, kind) {
        return Ok(passed(value.clone(), kind));
    }
    let number = value.signed().or_else(|| value.unsigned().and_then(|n| i64::try_from(n).ok()));
    match number {
        Some(n) if kind.is_signed() => Ok(Value::zero(kind).signed_like(n)),
        Some(n) if kind.is_unsigned() => Ok(Value::zero(kind).unsigned_like(n.cast_unsigned())),
        _ => Err(format!("value has type {}; should be {kind}", value.type_name())),
    }
}

/// The bytes of an object that is a string to Go.
fn bytes_of(value: &Value) -> Option<&Str> {
    match value {
        Value::String(text) | Value::Bytes(text) => Some(text),
        _ => None,
    }
}
