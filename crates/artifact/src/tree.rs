use std::{fs::File, io, os::unix::fs::FileExt, path::PathBuf};

use crate::{Digest, pack::walk_order};

/// What stands at a path of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File {
        /// Whether it may be run.
        executable: bool,
    },
    /// A folder.
    Dir,
}

/// One path in walk order.
pub(crate) struct Node {
    pub(crate) path: Box<str>,
    pub(crate) kind: Kind,
    /// Where its content lies in the blob; zero and zero for folders.
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

/// An unpacked artifact: one file that holds the contents one after the other, and an index in memory of about
/// 60 bytes and its path an entry. Reading is by position, so any number of threads may read at once.
///
/// Paths have slashes, no leading one, and no `.` or `..`; the empty path is the root. A byte of a name that is no UTF-8
/// stands as the character of that number, as in Latin-1.
pub struct Tree {
    digest: Digest,
    blob: PathBuf,
    size: u64,
    nodes: Vec<Node>,
}

impl Tree {
    pub(crate) fn new(digest: Digest, blob: PathBuf, size: u64, mut nodes: Vec<Node>) -> Self {
        nodes.sort_by(|a, b| walk_order(a.path.as_bytes(), b.path.as_bytes()));
        nodes.shrink_to_fit();
        Self { digest, blob, size, nodes }
    }

    /// The digest of the artifact this came from.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Bytes it takes on disk.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// About how many bytes its index takes in memory, with what the file of a tree takes that holds nothing.
    pub(crate) fn weight(&self) -> u64 {
        const ALONE: u64 = 4096;
        // What an allocation takes beside what is asked for.
        let node = |node: &Node| (size_of::<Node>() + node.path.len() + 16) as u64;
        ALONE + self.nodes.iter().map(node).sum::<u64>()
    }

    /// All paths but the root, each folder before its content, names of a folder sorted by bytes.
    pub fn walk(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.nodes.iter().map(|node| (&*node.path, node.kind))
    }

    /// What stands at `path`, if anything.
    pub fn kind(&self, path: &str) -> Option<Kind> {
        if path.is_empty() {
            return Some(Kind::Dir);
        }
        self.find(path).map(|node| node.kind)
    }

    /// The size of the file at `path` in bytes.
    pub fn file_size(&self, path: &str) -> Option<u64> {
        self.find(path).filter(|node| node.kind != Kind::Dir).map(|node| node.size)
    }

    /// The content of the file at `path`.
    ///
    /// # Errors
    /// `NotFound` when there is no such path, `IsADirectory` for a folder, else what the disk says.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let node = self.find(path).ok_or_else(|| missing(path))?;
        if node.kind == Kind::Dir {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, format!("'{path}' is a directory")));
        }
        let size = usize::try_from(node.size).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut content = vec![0; size];
        if size > 0 {
            File::open(&self.blob)?.read_exact_at(&mut content, node.offset)?;
        }
        Ok(content)
    }

    /// The names in the folder `dir`, sorted by bytes.
    ///
    /// # Errors
    /// `NotFound` when there is no such path, `NotADirectory` for a file.
    pub fn list(&self, dir: &str) -> io::Result<Vec<(String, Kind)>> {
        match self.kind(dir) {
            None => Err(missing(dir)),
            Some(Kind::File { .. }) => {
                Err(io::Error::new(io::ErrorKind::NotADirectory, format!("'{dir}' is not a directory")))
            }
            Some(Kind::Dir) => Ok(self.children(dir).collect()),
        }
    }

    fn children<'a>(&'a self, dir: &'a str) -> impl Iterator<Item = (String, Kind)> + 'a {
        let start = self.nodes.partition_point(|node| {
            walk_order(node.path.as_bytes(), dir.as_bytes()).is_le() && !dir.is_empty()
        });
        let below =
            self.nodes[start..].iter().map_while(move |node| Some((below(&node.path, dir)?, node.kind)));
        below.filter(|(name, _)| !name.contains('/')).map(|(name, kind)| (name.to_owned(), kind))
    }

    fn find(&self, path: &str) -> Option<&Node> {
        let at =
            self.nodes.binary_search_by(|node| walk_order(node.path.as_bytes(), path.as_bytes())).ok()?;
        Some(&self.nodes[at])
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.blob)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "cannot remove an unpacked artifact");
        }
    }
}

fn below<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    if dir.is_empty() {
        return Some(path);
    }
    path.strip_prefix(dir)?.strip_prefix('/')
}

fn missing(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("'{path}' does not exist"))
}
