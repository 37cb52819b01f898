use serde_json::{Map, Value};

use crate::{Gvk, ObjectId};

/// A Kubernetes object: a JSON mapping with `apiVersion` and `kind`, in the order of its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Value);

/// Why a value is no Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// The document is a scalar or a list.
    #[error("not a mapping")]
    NotAMapping,
    /// `apiVersion` or `kind` is absent, empty, or no string.
    #[error("field '{0}' is missing")]
    Missing(&'static str),
}

impl Object {
    /// Takes a JSON value that has `apiVersion` and `kind`. The name is not required here: the API
    /// server and the callers that need one say so themselves.
    ///
    /// # Errors
    /// When the value is no mapping or lacks one of the two fields.
    pub fn from_value(value: Value) -> Result<Self, NotAnObject> {
        let map = value.as_object().ok_or(NotAnObject::NotAMapping)?;
        for field in ["apiVersion", "kind"] {
            if map.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(NotAnObject::Missing(field));
            }
        }
        Ok(Self(value))
    }

    /// The whole object.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The whole object, to change. `apiVersion` and `kind` must stay strings.
    pub fn value_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    /// Gives the JSON value away.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }

    /// The `apiVersion` field.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.0["apiVersion"].as_str().unwrap_or_default()
    }

    /// The `kind` field.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    /// `metadata.name`; empty when absent.
    #[must_use]
    pub fn name(&self) -> &str {
        self.meta("name").unwrap_or_default()
    }

    /// `metadata.namespace`; `None` when absent or empty.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.meta("namespace").filter(|text| !text.is_empty())
    }

    /// Identity without the version.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        let gvk = self.gvk();
        ObjectId {
            namespace: self.namespace().unwrap_or_default().to_owned(),
            name: self.name().to_owned(),
            group: gvk.group,
            kind: gvk.kind,
        }
    }

    /// The value of a label, when it is a string.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// The value of an annotation, when it is a string.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// The value of an annotation, or else of a label, of that name: Flux reads its own marks from both.
    #[must_use]
    pub fn mark(&self, key: &str) -> Option<&str> {
        self.annotation(key).or_else(|| self.label(key))
    }

    /// Sets `metadata.labels[key]`, replacing what is no mapping on the way.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.set_meta_entry("labels", key, value);
    }

    /// Sets `metadata.annotations[key]`, replacing what is no mapping on the way.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        self.set_meta_entry("annotations", key, value);
    }

    /// Sets `metadata.namespace`.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.metadata_mut().insert("namespace".into(), namespace.into());
    }

    /// `metadata` as a mapping, made when it is absent or something else.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        let root = as_map(&mut self.0);
        as_map(root.entry("metadata").or_insert_with(|| Value::Object(Map::new())))
    }

    fn set_meta_entry(&mut self, field: &str, key: &str, value: &str) {
        let entries = self.metadata_mut().entry(field).or_insert_with(|| Value::Object(Map::new()));
        as_map(entries).insert(key.into(), value.into());
    }

    fn meta(&self, field: &str) -> Option<&str> {
        self.0.get("metadata")?.get(field)?.as_str()
    }
}

fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made a mapping above"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(metadata: Value) -> Object {
        Object::from_value(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}))
            .unwrap()
    }

    #[test]
    fn what_lacks_api_version_or_kind_is_no_object() {
        assert_eq!(Object::from_value(json!([])), Err(NotAnObject::NotAMapping));
        for bad in [
            json!({"kind": "K"}),
            json!({"apiVersion": "", "kind": "K"}),
            json!({"apiVersion": 1, "kind": "K"}),
        ] {
            assert_eq!(Object::from_value(bad), Err(NotAnObject::Missing("apiVersion")));
        }
        assert_eq!(Object::from_value(json!({"apiVersion": "v1"})), Err(NotAnObject::Missing("kind")));
    }

    #[test]
    fn identity_is_read_and_empty_fields_are_absent() {
        let found = object(json!({"name": "web", "namespace": "ns"}));
        assert_eq!((found.name(), found.namespace()), ("web", Some("ns")));
        assert_eq!(found.id().to_string(), "ns_web_apps_Deployment");
        assert_eq!(object(json!({"name": "web", "namespace": ""})).namespace(), None);
        assert_eq!((object(json!({"name": 3})).name(), object(json!("x")).name()), ("", ""));
    }

    #[test]
    fn a_mark_is_an_annotation_or_else_a_label() {
        let found = object(json!({"annotations": {"a": "1", "odd": 1}, "labels": {"a": "2", "l": "3"}}));
        assert_eq!(
            (found.annotation("a"), found.label("a"), found.mark("a")),
            (Some("1"), Some("2"), Some("1"))
        );
        assert_eq!(
            (found.annotation("l"), found.mark("l"), found.annotation("odd")),
            (None, Some("3"), None)
        );
    }

    #[test]
    fn what_is_set_replaces_what_is_no_mapping() {
        let mut found = object(json!("x"));
        found.set_label("l", "1");
        found.set_annotation("a", "2");
        found.set_namespace("ns");
        assert_eq!(
            found.value()["metadata"],
            json!({"labels": {"l": "1"}, "annotations": {"a": "2"}, "namespace": "ns"})
        );
        assert_eq!(found.into_value()["kind"], "Deployment");
    }
}
