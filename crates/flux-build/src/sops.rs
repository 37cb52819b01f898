use manifest::Object;
use serde_json::Value;

/// Whether an object is SOPS ciphertext: SOPS adds a top-level field `sops` with the keys the file is
/// encrypted for and a message authentication code.
pub(crate) fn is_encrypted(object: &Object) -> bool {
    let Some(Value::Object(sops)) = object.value().get("sops") else { return false };
    let is_text = |field: &str| sops.get(field).is_some_and(Value::is_string);
    is_text("mac") || is_text("lastmodified") || is_text("encrypted_regex")
}
