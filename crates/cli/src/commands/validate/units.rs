use std::{collections::BTreeSet, fmt};

use kustomize::{EntryKind, Tree};
use serde_json::Value;

use super::{files::Repository, index::Index, sources::Sources};
use crate::{
    commands::install::subject,
    documents::{Document, documents},
    value::{at, list, text},
};

/// Names of a kustomization file, in the order in which they are looked for.
pub(super) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether a folder is what a Kustomization applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Its source is this repository.
    Here,
    /// Its source is an artifact that may have been made of this repository.
    Perhaps,
}

/// Something that is built.
pub(super) enum Unit<'a> {
    /// A Kustomization of ours whose folder is in this repository.
    Flux(&'a Document, String, Origin),
    /// A Kustomization of ours whose folder is not.
    Elsewhere(&'a Document),
    /// A folder with a kustomization file that nothing else refers to; the path of that file.
    Folder(String, String),
}

impl fmt::Display for Unit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flux(document, ..) | Self::Elsewhere(document) => f.write_str(&subject(&document.value)),
            Self::Folder(_, file) => f.write_str(file),
        }
    }
}

/// The Kustomizations in the folder that was asked for, as far as this repository is their source.
pub(super) fn kustomizations<'a>(
    repository: &Repository,
    index: &'a Index,
    sources: &Sources,
) -> Vec<Unit<'a>> {
    let ours = index.documents.iter().filter(|document| is_flux(&document.value));
    let here = ours.filter(|document| repository.in_scope(&document.file));
    here.filter_map(|document| kustomization(repository, document, sources)).collect()
}

fn kustomization<'a>(repository: &Repository, document: &'a Document, sources: &Sources) -> Option<Unit<'a>> {
    let folder = clean("", text(&document.value, &["spec", "path"]));
    let folder = folder.filter(|folder| repository.tree.kind(folder) == Some(EntryKind::Dir));
    let reference = at(&document.value, &["spec", "sourceRef"]).unwrap_or(&Value::Null);
    let is_git = text(reference, &["kind"]) == "GitRepository";
    match folder {
        _ if is_git && !sources.may_be(&document.value, reference) => None,
        Some(folder) if is_git => Some(Unit::Flux(document, folder, Origin::Here)),
        // An artifact is seldom made of a whole repository, and its root is no path that tells anything.
        Some(folder) if !folder.is_empty() => Some(Unit::Flux(document, folder, Origin::Perhaps)),
        Some(_) => None,
        None => is_git.then_some(Unit::Elsewhere(document)),
    }
}

/// The folders with a kustomization file that nothing else takes in: `read` are the files that were taken in.
pub(super) fn folders<'a>(repository: &Repository, read: &BTreeSet<String>) -> Vec<Unit<'a>> {
    let files: Vec<(String, &String)> =
        repository.paths.iter().filter_map(|path| Some((folder_of(path)?, path))).collect();
    let used: BTreeSet<String> =
        files.iter().flat_map(|(folder, path)| referred(repository, folder, path)).collect();
    let left = files.into_iter().filter(|(folder, path)| {
        repository.in_scope(path)
            && !read.contains(*path)
            && !used.contains(folder)
            && !repository.in_chart(path)
    });
    left.map(|(folder, path)| Unit::Folder(folder, path.clone())).collect()
}

/// True for the Kustomizations that kustomize-controller applies.
pub(super) fn is_flux(object: &Value) -> bool {
    text(object, &["kind"]) == "Kustomization"
        && text(object, &["apiVersion"]).starts_with("kustomize.toolkit.fluxcd.io/")
}

/// The folder of a kustomization file.
fn folder_of(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    NAMES.contains(&name).then(|| folder.to_owned())
}

/// The folders that a kustomization file takes in; its own too when it is a component, which is built by others only.
fn referred(repository: &Repository, folder: &str, path: &str) -> Vec<String> {
    let content = repository.text(path).unwrap_or_default();
    let Some(file) = documents(path, &content).ok().and_then(|mut all| all.pop()) else { return Vec::new() };
    let component = (text(&file.value, &["kind"]) == "Component").then(|| folder.to_owned());
    let entries = ["resources", "bases", "components"].into_iter().flat_map(|key| list(&file.value, &[key]));
    let folders = entries.filter_map(|entry| clean(folder, entry.as_str()?));
    folders.chain(component).collect()
}

/// A path from a folder, without `.`, `..` and slashes at its ends; nothing when it leaves the repository.
pub(super) fn clean(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn paths_are_cleaned_and_stay_inside() {
        assert_eq!(clean("a/b", "../c/./d/").as_deref(), Some("a/c/d"));
        assert_eq!(clean("", "./").as_deref(), Some(""));
        assert_eq!(clean("a", "../../b"), None);
    }
}
