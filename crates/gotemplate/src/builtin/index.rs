//! `len`, `index` and `slice`.

use super::bytes_of;
use crate::value::{Kind, List, Str, Value};

pub(super) fn len(item: &Value) -> Result<Value, String> {
    let count = match item {
        Value::Absent => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::Nil => return Err("len of nil pointer".into()),
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Object(object) if matches!(object.kind(), Kind::Map | Kind::Slice) => object.count(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

pub(super) fn index(item: &Value, indexes: &[Value]) -> Result<Value, String> {
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    indexes.iter().try_fold(item.clone(), |item, index| index_one(&item, index))
}

fn index_one(item: &Value, index: &Value) -> Result<Value, String> {
    match item {
        Value::Nil | Value::Absent => Err("index of nil pointer".into()),
        Value::String(bytes) | Value::Bytes(bytes) => {
            let at = position(index, bytes.len())?;
            bytes.get(at).map(|byte| Value::Uint8(*byte)).ok_or_else(|| beyond(item))
        }
        Value::List(list) => {
            let at = position(index, list.len())?;
            list.get(at).cloned().ok_or_else(|| beyond(item))
        }
        Value::Map(map) => {
            let key = map_key(index)?;
            Ok(map.get(key).unwrap_or_else(|| Value::zero(map.kind().element())))
        }
        Value::Object(object) if object.kind() == Kind::Map => {
            let key = map_key(index)?;
            Ok(object.entry(key).unwrap_or_else(|| Value::zero(object.element())))
        }
        Value::Object(object) if object.kind() == Kind::Slice => {
            let entries = object.entries();
            let at = position(index, entries.len())?;
            entries.get(at).map(|(_, value)| value.clone()).ok_or_else(|| beyond(item))
        }
        other => Err(format!("can't index item of type {}", other.type_name())),
    }
}

/// Go's panic for an index that equals the length, as a template reports it.
fn beyond(item: &Value) -> String {
    let what = if matches!(item, Value::String(_)) { "string" } else { "slice" };
    format!("reflect: {what} index out of range")
}

fn map_key(index: &Value) -> Result<&Str, String> {
    match index {
        Value::String(key) => Ok(key),
        Value::Nil | Value::Absent => Err("value is nil; should be of type string".into()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

/// An index up to and including `cap`.
fn position(index: &Value, cap: usize) -> Result<usize, String> {
    let number = match (index.signed(), index.unsigned()) {
        (Some(n), _) => n,
        (_, Some(n)) => n.cast_signed(),
        _ if index.is_nil() => return Err("cannot index slice/array with nil".into()),
        _ => return Err(format!("cannot index slice/array with type {}", index.type_name())),
    };
    match usize::try_from(number) {
        Ok(at) if at <= cap => Ok(at),
        _ => Err(format!("index out of range: {number}")),
    }
}

pub(super) fn slice(item: &Value, indexes: &[Value]) -> Result<Value, String> {
    if item.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let len = match item {
        Value::String(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::List(list) => list.len(),
        value => match bytes_of(value) {
            Some(bytes) => bytes.len(),
            None => return Err(format!("can't slice item of type {}", value.type_name())),
        },
    };
    let mut at = [0, len, len];
    for (slot, index) in at.iter_mut().zip(indexes) {
        *slot = position(index, len)?;
    }
    for (low, high) in [(at[0], at[1]), (at[1], at[2])] {
        if low > high {
            return Err(format!("invalid slice index: {low} > {high}"));
        }
    }
    Ok(match item {
        Value::String(text) => Value::string(&text[at[0]..at[1]]),
        Value::Bytes(bytes) => Value::Bytes(Str::from(&bytes[at[0]..at[1]])),
        Value::List(list) => Value::List(List::of(list.kind(), list[at[0]..at[1]].to_vec())),
        other => other.clone(),
    })
}
