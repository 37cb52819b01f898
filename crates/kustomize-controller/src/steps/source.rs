//! Finds the artifact of the source.

use api::kustomize::v1::{Kustomization, SourceKind};
use api::meta::{Artifact, GoDuration, Reason};

use crate::args::Options;
use crate::sources::{SourceKey, Sources};
use crate::status::{Failure, Phase, Retry, Telling};
use crate::steps::dependencies::source_of;

/// Annotation of OCI manifests that becomes the origin's revision.
const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";

/// Why there is nothing to build from. Texts are Flux's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// `--no-cross-namespace-refs`.
    #[error("can't access '{source}', cross-namespace references have been blocked", source = .0)]
    OtherNamespace(SourceKey),
    /// The feature gate is off.
    #[error("can't access '{source}', ExternalArtifact feature gate is disabled", source = .0)]
    ExternalArtifact(SourceKey),
    /// A kind nobody knows.
    #[error("source `{name}` kind '{kind}' not supported", name = .0.key.name, kind = .0.kind)]
    UnknownKind(SourceKey),
    /// There is none of that name.
    #[error("{kind}.source.toolkit.fluxcd.io \"{name}\" not found", kind = .0.kind, name = .0.key.name)]
    Missing(SourceKey),
    /// It has made no artifact yet.
    #[error("Source artifact not found, retrying in {retry}")]
    Empty {
        /// The fallback requeue.
        retry: GoDuration,
    },
    /// The API server does not answer.
    #[error("unable to get source '{key}': {cause}", key = .source_key.key)]
    Unreadable {
        /// Which.
        source_key: SourceKey,
        /// Why.
        cause: Box<kube::Error>,
    },
}

impl SourceError {
    /// What it means for the pass.
    pub(crate) fn failure(&self) -> Failure {
        let text = self.to_string();
        match self {
            Self::OtherNamespace(_) | Self::ExternalArtifact(_) => {
                Failure::before(Reason::AccessDenied, text, Retry::Never, Telling::Warning)
            }
            Self::UnknownKind(_) => {
                Failure::before(Reason::ArtifactFailed, text, Retry::Never, Telling::Warning)
            }
            Self::Missing(_) => {
                Failure::before(Reason::ArtifactFailed, text, Retry::Interval, Telling::Silent)
            }
            Self::Empty { .. } => {
                Failure::before(Reason::ArtifactFailed, text, Retry::Dependency, Telling::Silent)
            }
            Self::Unreadable { .. } => {
                Failure::before(Reason::ArtifactFailed, text, Retry::Backoff, Telling::Warning)
            }
        }
    }
}

/// The source's artifact of now.
///
/// # Errors
/// When the reference is refused, or there is no artifact.
pub(crate) async fn find(
    object: &Kustomization,
    options: &Options,
    sources: &Sources,
) -> Result<Artifact, SourceError> {
    let source = source_of(object);
    permitted(object, options, &source)?;
    let found = sources.find(&source).await;
    let found = found
        .map_err(|cause| SourceError::Unreadable { source_key: source.clone(), cause: Box::new(cause) })?
        .ok_or(SourceError::Missing(source))?;
    found.artifact.ok_or_else(|| SourceError::Empty { retry: options.shared.requeue_dependency.into() })
}

fn permitted(object: &Kustomization, options: &Options, source: &SourceKey) -> Result<(), SourceError> {
    if options.shared.no_cross_namespace_refs
        && object.metadata.namespace.as_deref() != Some(&*source.key.namespace)
    {
        return Err(SourceError::OtherNamespace(source.clone()));
    }
    match source.kind {
        SourceKind::Other(_) => Err(SourceError::UnknownKind(source.clone())),
        SourceKind::ExternalArtifact if !options.shared.external_artifacts => {
            Err(SourceError::ExternalArtifact(source.clone()))
        }
        _ => Ok(()),
    }
}

/// The revision of the source's own origin, when the artifact names one.
pub(crate) fn origin_revision(artifact: &Artifact) -> Option<String> {
    artifact.metadata.get(ORIGIN_REVISION).filter(|revision| !revision.is_empty()).cloned()
}

/// The artifact file is gone from the server: the source is about to name another.
pub(crate) fn gone(retry: GoDuration) -> Failure {
    Failure {
        retry: Retry::Dependency,
        telling: Telling::Silent,
        ..Failure::in_phase(
            Phase::Fetching,
            Reason::ArtifactFailed,
            format!("Source is not ready, artifact not found, retrying in {retry}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::Key;

    fn source() -> SourceKey {
        SourceKey { kind: SourceKind::GitRepository, key: Key::new("ns", "repo") }
    }

    #[test]
    fn errors_speak_as_flux_does() {
        assert_eq!(
            SourceError::Missing(source()).to_string(),
            "GitRepository.source.toolkit.fluxcd.io \"repo\" not found"
        );
        assert_eq!(
            SourceError::OtherNamespace(source()).to_string(),
            "can't access 'GitRepository/ns/repo', cross-namespace references have been blocked"
        );
        let empty = SourceError::Empty { retry: std::time::Duration::from_secs(30).into() };
        assert_eq!(empty.failure().message, "Source artifact not found, retrying in 30s");
        assert_eq!(empty.failure().retry, Retry::Dependency);
    }
}
