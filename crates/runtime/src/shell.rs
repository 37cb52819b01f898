//! The one reconcile shell: what happens to an object of ours before and after its reconciler, the same for all
//! kinds.

mod drive;
mod finalizer;
mod observe;
mod record;
mod schedule;
mod trouble;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::meta::{FluxObject, FluxStatus, Reason as ConditionReason};
use kube::{Api, Client, Resource};
use tokio::time::Instant;
use tracing::Instrument;

use self::finalizer::FinalizerError;
pub(crate) use self::schedule::Backoff;
pub use self::schedule::jittered;
pub(crate) use self::trouble::Troubles;
use crate::args::CommonArgs;
use crate::debug::{Debug, State};
use crate::event::Event;
use crate::fence::Fence;
use crate::key::Key;
use crate::metrics::Metrics;
use crate::queue::{Queue, Turn};
use crate::reason::Reason;
use crate::reconciler::{Next, Outcome, Reconciler, Verdict};
use crate::recorder::Recorder;
use crate::run::Run;
use crate::status::{Live, StatusError, Writer};
use crate::store::{Change, Store};

/// What the runs of one kind share.
pub(crate) struct Shared<K: FluxObject> {
    pub(crate) kind: &'static str,
    pub(crate) client: Client,
    pub(crate) args: Arc<CommonArgs>,
    pub(crate) queue: Queue,
    pub(crate) store: Store<K>,
    pub(crate) fence: Fence,
    pub(crate) debug: Debug,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recorder: Recorder,
    pub(crate) writer: Writer,
    /// What we know of an object beyond the watch: the status as we last wrote it.
    pub(crate) bases: Mutex<HashMap<Key, Live<K::Status>>>,
    pub(crate) backoff: Backoff,
    pub(crate) troubles: Troubles,
}

impl<K: FluxObject> Shared<K> {
    pub(crate) fn api(&self, key: &Key) -> Api<K> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    pub(crate) fn base(&self, key: &Key) -> Option<Live<K::Status>> {
        self.bases().get(key).cloned()
    }

    pub(crate) fn keep_base(&self, key: &Key, live: Live<K::Status>) {
        self.bases().insert(key.clone(), live);
    }

    /// Writes a status over the base and makes it the base.
    pub(crate) async fn write_status(
        &self,
        key: &Key,
        mut live: Live<K::Status>,
    ) -> Result<Live<K::Status>, StatusError> {
        let base = self.base(key).map(|base| base.status).unwrap_or_default();
        if let Some(version) = self.writer.write::<K>(key, &live.uid, &base, &live.status).await? {
            live.version = version;
            self.keep_base(key, live.clone());
        }
        Ok(live)
    }

    /// Sends an event about an object, and logs it: an event is the one place where an error is told.
    pub(crate) fn emit(&self, object: &K, event: Event) {
        self.recorder.send(object, event);
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.bases().remove(key);
        self.backoff.reset(key);
        self.troubles.over(key);
        self.queue.forget(key);
        self.debug.forget(self.kind, key);
        self.metrics.forget(self.kind, key);
    }

    fn bases(&self) -> MutexGuard<'_, HashMap<Key, Live<K::Status>>> {
        self.bases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a run did not get to its reconciler, or its result was not recorded.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Finalizer(#[from] FinalizerError),
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl TurnError {
    fn is_gone(&self) -> bool {
        matches!(self, Self::Status(StatusError::Gone { .. }) | Self::Finalizer(FinalizerError::Gone { .. }))
    }
}

/// The shell of one kind.
pub(crate) struct Shell<R: Reconciler> {
    pub(crate) shared: Arc<Shared<R::Kind>>,
    pub(crate) reconciler: Arc<R>,
}

impl<R: Reconciler> Clone for Shell<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), reconciler: self.reconciler.clone() }
    }
}

impl<R: Reconciler> Shell<R> {
    /// One turn of a key, start to end.
    pub(crate) async fn turn(self, turn: Turn) {
        let started = Instant::now();
        let key = turn.popped.key.clone();
        let Some(object) = self.shared.store.get(&key) else { return self.forget(&key) };
        let span = self.span(&key, &object);
        let result = self.guarded(Arc::new(turn), object).instrument(span.clone()).await;
        span.in_scope(|| self.after(&key, started, result));
    }

    fn span(&self, key: &Key, object: &R::Kind) -> tracing::Span {
        tracing::info_span!(
            "reconcile",
            controllerKind = self.shared.kind,
            name = key.name,
            namespace = key.namespace,
            generation = object.meta().generation,
            revision = tracing::field::Empty
        )
    }

