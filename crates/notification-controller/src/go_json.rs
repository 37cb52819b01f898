//! JSON as Go's `encoding/json` writes and reads it: providers compare signatures over bytes, senders write field names
//! in any case.

use serde::Serialize;
use serde_json::{Map, Value};

/// The text `json.Marshal` gives: compact, with `<`, `>`, `&` and the two line separators of Unicode escaped.
pub fn marshal<T: Serialize + ?Sized>(value: &T) -> String {
    let plain = plain(value);
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text
}

/// The text an encoder with `SetEscapeHTML(false)` gives, without the line end after it.
pub(crate) fn marshal_unescaped<T: Serialize + ?Sized>(value: &T) -> String {
    // Outside of texts the two separators cannot occur.
    plain(value).replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Every type here has text keys and no numbers beyond JSON's, so that nothing can fail.
fn plain<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The field of an object, its name in any case as Go takes it; the exact name wins.
pub(crate) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let exact = object.get(name);
    exact.or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Why a JSON text is not what is expected. It never quotes the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// No JSON.
    #[error("{0}")]
    Syntax(String),
    /// Another type than the field has.
    #[error("json: cannot unmarshal {got} into field {field} of type {expected}")]
    Type {
        /// What is there.
        got: &'static str,
        /// Where; empty for the whole.
        field: String,
        /// What should be there.
        expected: &'static str,
    },
}

/// Reads a whole text. White space may follow, nothing else.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ShapeError> {
    serde_json::from_slice(body).map_err(|error| syntax(&error))
}

/// Reads the first value of a text and ignores what follows, as a stream decoder of Go does.
pub(crate) fn parse_first(body: &[u8]) -> Result<Value, ShapeError> {
    let mut stream = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    match stream.next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(syntax(&error)),
        None => Err(ShapeError::Syntax("EOF".to_owned())),
    }
}

/// What is wrong and where; serde's texts quote at most a single character.
fn syntax(error: &serde_json::Error) -> ShapeError {
    let text = match error.classify() {
        serde_json::error::Category::Eof => "unexpected end of JSON input".to_owned(),
        _ => format!("invalid JSON at line {}, column {}", error.line(), error.column()),
    };
    ShapeError::Syntax(text)
}

/// The object; `null` is an empty one, as for Go.
pub(crate) fn object(value: &Value, at: &str) -> Result<Map<String, Value>, ShapeError> {
    match value {
        Value::Object(fields) => Ok(fields.clone()),
        Value::Null => Ok(Map::new()),
        other => Err(mismatch(other, at, "object")),
    }
}

/// The text of a field; absent and `null` are empty.
pub(crate) fn text(object: &Map<String, Value>, name: &str) -> Result<String, ShapeError> {
    match field(object, name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(mismatch(other, name, "string")),
    }
}

/// The object at a field; absent and `null` are empty.
pub(crate) fn nested(object_: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, ShapeError> {
    field(object_, name).map_or_else(|| Ok(Map::new()), |value| object(value, name))
}

/// The error of another type than expected.
pub(crate) fn mismatch(value: &Value, field: &str, expected: &'static str) -> ShapeError {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    ShapeError::Type { got, field: field.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::{field, marshal, marshal_unescaped, parse, parse_first};
    use serde_json::json;

    #[test]
    fn what_go_escapes_is_escaped() {
        assert_eq!(marshal(&json!("<a>&\u{2028}\u{fc}\n")), r#""\u003ca\u003e\u0026\u2028ü\n""#);
        assert_eq!(marshal_unescaped(&json!("<a>&\u{2028}")), r#""<a>&\u2028""#);
    }

    #[test]
    fn names_are_read_in_any_case() {
        let value = json!({"Reason": "a", "SEVERITY": "b", "severity": "c"});
        let object = value.as_object().unwrap();
        assert_eq!(field(object, "reason").unwrap(), "a");
        assert_eq!(field(object, "severity").unwrap(), "c");
        assert!(field(object, "message").is_none());
    }

    #[test]
    fn what_follows_is_an_error_only_for_whole_texts() {
        assert!(parse(b"{} x").is_err());
        assert_eq!(parse_first(b"{} x").unwrap(), json!({}));
        assert!(parse_first(b"").is_err());
    }
}
