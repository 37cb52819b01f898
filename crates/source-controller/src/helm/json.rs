//! An index as Go's encoder writes Helm's structs, indented by two spaces.

use std::collections::BTreeMap;

use helm_template::Metadata;
use serde_json::{Map, Value, json};

/// The zero of Go's time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The whole index.
pub(super) fn index(root: &Map<String, Value>, entries: Option<&BTreeMap<&str, Vec<Value>>>) -> Vec<u8> {
    let mut map = Map::new();
    copy(&mut map, root, "serverInfo");
    map.insert("apiVersion".into(), root.get("apiVersion").cloned().unwrap_or_default());
    map.insert("generated".into(), time(root, "generated"));
    map.insert("entries".into(), entries.map_or(Value::Null, |entries| json!(entries)));
    copy(&mut map, root, "publicKeys");
    copy(&mut map, root, "annotations");
    as_go_escapes(&serde_json::to_string_pretty(&map).unwrap_or_default())
}

/// One version of a chart.
pub(super) fn version(entry: &Map<String, Value>, metadata: &Metadata) -> Value {
    let mut map = match metadata.to_json() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    map.insert("urls".into(), entry.get("urls").cloned().unwrap_or_default());
    map.insert("created".into(), time(entry, "created"));
    for key in ["removed", "digest", "checksum", "engine", "tillerVersion", "url"] {
        copy(&mut map, entry, key);
    }
    Value::Object(map)
}

/// Empty fields are left out.
fn copy(to: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    };
    if let Some(value) = from.get(key).filter(|value| !is_empty(value)) {
        to.insert(key.into(), value.clone());
    }
}

fn time(from: &Map<String, Value>, key: &str) -> Value {
    let text = from.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    Value::String(text.unwrap_or(NEVER).to_owned())
}

/// Go writes what HTML could misread as escapes.
fn as_go_escapes(text: &str) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out.into_bytes()
}
