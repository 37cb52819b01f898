use std::collections::BTreeMap;

use crate::{CommitError, names::is_name};

/// New contents of files, by path with slashes from the root of the tree.
#[derive(Clone, Default)]
pub struct Changes {
    files: BTreeMap<String, Option<Vec<u8>>>,
}

/// What becomes of a name in a folder.
pub(crate) enum Change<'a> {
    /// A file gets this content, or goes.
    File(Option<&'a [u8]>),
    /// Something in a folder changes.
    Dir(BTreeMap<&'a str, Change<'a>>),
}

/// Bytes of a path at most.
const LONGEST: usize = 4096;

impl Changes {
    /// The file gets this content; a new one is not executable, an old one stays as it is.
    pub fn write(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), Some(content.into()));
    }

    /// The file goes, if it is there.
    pub fn delete(&mut self, path: impl Into<String>) {
        self.files.insert(path.into(), None);
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The changes by folder.
    pub(crate) fn tree(&self) -> Result<BTreeMap<&str, Change<'_>>, CommitError> {
        let mut root = BTreeMap::new();
        for (path, content) in &self.files {
            insert(&mut root, path, content.as_deref()).ok_or_else(|| CommitError::Path(shown(path)))?;
        }
        Ok(root)
    }
}

fn insert<'a>(
    root: &mut BTreeMap<&'a str, Change<'a>>,
    path: &'a str,
    content: Option<&'a [u8]>,
) -> Option<()> {
    let (dirs, name) = path.rsplit_once('/').map_or(("", path), |(dirs, name)| (dirs, name));
    if path.len() > LONGEST || path.starts_with('/') || !is_name(name.as_bytes()) {
        return None;
    }
    let mut dir = root;
    for part in dirs.split('/').filter(|_| !dirs.is_empty()) {
        if !is_name(part.as_bytes()) {
            return None;
        }
        match dir.entry(part).or_insert_with(|| Change::Dir(BTreeMap::new())) {
            Change::Dir(inner) => dir = inner,
            Change::File(_) => return None,
        }
    }
    match dir.insert(name, Change::File(content)) {
        None => Some(()),
        Some(_) => None,
    }
}

pub(crate) fn shown(path: &str) -> String {
    format!("{:?}", path.chars().take(200).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        for bad in ["", "/a", "a/", "a//b", "../a", "a/../b", ".git/config", "a/.GIT/x", "a\\..\\b", "a\0"] {
            let mut changes = Changes::default();
            changes.write(bad, "x");
            assert!(changes.tree().is_err(), "{bad:?}");
        }
        let mut changes = Changes::default();
        changes.write("a", "x");
        changes.write("a/b", "x");
        assert!(changes.tree().is_err());
    }
}
