use std::collections::{BTreeMap, HashMap};

use api::meta::rooted;
use git::{Changes, Checkout, Entry, EntryKind, GitError};
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

/// Sets all marked fields of the manifests below a path of the tree. Files that are no manifests are left alone, as in
/// Flux: templates of charts hold markers too.
pub(super) fn update(
    checkout: &Checkout,
    path: &str,
    setters: &HashMap<String, String>,
) -> Result<Updated, FilesError> {
    let root = rooted(path);
    let mut updated = Updated::default();
    let mut exists = root.is_empty();
    checkout.walk::<FilesError>(&mut |entry| {
        let Some(below) = below(&root, entry.path) else { return Ok(()) };
        exists = true;
        if matches!(entry.kind, EntryKind::File { .. }) && is_manifest(entry.path) {
            change(entry, below, setters, &mut updated)?;
        }
        Ok(())
    })?;
    if exists { Ok(updated) } else { Err(FilesError::NoPath(root)) }
}

fn change(
    entry: &Entry<'_>,
    below: &str,
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
            updated.changes.insert(below.to_owned(), outcome.changes);
        }
    }
    Ok(())
}

fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".yaml") || name.ends_with(".yml") || name == "Kustomization"
}

/// The rest of the path below the root; the name alone when the root is the file itself.
fn below<'p>(root: &str, path: &'p str) -> Option<&'p str> {
    if root.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(root)? {
        "" => Some(path.rsplit('/').next().unwrap_or(path)),
        rest => rest.strip_prefix('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::{below, is_manifest};

    #[test]
    fn names_are_told_below_the_path() {
        assert_eq!(below("", "a/b.yaml"), Some("a/b.yaml"));
        assert_eq!(below("a", "a/b.yaml"), Some("b.yaml"));
        assert_eq!(below("a/b.yaml", "a/b.yaml"), Some("b.yaml"));
        assert_eq!(below("a", "ab/c.yaml"), None);
    }

    #[test]
    fn only_manifests_are_looked_at() {
        assert!(is_manifest("a/b.yaml") && is_manifest("b.yml") && is_manifest("x/Kustomization"));
        assert!(!is_manifest("a.txt") && !is_manifest("a.yaml.bak") && !is_manifest("kustomization"));
    }
}
