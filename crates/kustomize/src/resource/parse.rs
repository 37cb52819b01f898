use std::collections::{BTreeSet, VecDeque};

use manifest::yaml::{
    Dialect, DuplicateKeys, Entry, Limits, Mapping, Node, Scalar, Tag, YamlError, parse_nodes,
};

use super::Resource;
use crate::fields::is_empty;

/// Why a text holds no resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// Not YAML.
    #[error("MalformedYAMLError: {}", .0.brief())]
    Yaml(YamlError),
    /// A document without `kind`, `apiVersion` and `metadata`.
    #[error("missing Resource metadata")]
    NoMetadata,
    /// No `kind`.
    #[error("missing kind in object {0}")]
    NoKind(String),
    /// No name.
    #[error("missing metadata.name in object {0}")]
    NoName(String),
    /// The `items` of a list are no list.
    #[error("expected array in {kind}/items, but found {found}")]
    Items {
        /// Kind of the list.
        kind: String,
        /// What `items` is.
        found: &'static str,
    },
    /// A list whose content has no JSON form.
    #[error("trouble expanding list of {kind}; {}", .source.brief())]
    List {
        /// Kind of the list.
        kind: String,
        /// What is wrong.
        source: YamlError,
    },
    /// `<<` is given something that is no mapping.
    #[error("map merge requires map or sequence of maps as the value")]
    Merge,
}

/// The limits of one file of resources.
pub(crate) fn parse_limits() -> Limits {
    Limits::default()
}

/// Whether a text holds resources and nothing else.
///
/// # Errors
/// For what is no YAML, and for documents that are no objects of Kubernetes.
pub fn check_resources(text: &str) -> Result<(), ResourceError> {
    parse_resources(text, &parse_limits()).map(drop)
}

/// Reads every resource of a text: lists are taken apart, aliases and merge keys written out.
pub(crate) fn parse_resources(text: &str, limits: &Limits) -> Result<Vec<Resource>, ResourceError> {
    let normalized;
    let text = if text.contains("\r\n") {
        normalized = text.replace("\r\n", "\n");
        &normalized
    } else {
        text
    };
    let mut nodes = parse_nodes("", text, Dialect::Kyaml, limits).map_err(ResourceError::Yaml)?;
    if nodes.len() == 1 && is_plain_list(&nodes[0]) {
        nodes = take_items(nodes.remove(0));
    }
    for node in &mut nodes {
        write_out_merges(node)?;
    }
    let nodes = drop_bad(nodes)?;
    Ok(expand_lists(nodes)?.into_iter().map(Resource::new).collect())
}

fn is_plain_list(node: &Node) -> bool {
    let kind = node.get("kind").and_then(Node::text);
    matches!(kind, Some("List" | "ResourceList")) && node.get("items").is_some()
}

fn take_items(node: Node) -> Vec<Node> {
    let Node::Mapping(mut mapping) = node else { return Vec::new() };
    match mapping.remove("items") {
        Some(Node::Sequence(list)) => list.items,
        // The reference tool takes what stands below one after the other, keys too.
        Some(Node::Mapping(map)) => {
            map.entries.into_iter().flat_map(|entry| [Node::Scalar(entry.key), entry.value]).collect()
        }
        _ => Vec::new(),
    }
}

fn drop_bad(nodes: Vec<Node>) -> Result<Vec<Node>, ResourceError> {
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes {
        if !is_empty(&node) {
            check_metadata(&node)?;
            kept.push(node);
        }
    }
    Ok(kept)
}

/// Whether an object has a kind and, unless it is a list, a name.
pub(crate) fn check_metadata(node: &Node) -> Result<(), ResourceError> {
    let present = |path: &&[&str]| node.at(path).is_some_and(|value| !is_empty(value));
    if !METADATA.iter().any(present) {
        return Err(ResourceError::NoMetadata);
    }
    let kind = text_at(node, &["kind"]);
    if kind.is_empty() {
        return Err(ResourceError::NoKind(describe(node)));
    }
    if !kind.ends_with("List") && text_at(node, &["metadata", "name"]).is_empty() {
        return Err(ResourceError::NoName(describe(node)));
    }
    Ok(())
}

/// Any of these makes a document one that is meant to be an object.
const METADATA: [&[&str]; 6] = [
    &["apiVersion"],
    &["kind"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "labels"],
    &["metadata", "annotations"],
];

/// The text of a field; empty for null, lists and mappings.
fn text_at<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.at(path).filter(|value| !value.is_null()).and_then(Node::text).unwrap_or_default()
}

/// What identifies an object, as the reference tool prints it, and where it begins.
fn describe(node: &Node) -> String {
    let text = |path: &[&str]| text_at(node, path);
    let strings = |field: &str| {
        let entries =
            node.at(&["metadata", field]).and_then(Node::as_mapping).into_iter().flat_map(Mapping::iter);
        let pairs: BTreeSet<String> =
            entries.map(|(key, value)| format!("{key}:{}", text_at(value, &[]))).collect();
        Vec::from_iter(pairs).join(" ")
    };
    format!(
        "{{{{{} {}}} {{{{{} {}}} map[{}] map[{}]}}}} (line {})",
        text(&["apiVersion"]),
        text(&["kind"]),
        text(&["metadata", "name"]),
        text(&["metadata", "namespace"]),
        strings("labels"),
        strings("annotations"),
        node.place().line
    )
}

