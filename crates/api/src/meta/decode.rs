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
    match spec {
        Value::Null => (T::default(), Some("spec is missing".to_owned())),
        Value::Object(fields) => {
            let (decoded, unreadable) = decode_fields(fields);
            let names: Vec<_> = unreadable.iter().map(|name| format!("spec.{name}")).collect();
            (decoded, (!names.is_empty()).then(|| format!("cannot read {}", names.join(", "))))
        }
        // serde would read a list as the fields in their order.
        _ => (T::default(), Some("spec is not an object".to_owned())),
    }
}

/// The status; fields that cannot be read are left at their defaults.
pub(crate) fn decode_status<T: DeserializeOwned + Default>(status: Value) -> Option<T> {
    match status {
        Value::Null => None,
        Value::Object(fields) => Some(decode_fields(fields).0),
        _ => Some(T::default()),
    }
}

/// The value, and the names of the fields that could not be read. All fields of the types have defaults, so that each
/// field can be tried alone. Causes are not told: they quote values, and a value can be a secret.
fn decode_fields<T: DeserializeOwned + Default>(fields: Map<String, Value>) -> (T, Vec<String>) {
    let whole = Value::Object(fields);
    if let Ok(decoded) = T::deserialize(&whole) {
        return (decoded, Vec::new());
    }
    let Value::Object(fields) = whole else { return (T::default(), Vec::new()) };
    let (good, bad): (Map<_, _>, Map<_, _>) = fields.into_iter().partition(|(name, field)| {
        let alone = Value::Object(Map::from_iter([(name.clone(), field.clone())]));
        T::deserialize(alone).is_ok()
    });
    let unreadable = bad.into_iter().map(|(name, _)| name).collect();
    (T::deserialize(Value::Object(good)).unwrap_or_default(), unreadable)
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
