use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use artifact::{Digest, Hashed, Ignore, Packer};
use futures::FutureExt;
use git::{Entry, EntryKind, Git, GitError, Remote, Resolved, Selector, Session};
use tokio::time::Instant;

use crate::answers::Answers;
use crate::status::{SourceReason, StepError};
use crate::steps::ignore_files::{IgnoreFiles, TooManyPatterns};
use crate::steps::made::{Made, Twin};
use crate::steps::put::{FillFailure, NewArtifact, Target, blocking};
use crate::steps::sparse::Sparse;

/// What repositories were asked lately: where, as whom, within which time, and for which reference.
pub(crate) type Asked = Answers<(Remote, Selector), Resolved, GitError>;

/// What the reference means now, and the connection that told, if it was asked for this object.
pub(crate) struct Remoted {
    pub(crate) remote: Remote,
    session: Option<Session>,
    pub(crate) resolved: Resolved,
}

/// Which commit the reference means, as the remote has told `since` then; nothing is fetched.
pub(crate) async fn resolve(
    (git, asked): (&Git, &Asked),
    (remote, selector): (Remote, Selector),
    since: Instant,
) -> Result<Remoted, GitError> {
    let told = Arc::new(Mutex::new(None));
    let ask = || {
        let (git, remote, selector, told) = (git.clone(), remote.clone(), selector.clone(), told.clone());
        async move {
            let mut session = git.open(&remote).await?;
            let resolved = session.resolve(&selector).await?;
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
            Ok(resolved)
        }
        .boxed()
    };
    let resolved = asked.get((remote.clone(), selector.clone()), since, ask).await?;
    let session = told.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(Remoted { remote, session, resolved })
}

/// A commit, and which of its files count.
pub(crate) struct Checkout {
    tree: git::Checkout,
    sparse: Sparse,
}

impl Checkout {
    /// Whether an entry is in the artifact.
    fn keeps(&self, ignore: &Ignore, entry: &Entry<'_>) -> bool {
        self.sparse.has(entry.kind, entry.path) && !ignore.excludes(entry.path, entry.kind.is_dir())
    }
}

/// What an artifact is made of.
pub(crate) enum Content {
    /// The file that was made for another object.
    Made(Twin),
    Fetched(Box<Checkout>),
}

/// Receives the commit, and looks whether it has what shall be checked out of it.
pub(crate) async fn fetch(git: &Git, remoted: Remoted, sparse: Sparse) -> Result<Checkout, StepError> {
    let mut session = match remoted.session {
        Some(session) => session,
        None => git.open(&remoted.remote).await.map_err(fetch_failed)?,
    };
    let tree = session.fetch(&remoted.resolved).await.map_err(fetch_failed)?;
    if sparse.is_everything() {
        return Ok(Checkout { tree, sparse });
    }
    blocking(move || {
        sparse
            .check(&tree)
            .map_err(|error| failed(format!("failed to sparse checkout directories : {error}")))?;
        Ok(Checkout { tree, sparse })
    })
    .await
}

/// The error of a remote that did not tell what the reference means. `lists` when it was asked for its references alone.
pub(crate) fn unresolved(error: &GitError, lists: bool) -> StepError {
    let text = if lists { error.of_listing() } else { error.to_string() };
    match error {
        GitError::EmptyRepository => StepError::fetch(SourceReason::EmptyGitRepository, text),
        _ => failed(format!("failed to checkout and determine revision: {text}")),
    }
}

fn fetch_failed(error: GitError) -> StepError {
    unresolved(&error, false)
}

fn failed(message: String) -> StepError {
    StepError::fetch(SourceReason::GitOperationFailed, message)
}

/// Stores a commit's tree: packs it, or copies what was packed of it.
pub(crate) async fn store(
    target: Target,
    revision: &str,
    spec_ignore: Option<String>,
    content: Content,
) -> Result<Made, StepError> {
    let revision = revision.to_owned();
    blocking(move || match content {
        Content::Made(twin) => copied(&target, &revision, twin),
        Content::Fetched(checkout) => packed(&target, &revision, spec_ignore.as_deref(), &checkout),
    })
    .await
}

