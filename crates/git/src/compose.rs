use std::collections::BTreeMap;

use gix_object::Kind;

use crate::{
    Changes, Checkout, CommitError, Identity, Oid, Signer,
    changes::{Change, shown},
    checkout::DEPTH,
    new_objects::NewObjects,
    object::{LineKind, tree_lines},
    pack::Pack,
};

/// What stands in a commit beside its tree.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// Who wrote the change.
    pub author: &'a Identity,
    /// Who makes the commit.
    pub committer: &'a Identity,
    /// The message; it is kept as it is.
    pub message: &'a str,
    /// Signs the commit.
    pub signer: Option<&'a Signer>,
}

/// A commit that stands nowhere yet, with the objects that are new in it.
pub struct NewCommit {
    id: Oid,
    base: Option<Oid>,
    objects: NewObjects,
}

impl NewCommit {
    /// A commit without parents, the first one of a repository.
    ///
    /// # Errors
    /// A path that no tree may hold, a NUL in the message, or a signature that cannot be made.
    pub fn root(changes: &Changes, draft: &Draft<'_>) -> Result<Self, CommitError> {
        build(None, None, changes, draft)
    }

    /// Its name.
    pub fn id(&self) -> Oid {
        self.id
    }

    /// The commit it stands on.
    pub fn base(&self) -> Option<Oid> {
        self.base
    }

    pub(crate) fn pack(&self) -> Vec<u8> {
        self.objects.pack()
    }
}

impl Checkout {
    /// A commit on top of this one in which files have new contents. All other entries of the tree stay as they are,
    /// symbolic links and submodules too.
    ///
    /// # Errors
    /// [`CommitError::NothingChanged`] when the tree would stay the same; a path that no tree may hold or that is no
    /// file, a NUL in the message, a damaged object, or a signature that cannot be made.
    pub fn compose(&self, changes: &Changes, draft: &Draft<'_>) -> Result<NewCommit, CommitError> {
        let commit = self.commit();
        build(Some(self.pack()), Some((commit.id, commit.tree)), changes, draft)
    }
}

fn build(
    pack: Option<&Pack>,
    base: Option<(Oid, Oid)>,
    changes: &Changes,
    draft: &Draft<'_>,
) -> Result<NewCommit, CommitError> {
    let mut rewrite = Rewrite { pack, objects: NewObjects::default() };
    let tree = rewrite.dir(base.map(|(_, tree)| tree), &changes.tree()?, "", DEPTH)?;
    let tree = tree.unwrap_or_else(|| rewrite.objects.add(Kind::Tree, Vec::new()));
    if base.is_some_and(|(_, old)| old == tree) {
        return Err(CommitError::NothingChanged);
    }
    let base = base.map(|(commit, _)| commit);
    let content = commit_bytes(tree, base, draft)?;
    let mut objects = rewrite.objects;
    let id = objects.add(Kind::Commit, content);
    Ok(NewCommit { id, base, objects })
}

struct Rewrite<'a> {
    pack: Option<&'a Pack>,
    objects: NewObjects,
}

/// A line of a tree that is being written.
struct Line {
    mode: Vec<u8>,
    id: Oid,
    is_dir: bool,
}

impl Rewrite<'_> {
    /// Writes a changed folder; nothing when it has become empty, as Git keeps no empty folders.
    fn dir(
        &mut self,
        old: Option<Oid>,
        changes: &BTreeMap<&str, Change<'_>>,
        path: &str,
        depth: usize,
    ) -> Result<Option<Oid>, CommitError> {
        if depth == 0 {
            return Err(CommitError::Path(shown(path)));
        }
        let mut lines = self.lines(old)?;
        for (name, change) in changes {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}/{name}") };
            let line = lines.remove(name.as_bytes());
            let line = self.line(line, change, &path, depth)?;
            lines.extend(line.map(|line| (name.as_bytes().to_vec(), line)));
        }
        if lines.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.objects.add(Kind::Tree, tree_bytes(lines))))
    }

    fn lines(&self, tree: Option<Oid>) -> Result<BTreeMap<Vec<u8>, Line>, CommitError> {
        let (Some(tree), Some(pack)) = (tree, self.pack) else { return Ok(BTreeMap::new()) };
        let content = pack.get(tree, Kind::Tree)?;
        let lines = tree_lines(&content)
            .ok_or_else(|| crate::GitError::Object { id: tree.to_string(), cause: "malformed tree" })?;
        let line = |line: &crate::object::TreeLine<'_>| {
            let is_dir = line.kind == LineKind::Dir;
            (line.name.to_vec(), Line { mode: line.mode.to_vec(), id: line.id, is_dir })
        };
        Ok(lines.iter().map(line).collect())
    }

    fn line(
        &mut self,
        old: Option<Line>,
        change: &Change<'_>,
        path: &str,
        depth: usize,
    ) -> Result<Option<Line>, CommitError> {
        let other = || CommitError::Path(shown(path));
        match change {
            Change::File(content) => {
                if old.as_ref().is_some_and(|old| !old.mode.starts_with(b"100")) {
                    return Err(other());
                }
                let mode = old.map_or_else(|| b"100644".to_vec(), |old| old.mode);
                let line = |content: &&[u8]| Line {
                    mode,
                    id: self.objects.add(Kind::Blob, content.to_vec()),
                    is_dir: false,
                };
                Ok(content.as_ref().map(line))
            }
            Change::Dir(changes) => {
                if old.as_ref().is_some_and(|old| !old.is_dir) {
                    return Err(other());
                }
                let id = self.dir(old.map(|old| old.id), changes, path, depth - 1)?;
                Ok(id.map(|id| Line { mode: b"40000".to_vec(), id, is_dir: true }))
            }
        }
    }
}

