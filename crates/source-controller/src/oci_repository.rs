use std::sync::Arc;

use api::meta::{Artifact, ConditionType};
use api::source::v1::{LayerOperation, OCIRepository, OCIRepositorySpec, OCIRepositoryStatus};
use oci::{Oci, Range, Reference, Session};
use runtime::metrics::Origin;
use runtime::{Event, Run, Set};

use crate::remote::{Answer, Remotes};
use crate::source::{
    Base, Progress, RunFailure, Settled, SourceObject, Steps, announcement, build, is_new, news,
};
use crate::state::{Action, Observed, decide};
use crate::status::{SUCCEEDED, SourceReason, StepError};
use crate::steps::put::Target;
use crate::steps::{features, layer, registry};

/// The media type of the layer that holds a chart; its tags write `_` for `+`.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The steps of OCIRepositories: which digest the reference means, and one of its layers.
pub(crate) struct OciRepositories {
    pub(crate) base: Arc<Base>,
    pub(crate) oci: Oci,
    pub(crate) limits: layer::LayerLimits,
}

impl Steps for OciRepositories {
    type Kind = OCIRepository;

    fn check(&self, object: &OCIRepository) -> Result<(), StepError> {
        features::check_oci(&object.spec)
    }

    async fn run(
        &self,
        run: &Run<OCIRepository>,
        remotes: &Remotes,
        progress: &mut Progress<OCIRepository>,
    ) -> Result<Settled, RunFailure> {
        let spec = &run.object.spec;
        let session = registry::session(&self.oci, &self.base.client, &run.key.namespace, spec).await?;
        // The whole run, however many requests it takes.
        let (limit, resolving) = (spec.timeout(), resolve(&session, spec));
        let asking =
            async { tokio::time::timeout(limit, resolving).await.unwrap_or_else(|_| Err(timed_out(spec))) };
        let Answer { found: (reference, revision), turn } = remotes.ask(run, asking).await?;
        run.revision(&revision);
        let observed = Observed {
            artifact: progress.status.artifact.as_ref(),
            revision: &revision,
            content_changed: content_changed(spec, &progress.status),
        };
        let settled = Settled::succeeded(format!("stored artifact for digest '{revision}'"));
        match decide(observed) {
            Action::Keep => keep(run, progress, &revision),
            Action::Build { outdated, new_revision } => {
                let name = format!("{}{reference}", session.repository());
                let text = format!("new revision '{revision}' for '{name}'");
                let message =
                    new_revision.then(|| announcement(progress, SourceReason::NewRevision, &text, outdated));
                let pulling = layer::pull(&session, spec, &revision, &self.limits);
                let pulling = remotes.download(|| run.release_permit(), turn, pulling);
                self.build(run, progress, message, pulling).await?;
            }
        }
        progress.sets.push(Set::remove(ConditionType::FetchFailed));
        progress.sets.extend(settled.in_storage());
        Ok(settled)
    }
}

impl OciRepositories {
    async fn build(
        &self,
        run: &Run<OCIRepository>,
        progress: &mut Progress<OCIRepository>,
        message: Option<String>,
        pulling: impl Future<Output = Result<Answer<'_, layer::Pulled>, StepError>>,
    ) -> Result<(), RunFailure> {
        let spec = &run.object.spec;
        let target = Target::new(&self.base, OCIRepository::FOLDER, &run.key);
        let storing = layer::store(pulling, target, &self.limits);
        let (artifact, url) = build(run, progress, message, storing).await?;
        if is_new(run, &artifact) {
            self.base.metrics.change(Origin::Source, false);
        }
        progress.events.extend(told(run, &artifact));
        observe(&mut progress.status, spec, artifact);
        progress.status.url = url.or(progress.status.url.take());
        Ok(())
    }
}

fn observe(status: &mut OCIRepositoryStatus, spec: &OCIRepositorySpec, artifact: Artifact) {
    status.artifact = Some(artifact);
    status.observed_ignore.clone_from(&spec.ignore);
    status.observed_layer_selector.clone_from(&spec.layer_selector);
}

