use std::sync::Arc;

use api::meta::Artifact;
use artifact::{ArtifactPath, Check, Digest, PathError, Store};
use runtime::{Event, Key};

use crate::source::SourceObject;
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

/// The artifact of a source's status, unless it is another object's: so it is when a status was restored under another
/// name, until the source's next run.
pub(crate) fn own<K: SourceObject>(source: &K) -> Option<&Artifact> {
    let artifact = source.status().and_then(K::artifact)?;
    path_of::<K>(&Key::of(source), artifact).is_ok().then_some(artifact)
}

fn path_of<K: SourceObject>(key: &Key, artifact: &Artifact) -> Result<ArtifactPath, PathError> {
    ArtifactPath::of_object(K::FOLDER, &key.namespace, &key.name, &artifact.path)
}

/// Collects garbage and looks whether the stored file is still what the status says.
pub(crate) async fn check<K: SourceObject>(
    store: Arc<dyn Store>,
    key: &Key,
    artifact: Option<Artifact>,
) -> Result<Kept, StepError> {
    let Some(artifact) = artifact else { return Ok(Kept::default()) };
    let path = path_of::<K>(key, &artifact);
    let checked = tokio::task::spawn_blocking(move || check_blocking(store.as_ref(), path, artifact)).await;
    checked.unwrap_or_else(|error| Err(failed(format!("failed to look at the stored artifact: {error}"))))
}

fn check_blocking(
    store: &dyn Store,
    path: Result<ArtifactPath, PathError>,
    mut artifact: Artifact,
) -> Result<Kept, StepError> {
    let (Ok(path), Ok(digest)) = (path, artifact.digest.parse::<Digest>()) else {
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
    use std::sync::Arc;

    use super::{Kept, check, own};
    use api::meta::Artifact;
    use api::source::v1::{GitRepository, GitRepositoryStatus};
    use artifact::{ArtifactPath, LocalStore, Retention, Store};
    use runtime::{Key, Severity};

    /// A folder with one artifact, `gitrepository/ns/app/a.tar.gz`.
    struct Rig {
        dir: tempfile::TempDir,
        store: Arc<LocalStore>,
        artifact: Artifact,
    }

    impl Rig {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            // The oldest beside the current one goes.
            let retention = Retention { records: 1, ..Retention::default() };
            let store = LocalStore::open(dir.path(), "host:80", retention).unwrap();
            let path = ArtifactPath::new("gitrepository", "ns", "app", "a.tar.gz").unwrap();
            let stored = store.put(&path, &mut |out| Ok(out.write_all(b"content")?)).unwrap();
            let artifact = Artifact {
                path: path.to_string(),
                digest: stored.digest.to_string(),
                url: "http://elsewhere/x".into(),
                ..Artifact::default()
            };
            Self { dir, store: Arc::new(store), artifact }
        }

        async fn check(&self, name: &str) -> Kept {
            let artifact = Some(self.artifact.clone());
            check::<GitRepository>(self.store.clone(), &Key::new("ns", name), artifact).await.unwrap()
        }

        fn write(&self, path: &str, text: &str) {
            std::fs::write(self.dir.path().join(path), text).unwrap();
        }

        fn has(&self, path: &str) -> bool {
            self.dir.path().join(path).exists()
        }
    }

    #[tokio::test]
    async fn an_unchanged_file_keeps_its_artifact_and_gets_todays_host() {
        let kept = Rig::new().check("app").await;
        assert_eq!(kept.artifact.unwrap().url, "http://host:80/gitrepository/ns/app/a.tar.gz");
        assert!(!kept.disappeared && kept.events.is_empty());
    }

    #[tokio::test]
    async fn a_changed_file_is_removed_and_told() {
        let rig = Rig::new();
        rig.write(&rig.artifact.path, "other");
        let kept = rig.check("app").await;
        assert!(kept.artifact.is_none() && kept.disappeared);
        assert_eq!(kept.events[0].severity, Severity::Error);
        assert!(!rig.has(&rig.artifact.path));
        let missing = rig.check("app").await;
        assert!(missing.disappeared && missing.events.is_empty());
    }

    #[tokio::test]
    async fn a_path_that_leaves_the_storage_is_no_artifact_of_ours() {
        let mut rig = Rig::new();
        rig.artifact.path = "../../etc/passwd".into();
        assert!(rig.check("app").await.disappeared);
    }

    #[tokio::test]
    async fn a_status_restored_under_another_name_gives_and_removes_nothing_of_the_first_object() {
        let rig = Rig::new();
        let (current, older) = (rig.artifact.path.clone(), "gitrepository/ns/app/older.tar.gz");
        rig.write(older, "older");
        let kept = rig.check("copy").await;
        assert!(kept.artifact.is_none() && kept.disappeared && kept.events.is_empty());
        rig.write(&current, "newer than the backup");
        assert!(rig.check("copy").await.disappeared);
        assert!(rig.has(&current) && rig.has(older));
    }

    #[test]
    fn a_source_shows_no_other_objects_artifact() {
        let mut source = GitRepository::new("app", Default::default());
        source.metadata.namespace = Some("ns".into());
        let artifact = Some(Rig::new().artifact);
        source.status = Some(GitRepositoryStatus { artifact, ..Default::default() });
        assert!(own(&source).is_some());
        source.metadata.namespace = Some("other".into());
        assert!(own(&source).is_none());
    }
}
