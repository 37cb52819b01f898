use std::borrow::Cow;

use kustomize::{DirEntry, EntryKind, Tree, TreeError};

/// A tree with one file laid over another tree: the merged kustomization file, which is never written.
pub struct OverlayTree<'t> {
    below: &'t dyn Tree,
    dir: String,
    name: String,
    content: Vec<u8>,
}

impl<'t> OverlayTree<'t> {
    /// Lays a file `name` into the existing directory `dir` (a clean path), over whatever stands there.
    #[must_use]
    pub fn new(below: &'t dyn Tree, dir: &str, name: &str, content: Vec<u8>) -> Self {
        Self { below, dir: dir.to_owned(), name: name.to_owned(), content }
    }

    fn covers(&self, path: &str) -> bool {
        match path.rsplit_once('/') {
            Some((dir, name)) => dir == self.dir && name == self.name,
            None => self.dir.is_empty() && path == self.name,
        }
    }
}

impl Tree for OverlayTree<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        if self.covers(path) { Ok(Cow::Borrowed(&self.content)) } else { self.below.read(path) }
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        if self.covers(path) { Some(EntryKind::File) } else { self.below.kind(path) }
    }

    fn follow(&self, path: &str) -> Option<String> {
        if self.covers(path) { Some(path.to_owned()) } else { self.below.follow(path) }
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>, TreeError> {
        let mut entries = self.below.list(dir)?;
        if dir == self.dir {
            entries.retain(|entry| entry.name != self.name);
            let at = entries.partition_point(|entry| entry.name < self.name);
            entries.insert(at, DirEntry { name: self.name.clone(), kind: EntryKind::File });
        }
        Ok(entries)
    }
}
