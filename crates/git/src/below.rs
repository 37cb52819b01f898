//! What a path of the tree leads to when links are followed, as a program sees it that opens files of a working tree.
use gix_object::Kind;

use crate::{
    Checkout, Entry, EntryKind, GitError, Oid,
    checkout::lines_of,
    names::{Place, is_name, shown},
    object::LineKind,
};

/// Links on the way of one path at most, as on Linux.
const LINKS: usize = 40;
/// Bytes of folders and links that are read to follow the links of one walk, at most.
const EFFORT: usize = 1 << 30;

/// Where a path leads to.
struct Found {
    path: String,
    kind: LineKind,
    id: Oid,
}

impl Checkout {
    /// Visits the files below a path, or the one that it leads to, with the name below the path (of a single file: its
    /// own) for those names that `is_wanted`. Links are followed within the tree: a linked file is visited under the
    /// link's name, and the entry's path is where its content stands, be it below the path or not. A folder that is
    /// linked below the path is not entered. What is not below the path is not counted. False when there is nothing.
    ///
    /// # Errors
    /// As [`Checkout::walk`]; [`GitError::Path`] for a wanted file that is unusable, or whose name is no UTF-8: a change of
    /// it could not be told.
    pub fn files_below<E: From<GitError>>(
        &self,
        path: &str,
        is_wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &Entry<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut links = Links { checkout: self, left: EFFORT };
        let Some(root) = links.follow(path)? else { return Ok(false) };
        if root.kind != LineKind::Dir {
            let name = root.path.rsplit('/').next().unwrap_or_default();
            self.give(name, &root, is_wanted, visit)?;
            return Ok(true);
        }
        self.lines(root.id, Place::of(&root.path), &mut |place, line| {
            let path = &*place.text();
            let name = path.strip_prefix(root.path.as_str()).unwrap_or(path).trim_start_matches('/');
            if !is_wanted(name) {
                return Ok(());
            }
            let found = match line.kind {
                LineKind::Symlink => links.follow(path)?,
                kind => Some(Found { path: path.to_owned(), kind, id: line.id }),
            };
            let is_file =
                |found: &Found| matches!(EntryKind::of(found.kind, true), Some(EntryKind::File { .. }));
            let Some(found) = found.filter(is_file) else { return Ok(()) };
            match place.is_usable() && str::from_utf8(place.bytes()).is_ok() {
                true => self.give(name, &found, is_wanted, visit),
                false => Err(GitError::Path(shown(place.bytes())).into()),
            }
        })?;
        Ok(true)
    }

    fn give<E>(
        &self,
        name: &str,
        found: &Found,
        is_wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, &Entry<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match EntryKind::of(found.kind, true) {
            Some(kind @ EntryKind::File { .. }) if is_wanted(name) => {
                visit(name, &Entry::new(self, (&found.path, found.path.as_bytes()), kind, found.id))
            }
            _ => Ok(()),
        }
    }
}

struct Links<'a> {
    checkout: &'a Checkout,
    left: usize,
}

impl Links<'_> {
    /// Follows a path from the root. Nothing where it leads to nothing, out of the tree, or round in circles.
    fn follow(&mut self, path: &str) -> Result<Option<Found>, GitError> {
        let mut links = 0;
        let mut left: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        // The folders on the way, without the root.
        let mut way: Vec<(String, Oid)> = Vec::new();
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." if way.pop().is_some() => continue,
                name if !is_name(name.as_bytes()) => return Ok(None),
                _ => {}
            }
            let folder = way.last().map_or(self.checkout.commit().tree, |(_, id)| *id);
            let Some((kind, id)) = self.line(folder, &part)? else { return Ok(None) };
            match kind {
                LineKind::Dir => way.push((part, id)),
                LineKind::Symlink => {
                    links += 1;
                    match self.target(id)?.filter(|_| links <= LINKS) {
                        Some(target) => left.extend(target.split('/').rev().map(str::to_owned)),
                        None => return Ok(None),
                    }
                }
                kind => {
                    way.push((part, id));
                    let path = joined(&way);
                    return Ok(left.is_empty().then_some(Found { path, kind, id }));
                }
            }
        }
        let id = way.last().map_or(self.checkout.commit().tree, |(_, id)| *id);
        Ok(Some(Found { path: joined(&way), kind: LineKind::Dir, id }))
    }

    /// What stands in a folder under a name.
    fn line(&mut self, folder: Oid, name: &str) -> Result<Option<(LineKind, Oid)>, GitError> {
        let content = self.read(folder, Kind::Tree)?;
        let lines = lines_of(&content, folder)?;
        let found = lines.iter().find(|line| line.name == name.as_bytes());
        Ok(found.map(|line| (line.kind, line.id)))
    }

    /// Where a link leads to; nothing for a place outside of the tree, or for what is no path.
    fn target(&mut self, link: Oid) -> Result<Option<String>, GitError> {
        let content = self.read(link, Kind::Blob)?;
        if content.len() > self.checkout.longest_path() || content.starts_with(b"/") {
            return Ok(None);
        }
        Ok(String::from_utf8(content).ok())
    }

    fn read(&mut self, id: Oid, kind: Kind) -> Result<Vec<u8>, GitError> {
        let content = self.checkout.pack().get(id, kind)?;
        let too_many = || GitError::TooLarge {
            url: String::new(),
            what: "effort to follow symbolic links",
            limit: EFFORT as u64,
        };
        self.left = self.left.checked_sub(content.len()).ok_or_else(too_many)?;
        Ok(content)
    }
}

fn joined(way: &[(String, Oid)]) -> String {
    way.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("/")
}
