use std::fmt::Write;

use manifest::yaml::{DuplicateKeys, Node, YamlError};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The name suffix of a generated object: ten letters that follow from its content.
pub(crate) fn content_hash(node: &Node) -> Result<String, YamlError> {
    let text = match node.get("kind").and_then(Node::text) {
        Some("Secret") => encode(node, "Secret", &["type", "data"], "stringData")?,
        Some("ConfigMap") => encode(node, "ConfigMap", &["data"], "binaryData")?,
        _ => go_json(&node.to_json(DuplicateKeys::Refuse)?),
    };
    let mut hex = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(5) {
        // Cannot fail: the target is a string.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex.chars().map(pronounceable).collect())
}

/// No vowels and nothing that looks like another letter.
fn pronounceable(digit: char) -> char {
    match digit {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    }
}

fn encode(node: &Node, kind: &str, fields: &[&str], optional: &str) -> Result<String, YamlError> {
    let mut map = Map::new();
    map.insert("kind".into(), kind.into());
    // A path as one key: it is never found, so that the name has no part in the hash.
    map.insert("name".into(), "".into());
    for field in fields {
        map.insert((*field).into(), value(node, field)?);
    }
    if let Value::Object(extra) = value(node, optional)? {
        map.insert(optional.into(), Value::Object(extra));
    }
    Ok(go_json(&Value::Object(map)))
}

fn value(node: &Node, field: &str) -> Result<Value, YamlError> {
    match node.get(field) {
        None => Ok(Value::String(String::new())),
        Some(Node::Scalar(scalar)) => Ok(Value::String(scalar.value.to_string())),
        Some(other) => other.to_json(DuplicateKeys::Refuse),
    }
}

/// Compact JSON as Go writes it: keys sorted, `<`, `>` and `&` escaped.
pub(crate) fn go_json(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_bytes());
            out.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                write_json(out, value);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Value::String(text) => write_string(out, text),
        other => out.push_str(&other.to_string()),
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Cannot fail: the target is a string.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::go_json;

    #[test]
    fn writes_json_as_go_does() {
        let value = json!({"b": "<a>&\u{1}\n", "a": [1, null, true]});
        assert_eq!(go_json(&value), r#"{"a":[1,null,true],"b":"\u003ca\u003e\u0026\u0001\n"}"#);
    }
}
