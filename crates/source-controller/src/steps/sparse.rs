use std::collections::BTreeSet;

use api::meta::rooted;
use git::{Checkout, EntryKind, GitError};

/// `spec.sparseCheckout`: which files of a commit count. A file counts when its path begins with one of the texts, whether
/// or not that ends a folder's name, as in go-git.
pub(crate) struct Sparse {
    wanted: Vec<String>,
}

/// Why a sparse checkout is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SparseError {
    #[error("sparse checkout dir '{0}' does not exist in repository: lstat {1}: no such file or directory")]
    Missing(String, String),
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Sparse {
    pub(crate) fn new(wanted: &[String]) -> Self {
        Self { wanted: wanted.to_vec() }
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether a file counts; whether a folder holds one that may.
    pub(crate) fn has(&self, kind: EntryKind, path: &str) -> bool {
        let mut beginnings = self.wanted.iter().map(|wanted| wanted.strip_prefix("./").unwrap_or(wanted));
        let folder = format!("{path}/");
        self.is_everything()
            || beginnings.any(|beginning| match kind.is_dir() {
                false => path.starts_with(beginning),
                true => folder.starts_with(beginning) || beginning.starts_with(&folder),
            })
    }

    /// Each path must be there after the checkout.
    pub(crate) fn check(&self, tree: &Checkout) -> Result<(), SparseError> {
        let mut found = BTreeSet::from([String::new()]);
        tree.walk::<GitError>(&mut |entry| {
            if matches!(entry.kind, EntryKind::File { .. }) && self.has(entry.kind, entry.path) {
                found.extend(ends(entry.path).map(str::to_owned));
            }
            Ok(())
        })?;
        match self
            .wanted
            .iter()
            .map(|wanted| (wanted, rooted(wanted)))
            .find(|(_, path)| !found.contains(path))
        {
            None => Ok(()),
            Some((wanted, path)) => Err(SparseError::Missing(shown(wanted), shown(&path))),
        }
    }
}

/// Without control characters, which no terminal shall be given.
fn shown(path: &str) -> String {
    let one = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    path.chars().map(one).collect()
}

/// The path and the folders above it.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path])
}

#[cfg(test)]
mod tests {
    use super::{EntryKind, Sparse, ends, shown};

    fn has(wanted: &[&str], path: &str) -> bool {
        let wanted: Vec<String> = wanted.iter().map(|text| (*text).to_owned()).collect();
        match path.strip_suffix('/') {
            Some(folder) => Sparse::new(&wanted).has(EntryKind::Dir, folder),
            None => Sparse::new(&wanted).has(EntryKind::File { executable: false }, path),
        }
    }

    #[test]
    fn a_file_counts_by_the_beginning_of_its_path() {
        assert!(has(&[], "x") && has(&[""], "x") && has(&["a"], "a/x") && has(&["./a"], "a/b/x"));
        assert!(has(&["a"], "ab") && has(&["z", "a/b"], "a/b/x"));
        assert!(!has(&["a"], "x") && !has(&["a/b"], "a/x") && !has(&["/a"], "a/x") && !has(&["../a"], "a/x"));
    }

    #[test]
    fn a_folder_counts_above_and_below_the_path() {
        assert!(
            has(&["a/b"], "a/") && has(&["a/b"], "a/b/") && has(&["a/b"], "a/b/c/") && has(&["a/"], "a/")
        );
        assert!(!has(&["a/b"], "c/") && !has(&["a/b"], "a/c/") && !has(&["ab"], "a/"));
    }

    #[test]
    fn control_characters_of_a_path_are_escaped() {
        assert_eq!(shown("a\0b/é\u{1b}[0m"), "a\\u{0}b/é\\u{1b}[0m");
    }

    #[test]
    fn folders_above_a_file_are_there_with_it() {
        assert_eq!(ends("a/b/c").collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
    }
}
