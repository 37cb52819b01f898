//! From and to JSON, as `encoding/json` and sigs.k8s.io/yaml decode it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Number;

use super::{List, Map, Str, Value};
use crate::session::LimitError;

/// How deep [`Value::to_json`] follows lists, maps and objects.
pub(crate) const MAX_NESTING: usize = 1_000;

/// How many values [`Value::to_json`] follows: parts that are shared count each time.
const MAX_NODES: usize = 8_000_000;

/// What a whole number becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// `float64`, like every number that `encoding/json` decodes into `interface {}`.
    Float,
    /// `int64` where it fits, else `float64`.
    Keep,
}

impl Value {
    /// From JSON.
    #[must_use]
    pub fn from_json(json: &serde_json::Value, numbers: Numbers) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Nil,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::String(text) => Self::string(text.as_str()),
            Json::Number(number) => from_number(number, numbers),
            Json::Array(items) => {
                Self::List(items.iter().map(|item| Self::from_json(item, numbers)).collect::<List>())
            }
            Json::Object(entries) => {
                let pair = |(key, value): (&String, &Json)| (Str::from(key), Self::from_json(value, numbers));
                Self::Map(entries.iter().map(pair).collect::<Map>())
            }
        }
    }

    /// To JSON; keys sorted, bytes in base64, floats without a fraction as whole numbers.
    ///
    /// # Errors
    /// When it is nested deeper than 1,000 levels, as a value that contains itself is.
    pub fn to_json(&self) -> Result<serde_json::Value, LimitError> {
        to_json(self, MAX_NESTING, &mut { MAX_NODES })
    }
}

fn from_number(number: &Number, numbers: Numbers) -> Value {
    match number.as_i64() {
        Some(n) if numbers == Numbers::Keep => Value::Int64(n),
        _ => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn to_json(value: &Value, depth: usize, nodes: &mut usize) -> Result<serde_json::Value, LimitError> {
    use serde_json::Value as Json;
    let depth = depth.checked_sub(1).ok_or(LimitError::Nesting(MAX_NESTING))?;
    *nodes = nodes.checked_sub(1).ok_or(LimitError::Nesting(MAX_NESTING))?;
    Ok(match value {
        Value::Nil | Value::Absent | Value::Func(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Float(f) => float(*f),
        Value::String(text) => Json::String(text.text().into_owned()),
        Value::Bytes(bytes) => Json::String(STANDARD.encode(bytes)),
        Value::List(list) if list.is_nil() => Json::Null,
        Value::List(list) => {
            Json::Array(list.iter().map(|item| deeper(item, depth, nodes)).collect::<Result<_, _>>()?)
        }
        Value::Map(map) if map.is_nil() => Json::Null,
        Value::Map(map) => entries(map.entries(), depth, nodes)?,
        Value::Object(object) => match object.json() {
            Some(value) => deeper(&value, depth, nodes)?,
            None if object.entries().is_empty() => entries(
                object.exported().into_iter().map(|(name, value)| (name.into(), value)).collect(),
                depth,
                nodes,
            )?,
            None => entries(object.entries(), depth, nodes)?,
        },
        number => match (number.signed(), number.unsigned()) {
            (Some(n), _) => Json::from(n),
            (_, n) => Json::from(n),
        },
    })
}

fn deeper(value: &Value, depth: usize, nodes: &mut usize) -> Result<serde_json::Value, LimitError> {
    stacker::maybe_grow(64 << 10, 1 << 20, || to_json(value, depth, nodes))
}

fn entries(
    entries: Vec<(Str, Value)>,
    depth: usize,
    nodes: &mut usize,
) -> Result<serde_json::Value, LimitError> {
    let mut pair = |(key, value): (Str, Value)| Ok((key.text().into_owned(), deeper(&value, depth, nodes)?));
    Ok(serde_json::Value::Object(entries.into_iter().map(&mut pair).collect::<Result<_, LimitError>>()?))
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn float(f: f64) -> serde_json::Value {
    if f.fract() != 0.0 || f.abs() >= 1e21 {
        return serde_json::Value::from(f);
    }
    if f.abs() < 1e15 {
        return serde_json::Value::from(f as i64);
    }
    // As the text reads that Go writes: the shortest digits, then zeros.
    let text = f.to_string();
    match (text.parse::<i64>(), text.parse::<u64>()) {
        (Ok(n), _) => serde_json::Value::from(n),
        (_, Ok(n)) => serde_json::Value::from(n),
        _ => serde_json::Value::from(f),
    }
}
