//! Schemas of custom resources: a definition's schema as JSON Schema, closed to fields that it does not know.
use std::collections::HashMap;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::value::{at, flag, list, text};

/// Something that a schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Keys and numbers from the root of the object.
    pub(super) path: Vec<String>,
    pub(super) message: String,
}

/// Validators by API version and kind.
#[derive(Default)]
pub(super) struct Schemas(HashMap<(String, String), Validator>);

impl Schemas {
    /// Takes the versions of a CustomResourceDefinition in; tells those whose schema is none.
    pub(super) fn add(&mut self, definition: &Value) -> Vec<String> {
        let mut broken = Vec::new();
        let group = text(definition, &["spec", "group"]);
        let kind = text(definition, &["spec", "names", "kind"]);
        for version in list(definition, &["spec", "versions"]) {
            let Some(schema) = at(version, &["schema", "openAPIV3Schema"]) else { continue };
            let version = format!("{group}/{}", text(version, &["name"]));
            match jsonschema::options().build(&root(schema)) {
                Ok(validator) => drop(self.0.insert((version, kind.to_owned()), validator)),
                Err(error) => broken.push(format!(
                    "the schema of {kind} in version '{version}' is none, and its objects are not checked: {}",
                    shortened(&error.to_string())
                )),
            }
        }
        broken
    }

    /// What is wrong with an object; nothing when its kind is not known.
    pub(super) fn check(&self, object: &Value) -> Option<Vec<Problem>> {
        let key = (text(object, &["apiVersion"]).to_owned(), text(object, &["kind"]).to_owned());
        let validator = self.0.get(&key)?;
        let problems = validator.iter_errors(object).map(|error| Problem {
            path: error.instance_path().to_string().split('/').skip(1).map(unescaped).collect(),
            message: shortened(&error.to_string()),
        });
        Some(problems.collect())
    }

    /// Other versions of a kind of a group.
    pub(super) fn versions(&self, group: &str, kind: &str) -> Vec<&str> {
        let fits =
            |(version, own): &&(String, String)| own == kind && version.split('/').next() == Some(group);
        let mut found: Vec<&str> = self.0.keys().filter(fits).map(|(version, _)| version.as_str()).collect();
        found.sort_unstable();
        found
    }
}

/// A part of a JSON pointer.
fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// A value of a megabyte is not repeated.
fn shortened(message: &str) -> String {
    const MOST: usize = 300;
    match message.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &message[..at]),
        None => message.to_owned(),
    }
}

/// The schema of a whole object; its metadata and status are the API server's business.
fn root(schema: &Value) -> Value {
    let mut done = converted(schema);
    if let Some(fields) = done.get_mut("properties").and_then(Value::as_object_mut) {
        let any = json!({});
        fields.insert("apiVersion".into(), json!({ "type": "string" }));
        fields.insert("kind".into(), json!({ "type": "string" }));
        fields.insert("metadata".into(), json!({ "type": "object" }));
        fields.insert("status".into(), any);
    }
    done
}

