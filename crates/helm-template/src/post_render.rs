//! Handing rendered files to a post-renderer and taking them back, as Helm 4 does: one stream of documents, each
//! with an annotation that says which template it came from.
use std::collections::BTreeMap;

use manifest::yaml::{Dialect, FormatOptions, Limits, Mapping, Node, YamlError, format_node, parse_nodes};

use crate::manifests::{SortError, sort, split_manifests};

const ANNOTATION: &str = "postrenderer.helm.sh/postrender-filename";

/// What a post-renderer is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PostRenderStrategy {
    /// Hooks and other objects in one stream: Helm 4's default.
    #[default]
    Combined,
    /// Hooks in a stream of their own.
    Separate,
    /// Hooks are left alone: Helm 3.
    NoHooks,
}

/// Why post-rendering failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostRenderError {
    /// A rendered file is no YAML.
    #[error("error merging {what}: parsing {path}: {cause}")]
    Merge {
        /// `manifests` or `hooks`.
        what: &'static str,
        /// The template.
        path: String,
        /// Why.
        cause: String,
    },
    /// The post-renderer failed.
    #[error("error while running post render on {what}: {cause}")]
    Run {
        /// `files`, `manifests` or `hooks`.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// What it returned is no YAML.
    #[error("error while parsing post rendered output: error parsing YAML: {0}")]
    Split(String),
    /// Hooks cannot be told from other objects.
    #[error(transparent)]
    Sort(#[from] SortError),
}

type Texts = BTreeMap<String, String>;

/// Sends rendered files through a post-renderer, which is given a YAML stream and returns one.
///
/// # Errors
/// When a file or the result is no YAML, and when the post-renderer fails.
pub fn post_render(
    files: &Texts,
    strategy: PostRenderStrategy,
    run: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Texts, PostRenderError> {
    if strategy == PostRenderStrategy::Combined {
        return pass(files, ["manifests", "files", ""], run);
    }
    let sorted = sort(files)?;
    let hooks = by_path(sorted.hooks.iter().map(|hook| (&hook.path, &hook.manifest)));
    let manifests = by_path(sorted.manifests.iter().map(|manifest| (&manifest.path, &manifest.text)));
    let mut result = match strategy {
        PostRenderStrategy::Separate if !hooks.is_empty() => pass(&hooks, ["hooks"; 3], run)?,
        _ => hooks,
    };
    if !manifests.is_empty() {
        for (path, text) in pass(&manifests, ["manifests"; 3], run)? {
            join(&mut result, path, &text);
        }
    }
    Ok(result)
}

fn by_path<'a>(documents: impl Iterator<Item = (&'a String, &'a String)>) -> Texts {
    let mut texts = Texts::new();
    for (path, text) in documents {
        join(&mut texts, path.clone(), text);
    }
    texts
}

fn join(texts: &mut Texts, path: String, text: &str) {
    let known = texts.entry(path).or_default();
    if !known.is_empty() {
        known.push_str("\n---\n");
    }
    known.push_str(text);
}

fn pass(
    files: &Texts,
    [merging, running, prefix]: [&'static str; 3],
    run: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Texts, PostRenderError> {
    let merged = merge_for_post_render(files).map_err(|(path, cause)| PostRenderError::Merge {
        what: merging,
        path,
        cause,
    })?;
    let rendered = run(&merged).map_err(|cause| PostRenderError::Run { what: running, cause })?;
    split_post_rendered(&rendered, prefix).map_err(PostRenderError::Split)
}

/// One stream of all documents, each annotated with its file.
///
/// # Errors
/// With the file that is no YAML, and why.
pub fn merge_for_post_render(files: &Texts) -> Result<String, (String, String)> {
    let mut stream = Vec::new();
    for (path, text) in files {
        let partial = path.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
        if partial {
            continue;
        }
        for document in split_manifests(text) {
            for mut node in nodes(document).map_err(|cause| (path.clone(), cause))? {
                annotate(&mut node, path).map_err(|cause| (path.clone(), cause.to_owned()))?;
                stream.push(node);
            }
        }
    }
    Ok(print(&stream))
}

/// The documents of a stream by the file they are annotated with. Those without become
/// `generated-by-postrender-<n>.yaml`, with the prefix before the number if it is not empty.
///
/// # Errors
/// When the stream is no YAML.
pub fn split_post_rendered(stream: &str, prefix: &str) -> Result<Texts, String> {
    let mut files: BTreeMap<String, Vec<Node>> = BTreeMap::new();
    let between = if prefix.is_empty() { String::new() } else { format!("{prefix}-") };
    for (at, mut node) in nodes(stream)?.into_iter().enumerate() {
        let path = take_annotation(&mut node)
            .unwrap_or_else(|| format!("generated-by-postrender-{between}{at}.yaml"));
        files.entry(path).or_default().push(node);
    }
    Ok(files.into_iter().map(|(path, nodes)| (path, print(&nodes))).collect())
}

/// The documents of a text; a lone list of objects is taken apart.
fn nodes(text: &str) -> Result<Vec<Node>, String> {
    let mut nodes =
        parse_nodes("", text, Dialect::Kyaml, &Limits::default()).map_err(|error| malformed(&error))?;
    if let [Node::Mapping(list)] = nodes.as_mut_slice() {
        let kind = list.get("kind").and_then(Node::as_str);
        if matches!(kind, Some("List" | "ResourceList"))
            && let Some(Node::Sequence(items)) = list.get_mut("items")
        {
            return Ok(std::mem::take(&mut items.items));
        }
    }
    Ok(nodes)
}

/// In the words of kyaml, which leaves the first line out.
fn malformed(error: &YamlError) -> String {
    match error.line {
        0 | 1 => format!("MalformedYAMLError: yaml: {}", error.cause),
        line => format!("MalformedYAMLError: yaml: line {line}: {}", error.cause),
    }
}

fn print(nodes: &[Node]) -> String {
    let texts: Vec<String> = nodes.iter().map(|node| format_node(node, FormatOptions::default())).collect();
    texts.join("---\n")
}

fn annotate(node: &mut Node, path: &str) -> Result<(), &'static str> {
    let root = node.as_mapping_mut().ok_or("the document is no object")?;
    let metadata = root.entry("metadata", Node::mapping).as_mapping_mut().ok_or("metadata is no mapping")?;
    let annotations = metadata.entry("annotations", Node::mapping);
    if annotations.is_null() {
        *annotations = Node::mapping();
    }
    annotations
        .as_mapping_mut()
        .ok_or("metadata.annotations is no mapping")?
        .set(ANNOTATION, Node::string(path));
    Ok(())
}

fn take_annotation(node: &mut Node) -> Option<String> {
    let metadata = node.get_mut("metadata")?.as_mapping_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_mapping_mut()?;
    let path = annotations.remove(ANNOTATION)?;
    if Mapping::is_empty(annotations) {
        metadata.remove("annotations");
    }
    path.text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{PostRenderStrategy, Texts, post_render};

    const HOOK: &str = "kind: Job\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: pre-install}\n";
    const OBJECT: &str = "# comment\nkind: A\nmetadata:\n  name: a\n---\nkind: B\n";

    fn files() -> Texts {
        [("c/templates/a.yaml", OBJECT), ("c/templates/h.yaml", HOOK), ("c/templates/_p.tpl", "x")]
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
            .into()
    }

    fn streams(strategy: PostRenderStrategy) -> (Vec<String>, Texts) {
        let mut seen = Vec::new();
        let result = post_render(&files(), strategy, &mut |stream| {
            seen.push(stream.to_owned());
            Ok(format!("{stream}---\nkind: New\n"))
        });
        (seen, result.unwrap())
    }

    #[test]
    fn a_combined_stream_comes_back_by_file() {
        let (seen, result) = streams(PostRenderStrategy::Combined);
        assert_eq!(seen.len(), 1);
        assert!(seen[0].contains("postrender-filename: c/templates/a.yaml\n"), "{}", seen[0]);
        assert_eq!(
            result["c/templates/a.yaml"],
            "kind: A\nmetadata:\n  name: a\n---\nkind: B\nmetadata: {}\n"
        );
        assert_eq!(result["generated-by-postrender-3.yaml"], "kind: New\n");
        assert!(result["c/templates/h.yaml"].contains("helm.sh/hook: pre-install"));
    }

    #[test]
    fn hooks_may_go_alone_or_not_at_all() {
        let (seen, result) = streams(PostRenderStrategy::Separate);
        assert_eq!(seen.len(), 2);
        assert!(result.contains_key("generated-by-postrender-hooks-1.yaml"));
        let (seen, result) = streams(PostRenderStrategy::NoHooks);
        assert_eq!(seen.len(), 1);
        assert_eq!(result["c/templates/h.yaml"], HOOK);
    }

    #[test]
    fn what_the_post_renderer_says_is_told() {
        let error =
            post_render(&files(), PostRenderStrategy::Combined, &mut |_| Err("no".into())).unwrap_err();
        assert_eq!(error.to_string(), "error while running post render on files: no");
    }
}
