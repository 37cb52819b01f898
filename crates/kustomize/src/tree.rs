use std::{borrow::Cow, collections::BTreeMap};

/// A read-only file tree. Paths are slash-separated, relative to the root and clean: no empty, `.` or `..`
/// parts, no leading slash; the root itself is the empty path.
pub trait Tree {
    /// The content of a file.
    ///
    /// # Errors
    /// When there is no file at the path, or the tree refuses to give it.
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError>;

    /// What stands at a path; `None` when nothing does.
    fn kind(&self, path: &str) -> Option<EntryKind>;

    /// Where a path leads when the links on it are followed, as a path of this tree; `None` when nothing stands there or
    /// it leads out of the tree. A tree without links gives what it got.
    fn follow(&self, path: &str) -> Option<String> {
        Some(path.to_owned())
    }

    /// The entries of a directory, sorted by name.
    ///
    /// # Errors
    /// When there is no directory at the path.
    fn list(&self, dir: &str) -> Result<Vec<DirEntry>, TreeError>;
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Dir,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Name without the directory.
    pub name: String,
    /// File or directory.
    pub kind: EntryKind,
}

/// Why a tree does not give a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Nothing stands at the path.
    #[error("'/{0}' doesn't exist")]
    NotFound(String),
    /// A file was asked for.
    #[error("'/{0}' is a directory")]
    IsADirectory(String),
    /// A directory was asked for.
    #[error("'/{0}' must be a directory so that it can be used as a build root")]
    NotADirectory(String),
    /// The file is larger than the tree gives.
    #[error("'/{path}' is larger than {limit} bytes")]
    TooLarge {
        /// Which file.
        path: String,
        /// The configured limit.
        limit: usize,
    },
    /// The tree cannot read what stands there.
    #[error("'/{path}' cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        path: String,
        /// The cause, without secrets.
        reason: String,
    },
}

/// A tree held in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree(BTreeMap<String, Vec<u8>>);

impl MemoryTree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file at a clean path, replacing what stands there.
    pub fn insert(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), content.into());
    }

    fn below<'a>(&'a self, dir: &str) -> impl Iterator<Item = &'a str> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let paths = self.0.range(prefix.clone()..).map(|(path, _)| path.as_str());
        paths.map_while(move |path| path.strip_prefix(prefix.as_str()))
    }
}

impl<P: Into<String>, C: Into<Vec<u8>>> FromIterator<(P, C)> for MemoryTree {
    fn from_iter<T: IntoIterator<Item = (P, C)>>(files: T) -> Self {
        Self(files.into_iter().map(|(path, content)| (path.into(), content.into())).collect())
    }
}

impl Tree for MemoryTree {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        match (self.0.get(path), self.kind(path)) {
            (Some(content), _) => Ok(Cow::Borrowed(content)),
            (None, Some(_)) => Err(TreeError::IsADirectory(path.to_owned())),
            (None, None) => Err(TreeError::NotFound(path.to_owned())),
        }
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        if self.0.contains_key(path) {
            return Some(EntryKind::File);
        }
        (path.is_empty() || self.below(path).next().is_some()).then_some(EntryKind::Dir)
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>, TreeError> {
        match self.kind(dir) {
            Some(EntryKind::Dir) => {}
            Some(EntryKind::File) => return Err(TreeError::NotADirectory(dir.to_owned())),
            None => return Err(TreeError::NotFound(dir.to_owned())),
        }
        let mut entries: Vec<DirEntry> = Vec::new();
        for path in self.below(dir) {
            let (name, kind) = match path.split_once('/') {
                Some((name, _)) => (name, EntryKind::Dir),
                None => (path, EntryKind::File),
            };
            if entries.last().is_none_or(|last| last.name != name) {
                entries.push(DirEntry { name: name.to_owned(), kind });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.dedup();
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::{EntryKind, MemoryTree, Tree, TreeError};

    fn tree() -> MemoryTree {
        [("a/b.yaml", "1"), ("a/c/d", "2"), ("a-b", "3")].into_iter().collect()
    }

    #[test]
    fn tells_files_from_directories() {
        let tree = tree();
        assert_eq!(tree.kind(""), Some(EntryKind::Dir));
        assert_eq!(tree.kind("a"), Some(EntryKind::Dir));
        assert_eq!(tree.kind("a/b.yaml"), Some(EntryKind::File));
        assert_eq!(tree.kind("a/b"), None);
    }

    #[test]
    fn lists_a_directory_sorted_by_name() {
        let names: Vec<_> = tree().list("a").unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["b.yaml", "c"]);
        assert_eq!(tree().list("").unwrap().len(), 2);
    }

    #[test]
    fn says_why_a_file_is_not_given() {
        assert_eq!(tree().read("x"), Err(TreeError::NotFound("x".into())));
        assert_eq!(tree().read("a"), Err(TreeError::IsADirectory("a".into())));
    }
}
