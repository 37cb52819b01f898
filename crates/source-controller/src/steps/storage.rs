use std::sync::Arc;

use api::meta::Artifact;
use artifact::{ArtifactPath, Check, Digest, Store};
use runtime::Event;

use crate::status::{SourceReason, StepError};

/// What is left of the artifact that the status names.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The artifact with its URL renewed, when it is stored and unchanged.
    pub(crate) artifact: Option<Artifact>,
    /// There was one, and it is gone or was tampered with.
    pub(crate) disappeared: bool,
    /// What is to be told.
    pub(crate) events: Vec<Event>,
}

/// Collects garbage and looks whether the stored file is still what the status says.
pub(crate) async fn check(store: Arc<dyn Store>, artifact: Option<Artifact>) -> Result<Kept, StepError> {
    let Some(artifact) = artifact else { return Ok(Kept::default()) };
    let checked = tokio::task::spawn_blocking(move || check_blocking(store.as_ref(), artifact)).await;
    checked.unwrap_or_else(|error| Err(failed(format!("failed to look at the stored artifact: {error}"))))
}

fn check_blocking(store: &dyn Store, mut artifact: Artifact) -> Result<Kept, StepError> {
    let (Ok(path), Ok(digest)) = (ArtifactPath::parse(&artifact.path), artifact.digest.parse::<Digest>())
    else {
        // Written by someone else; it cannot be one of ours.
        return Ok(Kept { disappeared: true, ..Kept::default() });
    };
    let mut events = collect(store, &path);
    let found =
        store.check(&path, &digest).map_err(|error| failed(format!("failed to read artifact: {error}")))?;
    match found {
        Check::Good => {
            artifact.url = store.url(&path);
            return Ok(Kept { artifact: Some(artifact), disappeared: false, events });
        }
        Check::Missing => {}
        Check::Changed { found } => {
            let text =
                format!("failed to verify integrity of artifact: computed digest doesn't match '{found}'");
            events.push(Event::error(SourceReason::ArtifactVerificationFailed, text));
            let removed = store.remove(&path);
            removed.map_err(|error| {
                failed(format!("failed to remove artifact after digest mismatch: {error}"))
            })?;
        }
    }
    Ok(Kept { artifact: None, disappeared: true, events })
}

fn collect(store: &dyn Store, current: &ArtifactPath) -> Vec<Event> {
    match store.collect(current) {
        Ok(removed) if removed.is_empty() => Vec::new(),
        Ok(removed) => {
            let text = format!("garbage collected {} artifacts", removed.len());
            vec![Event::trace(SourceReason::GarbageCollectionSucceeded, text)]
        }
        Err(error) => {
            let text = format!("garbage collection of artifacts failed: {error}");
            vec![Event::trace(SourceReason::GarbageCollectionFailed, text)]
        }
    }
}

/// Removes everything that is stored for an object; false where there was nothing.
pub(crate) async fn remove_all(
    store: Arc<dyn Store>,
    folder: &str,
    namespace: &str,
    name: &str,
) -> Result<bool, StepError> {
    // Any file name gives the object's folder.
    let path = ArtifactPath::new(folder, namespace, name, "all");
    let path = path.map_err(|error| failed(format!("failed to find the artifacts: {error}")))?;
    let removed = tokio::task::spawn_blocking(move || store.remove_object(&path)).await;
    match removed {
        Ok(Ok(removed)) => Ok(removed),
        Ok(Err(error)) => Err(gone(error.to_string())),
        Err(error) => Err(gone(error.to_string())),
    }
}

/// The URL of a stable name beside an artifact, under today's host.
pub(crate) fn stable_url(store: &dyn Store, artifact: &Artifact, name: &str) -> Option<String> {
    let folder = artifact.path.rsplit_once('/')?.0;
    let path = ArtifactPath::parse(&format!("{folder}/{name}")).ok()?;
    Some(store.url(&path))
}

fn gone(cause: String) -> StepError {
    let text = format!("garbage collection for deleted resource failed: {cause}");
    StepError::storage(SourceReason::GarbageCollectionFailed, text)
}

fn failed(message: String) -> StepError {
    StepError::storage(SourceReason::StatOperationFailed, message)
}

#[cfg(test)]
mod tests {
    use super::check_blocking;
    use api::meta::Artifact;
    use artifact::{ArtifactPath, LocalStore, Retention, Store};
    use runtime::Severity;

    fn stored(store: &LocalStore) -> (ArtifactPath, Artifact) {
        let path = ArtifactPath::new("gitrepository", "ns", "app", "a.tar.gz").unwrap();
        let stored = store.put(&path, &mut |out| Ok(out.write_all(b"content")?)).unwrap();
        let artifact = Artifact {
            path: path.to_string(),
            digest: stored.digest.to_string(),
            url: "http://elsewhere/x".into(),
            ..Artifact::default()
        };
        (path, artifact)
    }

    #[test]
    fn an_unchanged_file_keeps_its_artifact_and_gets_todays_host() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::open(dir.path(), "host:80", Retention::default()).unwrap();
        let (_, artifact) = stored(&store);
        let kept = check_blocking(&store, artifact).unwrap();
        assert_eq!(kept.artifact.unwrap().url, "http://host:80/gitrepository/ns/app/a.tar.gz");
        assert!(!kept.disappeared && kept.events.is_empty());
    }

    #[test]
    fn a_changed_file_is_removed_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::open(dir.path(), "host:80", Retention::default()).unwrap();
        let (path, artifact) = stored(&store);
        std::fs::write(dir.path().join(path.as_str()), b"other").unwrap();
        let kept = check_blocking(&store, artifact.clone()).unwrap();
        assert!(kept.artifact.is_none() && kept.disappeared);
        assert_eq!(kept.events[0].severity, Severity::Error);
        assert!(!dir.path().join(path.as_str()).exists());
        let missing = check_blocking(&store, artifact).unwrap();
        assert!(missing.disappeared && missing.events.is_empty());
    }

    #[test]
    fn a_path_that_leaves_the_storage_is_no_artifact_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::open(dir.path(), "host:80", Retention::default()).unwrap();
        let (_, mut artifact) = stored(&store);
        artifact.path = "../../etc/passwd".into();
        assert!(check_blocking(&store, artifact).unwrap().disappeared);
    }
}
