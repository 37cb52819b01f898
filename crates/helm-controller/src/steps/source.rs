//! Finds the source of the chart, and its artifact.

use api::helm::v2::ChartRefKind;
use api::meta::{Artifact, ConditionType, Reason};
use runtime::{Event, Set};

use crate::sources::SourceKey;
use crate::status::Why;
use crate::wakes::source_of;
use crate::work::{Retry, Stop, Work};

/// Why a source may not be used. Texts are Flux's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    /// `--no-cross-namespace-refs`.
    #[error("can't access '{0}', cross-namespace references have been blocked")]
    OtherNamespace(String),
    /// The feature gate is off.
    #[error("can't access '{0}', ExternalArtifact feature gate is disabled")]
    ExternalArtifact(SourceKey),
}

/// Whether the source may be used.
///
/// # Errors
/// See [`AccessError`].
pub(crate) fn permit(work: &Work<'_>, source: &SourceKey) -> Result<(), AccessError> {
    let options = &work.app.options;
    if options.shared.no_cross_namespace_refs && source.key.namespace != work.run.key.namespace {
        return Err(AccessError::OtherNamespace(source.to_string()));
    }
    if source.kind == ChartRefKind::ExternalArtifact && !options.shared.external_artifacts {
        return Err(AccessError::ExternalArtifact(source.clone()));
    }
    Ok(())
}

/// The source's artifact of now.
///
/// # Errors
/// Ends the run when the reference is refused, the source is missing or not ready.
pub(crate) async fn find(work: &Work<'_>) -> Result<(SourceKey, Artifact), Stop> {
    let Some(source) = source_of(&work.run.object) else {
        let text = "could not get Source object: neither chart nor chartRef is set";
        return Err(work.fail_silently(Reason::ArtifactFailed, text));
    };
    if let Err(error) = permit(work, &source) {
        work.run.emit(Event::error(Reason::AccessDenied, error.to_string()));
        return Err(work.stall(Reason::AccessDenied, error.to_string()));
    }
    let seen = work.app.sources.find(&source).await;
    let failed = |text: String| {
        work.fail_silently(Reason::ArtifactFailed, format!("could not get Source object: {text}"))
    };
    let seen = seen.map_err(|error| failed(error.to_string()))?;
    let Some(seen) = seen else { return Err(failed(missing(&source))) };
    let seen = seen.at_least(written(work));
    work.ledger.overcome(&[Reason::AccessDenied.as_str(), Reason::ArtifactFailed.as_str()]);
    if let Some(text) = seen.trouble(&source) {
        work.ledger.set(Set::no(ConditionType::Ready, Why::SourceNotReady, text.clone()));
        work.ledger.set(Set::remove(ConditionType::Stalled));
        return Err(Stop::Failed(Retry::After(work.app.options.shared.requeue_dependency), text));
    }
    work.ledger.overcome(&["SourceNotReady"]);
    let artifact = seen.artifact.unwrap_or_default();
    Ok((source, artifact))
}

/// Generation of the HelmChart that was made from `spec.chart`; 0 of a source that is somebody else's.
fn written(work: &Work<'_>) -> i64 {
    let own = work.app.memories.with(&work.run.key, |memory| memory.chart.as_ref().map(|own| own.generation));
    own.filter(|_| work.run.object.spec.chart.is_some()).unwrap_or_default()
}

/// As a client with a cache says it: by kind.
fn missing(source: &SourceKey) -> String {
    format!("{}.source.toolkit.fluxcd.io \"{}\" not found", source.kind, source.key.name)
}
