use std::{borrow::Cow, cell::RefCell, collections::HashSet, rc::Rc};

use crate::{
    charts::ChartRenderer,
    path,
    remote::{RemoteError, RemoteLoader, is_remote_directory, is_remote_file},
    tree::{EntryKind, Tree, TreeError},
    weigh::{Excess, Room},
};

/// Where a kustomization may read files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestriction {
    /// Files in or below the kustomization's own directory.
    #[default]
    RootOnly,
    /// Files anywhere in the tree. Never above its root.
    None,
}

/// Why a file or base cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The tree does not give it.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Outside of what may be read.
    #[error("security; file '{path}' is not in or below '/{root}'")]
    Outside {
        /// The path, resolved.
        path: String,
        /// The directory it must be in.
        root: String,
    },
    /// A directory where a file is needed.
    #[error("'/{0}' must resolve to a file")]
    MustBeFile(String),
    /// A base that is no directory.
    #[error("must build at directory: not a valid directory: {0}")]
    NotADirectory(TreeError),
    /// A base that is a file.
    #[error("must build at directory: '/{0}': file is not directory")]
    File(String),
    /// An empty path.
    #[error("new root cannot be empty")]
    EmptyRoot,
    /// An absolute path.
    #[error("new root '{0}' cannot be absolute")]
    AbsoluteRoot(String),
    /// Bases that include each other.
    #[error("cycle detected: candidate root '/{candidate}' contains visited root '/{visited}'")]
    Cycle {
        /// The directory to be visited.
        candidate: String,
        /// The directory that led there.
        visited: String,
    },
    /// A path that two entries of a list have run together into.
    #[error(
        "path {0:?} is ambiguous, which is likely not the intended target; check for YAML indentation errors in your \
         kustomization file"
    )]
    Ambiguous(String),
    /// Bases nested too deeply.
    #[error("bases are nested deeper than {0}")]
    TooDeep(usize),
    /// A chart's directory is too large.
    #[error("chart exceeds the limit of {0} bytes")]
    ChartTooLarge(usize),
    /// Not UTF-8 where text is needed.
    #[error("'{0}' is not valid UTF-8")]
    NotText(String),
    /// A file is read again, and others were before it.
    #[error("'/{path}': {source}")]
    Excess {
        /// The file, or its address.
        path: String,
        /// The limit.
        source: Excess,
    },
    /// A remote resource that is refused or cannot be had.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

/// The tree a loader reads: the caller's, or a remote one that the build holds.
#[derive(Clone)]
enum Source<'a> {
    Caller(&'a dyn Tree),
    Remote(Rc<dyn Tree + 'a>),
}

/// Reads files as seen from one kustomization's directory.
#[derive(Clone)]
pub(crate) struct Loader<'a> {
    source: Source<'a>,
    root: String,
    /// Directories of this tree that led here.
    visited: Vec<String>,
    restriction: LoadRestriction,
    remote: Option<&'a dyn RemoteLoader>,
    charts: Option<&'a dyn ChartRenderer>,
    depth: usize,
    /// The address of a remote tree; empty for the caller's.
    address: Rc<str>,
    read: ReadFiles,
    room: Room,
}

/// The trees' addresses and the paths in them that were read.
type ReadFiles = Rc<RefCell<HashSet<(Rc<str>, String)>>>;

/// Bytes of a chart's files together.
const MAX_CHART_BYTES: usize = 64 << 20;

/// Bases within bases at most; cycles end sooner.
const MAX_DEPTH: usize = 100;

/// Files with their paths.
type Files = Vec<(String, Vec<u8>)>;

impl<'a> Loader<'a> {
    pub(crate) fn new(
        tree: &'a dyn Tree,
        at: &str,
        restriction: LoadRestriction,
        remote: Option<&'a dyn RemoteLoader>,
        charts: Option<&'a dyn ChartRenderer>,
    ) -> Result<Self, LoadError> {
        let outside = || LoadError::Outside { path: at.to_owned(), root: String::new() };
        let root = path::join("", at).ok_or_else(outside)?;
        check_directory(tree, &root)?;
        let root = tree.follow(&root).ok_or_else(outside)?;
        Ok(Self {
            source: Source::Caller(tree),
            root,
            visited: Vec::new(),
            restriction,
            remote,
            charts,
            depth: 0,
            address: Rc::from(""),
            read: ReadFiles::default(),
            room: Room::default(),
        })
    }

