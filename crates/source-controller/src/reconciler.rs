use std::sync::Arc;

use api::meta::{Artifact, ConditionType};
use api::source::v1::{GitRepository, GitRepositoryRef, GitRepositorySpec, GitRepositoryStatus};
use artifact::{Algorithm, Store};
use git::{Git, Selector};
use kube::Client;
use runtime::metrics::Origin;
use runtime::{
    Change, Event, Finalized, Key, Metrics, Next, Outcome, Reconciler, Run, Set, StatusError, Verdict,
};

use crate::state::{Action, Observed, content_changed, decide};
use crate::status::{Disposition, SUCCEEDED, SourceReason, StepError, is_trouble, stored};
use crate::steps::build::{self, Target};
use crate::steps::{access, features, storage};

/// Reconciles GitRepositories.
pub(crate) struct GitRepositories {
    pub(crate) client: Client,
    pub(crate) git: Git,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) algorithm: Algorithm,
    pub(crate) metrics: Arc<Metrics>,
}

/// What a run made of the status, and what it has to tell.
struct Progress {
    status: GitRepositoryStatus,
    sets: Vec<Set>,
    events: Vec<Event>,
}

enum RunFailure {
    Step(StepError),
    /// Another run is due, or nothing can be written: the outcome changes nothing.
    Outdated,
}

impl From<StepError> for RunFailure {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl From<StatusError> for RunFailure {
    fn from(error: StatusError) -> Self {
        tracing::debug!(error = %error, "run ends early");
        Self::Outdated
    }
}

impl Reconciler for GitRepositories {
    type Kind = GitRepository;
    const FINALIZE_SUSPENDED: bool = true;
    const SUSPEND_REJUDGES: bool = true;

    async fn reconcile(&self, run: &Run<GitRepository>) -> Outcome<GitRepositoryStatus> {
        let mut progress = Progress { status: run.base.clone(), sets: Vec::new(), events: Vec::new() };
        let result = self.steps(run, &mut progress).await;
        conclude(run, progress, result)
    }

    async fn finalize(&self, run: &Run<GitRepository>) -> Finalized<GitRepositoryStatus> {
        match storage::remove_all(self.store.clone(), &run.key.namespace, &run.key.name).await {
            Ok(()) => {
                let text = "garbage collected artifacts for deleted resource";
                Finalized::Done { events: vec![Event::trace(SourceReason::GarbageCollectionSucceeded, text)] }
            }
            Err(error) => Finalized::Failed {
                status: run.base.clone(),
                reason: error.reason,
                events: vec![Event::error(error.reason, error.message.clone())],
                message: error.message,
                next: Next::Backoff,
            },
        }
    }

    fn forget(&self, _: &Key) {}

    fn observed(&self, _: &Change<GitRepository>) {}
}

impl GitRepositories {
    /// The steps in their order. What was done stays in `progress`, whatever comes after.
    async fn steps(&self, run: &Run<GitRepository>, progress: &mut Progress) -> Result<(), RunFailure> {
        let spec = &run.object.spec;
        features::check(spec)?;
        // Left by Flux, or by an earlier spec: nothing is verified or included here.
        let leftovers = [ConditionType::SourceVerified, ConditionType::IncludeUnavailable];
        progress.sets.extend(leftovers.map(Set::remove));
        self.check_storage(run, progress).await?;
        let remote = access::remote(&self.client, &run.key.namespace, spec).await?;
        let selector = selector(spec.reference.as_ref());
        let remoted = build::resolve(&self.git, &remote, &selector).await?;
        progress.sets.push(Set::remove(ConditionType::FetchFailed));
        let revision = remoted.resolved.revision.clone();
        run.revision(&revision);
        let observed = Observed {
            artifact: progress.status.artifact.as_ref(),
            revision: &revision,
            content_changed: content_changed(spec, &progress.status),
        };
        match decide(observed) {
            Action::Keep => {
                keep(run, progress, &revision);
                Ok(())
            }
            Action::Build { outdated, new_revision } => {
                let checkout = build::fetch(remoted).await?;
                if run.cancel.is_cancelled() {
                    return Err(RunFailure::Outdated);
                }
                let message = new_revision.then(|| announcement(progress, &revision, outdated));
                self.build(run, progress, (revision, message), checkout).await
            }
        }
    }

