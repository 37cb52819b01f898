//! What SOPS has encrypted, shown without its ciphertext.
use std::{borrow::Cow, cell::RefCell, collections::BTreeSet};

use kustomize::{DirEntry, EntryKind, Tree, TreeError};
use manifest::yaml::to_yaml;
use serde_json::Value;

use crate::documents::{documents, is_manifest};

/// Stands for an encrypted value, as in `flux build`: `***ENCRYPTED***`, in base64.
const ENCRYPTED: &str = "KioqRU5DUllQVEVEKioq";
/// The same as data of a Secret read it.
const DECODED: &str = "***ENCRYPTED***";

/// A tree that remembers what was read, and shows what SOPS has encrypted without its ciphertext.
pub(crate) struct Masked<'a> {
    inner: &'a dyn Tree,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Masked<'a> {
    /// Nothing is read yet.
    pub(crate) fn new(inner: &'a dyn Tree) -> Self {
        Self { inner, read: RefCell::default() }
    }

    /// The files that were read.
    pub(crate) fn into_read(self) -> BTreeSet<String> {
        self.read.into_inner()
    }
}

impl Tree for Masked<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        self.read.borrow_mut().insert(path.to_owned());
        let content = self.inner.read(path)?;
        let masked = is_manifest(path).then(|| masked(path, &content)).flatten();
        Ok(masked.map_or(content, |text| Cow::Owned(text.into_bytes())))
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.inner.kind(path)
    }

    fn follow(&self, path: &str) -> Option<String> {
        self.inner.follow(path)
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>, TreeError> {
        self.inner.list(dir)
    }
}

/// A file of encrypted objects with a mark in place of each value; nothing for other files.
fn masked(path: &str, content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    if !text.contains("sops") || !text.contains("ENC[") {
        return None;
    }
    let mut found = documents(path, text).ok()?;
    let mut out = String::new();
    for document in &mut found {
        mask(&mut document.value);
        out.push_str("---\n");
        out.push_str(&to_yaml(&document.value));
    }
    Some(out)
}

/// Takes what SOPS wrote out of an object: a mark for each value, and nothing for its own field.
pub(crate) fn mask(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("sops");
    }
    mask_values(object);
}

fn mask_values(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("ENC[") => *value = ENCRYPTED.into(),
        Value::Array(items) => items.iter_mut().for_each(mask_values),
        Value::Object(fields) => fields.values_mut().for_each(mask_values),
        _ => {}
    }
}

/// Puts the values of a live object in the place of marks, as far as it has them. Texts of a Secret (`stringData`) are
/// among its data there.
pub(crate) fn adopt(object: &mut Value, live: &Value) {
    let texts = object.get_mut("stringData").and_then(Value::as_object_mut);
    let masked: Vec<String> = texts
        .into_iter()
        .flat_map(|texts| {
            let names = texts.iter().filter(|(_, value)| value.as_str().is_some_and(is_masked));
            let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
            texts.retain(|name, _| !names.contains(name));
            names
        })
        .collect();
    for name in masked {
        object["data"][name] = ENCRYPTED.into();
    }
    adopt_values(object, live);
}

fn adopt_values(value: &mut Value, live: &Value) {
    match value {
        Value::String(text) if is_masked(text) && live.is_string() => *value = live.clone(),
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                adopt_values(item, live.get(at).unwrap_or(&Value::Null));
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                adopt_values(field, live.get(key).unwrap_or(&Value::Null));
            }
        }
        _ => {}
    }
}

/// True for what stands for an encrypted value.
pub(crate) fn is_masked(text: &str) -> bool {
    text == ENCRYPTED || text == DECODED
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{adopt, masked};

    #[test]
    fn ciphertext_is_replaced_and_its_key_goes() {
        let file = b"kind: Secret\nmetadata: {name: a}\ndata: {x: 'ENC[AES256_GCM,data:a]'}\nsops: {mac: 'ENC[x]'}\n";
        let text = masked("a.yaml", file).unwrap();
        assert!(
            text.contains("x: KioqRU5DUllQVEVEKioq") && !text.contains("sops") && !text.contains("ENC["),
            "{text}"
        );
        assert_eq!(masked("a.yaml", b"kind: Secret\n"), None);
    }

    #[test]
    fn what_is_encrypted_counts_as_what_is_there() {
        let mark = super::ENCRYPTED;
        let mut object =
            json!({ "data": { "a": mark, "new": mark }, "stringData": { "b": mark, "c": "plain" } });
        adopt(&mut object, &json!({ "data": { "a": "MQ==", "b": "Mg==" } }));
        let wanted =
            json!({ "data": { "a": "MQ==", "new": mark, "b": "Mg==" }, "stringData": { "c": "plain" } });
        assert_eq!(object, wanted);
    }
}
