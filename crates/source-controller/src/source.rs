//! The life of a source, the same for all kinds: storage is looked at, the kind's own steps run, and what came of it
//! becomes conditions, events and the next run.

use std::future::Future;
use std::sync::Arc;

use api::meta::{Artifact, ConditionType, FluxKind, FluxObject, FluxStatus};
use artifact::{Algorithm, Store};
use kube::Client;
use runtime::{
    Change, Event, Finalized, Key, Metrics, Next, Outcome, ReasonName, Reconciler, Run, Set, StatusError,
    Verdict,
};

use crate::remote::Remotes;
use crate::status::{Disposition, SUCCEEDED, SourceReason, StepError, is_trouble};
use crate::steps::storage;

/// What all sources have in common beyond any Flux object.
pub(crate) trait SourceObject: FluxObject + FluxKind {
    /// The folder of the storage, and of the artifacts' URLs.
    const FOLDER: &'static str;

    /// `status.artifact`.
    fn artifact(status: &Self::Status) -> Option<&Artifact>;

    /// `status.artifact`, to change it.
    fn artifact_mut(status: &mut Self::Status) -> &mut Option<Artifact>;

    /// `status.url`, where the kind has one.
    fn url_mut(status: &mut Self::Status) -> Option<&mut Option<String>>;
}

macro_rules! source_object {
    ($kind:ty, $folder:literal, $url:expr) => {
        impl SourceObject for $kind {
            const FOLDER: &'static str = $folder;

            fn artifact(status: &Self::Status) -> Option<&Artifact> {
                status.artifact.as_ref()
            }

            fn artifact_mut(status: &mut Self::Status) -> &mut Option<Artifact> {
                &mut status.artifact
            }

            fn url_mut(status: &mut Self::Status) -> Option<&mut Option<String>> {
                let url: fn(&mut Self::Status) -> Option<&mut Option<String>> = $url;
                url(status)
            }
        }
    };
}

source_object!(api::source::v1::GitRepository, "gitrepository", |_| None);
source_object!(api::source::v1::OCIRepository, "ocirepository", |status| Some(&mut status.url));
source_object!(api::source::v1::HelmRepository, "helmrepository", |status| Some(&mut status.url));
source_object!(api::source::v1::HelmChart, "helmchart", |status| Some(&mut status.url));
source_object!(api::source::v1::Bucket, "bucket", |status| Some(&mut status.url));

/// The steps of one kind.
pub(crate) trait Steps: Send + Sync + 'static {
    /// Whose steps.
    type Kind: SourceObject;

    /// Refuses what is not built: asked before anything is done.
    fn check(&self, object: &Self::Kind) -> Result<(), StepError>;

    /// The steps in their order. What was done stays in `progress`, whatever comes after. Servers are waited for by
    /// `remotes`.
    fn run(
        &self,
        run: &Run<Self::Kind>,
        remotes: &Remotes,
        progress: &mut Progress<Self::Kind>,
    ) -> impl Future<Output = Result<Settled, RunFailure>> + Send;

    /// An object of the kind changed. Must not block.
    fn observed(&self, change: &Change<Self::Kind>) {
        let _ = change;
    }

    /// Objects without a life: see [`Reconciler::is_static`].
    fn is_static(object: &Self::Kind) -> bool {
        let _ = object;
        false
    }
}

/// What every kind works with.
pub(crate) struct Base {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) algorithm: Algorithm,
    pub(crate) metrics: Arc<Metrics>,
}

/// Reconciles the sources of one kind.
pub(crate) struct Sources<S> {
    pub(crate) base: Arc<Base>,
    pub(crate) remotes: Arc<Remotes>,
    pub(crate) steps: S,
}

/// What a run made of the status, and what it has to tell.
pub(crate) struct Progress<K: SourceObject> {
    pub(crate) status: K::Status,
    pub(crate) sets: Vec<Set>,
    pub(crate) events: Vec<Event>,
}

/// What Ready says after a run that succeeded.
pub(crate) struct Settled {
    pub(crate) reason: ReasonName,
    pub(crate) message: String,
}

impl Settled {
    /// With the common reason.
    pub(crate) fn succeeded(message: String) -> Self {
        Self { reason: SUCCEEDED.into(), message }
    }

    /// The conditions of an artifact that is stored.
    pub(crate) fn in_storage(&self) -> [Set; 2] {
        [
            Set::remove(ConditionType::ArtifactOutdated),
            Set::yes(ConditionType::ArtifactInStorage, self.reason, self.message.clone()),
        ]
    }
}

pub(crate) enum RunFailure {
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

impl<S: Steps> Reconciler for Sources<S> {
    type Kind = S::Kind;
    const FINALIZE_SUSPENDED: bool = true;
    const SUSPEND_REJUDGES: bool = true;

    fn is_static(object: &S::Kind) -> bool {
        S::is_static(object)
    }

    async fn reconcile(&self, run: &Run<S::Kind>) -> Outcome<<S::Kind as FluxObject>::Status> {
        let mut progress = Progress { status: run.base.clone(), sets: Vec::new(), events: Vec::new() };
        let result = self.steps(run, &mut progress).await;
        conclude(run, progress, result)
    }