fn packed(
    target: &Target,
    revision: &str,
    spec_ignore: Option<&str>,
    checkout: &Checkout,
) -> Result<Made, StepError> {
    let commit = checkout.tree.commit();
    let ignore = rules(checkout, spec_ignore).map_err(|error| match error {
        WalkFailure::Git(error) => fetch_failed(error),
        error => failed(error.to_string()),
    })?;
    let file = format!("{}.tar.gz", commit.id);
    let (artifact, _) =
        target.put(&new_artifact(&file, revision), &mut |out| pack(checkout, &ignore, out))?;
    Ok(Made { artifact, subject: commit.short_subject(), signed: commit.signature.is_some() })
}

fn copied(target: &Target, revision: &str, twin: Twin) -> Result<Made, StepError> {
    let Twin { made, mut content } = twin;
    let file = made.artifact.path.rsplit('/').next().unwrap_or_default();
    // Compared while it is written: another file must not get the name, where consumers would find it.
    let copy = &mut |out: &mut dyn Write| {
        let expected: Digest = made.artifact.digest.parse()?;
        let mut out = Hashed::new(out, expected.algorithm());
        std::io::copy(&mut content, &mut out)?;
        let same = out.finish().0 == expected;
        same.then_some(()).ok_or_else(|| format!("'{}' is not what was stored", made.artifact.path).into())
    };
    let (artifact, _) = target.put(&new_artifact(file, revision), copy)?;
    Ok(Made { artifact, ..made })
}

/// How a failure to store begins.
const ARCHIVE: &str = "unable to archive artifact to storage";

fn new_artifact<'a>(file: &'a str, revision: &'a str) -> NewArtifact<'a> {
    NewArtifact { file, revision, metadata: BTreeMap::new(), link: None, failure: ARCHIVE }
}

fn pack(checkout: &Checkout, ignore: &Ignore, out: &mut dyn Write) -> Result<(), FillFailure> {
    let mut packer = Packer::new(out)?;
    let mut left = MOST_BYTES;
    checkout.tree.walk::<WalkFailure>(&mut |entry| {
        match entry.kind {
            _ if !checkout.keeps(ignore, entry) => {}
            EntryKind::Dir => packer.dir(entry.raw_path())?,
            EntryKind::File { executable } => {
                let content = entry.read()?;
                left = left.checked_sub(content.len()).ok_or(WalkFailure::Large)?;
                packer.file(entry.raw_path(), executable, content.len() as u64, &mut content.as_slice())?;
            }
            EntryKind::Unusable { .. } => entry.read().map(drop)?,
        }
        Ok(())
    })?;
    packer.finish()?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum WalkFailure {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Pack(#[from] artifact::PackError),
    #[error("the files hold more than {MOST_BYTES} bytes")]
    Large,
    #[error(transparent)]
    Patterns(#[from] TooManyPatterns),
}

/// Bytes of all files of an artifact, ten times what any consumer unpacks: one blob under many names makes terabytes of
/// a small repository.
const MOST_BYTES: usize = 1 << 30;

/// The rules of the tree's own files and of the spec. They come first: a name that no folder may hold is an error only
/// where the artifact would have it.
fn rules(checkout: &Checkout, spec: Option<&str>) -> Result<Ignore, WalkFailure> {
    let mut files = IgnoreFiles::default();
    let mut has_unusable = false;
    checkout.tree.walk::<WalkFailure>(&mut |entry| {
        let is_file = matches!(entry.kind, EntryKind::File { .. });
        has_unusable |= matches!(entry.kind, EntryKind::Unusable { .. });
        if is_file && checkout.sparse.has(entry.kind, entry.path) && Ignore::is_ignore_file(entry.path) {
            files.add(entry.path, &entry.read()?)?;
        }
        Ok(())
    })?;
    let ignore = files.rules(spec);
    if has_unusable {
        refuse_unusable(checkout, &ignore)?;
    }
    Ok(ignore)
}

fn refuse_unusable(checkout: &Checkout, ignore: &Ignore) -> Result<(), WalkFailure> {
    checkout.tree.walk(&mut |entry| match entry.kind {
        EntryKind::Unusable { .. } if checkout.keeps(ignore, entry) => Ok(entry.read().map(drop)?),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests;