/// From the structural schema of a definition to JSON Schema.
fn converted(schema: &Value) -> Value {
    let Some(fields) = schema.as_object() else { return schema.clone() };
    let mut out = Map::new();
    for (key, value) in fields {
        let value = match key.as_str() {
            "properties" => Value::Object(
                value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(key, inner)| (key.clone(), converted(inner)))
                    .collect(),
            ),
            "items" | "additionalProperties" | "not" => converted(value),
            "allOf" | "anyOf" | "oneOf" => {
                value.as_array().into_iter().flatten().map(converted_part).collect()
            }
            // Descriptions are long, defaults are set by the API server, formats are looser there.
            "description" | "default" | "format" | "title" | "example" | "externalDocs" => continue,
            // `true` beside a bound in definitions, the bound itself in JSON Schema.
            "exclusiveMinimum" | "exclusiveMaximum" if value.is_boolean() => continue,
            "minimum" if flag(schema, &["exclusiveMinimum"]) => {
                out.insert("exclusiveMinimum".into(), value.clone());
                continue;
            }
            "maximum" if flag(schema, &["exclusiveMaximum"]) => {
                out.insert("exclusiveMaximum".into(), value.clone());
                continue;
            }
            "required" => needed(schema, value),
            _ if key.starts_with("x-kubernetes-") || key == "nullable" => continue,
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    if flag(schema, &["x-kubernetes-int-or-string"]) {
        out.insert("type".into(), json!(["integer", "string"]));
    }
    if flag(schema, &["nullable"])
        && let Some(kind) = out.get("type").cloned()
    {
        out.insert("type".into(), json!([kind, "null"]));
    }
    close(schema, &mut out);
    Value::Object(out)
}

/// Required fields, without those that have a default: the API server fills them in before it looks.
fn needed(schema: &Value, required: &Value) -> Value {
    let has_default = |name: &str| at(schema, &["properties", name, "default"]).is_some();
    let names = required.as_array().into_iter().flatten();
    names.filter(|name| !name.as_str().is_some_and(has_default)).cloned().collect()
}

/// Inside of `anyOf` and its like no object is closed: properties stand beside it.
fn converted_part(schema: &Value) -> Value {
    let mut done = converted(schema);
    if let Some(fields) = done.as_object_mut()
        && fields.get("additionalProperties") == Some(&Value::Bool(false))
    {
        fields.remove("additionalProperties");
    }
    done
}

/// An object with known fields takes no others, unless it says so.
fn close(schema: &Value, out: &mut Map<String, Value>) {
    let open = flag(schema, &["x-kubernetes-preserve-unknown-fields"])
        || flag(schema, &["x-kubernetes-embedded-resource"])
        || out.contains_key("additionalProperties");
    if out.contains_key("properties") && !open {
        out.insert("additionalProperties".into(), false.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Schemas;

    fn problems(spec: serde_json::Value) -> Vec<String> {
        let mut schemas = Schemas::default();
        api::crd::definitions().iter().for_each(|definition| drop(schemas.add(definition)));
        let object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "a" }, "spec": spec });
        let found = schemas.check(&object).expect("the kind is known");
        found.into_iter().map(|problem| format!("{}: {}", problem.path.join("."), problem.message)).collect()
    }

    #[test]
    fn a_good_object_has_no_problem() {
        let spec =
            json!({ "interval": "5m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "a" } });
        assert_eq!(problems(spec), Vec::<String>::new());
    }

    #[test]
    fn what_the_api_server_refuses_is_found_with_its_place() {
        let spec = json!({ "interval": "5 minutes", "prune": "yes", "sourceRef": { "kind": "Git", "name": "a" }, "pruned": 1 });
        let found = problems(spec).join("\n");
        for words in ["spec.interval: ", "spec.prune: ", "spec.sourceRef.kind: ", "'pruned' was unexpected"] {
            assert!(found.contains(words), "{words} is missing in:\n{found}");
        }
    }

    #[test]
    fn a_missing_field_is_found() {
        let found = problems(json!({ "interval": "5m", "prune": true })).join("\n");
        assert!(found.contains("\"sourceRef\" is a required property"), "{found}");
    }

    #[test]
    fn a_required_field_with_a_default_may_be_left_out_and_bounds_are_exclusive() {
        let definition = json!({ "spec": { "group": "g", "names": { "kind": "K" }, "versions": [
            { "name": "v1", "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": {
                "type": "object", "required": ["kind", "size"], "properties": {
                    "kind": { "type": "string", "default": "A" },
                    "size": { "type": "integer", "minimum": 0, "exclusiveMinimum": true },
                } } } } } },
            { "name": "v2", "schema": { "openAPIV3Schema": { "type": "none of these" } } },
        ] } });
        let mut schemas = Schemas::default();
        let broken = schemas.add(&definition);
        assert!(broken.len() == 1 && broken[0].contains("'g/v2'"), "{broken:?}");
        let found = |size: i32| {
            let object = json!({ "apiVersion": "g/v1", "kind": "K", "spec": { "size": size } });
            schemas.check(&object).expect("the kind is known").len()
        };
        assert_eq!((found(1), found(0)), (0, 1));
    }
}
