//! Rendered files become manifests in install order, and hooks.
mod aside;
mod head;
mod order;
mod split;

use std::collections::BTreeMap;

pub(crate) use self::{aside::read_aside, head::Head, split::split_as};
pub use self::{
    order::{install_order, uninstall_order},
    split::split_manifests,
};

use gotemplate::each;

use crate::{capabilities::HelmMajor, render::threads_for};

/// A rendered object that is no hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The template it came from: `chart/templates/x.yaml`.
    pub path: String,
    /// `apiVersion`, empty when not stated.
    pub api_version: String,
    /// `kind`, empty when not stated.
    pub kind: String,
    /// `metadata.name`, empty when not stated.
    pub name: String,
    /// The text.
    pub text: String,
}

/// An object that is applied at certain events of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `metadata.name`.
    pub name: String,
    /// `kind`.
    pub kind: String,
    /// The template it came from.
    pub path: String,
    /// The text.
    pub manifest: String,
    /// `pre-install`, `post-install`, `pre-delete`, `post-delete`, `pre-upgrade`, `post-upgrade`, `pre-rollback`,
    /// `post-rollback`, `test`.
    pub events: Vec<String>,
    /// Hooks of an event run from the lowest weight to the highest.
    pub weight: i64,
    /// `hook-succeeded`, `hook-failed`, `before-hook-creation`.
    pub delete_policies: Vec<String>,
    /// `hook-succeeded`, `hook-failed`.
    pub output_log_policies: Vec<String>,
}

/// Manifests and hooks of a render.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// In install order.
    pub manifests: Vec<Manifest>,
    /// In install order of their kinds.
    pub hooks: Vec<Hook>,
}

/// A rendered file that holds no objects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {path}: {cause}")]
pub struct SortError {
    /// The template.
    pub path: String,
    /// Why, in the words of Go's YAML reader.
    pub cause: String,
}

impl Sorted {
    /// All manifests as one text, as a release stores it and `helm template` prints it.
    #[must_use]
    pub fn manifest(&self) -> String {
        let mut out = String::new();
        self.push_manifest(&mut out);
        out
    }

    /// The same, behind another text.
    pub(crate) fn push_manifest(&self, out: &mut String) {
        let size = |manifest: &Manifest| sourced_len(&manifest.path, &manifest.text);
        out.reserve(self.manifests.iter().map(size).sum());
        for manifest in &self.manifests {
            push_source(out, &manifest.path, &manifest.text);
        }
    }
}

const SOURCE: &str = "---\n# Source: ";

/// One document with the comment that names its template.
pub(crate) fn push_source(out: &mut String, path: &str, text: &str) {
    for part in [SOURCE, path, "\n", text, "\n"] {
        out.push_str(part);
    }
}

/// Bytes of what [`push_source`] adds.
fn sourced_len(path: &str, text: &str) -> usize {
    SOURCE.len() + path.len() + text.len() + 2
}

/// Sorts rendered files (`path -> text`): partials and blank files are dropped, hooks are told apart by their
/// annotation, objects with an unknown hook event are dropped.
///
/// # Errors
/// When a document is no YAML or its head has other kinds of values than an object's.
pub fn sort(files: &BTreeMap<String, String>) -> Result<Sorted, SortError> {
    sort_as(files, HelmMajor::Four, 1)
}

/// As [`sort`], with the heads of large files read on at most `threads` threads. Helm 3 takes the blanks off the end of
/// each document as well, and of two separators in a row only the first separates.
///
/// # Errors
/// As [`sort`].
pub fn sort_as(
    files: &BTreeMap<String, String>,
    helm: HelmMajor,
    threads: usize,
) -> Result<Sorted, SortError> {
    let all: Vec<(&str, &str)> = files
        .iter()
        .filter(|(path, _)| !is_partial(path))
        .flat_map(|(path, text)| {
            split_as(text, helm).into_iter().map(move |document| (path.as_str(), document))
        })
        .collect();
    let threads = threads_for(all.iter().map(|(_, document)| document.len()).sum(), threads);
    let read = each(&all, threads, |(_, document)| Document::read(document));
    assemble(all.into_iter().map(|(path, _)| path.to_owned()).zip(read), helm)
}

/// A document of a file, and what its head says.
struct Document {
    text: String,
    head: Result<Head, String>,
}

impl Document {
    fn read(text: &str) -> Self {
        Self { text: text.to_owned(), head: Head::parse(text) }
    }
}

fn is_partial(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('_'))
}

/// Sorts documents, each with the path of its file.
fn assemble(all: impl Iterator<Item = (String, Document)>, helm: HelmMajor) -> Result<Sorted, SortError> {
    let mut sorted = Sorted::default();
    for (path, Document { text, head }) in all {
        match head {
            Ok(head) => add(&mut sorted, path, text, head),
            Err(cause) => return Err(SortError { path, cause: head_error(cause, helm) }),
        }
    }
    order::sort_by_kind(&mut sorted.manifests, helm, |manifest| &manifest.kind);
    order::sort_by_kind(&mut sorted.hooks, helm, |hook| &hook.kind);
    Ok(sorted)
}

