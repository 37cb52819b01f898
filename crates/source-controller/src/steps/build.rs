use std::io::Write;
use std::sync::Arc;

use api::meta::{Artifact, Time};
use artifact::{Algorithm, ArtifactPath, Digest, Digester, Ignore, IgnoreFile, Packer, Store, Stored};
use git::{Checkout, EntryKind, Git, GitError, Remote, Resolved, Selector, Session};
use k8s_openapi::jiff::Timestamp;
use runtime::Key;

use crate::status::{SourceReason, StepError};

/// What the reference means now, and the connection that told.
pub(crate) struct Remoted {
    pub(crate) session: Session,
    pub(crate) resolved: Resolved,
}

/// Asks the remote which commit the reference means; nothing is fetched.
pub(crate) async fn resolve(git: &Git, remote: &Remote, selector: &Selector) -> Result<Remoted, StepError> {
    let mut session = git.open(remote).await.map_err(fetch_failed)?;
    let resolved = session.resolve(selector).await.map_err(fetch_failed)?;
    Ok(Remoted { session, resolved })
}

/// Receives the commit.
pub(crate) async fn fetch(mut remoted: Remoted) -> Result<Checkout, StepError> {
    remoted.session.fetch(&remoted.resolved).await.map_err(fetch_failed)
}

fn fetch_failed(error: GitError) -> StepError {
    match error {
        GitError::EmptyRepository => StepError::fetch(SourceReason::EmptyGitRepository, error.to_string()),
        error => {
            let message = format!("failed to checkout and determine revision: {error}");
            StepError::fetch(SourceReason::GitOperationFailed, message)
        }
    }
}

/// Where and how an artifact is stored.
pub(crate) struct Target {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Key,
    pub(crate) revision: String,
    pub(crate) ignore: Option<String>,
}

/// Packs and stores a commit's tree. Gives the artifact and the commit's subject as events show it.
pub(crate) async fn store(target: Target, checkout: Checkout) -> Result<(Artifact, String), StepError> {
    let stored = tokio::task::spawn_blocking(move || store_blocking(&target, &checkout)).await;
    stored.unwrap_or_else(|error| Err(archive_failed(&error.to_string())))
}

fn store_blocking(target: &Target, checkout: &Checkout) -> Result<(Artifact, String), StepError> {
    let commit = checkout.commit();
    let file = format!("{}.tar.gz", commit.id);
    let path = ArtifactPath::new("gitrepository", &target.key.namespace, &target.key.name, &file);
    let path = path.map_err(|error| archive_failed(&error.to_string()))?;
    let ignore = ignore(checkout, target.ignore.as_deref()).map_err(fetch_failed)?;
    let put = target.store.put(&path, &mut |out| pack(checkout, &ignore, out));
    let stored = put.map_err(|error| archive_failed(&chain(&error)))?;
    let digest = digest(target, &stored).map_err(|error| archive_failed(&error.to_string()))?;
    let artifact = Artifact {
        url: target.store.url(&path),
        path: path.to_string(),
        revision: target.revision.clone(),
        digest: digest.to_string(),
        last_update_time: now(),
        size: i64::try_from(stored.size).ok(),
        ..Artifact::default()
    };
    Ok((artifact, commit.short_subject()))
}

type PackFailure = Box<dyn std::error::Error + Send + Sync>;

fn pack(checkout: &Checkout, ignore: &Ignore, out: &mut dyn Write) -> Result<(), PackFailure> {
    let mut packer = Packer::new(out)?;
    checkout.walk::<WalkFailure>(&mut |entry| {
        match entry.kind {
            EntryKind::Dir if !ignore.excludes(entry.path, true) => packer.dir(entry.path)?,
            EntryKind::File { executable } if !ignore.excludes(entry.path, false) => {
                let content = entry.read()?;
                packer.file(entry.path, executable, content.len() as u64, &mut content.as_slice())?;
            }
            EntryKind::Dir | EntryKind::File { .. } => {}
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
}

/// The rules of the tree's own files and of the spec.
fn ignore(checkout: &Checkout, spec: Option<&str>) -> Result<Ignore, GitError> {
    let mut files = Vec::new();
    checkout.walk::<GitError>(&mut |entry| {
        if matches!(entry.kind, EntryKind::File { .. }) && Ignore::is_ignore_file(entry.path) {
            let dir = entry.path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
            files.push(IgnoreFile { dir, text: String::from_utf8_lossy(&entry.read()?).into_owned() });
        }
        Ok(())
    })?;
    Ok(Ignore::new(&files, spec))
}

fn digest(target: &Target, stored: &Stored) -> Result<Digest, PackFailure> {
    if target.algorithm == stored.digest.algorithm() {
        return Ok(stored.digest.clone());
    }
    let mut digester = Digester::new(target.algorithm);
    std::io::copy(&mut target.store.open(&stored.path)?, &mut digester)?;
    Ok(digester.finish())
}

fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

fn archive_failed(cause: &str) -> StepError {
    let message = format!("unable to archive artifact to storage: {cause}");
    StepError::storage(SourceReason::ArchiveOperationFailed, message)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
