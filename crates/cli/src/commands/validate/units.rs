use std::{collections::BTreeSet, fmt};

use kustomize::{EntryKind, Tree};
use serde_json::Value;

use super::{files::Repository, index::Index};
use crate::{
    commands::install::subject,
    documents::{Document, documents},
    value::{list, text},
};

/// Names of a kustomization file, in the order in which they are looked for.
pub(super) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Something that is built.
pub(super) enum Unit<'a> {
    /// A Kustomization of ours whose folder is in this repository.
    Flux(&'a Document, String),
    /// A Kustomization of ours whose folder is not.
    Elsewhere(&'a Document),
    /// A folder with a kustomization file that nothing else refers to; the path of that file.
    Folder(String, String),
}

impl fmt::Display for Unit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flux(document, _) | Self::Elsewhere(document) => f.write_str(&subject(&document.value)),
            Self::Folder(_, file) => f.write_str(file),
        }
    }
}

/// What is built: Kustomizations in the folder that was asked for, and what they leave over.
pub(super) fn units<'a>(repository: &Repository, index: &'a Index) -> Vec<Unit<'a>> {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    let ours = index.documents.iter().filter(|document| is_flux(&document.value));
    for document in ours.filter(|document| repository.in_scope(&document.file)) {
        let folder = clean("", text(&document.value, &["spec", "path"]));
        match folder.filter(|folder| repository.tree.kind(folder) == Some(EntryKind::Dir)) {
            Some(folder) => {
                used.insert(folder.clone());
                found.push(Unit::Flux(document, folder));
            }
            None => found.push(Unit::Elsewhere(document)),
        }
    }
    let files: Vec<(String, &String)> =
        repository.paths.iter().filter_map(|path| Some((folder_of(path)?, path))).collect();
    for (folder, path) in &files {
        used.extend(referred(repository, folder, path));
    }
    for (folder, path) in files {
        if repository.in_scope(path) && !used.contains(&folder) && !repository.in_chart(path) {
            found.push(Unit::Folder(folder, path.clone()));
        }
    }
    found
}

/// True for the Kustomizations that kustomize-controller applies.
fn is_flux(object: &Value) -> bool {
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
