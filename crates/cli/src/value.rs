//! Reading objects as JSON: missing and of another type is the same, absent.
use serde_json::Value;

/// The value at a path of keys.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// The text at a path of keys; empty when there is none.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// True when there is `true` at a path of keys.
pub(crate) fn flag(value: &Value, path: &[&str]) -> bool {
    at(value, path).and_then(Value::as_bool).unwrap_or_default()
}

/// The list at a path of keys.
pub(crate) fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// metadata.name
pub(crate) fn name(value: &Value) -> &str {
    text(value, &["metadata", "name"])
}

/// metadata.namespace
pub(crate) fn namespace(value: &Value) -> &str {
    text(value, &["metadata", "namespace"])
}

/// The condition of a type, whatever the case of its name.
pub(crate) fn condition<'a>(value: &'a Value, kind: &str) -> Option<&'a Value> {
    list(value, &["status", "conditions"]).iter().find(|one| text(one, &["type"]).eq_ignore_ascii_case(kind))
}

/// A text, or what stands for it when it is empty.
pub(crate) fn or<'a>(text: &'a str, fallback: &'a str) -> &'a str {
    if text.is_empty() { fallback } else { text }
}
