//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`: numbers compare within their kind, integers also across signs.

use std::cmp::Ordering;

use crate::{
    printf,
    value::{Kind, Value},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    None,
    Bool,
    Int,
    Uint,
    Float,
    String,
}

/// A named number as a number.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.underlying().unwrap_or_else(|| value.clone()),
        value => value.clone(),
    }
}

fn basic(value: &Value) -> Basic {
    match value.kind() {
        Kind::Bool => Basic::Bool,
        Kind::Int => Basic::Int,
        Kind::Uint => Basic::Uint,
        Kind::Float => Basic::Float,
        Kind::String => Basic::String,
        _ => Basic::None,
    }
}

pub(super) fn eq(first: &Value, rest: &[Value]) -> Result<bool, String> {
    if rest.is_empty() {
        return Err("missing argument for comparison".into());
    }
    let first = &plain(first);
    for other in rest {
        if equal(first, &plain(other))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (basic(a), basic(b)) {
        (Basic::None, Basic::None) => equal_others(a, b),
        (Basic::Int | Basic::Uint, Basic::Int | Basic::Uint) => Ok(order_integers(a, b) == Ordering::Equal),
        (kind, other) if kind != other && (a.is_nil() || b.is_nil()) => Ok(false),
        (kind, other) if kind != other => Err(incompatible(a, b)),
        _ => Ok(match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            _ => false,
        }),
    }
}

fn equal_others(a: &Value, b: &Value) -> Result<bool, String> {
    let kinds = (a.kind(), b.kind());
    if kinds.0 != kinds.1 && kinds.0 != Kind::Invalid && kinds.1 != Kind::Invalid {
        let (shown_a, shown_b) = (printf::shown(b"%s", a), printf::shown(b"%v", b));
        let (type_a, type_b) = (a.type_name(), b.type_name());
        return Err(format!("non-comparable types {shown_a}: {type_a}, {type_b}: {shown_b}"));
    }
    let (nil_a, nil_b) = (is_nil(a), is_nil(b));
    if nil_a || nil_b {
        return Ok(nil_a == nil_b);
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if matches!(a.kind(), Kind::Struct | Kind::Ptr) => {
            Ok(a.equals(b.as_ref()))
        }
        (_, b) => Err(format!("non-comparable type {}: {}", printf::shown(b"%s", b), b.type_name())),
    }
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        value => value.is_nil(),
    }
}

fn order_integers(a: &Value, b: &Value) -> Ordering {
    let wide = |value: &Value| {
        value.signed().map(i128::from).or_else(|| value.unsigned().map(i128::from)).unwrap_or_default()
    };
    wide(a).cmp(&wide(b))
}

pub(super) fn lt(a: &Value, b: &Value) -> Result<bool, String> {
    const BAD: &str = "invalid type for comparison";
    match (basic(a), basic(b)) {
        (Basic::None, _) | (_, Basic::None) => Err(BAD.into()),
        (Basic::Int | Basic::Uint, Basic::Int | Basic::Uint) => Ok(order_integers(a, b) == Ordering::Less),
        (kind, other) if kind != other => Err(incompatible(a, b)),
        (Basic::Bool, _) => Err(BAD.into()),
        _ => Ok(match (a, b) {
            (Value::Float(a), Value::Float(b)) => a < b,
            (Value::String(a), Value::String(b)) => a < b,
            _ => false,
        }),
    }
}

pub(super) fn le(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(lt(a, b)? || equal(a, b)?)
}
