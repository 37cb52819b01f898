//! Decoding that never fails on content. The API server checked the object against the schema of the day it was
//! written; what it serves today may be anything.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// An object with spec and status not yet looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Envelope {
    /// The object's metadata.
    pub metadata: ObjectMeta,
    /// The spec as stored.
    pub spec: Value,
    /// The status as stored.
    pub status: Value,
}

/// The spec, and the names of the fields that could not be read.
pub(crate) fn decode_spec<T: DeserializeOwned + Default>(spec: Value) -> (T, Option<String>) {
    if spec.is_null() {
        return (T::default(), Some("spec is missing".to_owned()));
    }
    match T::deserialize(&spec) {
        Ok(decoded) => (decoded, None),
        Err(_) => decode_by_field(spec, "spec"),
    }
}

/// The status; fields that cannot be read are left at their defaults.
pub(crate) fn decode_status<T: DeserializeOwned + Default>(status: Value) -> Option<T> {
    if status.is_null() {
        return None;
    }
    match T::deserialize(&status) {
        Ok(decoded) => Some(decoded),
        Err(_) => Some(decode_by_field(status, "status").0),
    }
}

/// Keeps each top-level field that decodes alone. The types have defaults for all their fields, so that one field
/// makes a whole value.
fn decode_by_field<T: DeserializeOwned + Default>(value: Value, name: &str) -> (T, Option<String>) {
    let Value::Object(fields) = value else {
        return (T::default(), Some(format!("{name} is not an object")));
    };
    let mut errors = Vec::new();
    let mut good = Map::new();
    for (key, field) in fields {
        let alone = Value::Object(Map::from_iter([(key.clone(), field.clone())]));
        match T::deserialize(&alone) {
            Ok(_) => drop(good.insert(key, field)),
            // The cause is left out: it can quote the value, and a value can be a secret.
            Err(_) => errors.push(format!("{name}.{key}")),
        }
    }
    let decoded = T::deserialize(Value::Object(good)).unwrap_or_default();
    (decoded, Some(format!("cannot read {}", errors.join(", "))))
}

/// Writes an object as the API server wants it.
pub(crate) fn serialize_object<S: Serializer>(
    serializer: S,
    type_meta: (&str, &str),
    metadata: &ObjectMeta,
    spec: &impl Serialize,
    status: Option<&impl Serialize>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("apiVersion", type_meta.0)?;
    map.serialize_entry("kind", type_meta.1)?;
    map.serialize_entry("metadata", metadata)?;
    map.serialize_entry("spec", spec)?;
    if let Some(status) = status {
        map.serialize_entry("status", status)?;
    }
    map.end()
}
