//! Whether a file holds Kubernetes objects only. Flux asks this of each file a generated kustomization would
//! list; we ask it when the build has failed, to name the file as Flux does, and save the second parse.

use kustomize::Tree;
use manifest::yaml::{Dialect, Limits, Node, parse_nodes};

use crate::error::{BuildError, DecodeError};

/// The first file that does not hold Kubernetes objects.
pub(crate) fn first_bad_file(tree: &dyn Tree, files: &[String]) -> Option<BuildError> {
    files.iter().find_map(|file| match tree.read(file) {
        Err(error) => Some(error.into()),
        Ok(content) => {
            let text = String::from_utf8_lossy(&content);
            check(&text).err().map(|cause| BuildError::Decode { file: file.clone(), cause })
        }
    })
}

fn check(text: &str) -> Result<(), DecodeError> {
    let documents = parse_nodes("", text, Dialect::Kyaml, &Limits::default())
        .map_err(|error| DecodeError::Malformed(format!("line {}: {}", error.line, error.cause)))?;
    documents.iter().try_for_each(document)
}

fn document(node: &Node) -> Result<(), DecodeError> {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).unwrap_or_default();
    let (version, kind, name) = (text(&["apiVersion"]), text(&["kind"]), text(&["metadata", "name"]));
    let has_metadata = node.get("metadata").and_then(Node::as_mapping).is_some_and(|map| !map.is_empty());
    if version.is_empty() && kind.is_empty() && !has_metadata {
        return Err(DecodeError::NoMetadata);
    }
    let subject = || {
        format!("{{{{{version} {kind}}} {{{{{name} {}}} map[] map[]}}}}", text(&["metadata", "namespace"]))
    };
    if kind.is_empty() {
        return Err(DecodeError::NoKind(subject()));
    }
    if kind.ends_with("List") {
        return items(node, kind);
    }
    if name.is_empty() {
        return Err(DecodeError::NoName(subject()));
    }
    match empty_item(node, "") {
        Some(path) => Err(DecodeError::EmptyItem { path, object: format!("{kind}/{name}") }),
        None => Ok(()),
    }
}

fn items(node: &Node, kind: &str) -> Result<(), DecodeError> {
    match node.get("items") {
        None => Ok(()),
        Some(node) if node.is_null() => Ok(()),
        Some(node) => {
            let items = node.items().ok_or_else(|| DecodeError::Items(kind.to_owned()))?;
            items.iter().filter(|item| !item.is_null()).try_for_each(document)
        }
    }
}

/// Path of the first list with a null in it.
fn empty_item(node: &Node, path: &str) -> Option<String> {
    if let Some(items) = node.items() {
        let null = items.iter().any(Node::is_null).then(|| path.to_owned());
        return null.or_else(|| items.iter().find_map(|item| empty_item(item, path)));
    }
    let map = node.as_mapping()?;
    map.iter().find_map(|(key, value)| {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}/{key}") };
        empty_item(value, &path)
    })
}
