use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use api::meta::{Artifact, Time};
use artifact::{Algorithm, ArtifactPath, Digest, Digester, Store, Stored};
use k8s_openapi::jiff::Timestamp;
use runtime::Key;

use crate::source::Base;
use crate::status::{SourceReason, StepError};

/// Where and how artifacts of an object are stored.
pub(crate) struct Target {
    store: Arc<dyn Store>,
    algorithm: Algorithm,
    folder: &'static str,
    key: Key,
}

/// What is stored under which names.
pub(crate) struct NewArtifact<'a> {
    /// The file's name.
    pub(crate) file: &'a str,
    pub(crate) revision: &'a str,
    pub(crate) metadata: BTreeMap<String, String>,
    /// The stable name beside it.
    pub(crate) link: Option<&'static str>,
    /// How a failure begins: `unable to archive artifact to storage`.
    pub(crate) failure: &'static str,
}

pub(crate) type FillFailure = Box<dyn std::error::Error + Send + Sync>;

impl Target {
    pub(crate) fn new(base: &Base, folder: &'static str, key: &Key) -> Self {
        Self::in_store(base.store.clone(), base.algorithm, folder, key)
    }

    pub(crate) fn in_store(
        store: Arc<dyn Store>,
        algorithm: Algorithm,
        folder: &'static str,
        key: &Key,
    ) -> Self {
        Self { store, algorithm, folder, key: key.clone() }
    }

    /// Writes what `fill` gives; the artifact, and the URL of its stable name. Blocks.
    pub(crate) fn put(
        &self,
        new: &NewArtifact<'_>,
        fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), FillFailure>,
    ) -> Result<(Artifact, Option<String>), StepError> {
        let failed = |cause: String| {
            StepError::storage(SourceReason::ArchiveOperationFailed, format!("{}: {cause}", new.failure))
        };
        let path = ArtifactPath::new(self.folder, &self.key.namespace, &self.key.name, new.file);
        let path = path.map_err(|error| failed(error.to_string()))?;
        let stored = self.store.put(&path, fill).map_err(|error| failed(chain(&error)))?;
        let digest = self.digest(&stored).map_err(|error| failed(error.to_string()))?;
        let artifact = Artifact {
            url: self.store.url(&path),
            path: path.to_string(),
            revision: new.revision.to_owned(),
            digest: digest.to_string(),
            last_update_time: now(),
            size: i64::try_from(stored.size).ok(),
            metadata: new.metadata.clone(),
        };
        Ok((artifact, new.link.and_then(|name| self.link(&path, name))))
    }

    /// For convenience only: without it the artifact is what it is.
    fn link(&self, path: &ArtifactPath, name: &str) -> Option<String> {
        let linked = self.store.link(path, name);
        let linked = linked.inspect_err(|error| tracing::warn!(%error, "no stable name for the artifact"));
        linked.ok().map(|stable| self.store.url(&stable))
    }

    fn digest(&self, stored: &Stored) -> Result<Digest, FillFailure> {
        if self.algorithm == stored.digest.algorithm() {
            return Ok(stored.digest.clone());
        }
        let mut digester = Digester::new(self.algorithm);
        std::io::copy(&mut self.store.open(&stored.path)?, &mut digester)?;
        Ok(digester.finish())
    }
}

/// Runs what blocks off the runtime's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StepError> + Send + 'static,
) -> Result<T, StepError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = format!("unable to archive artifact to storage: {error}");
        Err(StepError::storage(SourceReason::ArchiveOperationFailed, message))
    })
}

fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A transparent error says what its source says.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