/// Git sorts a folder as if its name ended in a slash.
fn tree_bytes(lines: BTreeMap<Vec<u8>, Line>) -> Vec<u8> {
    let mut lines: Vec<(Vec<u8>, Line)> = lines.into_iter().collect();
    let key = |(name, line): &(Vec<u8>, Line)| match line.is_dir {
        true => [name.as_slice(), b"/"].concat(),
        false => name.clone(),
    };
    lines.sort_by_key(key);
    let mut content = Vec::new();
    for (name, line) in &lines {
        content.extend_from_slice(&line.mode);
        content.push(b' ');
        content.extend_from_slice(name);
        content.push(0);
        content.extend_from_slice(line.id.as_bytes());
    }
    content
}

fn commit_bytes(tree: Oid, parent: Option<Oid>, draft: &Draft<'_>) -> Result<Vec<u8>, CommitError> {
    if draft.message.contains('\0') {
        return Err(CommitError::Message);
    }
    let parent = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
    let headers = format!(
        "tree {tree}\n{parent}author {}\ncommitter {}\n",
        identity(draft.author),
        identity(draft.committer)
    );
    let unsigned = format!("{headers}\n{}", draft.message);
    let Some(signer) = draft.signer else { return Ok(unsigned.into_bytes()) };
    let signature = signer.sign(unsigned.as_bytes())?;
    // A header's value goes on in lines that start with a space.
    let signature = signature.trim_end().replace("\r\n", "\n").replace('\n', "\n ");
    Ok(format!("{headers}gpgsig {signature}\n\n{}", draft.message).into_bytes())
}

/// `Name <mail> seconds zone`, without what would end a part early.
fn identity(who: &Identity) -> String {
    let clean = |text: &str| -> String {
        let kept = text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>'));
        kept.collect::<String>().trim().to_owned()
    };
    format!("{} <{}> {} +0000", clean(&who.name), clean(&who.email), who.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Identity {
        Identity { name: name.into(), email: "a@b".into(), time: 1_700_000_000 }
    }

    fn root(changes: &Changes, name: &str, message: &str) -> Result<NewCommit, CommitError> {
        let who = who(name);
        NewCommit::root(changes, &Draft { author: &who, committer: &who, message, signer: None })
    }

    #[test]
    fn the_commit_is_the_one_that_git_makes() {
        let mut changes = Changes::default();
        changes.write("a.b", "2");
        changes.write("a/x", "1");
        let commit = root(&changes, "A B", "m\n").unwrap();
        let content = String::from_utf8(commit.objects.get(commit.id()).unwrap().to_vec()).unwrap();
        // The tree of `git write-tree` for these two files.
        assert!(content.starts_with("tree e7ada4b7badb8a42021056438c0cf2d9a0622ea9\n"), "{content}");
        assert!(
            content
                .ends_with("author A B <a@b> 1700000000 +0000\ncommitter A B <a@b> 1700000000 +0000\n\nm\n")
        );
    }

    #[test]
    fn names_cannot_forge_headers() {
        let mut changes = Changes::default();
        changes.write("a", "1");
        let commit = root(&changes, "A\nparent x <evil>", "m").unwrap();
        let content = String::from_utf8(commit.objects.get(commit.id()).unwrap().to_vec()).unwrap();
        assert!(content.contains("author Aparent x evil <a@b> "), "{content}");
        assert!(matches!(root(&changes, "A", "m\0"), Err(CommitError::Message)));
    }
}