    /// The directory files are read from, without a leading slash.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    fn tree(&self) -> &dyn Tree {
        match &self.source {
            Source::Caller(tree) => *tree,
            Source::Remote(tree) => tree.as_ref(),
        }
    }

    /// What the whole build may still copy.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Takes of the room for what a file holds.
    pub(crate) fn take(&self, way: Excess, bytes: usize, file: &str) -> Result<(), LoadError> {
        let path = || self.absolute(file);
        self.room.take(way, bytes).map_err(|source| LoadError::Excess { path: path(), source })
    }

    /// The bytes of a file.
    pub(crate) fn load(&self, file: &str) -> Result<Cow<'_, [u8]>, LoadError> {
        let (bytes, again) = self.read(file)?;
        if again {
            self.take(Excess::Files, bytes.len(), file)?;
        }
        Ok(bytes)
    }

    /// The bytes of a file, and whether it was read before.
    fn read(&self, file: &str) -> Result<(Cow<'_, [u8]>, bool), LoadError> {
        if is_remote_file(file) {
            let bytes = self.remote()?.file(file)?;
            return Ok((Cow::Owned(bytes), self.is_read_again(file.to_owned())));
        }
        let resolved = self.resolve(file)?;
        match self.tree().kind(&resolved) {
            Some(EntryKind::Dir) => return Err(LoadError::MustBeFile(resolved)),
            None => return Err(TreeError::NotFound(resolved).into()),
            Some(EntryKind::File) => {}
        }
        let real = self.tree().follow(&resolved).ok_or_else(|| TreeError::NotFound(resolved.clone()))?;
        if self.restriction == LoadRestriction::RootOnly && !path::is_in(&real, &self.root) {
            return Err(LoadError::Outside { path: format!("/{resolved}"), root: self.root.clone() });
        }
        let bytes = self.tree().read(&real)?;
        Ok((bytes, self.is_read_again(real)))
    }

    fn is_read_again(&self, path: String) -> bool {
        !self.read.borrow_mut().insert((Rc::clone(&self.address), path))
    }

    /// The text of a file.
    pub(crate) fn load_text(&self, file: &str) -> Result<String, LoadError> {
        text(file, self.load(file)?)
    }

    /// The text of a file of resources, and whether it was read before: then the caller is to weigh what it holds.
    pub(crate) fn load_resources(&self, file: &str) -> Result<(String, bool), LoadError> {
        let (bytes, again) = self.read(file)?;
        Ok((text(file, bytes)?, again))
    }

    /// The text of a kustomization, if there is a file of this name.
    pub(crate) fn load_kustomization(&self, file: &str) -> Result<Option<String>, LoadError> {
        let (text, again) = match self.load_resources(file) {
            // What is no file of this folder is none to the reference tool.
            Err(
                LoadError::Tree(TreeError::NotFound(_) | TreeError::IsADirectory(_))
                | LoadError::MustBeFile(_)
                | LoadError::Outside { .. },
            ) => return Ok(None),
            loaded => loaded?,
        };
        if again {
            self.take(Excess::Bases, text.len(), file)?;
        }
        Ok(Some(text))
    }

    /// What renders charts, if anything does.
    pub(crate) fn charts(&self) -> Option<&'a dyn ChartRenderer> {
        self.charts
    }

    /// A path as messages show it, without the leading slash.
    pub(crate) fn absolute(&self, path: &str) -> String {
        path::join_loose(&self.root, path)
    }

    /// The files of a chart's directory; none when it is no directory.
    pub(crate) fn files_below(&self, dir: &str) -> Result<Option<Files>, LoadError> {
        let root = self.resolve(dir)?;
        if self.tree().kind(&root) != Some(EntryKind::Dir) {
            return Ok(None);
        }
        let mut files = Vec::new();
        let mut left = MAX_CHART_BYTES;
        let mut queue = vec![String::new()];
        while let Some(folder) = queue.pop() {
            for entry in self.tree().list(&path::join_loose(&root, &folder))? {
                let name = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
                if entry.kind == EntryKind::Dir {
                    queue.push(name);
                    continue;
                }
                let data = self.tree().read(&path::join_loose(&root, &name))?.into_owned();
                left = left.checked_sub(data.len() + 1).ok_or(LoadError::ChartTooLarge(MAX_CHART_BYTES))?;
                files.push((name, data));
            }
        }
        Ok(Some(files))
    }

    fn resolve(&self, file: &str) -> Result<String, LoadError> {
        let outside = || LoadError::Outside {
            path: format!("/{}", path::join_loose(&self.root, file)),
            root: String::new(),
        };
        path::join(&self.root, file).ok_or_else(outside)
    }

    /// A loader for a base or component.
    pub(crate) fn enter(&self, dir: &str) -> Result<Self, LoadError> {
        if self.depth >= MAX_DEPTH {
            return Err(LoadError::TooDeep(MAX_DEPTH));
        }
        if dir.is_empty() {
            return Err(LoadError::EmptyRoot);
        }
        if is_remote_directory(dir) {
            return self.enter_remote(dir);
        }
        if dir.starts_with('/') {
            return Err(LoadError::AbsoluteRoot(dir.to_owned()));
        }
        if dir.split('/').any(|part| part != ".." && part.contains("..")) {
            return Err(LoadError::Ambiguous(dir.to_owned()));
        }
        let root = self.resolve(dir)?;
        check_directory(self.tree(), &root)?;
        let root = self.tree().follow(&root).ok_or(LoadError::NotADirectory(TreeError::NotFound(root)))?;
        let mut visited = self.visited.clone();
        visited.push(self.root.clone());
        if let Some(visited) = visited.iter().rev().find(|visited| path::is_in(visited, &root)) {
            return Err(LoadError::Cycle { candidate: root, visited: visited.clone() });
        }
        Ok(Self { root, visited, depth: self.depth + 1, ..self.clone() })
    }

    fn enter_remote(&self, url: &str) -> Result<Self, LoadError> {
        let (tree, root) = self.remote()?.directory(url)?;
        let tree: Rc<dyn Tree> = Rc::from(tree);
        let restriction = LoadRestriction::RootOnly;
        let source = Source::Remote(tree);
        let visited = Vec::new();
        let address = Rc::from(url);
        Ok(Self { source, root, visited, restriction, address, depth: self.depth + 1, ..self.clone() })
    }

    fn remote(&self) -> Result<&'a dyn RemoteLoader, LoadError> {
        self.remote.ok_or(LoadError::Remote(RemoteError::Refused))
    }
}

fn text(file: &str, bytes: Cow<'_, [u8]>) -> Result<String, LoadError> {
    String::from_utf8(bytes.into_owned()).map_err(|_| LoadError::NotText(file.to_owned()))
}

fn check_directory(tree: &dyn Tree, root: &str) -> Result<(), LoadError> {
    match tree.kind(root) {
        Some(EntryKind::Dir) => Ok(()),
        Some(EntryKind::File) => Err(LoadError::File(root.to_owned())),
        None => Err(LoadError::NotADirectory(TreeError::NotFound(root.to_owned()))),
    }
}