    /// A run that fails before or after its reconciler is tried again with backoff; nobody but the log hears of it.
    fn after(&self, key: &Key, started: Instant, result: Result<bool, TurnError>) {
        let shared = &self.shared;
        shared.metrics.reconciled(shared.kind, key, started.elapsed(), matches!(result, Ok(true)));
        if shared.store.get(key).is_none() {
            // The object went while it ran; what was just counted and remembered goes too.
            self.forget(key);
        }
        let Err(error) = result else { return };
        // 409 has other reasons too, such as many writers: an object that is still there is tried again.
        if error.is_gone() && shared.store.get(key).is_none() {
            return;
        }
        tracing::error!(error = %Chain(&error), "reconciliation is not recorded and will be repeated");
        shared.debug.change(shared.kind, key, |row| row.last_error = Some(Chain(&error).to_string()));
        self.schedule(key, Next::Backoff);
    }

    /// True when the run succeeded.
    async fn guarded(&self, turn: Arc<Turn>, object: Arc<R::Kind>) -> Result<bool, TurnError> {
        let key = turn.popped.key.clone();
        self.shared.debug.state(self.shared.kind, &key, State::Running);
        let reasons = turn.popped.reasons;
        tracing::debug!(reasons = %reasons, class = ?turn.popped.class, "reconciling");
        self.shared.debug.change(self.shared.kind, &key, |row| row.last_reasons = reasons.to_string());
        if R::is_static(&object) && object.meta().deletion_timestamp.is_none() {
            return self.retire(turn, key, object).await;
        }
        let Some(object) = self.prepare(&key, object).await? else { return Ok(true) };
        let run = self.run_of(turn, key, object);
        if run.object.meta().deletion_timestamp.is_some() {
            return self.delete(&run).await;
        }
        if run.object.suspended() {
            return self.suspend(&run).await;
        }
        let outcome = match run.object.spec_error() {
            Some(error) => refused::<R>(&run, error),
            None => self.reconciler.reconcile(&run).await,
        };
        self.record(&run, outcome).await
    }

    fn run_of(&self, turn: Arc<Turn>, key: Key, object: Arc<R::Kind>) -> Run<R::Kind> {
        let mut live = self.shared.base(&key).unwrap_or_else(|| Live::of(object.as_ref()));
        live.progress = None;
        if live.take_foreign(object.as_ref()) {
            self.shared.keep_base(&key, live.clone());
        }
        Run {
            key,
            object,
            base: live.status.clone(),
            reasons: turn.popped.reasons,
            cancel: turn.popped.cancel.clone(),
            asked: turn.popped.asked,
            started: Instant::now(),
            shared: self.shared.clone(),
            turn,
            live: Mutex::new(live),
        }
    }

    /// A suspended object is left alone; only its generation and a request are noted, as Flux does.
    async fn suspend(&self, run: &Run<R::Kind>) -> Result<bool, TurnError> {
        let shared = &self.shared;
        let mut live = run.live().clone();
        if R::SUSPEND_JUDGES_ALL {
            live.status.set_observed_generation(run.generation());
        }
        live.judge_again(run.generation(), R::SUSPEND_REJUDGES);
        if let Some(token) = run.requested_at().filter(|_| R::SUSPEND_HANDLES_REQUESTS) {
            live.status.set_last_handled_reconcile_at(token.to_owned());
        }
        shared.write_status(&run.key, live).await?;
        shared.backoff.reset(&run.key);
        shared.debug.state(shared.kind, &run.key, State::Suspended);
        Ok(true)
    }

    fn forget(&self, key: &Key) {
        self.shared.forget(key);
        self.reconciler.forget(key);
        // Another object of the name may have come since it was seen to be gone: what its watch told is told again.
        if let Some(object) = self.shared.store.get(key) {
            self.observe(&Change { key: key.clone(), old: None, new: Some(object), initial: false });
        }
    }
}

/// A field that cannot be read could mean another namespace or cluster: the object is not acted on.
fn refused<R: Reconciler>(run: &Run<R::Kind>, error: &str) -> Outcome<crate::StatusOf<R>> {
    let reason = ConditionReason::Failed.into();
    let message = format!("the stored object cannot be read: {error}");
    Outcome {
        status: run.base.clone(),
        verdict: Verdict::Stalled { reason, message: message.clone() },
        conditions: Vec::new(),
        events: vec![Event::error(reason, message)],
        next: Next::Never,
    }
}

/// An error with its causes, on one line.
pub(crate) struct Chain<'e>(pub(crate) &'e (dyn std::error::Error + 'e));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl<R: Reconciler> Shell<R> {
    pub(crate) fn wake(&self, key: &Key, reason: Reason) {
        self.shared.queue.push(key, reason);
    }
}

#[cfg(test)]
mod tests;