/// The Go type has another package in Helm 3.
fn head_error(cause: String, helm: HelmMajor) -> String {
    match helm {
        HelmMajor::Three => cause.replace("type util.SimpleHead", "type releaseutil.SimpleHead"),
        HelmMajor::Four => cause,
    }
}

fn add(sorted: &mut Sorted, path: String, text: String, head: Head) {
    let Some(events) = head.annotation("helm.sh/hook") else {
        let Head { api_version, kind, name, .. } = head;
        sorted.manifests.push(Manifest { path, api_version, kind, name, text });
        return;
    };
    let events: Option<Vec<String>> = words(events).map(event).collect();
    let Some(events) = events else { return };
    let list = |key| head.annotation(key).map(|text| words(text).collect()).unwrap_or_default();
    sorted.hooks.push(Hook {
        events,
        weight: head.annotation("helm.sh/hook-weight").and_then(|text| text.parse().ok()).unwrap_or(0),
        delete_policies: list("helm.sh/hook-delete-policy"),
        output_log_policies: list("helm.sh/hook-output-log-policy"),
        name: head.name,
        kind: head.kind,
        path,
        manifest: text,
    });
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(|word| word.trim().to_lowercase())
}

/// The event's name; `test-success` is what Helm 2 called a test.
fn event(word: String) -> Option<String> {
    match word.as_str() {
        "pre-install" | "post-install" | "pre-delete" | "post-delete" | "pre-upgrade" | "post-upgrade"
        | "pre-rollback" | "post-rollback" | "test" => Some(word),
        "test-success" => Some("test".to_owned()),
        _ => None,
    }
}

/// The hooks of an event in the order they run: by weight, then by name.
#[must_use]
pub fn hooks_for<'a>(hooks: &'a [Hook], event: &str) -> Vec<&'a Hook> {
    let mut found: Vec<&Hook> = hooks.iter().filter(|hook| hook.events.iter().any(|e| e == event)).collect();
    found.sort_by(|a, b| (a.weight, &a.name).cmp(&(b.weight, &b.name)));
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{hooks_for, sort};

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn kinds_come_in_install_order_and_files_in_theirs() {
        let sorted = sort(&files(&[
            (
                "c/templates/b.yaml",
                "kind: Service\nmetadata: {name: b}\n---\nkind: Widget\n---\nkind: Namespace\n",
            ),
            ("c/templates/a.yaml", "kind: Service\nmetadata: {name: a}\n---\nkind: Apple\n"),
            ("c/templates/_x.tpl", "kind: Secret\n"),
            ("c/templates/c.yaml", " \n"),
        ]))
        .unwrap();
        let kinds: Vec<_> = sorted.manifests.iter().map(|m| (m.kind.as_str(), m.name.as_str())).collect();
        assert_eq!(
            kinds,
            [("Namespace", ""), ("Service", "a"), ("Service", "b"), ("Apple", ""), ("Widget", "")]
        );
        assert!(sorted.manifest().starts_with("---\n# Source: c/templates/b.yaml\nkind: Namespace\n"));
    }

    fn hook(name: &str, annotations: &str) -> String {
        format!("kind: Job\nmetadata:\n  name: {name}\n  annotations: {{{annotations}}}\n")
    }

    #[test]
    fn hooks_are_told_apart_and_run_by_weight() {
        let one = hook("one", "helm.sh/hook: 'pre-install, PRE-UPGRADE', helm.sh/hook-weight: '5'");
        let two = hook(
            "two",
            "helm.sh/hook: pre-install, helm.sh/hook-weight: -1, helm.sh/hook-delete-policy: 'hook-failed,before-hook-creation'",
        );
        let bad = hook("bad", "helm.sh/hook: whenever");
        let test = hook("test", "helm.sh/hook: test-success");
        let text = [one, two, bad, test].join("---\n");
        let sorted = sort(&files(&[("c/templates/a.yaml", &text)])).unwrap();
        assert!(sorted.manifests.is_empty());
        let names =
            |event| hooks_for(&sorted.hooks, event).iter().map(|h| h.name.clone()).collect::<Vec<_>>();
        assert_eq!(names("pre-install"), ["two", "one"]);
        assert_eq!(names("pre-upgrade"), ["one"]);
        assert_eq!(names("test"), ["test"]);
        assert_eq!(sorted.hooks[1].delete_policies, ["hook-failed", "before-hook-creation"]);
        assert_eq!(sorted.hooks.len(), 3);
    }

    #[test]
    fn what_is_no_yaml_names_its_file() {
        let error = sort(&files(&[("c/templates/a.yaml", "a: 1\nb: c: d\n")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "YAML parse error on c/templates/a.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context"
        );
        let error = sort(&files(&[("c/a.yaml", "metadata: {annotations: {a: [1]}}\n")])).unwrap_err();
        assert!(error.to_string().contains("cannot unmarshal array into Go struct field"), "{error}");
    }
}
