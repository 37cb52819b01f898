use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use api::meta::Artifact;
use api::source::v1::OCIRepositorySpec;
use artifact::{Digest, Ignore, Kind, Tree, UnpackLimits, pack, unpack};
use oci::{Descriptor, Manifest, Session};
use tempfile::NamedTempFile;

use crate::oci_repository::{is_copied, media_type, timed_out};
use crate::remote::Answer;
use crate::status::{SourceReason, StepError};
use crate::steps::ignore_files::IgnoreFiles;
use crate::steps::put::{NewArtifact, Target, blocking};

/// What a layer may cost.
#[derive(Clone, Debug)]
pub(crate) struct LayerLimits {
    /// Bytes of the layer as it is fetched.
    pub(crate) size: u64,
    /// What is in it, when it is extracted.
    pub(crate) unpack: UnpackLimits,
    /// Where it lies meanwhile.
    pub(crate) dir: PathBuf,
}

/// Stores the layer that is being pulled. Gives the artifact and its stable URL. Storing is waited for: left alone it would
/// go on, and write into the folder of an object that is built anew or gone meanwhile.
pub(crate) async fn store(
    pulling: impl Future<Output = Result<Answer<'_, Pulled>, StepError>>,
    target: Target,
    limits: &LayerLimits,
) -> Result<(Artifact, Option<String>), StepError> {
    let Answer { found: pulled, turn: _turn } = pulling.await?;
    let limits = limits.clone();
    blocking(move || pulled.store(&target, &limits)).await
}

/// Pulls the selected layer of a revision, within the spec's timeout.
pub(crate) async fn pull(
    session: &Session,
    spec: &OCIRepositorySpec,
    revision: &str,
    limits: &LayerLimits,
) -> Result<Pulled, StepError> {
    let fetching = tokio::time::timeout(spec.timeout(), fetch(session, spec, revision, limits));
    fetching.await.unwrap_or_else(|_| Err(timed_out(spec)))
}

async fn fetch(
    session: &Session,
    spec: &OCIRepositorySpec,
    revision: &str,
    limits: &LayerLimits,
) -> Result<Pulled, StepError> {
    let digest = revision.rsplit_once('@').map_or(revision, |(_, digest)| digest).to_owned();
    let pull = |error: &dyn std::fmt::Display| {
        let message = format!("failed to pull artifact from '{}': {error}", spec.url);
        StepError::fetch(SourceReason::OCIArtifactPullFailed, message)
    };
    let manifest = session.manifest(&digest).await.map_err(|error| pull(&error))?;
    let layer = select(&manifest, media_type(spec))?;
    let mut file = NamedTempFile::new_in(&limits.dir)
        .map_err(|error| operation(format!("failed to create file to copy layer to: {error}")))?;
    session.blob(layer, limits.size, &mut file).await.map_err(|error| match error.is_too_large() {
        true => operation(format!("layer '{}' is larger than {} bytes", layer.digest, limits.size)),
        false => operation(format!("failed to extract the first layer from artifact: {error}")),
    })?;
    Ok(Pulled {
        file,
        digest,
        revision: revision.to_owned(),
        manifest,
        ignore: spec.ignore.clone(),
        copied: is_copied(spec),
    })
}

/// The layer with the media type, else the first.
fn select<'a>(manifest: &'a Manifest, media_type: Option<&str>) -> Result<&'a Descriptor, StepError> {
    if manifest.layers.is_empty() {
        return Err(operation("no layers found in artifact".into()));
    }
    let Some(wanted) = media_type else { return Ok(&manifest.layers[0]) };
    let found = manifest.layers.iter().find(|layer| layer.media_type == wanted);
    found.ok_or_else(|| operation(format!("failed to find layer with media type '{wanted}' in artifact")))
}

/// A layer as it was pulled, in a file.
pub(crate) struct Pulled {
    file: NamedTempFile,
    digest: String,
    revision: String,
    manifest: Manifest,
    ignore: Option<String>,
    copied: bool,
}

