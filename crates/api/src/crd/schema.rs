//! From a Rust type to a structural schema of Kubernetes.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// The schema of a type. Schemas are written for what is sent: a field that may be left out is one that the type
/// leaves out when it is empty.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft07().for_serialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    make_structural(&mut schema);
    schema
}

/// Takes out what Kubernetes does not know (titles, null as a type, widths of integers) and joins the lines of
/// descriptions.
fn make_structural(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    for noise in ["$schema", "title"] {
        fields.remove(noise);
    }
    unwrap_option(fields);
    forget_null(fields);
    if fields.get("format").is_some_and(|format| format != "int64" && format != "date-time") {
        fields.remove("format");
    }
    if let Some(Value::String(description)) = fields.get_mut("description") {
        *description = join_lines(description);
    }
    for_subschemas(fields, make_structural);
    if let Some(Value::Array(required)) = fields.get_mut("required") {
        required.sort_by_key(|name| name.to_string());
    }
}

/// `anyOf: [T, null]` is an optional T, and optional fields are told by `required`.
fn unwrap_option(fields: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = fields.remove("anyOf") else { return };
    for choice in choices {
        let Value::Object(choice) = choice else { continue };
        if choice.get("type") != Some(&Value::from("null")) {
            for (key, value) in choice {
                fields.entry(key).or_insert(value);
            }
        }
    }
}

fn forget_null(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = fields.get("type") {
        let real = types.iter().find(|name| *name != "null").cloned();
        fields.insert("type".to_owned(), real.unwrap_or(Value::Null));
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// Calls `change` with each schema directly below.
fn for_subschemas(fields: &mut Map<String, Value>, change: fn(&mut Value)) {
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(change);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(schema) = fields.get_mut(key) {
            change(schema);
        }
    }
}

/// One line for each paragraph.
pub(super) fn join_lines(text: &str) -> String {
    let paragraphs =
        text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n")
}

/// The same value with the keys of all its objects in the order of the alphabet.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::{schema_of, sorted};
    use schemars::JsonSchema;
    use serde::Serialize;
    use serde_json::json;

    /// A thing
    /// on two lines.
    ///
    /// And a paragraph.
    #[derive(Serialize, JsonSchema)]
    struct Thing {
        /// Wanted.
        name: String,
        /// Not wanted.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<i32>,
    }

    #[test]
    fn optional_fields_are_told_by_required_only() {
        let expected = json!({
            "description": "A thing on two lines.\nAnd a paragraph.",
            "properties": {
                "name": { "description": "Wanted.", "type": "string" },
                "size": { "description": "Not wanted.", "type": "integer" },
            },
            "required": ["name"],
            "type": "object",
        });
        assert_eq!(sorted(schema_of::<Thing>()), expected);
    }
}
