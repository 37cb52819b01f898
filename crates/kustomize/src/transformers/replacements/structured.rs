use manifest::yaml::{DuplicateKeys, FormatOptions, Node, format_node};

use super::{
    comments, created,
    find::{document, find_fields, lookup, node_at},
    set_field,
};
use crate::{hash::go_json, kustomization::FieldOptions};

/// Sets a field of a YAML or JSON document that stands as text in a field, such as a file in a ConfigMap. Tells
/// whether the path leads into such a text.
pub(super) fn set(object: &mut Node, value: &Node, parts: &[String], options: Option<&FieldOptions>) -> bool {
    let create = created(value, options);
    let Some((outer, mut document, text)) = split(object, parts) else { return false };
    let old = document.clone();
    let Ok(found) = find_fields(&mut document, &parts[outer..], create) else { return false };
    if found.places.is_empty() && !found.in_text {
        return false;
    }
    for place in found.places {
        // As in the reference tool, `delimiter` and `index` mean nothing here: all of the field is replaced.
        if set_field(node_at(&mut document, &place), value, None, place.len()).is_err() {
            return false;
        }
    }
    let Some(changed) = print(&document, &old, &text) else { return false };
    let Ok(fields) = find_fields(object, &parts[..outer], None) else { return false };
    for place in fields.places {
        if let Node::Scalar(scalar) = node_at(object, &place) {
            scalar.value = changed.as_str().into();
        }
    }
    true
}

/// How many parts lead to the text, the document in it, and the text.
fn split(object: &Node, parts: &[String]) -> Option<(usize, Node, String)> {
    for outer in 1..parts.len() {
        let Ok(Some(Node::Scalar(scalar))) = lookup(object, &parts[..outer]) else { continue };
        return document(&scalar.value).map(|document| (outer, document, scalar.value.to_string()));
    }
    None
}

/// The document as it was written: JSON (indented if it was) or YAML.
fn print(document: &Node, old: &Node, original: &str) -> Option<String> {
    if !original.trim_start().starts_with(['{', '[']) {
        let printed = format_node(document, FormatOptions::default()).trim().to_owned();
        return Some(comments::keep(original, old, printed));
    }
    let value = document.to_json(DuplicateKeys::Refuse).ok()?;
    if original.contains('\n') && original.contains("  ") {
        return Some(indented(&value, 0));
    }
    Some(go_json(&value))
}

/// JSON as Go's `MarshalIndent` prints it with two spaces: keys sorted.
fn indented(value: &serde_json::Value, depth: usize) -> String {
    use serde_json::Value;
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_bytes());
            let line = |(key, value): (&String, &Value)| {
                format!("{inner}{}: {}", go_json(&Value::String(key.clone())), indented(value, depth + 1))
            };
            format!("{{\n{}\n{outer}}}", entries.into_iter().map(line).collect::<Vec<_>>().join(",\n"))
        }
        Value::Array(items) if !items.is_empty() => {
            let line = |item| format!("{inner}{}", indented(item, depth + 1));
            format!("[\n{}\n{outer}]", items.iter().map(line).collect::<Vec<_>>().join(",\n"))
        }
        other => go_json(other),
    }
}
