use std::collections::{BTreeMap, HashMap};

use api::meta::rooted;
use git::{Changes, Checkout, Entry, GitError};
use manifest::yaml::{Limits, SetterChange, apply_setters};

/// The key of markers in comments: `# {"$imagepolicy": "namespace:policy"}`.
const MARKER: &str = "$imagepolicy";
/// Bytes of a file that is looked at, at most.
const LARGEST: usize = 16 << 20;

/// What was changed in files, by path below the folder that is looked at.
pub(super) type FileChanges = BTreeMap<String, Vec<SetterChange>>;

/// New contents of files, and what changed in them.
#[derive(Default)]
pub(super) struct Updated {
    pub(super) contents: Changes,
    pub(super) changes: FileChanges,
}

/// Why files could not be changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    #[error("walking path for files: lstat {0}: no such file or directory")]
    NoPath(String),
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Sets all marked fields of the manifests below a path of the tree, also where links lead to. Files that are no
/// manifests are left alone, as in Flux: templates of charts hold markers too.
pub(super) fn update(
    checkout: &Checkout,
    path: &str,
    setters: &HashMap<String, String>,
) -> Result<Updated, FilesError> {
    let root = rooted(path);
    let mut updated = Updated::default();
    let exists = checkout.files_below::<FilesError>(&root, &is_manifest, &mut |name, entry| {
        change(entry, name, setters, &mut updated)
    })?;
    if exists { Ok(updated) } else { Err(FilesError::NoPath(root)) }
}

fn change(
    entry: &Entry<'_>,
    name: &str,
    setters: &HashMap<String, String>,
    updated: &mut Updated,
) -> Result<(), FilesError> {
    let content = entry.read()?;
    if content.len() > LARGEST {
        return Ok(());
    }
    let Ok(text) = String::from_utf8(content) else { return Ok(()) };
    if !text.contains(&format!("\"{MARKER}\"")) {
        return Ok(());
    }
    let value = |name: &str| setters.get(name).map(String::as_str);
    match apply_setters(&text, MARKER, &value, &Limits::default()) {
        Err(error) => tracing::debug!(file = entry.path, %error, "file with markers is no manifest"),
        Ok(outcome) if outcome.changes.is_empty() => {}
        Ok(outcome) => {
            updated.contents.write(entry.path, outcome.text);
            updated.changes.insert(name.to_owned(), outcome.changes);
        }
    }
    Ok(())
}

fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".yaml") || name.ends_with(".yml") || name == "Kustomization"
}

#[cfg(test)]
mod tests {
    use super::is_manifest;

    #[test]
    fn only_manifests_are_looked_at() {
        assert!(is_manifest("a/b.yaml") && is_manifest("b.yml") && is_manifest("x/Kustomization"));
        assert!(!is_manifest("a.txt") && !is_manifest("a.yaml.bak") && !is_manifest("kustomization"));
    }
}