/// Takes `FooList` objects apart; their items follow after everything else.
fn expand_lists(nodes: Vec<Node>) -> Result<Vec<Node>, ResourceError> {
    let is_list = |node: &Node| {
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        kind.ends_with("List") && node.get("items").is_some()
    };
    if !nodes.iter().any(is_list) {
        return Ok(nodes);
    }
    let mut queue = VecDeque::from(nodes);
    let mut result = Vec::new();
    while let Some(node) = queue.pop_front() {
        if is_list(&node) {
            queue.extend(drop_bad(list_items(node)?)?);
        } else {
            result.push(node);
        }
    }
    Ok(result)
}

fn list_items(node: Node) -> Result<Vec<Node>, ResourceError> {
    let kind = node.get("kind").and_then(Node::text).unwrap_or_default().to_owned();
    let found = match node.get("items") {
        Some(Node::Sequence(_)) => None,
        Some(items) if items.is_null() => return Ok(Vec::new()),
        Some(Node::Mapping(_)) => Some("map[string]interface {}"),
        Some(Node::Scalar(scalar)) => Some(match scalar.tag {
            Tag::Bool => "bool",
            Tag::Int => "int",
            Tag::Float => "float64",
            Tag::Timestamp => "time.Time",
            _ => "string",
        }),
        None => Some("nothing"),
    };
    if let Some(found) = found {
        return Err(ResourceError::Items { kind, found });
    }
    let list = |source| ResourceError::List { kind: kind.clone(), source };
    take_items(node)
        .into_iter()
        .map(|item| item.into_json(DuplicateKeys::Refuse).map(|value| Node::from_json(&value)).map_err(list))
        .collect()
}

/// Replaces merge keys by the entries they bring; explicit entries win, earlier mappings of a list too.
fn write_out_merges(node: &mut Node) -> Result<(), ResourceError> {
    match node {
        Node::Scalar(_) => Ok(()),
        Node::Sequence(list) => list.items.iter_mut().try_for_each(write_out_merges),
        Node::Mapping(mapping) => {
            if mapping.entries.iter().any(|entry| is_merge(&entry.key)) {
                merge_entries(mapping)?;
            }
            mapping.entries.iter_mut().try_for_each(|entry| write_out_merges(&mut entry.value))
        }
    }
}

fn is_merge(key: &Scalar) -> bool {
    key.tag == Tag::Merge
}

fn merge_entries(mapping: &mut Mapping) -> Result<(), ResourceError> {
    let (merges, own): (Vec<Entry>, Vec<Entry>) =
        std::mem::take(&mut mapping.entries).into_iter().partition(|entry| is_merge(&entry.key));
    mapping.entries = own;
    for merge in merges {
        add_missing(mapping, merge.value)?;
    }
    Ok(())
}

fn add_missing(mapping: &mut Mapping, merged: Node) -> Result<(), ResourceError> {
    match merged {
        Node::Mapping(mut other) => {
            if other.entries.iter().any(|entry| is_merge(&entry.key)) {
                merge_entries(&mut other)?;
            }
            for entry in other.entries {
                if mapping.get(&entry.key.value).is_none() {
                    mapping.entries.push(entry);
                }
            }
            Ok(())
        }
        Node::Sequence(list) => list.items.into_iter().try_for_each(|item| match item {
            Node::Mapping(_) => add_missing(mapping, item),
            _ => Err(ResourceError::Merge),
        }),
        Node::Scalar(_) => Err(ResourceError::Merge),
    }
}

#[cfg(test)]
mod tests {
    use manifest::yaml::Limits;

    use super::parse_resources;

    fn ids(text: &str) -> Vec<String> {
        let resources = parse_resources(text, &Limits::default()).unwrap();
        resources.iter().map(|resource| resource.id().to_string()).collect()
    }

    fn fails(text: &str, expect: &str) {
        let message = parse_resources(text, &Limits::default()).unwrap_err().to_string();
        assert!(message.contains(expect), "{message}");
    }

    const ITEM: &str = "{apiVersion: v1, kind: A, metadata: {name: a}}";

    #[test]
    fn takes_lists_apart() {
        assert_eq!(ids(&format!("kind: List\nitems: [{ITEM}]\n")), ["A.v1.[noGrp]/a.[noNs]"]);
        let after = format!(
            "kind: AList\nitems: [{ITEM}]\n---\napiVersion: g/v2\nkind: B\nmetadata: {{name: b, namespace: n}}\n"
        );
        assert_eq!(ids(&after), ["B.v2.g/b.n", "A.v1.[noGrp]/a.[noNs]"]);
    }

    #[test]
    fn explicit_entries_win_over_merged_ones() {
        let text = "kind: A\nmetadata: {name: a}\nx: &x {k: 1, l: 1}\ny:\n  k: 2\n  <<: *x\n";
        let resources = parse_resources(text, &Limits::default()).unwrap();
        let y = resources[0].node.get("y").unwrap();
        assert_eq!((y.get("k").unwrap().text(), y.get("l").unwrap().text()), (Some("2"), Some("1")));
    }

    #[test]
    fn says_what_an_object_lacks() {
        fails("a: b\n", "missing Resource metadata");
        fails("- a\n", "missing Resource metadata");
        fails("apiVersion: v1\n", "missing kind in object {{v1 } {{ } map[] map[]}}");
        fails("kind: A\n", "missing metadata.name in object");
        fails("kind: AList\nitems: {}\n", "expected array in AList/items");
        fails("a: b: c\n", "MalformedYAMLError: ");
    }
}
