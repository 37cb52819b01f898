use gix_object::Kind;

use crate::{
    Commit, GitError, Oid, Tag,
    names::{Place, shown},
    object::{LineKind, TreeLine, tree_lines},
    pack::Pack,
};

/// A fetched commit and its tree, held in a temporary folder until dropped. Reading blocks.
pub struct Checkout {
    pack: Pack,
    commit: Commit,
    tag: Option<Tag>,
    limits: WalkLimits,
}

/// What a tree may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WalkLimits {
    pub(crate) entries: usize,
    pub(crate) path: usize,
}

/// Deepest nesting of folders.
pub(crate) const DEPTH: usize = 200;
/// Tags that point to tags.
const TAG_CHAIN: usize = 10;

/// What an entry of a tree is. Symbolic links are not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder; also the empty place of a submodule.
    Dir,
    /// A file.
    File {
        /// Whether it may be run.
        executable: bool,
    },
    /// What no folder may hold under this name, or what is below such a folder: `..`, `.git`, or a name with a slash in
    /// it. It is told, so that one who leaves it out can go on; it cannot be read.
    Unusable {
        /// Whether it is a folder.
        is_dir: bool,
    },
}

impl EntryKind {
    /// What a line of a tree is; nothing for a symbolic link.
    pub(crate) fn of(kind: LineKind, is_usable: bool) -> Option<Self> {
        let found = match kind {
            LineKind::Symlink => return None,
            LineKind::Dir | LineKind::Submodule => Self::Dir,
            LineKind::File => Self::File { executable: false },
            LineKind::Executable => Self::File { executable: true },
        };
        Some(if is_usable { found } else { Self::Unusable { is_dir: found == Self::Dir } })
    }

    /// Whether it is a folder, usable or not.
    pub fn is_dir(self) -> bool {
        matches!(self, Self::Dir | Self::Unusable { is_dir: true })
    }
}

/// One entry of the tree, in walk order.
pub struct Entry<'a> {
    /// Path with slashes, relative to the root. What is no UTF-8 in it is replaced by U+FFFD.
    pub path: &'a str,
    /// What it is.
    pub kind: EntryKind,
    raw: &'a [u8],
    id: Oid,
    pack: &'a Pack,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(
        checkout: &'a Checkout,
        (path, raw): (&'a str, &'a [u8]),
        kind: EntryKind,
        id: Oid,
    ) -> Self {
        Self { path, kind, raw, id, pack: &checkout.pack }
    }

    /// The path as it stands in the tree: names on Linux are bytes.
    pub fn raw_path(&self) -> &[u8] {
        self.raw
    }

    /// The content of a file; nothing for a folder.
    ///
    /// # Errors
    /// [`GitError::Path`] for what is unusable; the object is missing, damaged or larger than allowed.
    pub fn read(&self) -> Result<Vec<u8>, GitError> {
        match self.kind {
            EntryKind::Dir => Ok(Vec::new()),
            EntryKind::File { .. } => self.pack.get(self.id, Kind::Blob),
            EntryKind::Unusable { .. } => Err(GitError::Path(shown(self.raw))),
        }
    }

    /// The name of the content: equal ids are equal contents.
    pub fn id(&self) -> Oid {
        self.id
    }
}

impl Checkout {
    pub(crate) fn new(
        pack: Pack,
        commit: Oid,
        tag: Option<Oid>,
        limits: WalkLimits,
    ) -> Result<Self, GitError> {
        let tag = tag.map(|id| read_tag(&pack, id, commit)).transpose()?;
        let commit = read_commit(&pack, commit)?;
        Ok(Self { pack, commit, tag, limits })
    }

    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// The annotated tag that was asked for, if it was one.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    pub(crate) fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Bytes of a path at most.
    pub(crate) fn longest_path(&self) -> usize {
        self.limits.path
    }

