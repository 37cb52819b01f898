use std::collections::HashMap;

use serde_json::Value;

/// An OpenAPI document given by `openapi.path`.
#[derive(Debug)]
pub(crate) struct CustomSchema {
    document: Value,
    /// Definition names by API version and kind.
    types: HashMap<(String, String), String>,
}

/// One place in the document, with references resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition<'s> {
    root: &'s Value,
    node: &'s Value,
}

/// References followed at most, so that a circle ends.
const MAX_REFERENCES: usize = 32;

impl CustomSchema {
    pub(crate) fn new(document: Value) -> Self {
        let mut types = HashMap::new();
        let definitions = document.get("definitions").and_then(Value::as_object);
        for (name, definition) in definitions.into_iter().flatten() {
            let kinds = definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
            for kind in kinds.into_iter().flatten() {
                types.insert(type_of(kind), name.clone());
            }
        }
        Self { document, types }
    }

    pub(crate) fn of(&self, api_version: &str, kind: &str) -> Option<Definition<'_>> {
        let name = self.types.get(&(api_version.to_owned(), kind.to_owned()))?;
        let node = self.document.get("definitions")?.get(name)?;
        Some(Definition { root: &self.document, node })
    }
}

fn type_of(value: &Value) -> (String, String) {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = (text("group"), text("version"));
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (api_version, text("kind").to_owned())
}

impl<'s> Definition<'s> {
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        let property = self.node.get("properties").and_then(|properties| properties.get(name));
        let node =
            property.or_else(|| self.node.get("additionalProperties").filter(|node| node.is_object()))?;
        self.resolve(node)
    }

    pub(crate) fn elements(self) -> Option<Self> {
        if self.node.get("type").and_then(Value::as_str) != Some("array") {
            return None;
        }
        self.resolve(self.node.get("items")?)
    }

    pub(crate) fn merge_keys(self) -> Option<Vec<&'s str>> {
        let strategy = self.node.get("x-kubernetes-patch-strategy")?.as_str()?;
        if !strategy.split(',').any(|part| part == "merge") {
            return None;
        }
        if let Some(keys) = self.node.get("x-kubernetes-list-map-keys").and_then(Value::as_array) {
            return Some(keys.iter().filter_map(Value::as_str).collect());
        }
        let key = self.node.get("x-kubernetes-patch-merge-key").and_then(Value::as_str);
        Some(key.into_iter().collect())
    }

    fn resolve(self, mut node: &'s Value) -> Option<Self> {
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = node.get("$ref").and_then(Value::as_str) else {
                return Some(Self { root: self.root, node });
            };
            node = self.root.pointer(reference.strip_prefix('#')?)?;
        }
        None
    }
}
