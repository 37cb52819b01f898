//! Objects in the form in which Flux's own types print them: durations in Go's form, no field they do not know.
use serde_json::{Map, Value, json};

use crate::{CommandError, kinds::Kind, value::at};

/// Through the type and back.
pub(crate) fn retyped<K: serde::de::DeserializeOwned + serde::Serialize>(
    value: Value,
) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<K>(value)?)
}

/// What `export` prints of an object: its type, name, labels, annotations and spec.
pub(crate) fn exported(kind: &Kind, object: &Value) -> Result<Value, CommandError> {
    let spec = (kind.retyped)(object.clone())?.get_mut("spec").map(Value::take).unwrap_or_default();
    Ok(json!({
        "apiVersion": kind.resource.api_version(),
        "kind": kind.kind,
        "metadata": metadata(object),
        "spec": spec,
    }))
}

/// Name, namespace, labels and annotations.
fn metadata(object: &Value) -> Map<String, Value> {
    let keys = ["name", "namespace", "labels", "annotations"];
    let kept = |key: &str| at(object, &["metadata", key]).map(|value| (key.to_owned(), value.clone()));
    keys.into_iter().filter_map(kept).collect()
}

/// One document as `flux export` prints it.
pub(crate) fn document(value: &Value) -> String {
    format!("---\n{}\n", manifest::yaml::to_yaml(value).trim_end())
}