    /// Visits the whole tree, folders before their content, names of a folder sorted by bytes.
    ///
    /// # Errors
    /// The first error of `visit`; else a damaged object, a path that is too long, or another limit.
    pub fn walk<E: From<GitError>>(
        &self,
        visit: &mut dyn FnMut(&Entry<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.lines(self.commit.tree, Place::root(), &mut |place, line| {
            let Some(kind) = EntryKind::of(line.kind, place.is_usable()) else { return Ok(()) };
            visit(&Entry::new(self, (&place.text(), place.bytes()), kind, line.id))
        })
    }

    /// Visits all lines of a folder and of the folders in it, in the order of [`Checkout::walk`].
    pub(crate) fn lines<E: From<GitError>>(
        &self,
        tree: Oid,
        place: Place,
        visit: &mut dyn FnMut(&Place, &TreeLine<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (entries, links) = (Count::new(self), Count::new(self));
        Walk { checkout: self, visit, entries, links, held: 0 }.dir(tree, &place, DEPTH)
    }
}

/// How many entries may still come.
struct Count {
    left: usize,
    limit: usize,
}

impl Count {
    fn new(checkout: &Checkout) -> Self {
        Self { left: checkout.limits.entries, limit: checkout.limits.entries }
    }

    /// So many more.
    fn add(&mut self, count: usize, what: &'static str) -> Result<(), GitError> {
        let too_many = || GitError::TooLarge { url: String::new(), what, limit: self.limit as u64 };
        self.left = self.left.checked_sub(count).ok_or_else(too_many)?;
        Ok(())
    }
}

/// Bytes of the folders that are open at a time.
const HELD: usize = 64 << 20;

struct Walk<'a, 'v, E> {
    checkout: &'a Checkout,
    visit: &'v mut dyn FnMut(&Place, &TreeLine<'_>) -> Result<(), E>,
    entries: Count,
    links: Count,
    /// Bytes of the folders that are open.
    held: usize,
}

impl<E: From<GitError>> Walk<'_, '_, E> {
    fn dir(&mut self, tree: Oid, place: &Place, depth: usize) -> Result<(), E> {
        let content = self.checkout.pack.get(tree, Kind::Tree)?;
        let lines = lines_of(&content, tree)?;
        if depth == 0 {
            return Err(GitError::Object { id: tree.to_string(), cause: "nested too deep" }.into());
        }
        let held = self.open(&content, &lines)?;
        for line in lines {
            let place = place.child(line.name, self.checkout.limits.path)?;
            (self.visit)(&place, &line)?;
            if line.kind == LineKind::Dir {
                self.dir(line.id, &place, depth - 1)?;
            }
        }
        self.held -= held;
        Ok(())
    }

    /// Counts a folder's lines before the first is looked at. Links are counted too: they cost as much to read.
    fn open(&mut self, content: &[u8], lines: &[TreeLine<'_>]) -> Result<usize, GitError> {
        let links = lines.iter().filter(|line| line.kind == LineKind::Symlink).count();
        self.links.add(links, "number of symbolic links")?;
        self.entries.add(lines.len() - links, "number of files")?;
        let held = content.len() + size_of_val(lines);
        self.held += held;
        let (what, limit) = ("size in bytes of nested folders", HELD as u64);
        match self.held > HELD {
            true => Err(GitError::TooLarge { url: String::new(), what, limit }),
            false => Ok(held),
        }
    }
}

/// The lines of a folder in the order of a walk: Git sorts a folder as if its name ended in a slash, a walk does not.
pub(crate) fn lines_of(content: &[u8], tree: Oid) -> Result<Vec<TreeLine<'_>>, GitError> {
    let unusable = |cause| GitError::Object { id: tree.to_string(), cause };
    let mut lines = tree_lines(content).ok_or_else(|| unusable("malformed tree"))?;
    lines.sort_by(|a, b| a.name.cmp(b.name));
    match lines.windows(2).any(|pair| pair[0].name == pair[1].name) {
        true => Err(unusable("a name stands twice in the tree")),
        false => Ok(lines),
    }
}

pub(crate) fn read_commit(pack: &Pack, id: Oid) -> Result<Commit, GitError> {
    let content = pack.get(id, Kind::Commit)?;
    Commit::parse(id, &content)
        .ok_or_else(|| GitError::Object { id: id.to_string(), cause: "malformed commit" })
}

/// Follows tags of tags down to the commit; the first one is given.
fn read_tag(pack: &Pack, id: Oid, commit: Oid) -> Result<Tag, GitError> {
    let unusable = |cause| GitError::Object { id: id.to_string(), cause };
    let mut first = None;
    let mut next = id;
    for _ in 0..TAG_CHAIN {
        let content = pack.get(next, Kind::Tag)?;
        let (tag, target) = Tag::parse(next, &content).ok_or_else(|| unusable("malformed tag"))?;
        let first = first.get_or_insert(tag);
        if target == commit {
            return Ok(first.clone());
        }
        next = target;
    }
    Err(unusable("tag does not end at its commit"))
}