impl Pulled {
    fn store(
        mut self,
        target: &Target,
        limits: &LayerLimits,
    ) -> Result<(Artifact, Option<String>), StepError> {
        let failure = match self.copied {
            true => "unable to copy artifact to storage",
            false => "unable to archive artifact to storage",
        };
        let file = format!("{}.tar.gz", self.digest);
        let (revision, metadata) = (self.revision.clone(), self.manifest.annotations.clone());
        let new =
            NewArtifact { file: &file, revision: &revision, metadata, link: Some("latest.tar.gz"), failure };
        if self.copied {
            return target.put(&new, &mut |out| {
                self.file.seek(SeekFrom::Start(0))?;
                std::io::copy(&mut self.file, out)?;
                Ok(())
            });
        }
        let tree = self.extract(limits)?;
        let ignore = ignore(&tree, self.ignore.as_deref())
            .map_err(|error| operation(format!("failed to extract layer contents from artifact: {error}")))?;
        target.put(&new, &mut |out| {
            pack(&tree, out, |path, is_dir| !ignore.excludes(path, is_dir))?;
            Ok(())
        })
    }

    fn extract(&mut self, limits: &LayerLimits) -> Result<Tree, StepError> {
        let failed =
            |cause: String| operation(format!("failed to extract layer contents from artifact: {cause}"));
        let mut magic = [0; 2];
        let begun = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_exact(&mut magic));
        if begun.is_err() || magic != [0x1f, 0x8b] {
            return Err(failed("requires gzip-compressed body: gzip: invalid header".into()));
        }
        self.file.seek(SeekFrom::Start(0)).map_err(|error| failed(error.to_string()))?;
        let digest: Digest = self.digest.parse().map_err(|_| failed("digest".into()))?;
        let blob = blob(self.file.path());
        unpack(&mut self.file, digest, &blob, &limits.unpack).map_err(|error| failed(error.to_string()))
    }
}

/// Beside the layer, under a name that nobody else has.
fn blob(layer: &Path) -> PathBuf {
    layer.with_extension("blob")
}

fn ignore(tree: &Tree, spec: Option<&str>) -> std::io::Result<Ignore> {
    let mut files = IgnoreFiles::default();
    for (path, kind) in tree.walk() {
        if matches!(kind, Kind::File { .. }) && Ignore::is_ignore_file(path) {
            files.add(path, &tree.read(path)?).map_err(std::io::Error::other)?;
        }
    }
    Ok(files.rules(spec))
}

fn operation(message: String) -> StepError {
    StepError::fetch(SourceReason::OCIArtifactLayerOperationFailed, message)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use api::source::v1::OCIRepositorySpec;
    use artifact::{Algorithm, LocalStore, Retention, UnpackLimits};
    use oci::Manifest;
    use runtime::Key;
    use tempfile::NamedTempFile;

    use super::{LayerLimits, Pulled, store};
    use crate::remote::Answer;
    use crate::steps::put::Target;

    /// A layer that is copied as it is.
    fn pulled() -> Pulled {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(b"layer").unwrap();
        let manifest =
            serde_json::from_str::<Manifest>(r#"{"schemaVersion":2,"config":{"digest":"x","size":1}}"#)
                .unwrap();
        let (digest, revision) = ("sha256:0".to_owned(), "v1@sha256:0".to_owned());
        Pulled { file, digest, revision, manifest, ignore: None, copied: true }
    }

    #[test]
    fn a_run_does_not_end_before_its_artifact_is_stored_or_given_up() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).max_blocking_threads(1).build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let local = Arc::new(LocalStore::open(dir.path(), "host", Retention::default()).unwrap());
        let target = Target::in_store(local, Algorithm::Sha256, "ocirepository", &Key::new("ns", "app"));
        let limits =
            LayerLimits { size: 100, unpack: UnpackLimits::default(), dir: dir.path().to_path_buf() };
        let spec = OCIRepositorySpec::default();
        runtime.block_on(async {
            let (go, wait) = mpsc::channel::<()>();
            // The only thread for what blocks is taken: storing takes longer than any timeout.
            let taken = tokio::task::spawn_blocking(move || wait.recv());
            let pulling = async { Ok(Answer { found: pulled(), turn: None }) };
            let mut storing = Box::pin(store(pulling, target, &limits));
            assert!(futures::poll!(&mut storing).is_pending());
            tokio::time::advance(spec.timeout() + Duration::from_secs(1)).await;
            assert!(futures::poll!(&mut storing).is_pending(), "the run ended, and storing goes on");
            go.send(()).unwrap();
            let (artifact, _) = storing.await.unwrap();
            assert_eq!(std::fs::read(dir.path().join(artifact.path)).unwrap(), b"layer");
            taken.await.unwrap().unwrap();
        });
    }
}