    async fn check_storage(
        &self,
        run: &Run<GitRepository>,
        progress: &mut Progress,
    ) -> Result<(), RunFailure> {
        let kept = storage::check(self.store.clone(), progress.status.artifact.take()).await;
        let kept = kept.inspect_err(|_| progress.status.artifact.clone_from(&run.base.artifact))?;
        progress.sets.push(Set::remove(ConditionType::StorageOperationFailed));
        progress.events.extend(kept.events);
        progress.status.artifact = kept.artifact;
        let (generation, observed) = (run.generation(), run.base.observed_generation);
        if progress.status.artifact.is_none() {
            let suffix = if kept.disappeared { ": disappeared from storage" } else { "" };
            let message = format!("building artifact{suffix}");
            let sets = [Set::remove(ConditionType::ArtifactInStorage)];
            progress.sets.extend(sets.clone());
            return show(run, progress, &message, true, &sets).await;
        }
        if generation != observed {
            let message = format!("processing object: new generation {observed} -> {generation}");
            return show(run, progress, &message, false, &[]).await;
        }
        run.at("reconciliation in progress");
        Ok(())
    }

    /// Packs and stores, and shows meanwhile that it is under way.
    async fn build(
        &self,
        run: &Run<GitRepository>,
        progress: &mut Progress,
        (revision, message): (String, Option<String>),
        checkout: git::Checkout,
    ) -> Result<(), RunFailure> {
        run.fence().map_err(|_| RunFailure::Outdated)?;
        let target = Target {
            store: self.store.clone(),
            algorithm: self.algorithm,
            key: run.key.clone(),
            revision,
            ignore: run.object.spec.ignore.clone(),
        };
        let signed = checkout.commit().signature.is_some();
        let showing = async {
            match &message {
                Some(message) => show(run, progress, message, true, &progress.sets).await,
                None => Ok(()),
            }
        };
        let (shown, stored) = tokio::join!(showing, build::store(target, checkout));
        shown?;
        let (artifact, subject) = stored?;
        if is_new(run, &artifact) {
            self.metrics.change(Origin::Source, signed);
        }
        progress.events.extend(news(run, &artifact, &subject));
        progress.sets.extend(in_storage(&artifact.revision));
        observe(&mut progress.status, &run.object.spec, artifact);
        Ok(())
    }
}

/// The status of what was made from a spec.
fn observe(status: &mut GitRepositoryStatus, spec: &GitRepositorySpec, artifact: Artifact) {
    status.artifact = Some(artifact);
    status.observed_ignore.clone_from(&spec.ignore);
    status.observed_recurse_submodules = spec.recurse_submodules;
    status.observed_include.clone_from(&spec.include);
    status.observed_sparse_checkout.clone_from(&spec.sparse_checkout);
    status.included_artifacts = Vec::new();
    status.source_verification_mode = None;
}

fn selector(reference: Option<&GitRepositoryRef>) -> Selector {
    let Some(reference) = reference.cloned() else { return Selector::default() };
    Selector {
        branch: reference.branch,
        tag: reference.tag,
        semver: reference.semver,
        name: reference.name,
        commit: reference.commit,
    }
}

fn in_storage(revision: &str) -> [Set; 2] {
    [
        Set::remove(ConditionType::ArtifactOutdated),
        Set::yes(ConditionType::ArtifactInStorage, SUCCEEDED, stored(revision)),
    ]
}

/// Shows that the run is at something. A retry of what already failed in the same way shows nothing, so that Ready
/// does not blink.
async fn show(
    run: &Run<GitRepository>,
    progress: &Progress,
    message: &str,
    unready: bool,
    more: &[Set],
) -> Result<(), RunFailure> {
    run.at(message);
    if is_retry(run, message) {
        return Ok(());
    }
    let mut sets = vec![Set::reconciling(message), Set::remove(ConditionType::Stalled)];
    if unready {
        sets.push(Set::ready_unknown(message));
    }
    sets.extend_from_slice(more);
    Ok(run.progress(&progress.status, &sets).await?)
}

fn is_retry(run: &Run<GitRepository>, message: &str) -> bool {
    let shown = runtime::conditions::find(&run.base.conditions, ConditionType::Reconciling);
    shown.is_some_and(|shown| shown.message == message && shown.observed_generation == Some(run.generation()))
}

/// Nothing is new: the clone is skipped.
fn keep(run: &Run<GitRepository>, progress: &mut Progress, revision: &str) {
    let text = format!("no changes since last reconciliation: observed revision '{revision}'");
    progress.events.push(Event::trace(SourceReason::GitOperationSucceeded, text));
    let has = runtime::conditions::find(&run.base.conditions, ConditionType::ArtifactInStorage).is_some();
    if !has {
        progress.sets.extend(in_storage(revision));
    }
    progress.sets.push(Set::remove(ConditionType::ArtifactOutdated));
    if recovered(run)
        && let Some(artifact) = &progress.status.artifact
    {
        progress.events.push(told(SUCCEEDED.into(), artifact, revision));
    }
}

/// What is shown while a new revision is on its way.
fn announcement(progress: &mut Progress, revision: &str, outdated: bool) -> String {
    let news = format!("new upstream revision '{revision}'");
    if outdated {
        let set = Set::yes(ConditionType::ArtifactOutdated, SourceReason::NewRevision, news.clone());
        progress.sets.push(set);
    }
    format!("building artifact: {news}")
}

fn is_new(run: &Run<GitRepository>, artifact: &Artifact) -> bool {
    run.base.artifact.as_ref().is_none_or(|before| before.digest != artifact.digest)
}

/// A new content is told as such, the same one only after a failure.
fn news(run: &Run<GitRepository>, artifact: &Artifact, subject: &str) -> Option<Event> {
    if is_new(run, artifact) {
        return Some(told(SourceReason::NewArtifact.into(), artifact, subject));
    }
    recovered(run).then(|| told(SUCCEEDED.into(), artifact, subject))
}

fn told(reason: runtime::ReasonName, artifact: &Artifact, commit: &str) -> Event {
    Event::info(reason, format!("stored artifact for commit '{commit}'"))
        .with("revision", artifact.revision.as_str())
        .with("digest", artifact.digest.as_str())
}

fn recovered(run: &Run<GitRepository>) -> bool {
    run.base.conditions.iter().any(|condition| is_trouble(&condition.type_))
}

fn conclude(
    run: &Run<GitRepository>,
    progress: Progress,
    result: Result<(), RunFailure>,
) -> Outcome<GitRepositoryStatus> {
    let Progress { status, sets: conditions, events } = progress;
    match result {
        Ok(()) => {
            let revision =
                status.artifact.as_ref().map(|artifact| artifact.revision.clone()).unwrap_or_default();
            let verdict = Verdict::Ready { reason: SUCCEEDED.into(), message: stored(&revision) };
            Outcome { status, verdict, conditions, events, next: interval(run) }
        }
        Err(RunFailure::Outdated) => Outcome {
            status,
            verdict: Verdict::Unchanged,
            conditions: Vec::new(),
            events,
            // Whatever outdated the run is queued already.
            next: if run.cancel.is_cancelled() { Next::Never } else { Next::Backoff },
        },
        Err(RunFailure::Step(error)) => failed(status, conditions, events, error),
    }
}

fn failed(
    status: GitRepositoryStatus,
    mut conditions: Vec<Set>,
    mut events: Vec<Event>,
    error: StepError,
) -> Outcome<GitRepositoryStatus> {
    events.push(Event::error(error.reason, error.message.clone()));
    if let Some(kind) = error.condition {
        conditions.retain(|set| set.kind() != kind.into());
        conditions.push(Set::yes(kind, error.reason, error.message.clone()));
    }
    let (reason, message) = (error.reason, error.message);
    let (verdict, next) = match error.disposition {
        Disposition::Retry => (Verdict::Failed { reason, message }, Next::Backoff),
        Disposition::Stalled => (Verdict::Stalled { reason, message }, Next::Never),
    };
    Outcome { status, verdict, conditions, events, next }
}

/// An interval of zero means never, as in Flux.
fn interval(run: &Run<GitRepository>) -> Next {
    match run.object.spec.interval.get() {
        Ok(interval) if interval.is_zero() => Next::Never,
        Ok(interval) => Next::Interval(interval),
        Err(_) => Next::Never,
    }
}
