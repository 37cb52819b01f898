//! Variables of `postBuild` as far as they are in the repository, and marks for those that are not.
use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    finding::{Finding, place},
    index::Index,
};
use crate::{
    documents::Document,
    sops::is_masked,
    value::{at, flag, list, text},
};

/// Begins what stands for a value that only the cluster knows: whether it fits is for nobody here to say.
const MARK: &str = "sluice-unknown-";

/// The variables of a Kustomization.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) known: BTreeMap<String, String>,
    /// There may be more in the cluster.
    pub(super) more: bool,
}

impl Variables {
    /// Those of `substituteFrom` in order, then `substitute`.
    pub(super) fn of(index: &Index, document: &Document, findings: &mut Vec<Finding>) -> Self {
        let mut vars = Self::default();
        for reference in list(&document.value, &["spec", "postBuild", "substituteFrom"]) {
            vars.take(index, document, reference, findings);
        }
        let inline = at(&document.value, &["spec", "postBuild", "substitute"]).and_then(Value::as_object);
        let inline = inline.into_iter().flatten();
        vars.known.extend(inline.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))));
        vars
    }

    fn take(&mut self, index: &Index, document: &Document, reference: &Value, findings: &mut Vec<Finding>) {
        let (kind, wanted) = (text(reference, &["kind"]), text(reference, &["name"]));
        let mut warn = |message: String| {
            let finding = Finding::error("reference", place(document), message).about(&document.value);
            findings.push(finding.into_warning());
        };
        let Some(found) = index.data(kind, &document.value, wanted, &document.file) else {
            self.more = true;
            if !flag(reference, &["optional"]) {
                warn(format!(
                    "substituteFrom {kind}/{wanted} is not in this repository: what its variables stand for is not checked"
                ));
            }
            return;
        };
        if let Some(message) = found.doubt() {
            warn(format!("substituteFrom {message}"));
        }
        let values = plain(found.value).into_iter();
        self.known.extend(values.map(|(key, value)| {
            let value = if is_masked(&value) { mark(&key) } else { value };
            (key, value)
        }));
    }

    /// Marks for the variables that a text refers to and nothing here defines.
    pub(super) fn mark_unknown<'a>(&mut self, objects: impl Iterator<Item = &'a Value>) {
        let mut names = BTreeSet::new();
        objects.for_each(|object| names_in(object, &mut names));
        for name in names {
            self.known.entry(name.clone()).or_insert_with(|| mark(&name));
        }
    }
}

/// Fits wherever a name does.
fn mark(name: &str) -> String {
    format!("{MARK}{}", name.to_ascii_lowercase().replace('_', "-"))
}

/// True when a value that only the cluster knows is in it.
pub(super) fn is_marked(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(MARK),
        Value::Array(items) => items.iter().any(is_marked),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains(MARK) || is_marked(value)),
        _ => false,
    }
}

/// Variables without a default: `${NAME}`.
fn names_in(value: &Value, found: &mut BTreeSet<String>) {
    let mut of_text = |text: &str| {
        for rest in text.split("${").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            if end > 0 && rest[end..].starts_with('}') {
                found.insert(rest[..end].to_owned());
            }
        }
    };
    match value {
        Value::String(text) => of_text(text),
        Value::Array(items) => items.iter().for_each(|item| names_in(item, found)),
        Value::Object(fields) => {
            fields.keys().for_each(|key| of_text(key));
            fields.values().for_each(|value| names_in(value, found));
        }
        _ => {}
    }
}

/// The data of a ConfigMap or Secret as text.
pub(super) fn plain(object: &Value) -> Vec<(String, String)> {
    let is_secret = text(object, &["kind"]) == "Secret";
    let pairs = |key: &str| at(object, &[key]).and_then(Value::as_object).into_iter().flatten();
    let data = pairs("data").filter_map(|(key, value)| {
        let value = value.as_str()?;
        let bytes = if is_secret { STANDARD.decode(value).ok()? } else { value.as_bytes().to_vec() };
        Some((key.clone(), String::from_utf8(bytes).ok()?))
    });
    let texts =
        pairs("stringData").filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    data.chain(texts).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{is_marked, mark, names_in};

    #[test]
    fn variables_without_a_default_are_named_and_marked() {
        let object = json!({ "a": ["${ONE} and ${TWO:=2}"], "${three_}": { "b": "$FOUR ${} ${x" } });
        let mut found = BTreeSet::new();
        names_in(&object, &mut found);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["ONE", "three_"]);
        assert!(is_marked(&json!({ "a": [format!("x-{}", mark("ONE"))] })) && !is_marked(&object));
    }
}