fn content_changed(spec: &OCIRepositorySpec, status: &OCIRepositoryStatus) -> bool {
    spec.ignore != status.observed_ignore || spec.layer_selector != status.observed_layer_selector
}

/// What the reference means now: as it stands behind the repository's name, and the revision.
async fn resolve(session: &Session, spec: &OCIRepositorySpec) -> Result<(String, String), StepError> {
    let digest = |error: &dyn std::fmt::Display| {
        let message = format!("failed to determine artifact digest: {error}");
        StepError::fetch(SourceReason::OCIArtifactPullFailed, message)
    };
    match reference(session, spec).await? {
        Reference::Digest(text) => {
            let reference = Reference::digest(&text).map_err(|error| digest(&error))?;
            Ok((format!("@{text}"), reference.as_str().to_owned()))
        }
        Reference::Tag(tag) => {
            let reference = Reference::tag(&tag).map_err(|error| digest(&error))?;
            let found = session.resolve(&reference).await.map_err(|error| digest(&error))?;
            Ok((format!(":{tag}"), format!("{tag}@{found}")))
        }
    }
}

/// A digest wins over a range, a range over a tag.
async fn reference(session: &Session, spec: &OCIRepositorySpec) -> Result<Reference, StepError> {
    let given = spec.reference.clone().unwrap_or_default();
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(digest) = filled(given.digest) {
        return Ok(Reference::Digest(digest));
    }
    let Some(semver) = filled(given.semver) else {
        return Ok(Reference::Tag(filled(given.tag).unwrap_or_else(|| "latest".into())));
    };
    let filter = given.semver_filter.as_deref();
    let helm = media_type(spec) == Some(CHART_LAYER);
    session.pick(&Range { semver: &semver, filter, helm }).await.map_err(|error| {
        let message = format!("failed to determine the artifact tag for '{}': {error}", spec.url);
        StepError::fetch(SourceReason::ReadOperationFailed, message)
    })
}

/// The media type that the spec selects, when it selects one.
pub(crate) fn media_type(spec: &OCIRepositorySpec) -> Option<&str> {
    let selector = spec.layer_selector.as_ref()?;
    selector.media_type.as_deref().filter(|media_type| !media_type.is_empty())
}

/// Whether the layer is stored as it is.
pub(crate) fn is_copied(spec: &OCIRepositorySpec) -> bool {
    let operation = spec.layer_selector.as_ref().and_then(|selector| selector.operation.as_ref());
    operation == Some(&LayerOperation::Copy)
}

pub(crate) fn timed_out(spec: &OCIRepositorySpec) -> StepError {
    let message = format!("failed to pull artifact from '{}': context deadline exceeded", spec.url);
    StepError::fetch(SourceReason::OCIArtifactPullFailed, message)
}

fn keep(run: &Run<OCIRepository>, progress: &mut Progress<OCIRepository>, revision: &str) {
    let text = format!("artifact up-to-date with remote revision: '{revision}'");
    progress.events.push(Event::trace(SourceReason::ArtifactUpToDate, text));
    if let Some(artifact) = progress.status.artifact.clone() {
        progress.events.extend(told(run, &artifact));
    }
}

fn told(run: &Run<OCIRepository>, artifact: &Artifact) -> Option<Event> {
    let (revision, url) = (&artifact.revision, &run.object.spec.url);
    let mut message = format!("stored artifact with revision '{revision}' from '{url}'");
    let note = |key: &str| artifact.metadata.get(&format!("org.opencontainers.image.{key}"));
    let filled = |text: &&String| !text.is_empty();
    if let (Some(source), Some(revision)) = (note("source").filter(filled), note("revision").filter(filled)) {
        message.push_str(&format!(", origin source '{source}', origin revision '{revision}'"));
    }
    news(run, artifact, (SourceReason::NewArtifact.into(), SUCCEEDED.into()), &message)
}