    async fn finalize(&self, run: &Run<S::Kind>) -> Finalized<<S::Kind as FluxObject>::Status> {
        let (folder, key) = (S::Kind::FOLDER, &run.key);
        match storage::remove_all(self.base.store.clone(), folder, &key.namespace, &key.name).await {
            Ok(false) => Finalized::Done { events: Vec::new() },
            Ok(true) => {
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

    fn forget(&self, key: &Key) {
        self.remotes.forget(key);
    }

    fn observed(&self, change: &Change<S::Kind>) {
        self.steps.observed(change);
    }
}

impl<S: Steps> Sources<S> {
    async fn steps(
        &self,
        run: &Run<S::Kind>,
        progress: &mut Progress<S::Kind>,
    ) -> Result<Settled, RunFailure> {
        self.steps.check(&run.object)?;
        // Left by Flux, or by an earlier spec: nothing is verified or included here.
        let leftovers = [ConditionType::SourceVerified, ConditionType::IncludeUnavailable];
        progress.sets.extend(leftovers.map(Set::remove));
        self.check_storage(run, progress).await?;
        self.steps.run(run, &self.remotes, progress).await
    }

    async fn check_storage(
        &self,
        run: &Run<S::Kind>,
        progress: &mut Progress<S::Kind>,
    ) -> Result<(), RunFailure> {
        let held = S::Kind::artifact_mut(&mut progress.status).take();
        let kept = storage::check::<S::Kind>(self.base.store.clone(), &run.key, held.clone()).await;
        let kept = kept.inspect_err(|_| *S::Kind::artifact_mut(&mut progress.status) = held)?;
        progress.sets.push(Set::remove(ConditionType::StorageOperationFailed));
        progress.events.extend(kept.events);
        let is_there = kept.artifact.is_some();
        self.renew_url(&mut progress.status, kept.artifact.as_ref());
        *S::Kind::artifact_mut(&mut progress.status) = kept.artifact;
        let (generation, observed) = (run.generation(), run.base.observed_generation());
        if !is_there {
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

    /// The stable URL goes with the artifact, and follows the host.
    fn renew_url(&self, status: &mut <S::Kind as FluxObject>::Status, artifact: Option<&Artifact>) {
        let Some(url) = S::Kind::url_mut(status) else { return };
        let stable = url.as_deref().and_then(|url| url.rsplit_once('/')).map(|(_, name)| name.to_owned());
        *url = artifact
            .zip(stable)
            .and_then(|(artifact, name)| storage::stable_url(&*self.base.store, artifact, &name));
    }
}

/// Shows that the run is at something. A retry of what already failed in the same way shows nothing, so that Ready
/// does not blink.
pub(crate) async fn show<K: SourceObject>(
    run: &Run<K>,
    progress: &Progress<K>,
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

fn is_retry<K: SourceObject>(run: &Run<K>, message: &str) -> bool {
    let shown = runtime::conditions::find(run.base.conditions(), ConditionType::Reconciling);
    shown.is_some_and(|shown| shown.message == message && shown.observed_generation == Some(run.generation()))
}

/// Stores while the status shows that it is under way.
pub(crate) async fn build<K: SourceObject, T>(
    run: &Run<K>,
    progress: &Progress<K>,
    message: Option<String>,
    storing: impl Future<Output = Result<T, StepError>>,
) -> Result<T, RunFailure> {
    run.fence().map_err(|_| RunFailure::Outdated)?;
    let showing = async {
        match &message {
            Some(message) => show(run, progress, message, true, &progress.sets).await,
            None => Ok(()),
        }
    };
    let (shown, stored) = tokio::join!(showing, storing);
    shown?;
    Ok(stored?)
}

/// What is shown while something new is on its way.
pub(crate) fn announcement<K: SourceObject>(
    progress: &mut Progress<K>,
    reason: SourceReason,
    news: &str,
    outdated: bool,
) -> String {
    if outdated {
        progress.sets.push(Set::yes(ConditionType::ArtifactOutdated, reason, news));
    }
    format!("building artifact: {news}")
}

/// Whether the content differs from what was stored before.
pub(crate) fn is_new<K: SourceObject>(run: &Run<K>, artifact: &Artifact) -> bool {
    K::artifact(&run.base).is_none_or(|before| before.digest != artifact.digest)
}

/// A new content is told under `reason`, the same one only after a failure.
pub(crate) fn news<K: SourceObject>(
    run: &Run<K>,
    artifact: &Artifact,
    (new, same): (ReasonName, ReasonName),
    message: &str,
) -> Option<Event> {
    let tell = |reason| {
        Event::info(reason, message)
            .with("revision", artifact.revision.as_str())
            .with("digest", artifact.digest.as_str())
    };
    match is_new(run, artifact) {
        true => Some(tell(new)),
        false => recovered(run).then(|| tell(same)),
    }
}

fn recovered<K: SourceObject>(run: &Run<K>) -> bool {
    run.base.conditions().iter().any(|condition| is_trouble(&condition.type_))
}

fn conclude<K: SourceObject>(
    run: &Run<K>,
    progress: Progress<K>,
    result: Result<Settled, RunFailure>,
) -> Outcome<K::Status> {
    let Progress { status, sets: conditions, events } = progress;
    match result {
        Ok(Settled { reason, message }) => {
            let verdict = Verdict::Ready { reason, message };
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

fn failed<S>(status: S, mut conditions: Vec<Set>, mut events: Vec<Event>, error: StepError) -> Outcome<S> {
    let event = match error.is_quiet {
        true => Event::trace(error.reason, error.message.clone()),
        false => Event::error(error.reason, error.message.clone()),
    };
    events.push(event.below(error.run));
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
fn interval<K: SourceObject>(run: &Run<K>) -> Next {
    match run.object.interval() {
        Some(interval) if !interval.is_zero() => Next::Interval(interval),
        _ => Next::Never,
    }
}
