//! Where objects stand in files: the document that defines one, with its line.
use manifest::yaml::{Dialect, DuplicateKeys, Limits, Node, YamlError, parse_nodes};
use serde_json::Value;

use crate::value::{name, namespace, text};

/// One document of a file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// The path as the caller names it.
    pub(crate) file: String,
    /// The line where it begins, from 1.
    pub(crate) line: u32,
    node: Node,
    /// Its content.
    pub(crate) value: Value,
}

/// True for names of files that hold manifests.
pub(crate) fn is_manifest(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
}

/// The documents of a file that are mappings.
///
/// # Errors
/// When it is no YAML.
pub(crate) fn documents(file: &str, content: &str) -> Result<Vec<Document>, YamlError> {
    let nodes = parse_nodes(file, content, Dialect::Sigs, &Limits::default())?;
    let mut found = Vec::new();
    for node in nodes.into_iter().filter(|node| node.as_mapping().is_some()) {
        add(&mut found, file, node)?;
    }
    Ok(found)
}

/// A list counts as its items.
fn add(found: &mut Vec<Document>, file: &str, node: Node) -> Result<(), YamlError> {
    let is_list = node.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    if let Some(items) = node.get("items").and_then(Node::items).filter(|_| is_list) {
        for item in items.iter().filter(|item| item.as_mapping().is_some()) {
            push(found, file, item.clone())?;
        }
        return Ok(());
    }
    push(found, file, node)
}

fn push(found: &mut Vec<Document>, file: &str, node: Node) -> Result<(), YamlError> {
    let value = node.to_json(DuplicateKeys::LastWins).map_err(|error| error.in_file(file))?;
    found.push(Document { file: file.to_owned(), line: node.place().line, node, value });
    Ok(())
}

impl Document {
    /// True when the object may come from this document: same kind and name; the group and the namespace, if the
    /// document has one.
    pub(crate) fn defines(&self, object: &Value) -> bool {
        let group = |value: &Value| match text(value, &["apiVersion"]).split_once('/') {
            Some((group, _)) => group.to_owned(),
            None => String::new(),
        };
        let place = namespace(&self.value);
        text(&self.value, &["kind"]) == text(object, &["kind"])
            && name(&self.value) == name(object)
            && group(&self.value) == group(object)
            && (place.is_empty() || namespace(object).is_empty() || place == namespace(object))
    }

    /// The line of the value at a path of keys and numbers, or of the nearest thing above it that is there.
    pub(crate) fn line_at(&self, path: &[String]) -> u32 {
        let mut node = &self.node;
        let mut line = self.line;
        for part in path {
            let next = match node {
                Node::Mapping(mapping) => mapping
                    .entries
                    .iter()
                    .find(|entry| entry.key.value == *part)
                    .map(|entry| (entry.key.place.line, &entry.value)),
                Node::Sequence(sequence) => part
                    .parse::<usize>()
                    .ok()
                    .and_then(|at| sequence.items.get(at))
                    .map(|item| (item.place().line, item)),
                Node::Scalar(_) => None,
            };
            let Some((at, inner)) = next else { break };
            line = at;
            node = inner;
        }
        line
    }

    /// The line of the first value with this text.
    pub(crate) fn line_of(&self, wanted: &str) -> Option<u32> {
        find(&self.node, wanted)
    }
}

fn find(node: &Node, wanted: &str) -> Option<u32> {
    match node {
        Node::Scalar(scalar) => (scalar.value == wanted).then_some(scalar.place.line),
        Node::Sequence(sequence) => sequence.items.iter().find_map(|item| find(item, wanted)),
        Node::Mapping(mapping) => mapping.entries.iter().find_map(|entry| find(&entry.value, wanted)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::documents;

    const FILE: &str = "# a comment\nkind: ConfigMap\napiVersion: v1\nmetadata: { name: a }\n---\n\
                        apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: one\nspec:\n  \
                        containers:\n  - image: web:1\n  - name: b\n    image: web:2\n";

    #[test]
    fn an_object_is_found_with_its_lines() {
        let all = documents("x.yaml", FILE).unwrap();
        let web = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "one" } });
        let found: Vec<_> = all.iter().filter(|one| one.defines(&web)).collect();
        assert_eq!((found.len(), found[0].line), (1, 6));
        assert_eq!(found[0].line_of("web:2"), Some(15));
        let path = ["spec", "containers", "1", "image", "none"].map(str::to_owned);
        assert_eq!(found[0].line_at(&path), 15);
    }

    #[test]
    fn another_namespace_or_group_is_another_object() {
        let all = documents("x.yaml", FILE).unwrap();
        let mut web = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "two" } });
        assert!(!all.iter().any(|one| one.defines(&web)));
        web["metadata"]["namespace"] = "one".into();
        web["apiVersion"] = "v1".into();
        assert!(!all.iter().any(|one| one.defines(&web)));
    }
}
