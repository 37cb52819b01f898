use std::future::Future;
use std::time::Duration;

use api::meta::FluxObject;
use tokio::time::Instant;

use crate::conditions::Set;
use crate::event::Event;
use crate::key::Key;
use crate::names::ReasonName;
use crate::run::Run;
use crate::store::Change;

/// The status type of a reconciler's kind.
pub type StatusOf<R> = <<R as Reconciler>::Kind as FluxObject>::Status;

/// What one kind does; everything that kinds have in common is done by the shell around it.
///
/// Order of a run: finalizer, deletion, suspend (all the shell's), [`Reconciler::reconcile`], then the shell records
/// the outcome once: conditions, observedGeneration, lastHandledReconcileAt, one status patch, events, log line,
/// metrics, next wake-up.
pub trait Reconciler: Send + Sync + 'static {
    /// The kind of the objects.
    type Kind: FluxObject;

    /// Whether [`Reconciler::finalize`] runs for suspended objects too. Where it does not, the finalizer of a
    /// suspended object is taken off without a run.
    const FINALIZE_SUSPENDED: bool = false;

    /// Whether suspending an object moves the observedGeneration of its Ready condition too, as Flux's sources do.
    const SUSPEND_REJUDGES: bool = false;

    /// Whether suspending moves the observedGeneration of objects that are neither ready nor stalled too, as Flux's
    /// helm-controller does.
    const SUSPEND_JUDGES_ALL: bool = false;

    /// Whether a request on a suspended object is noted as handled. Flux's image-automation-controller leaves it for
    /// the time when the object goes on.
    const SUSPEND_HANDLES_REQUESTS: bool = true;

    /// Who is told as writer of finalizers, status and events, where that is not the controller: kinds of which Flux
    /// has a controller of its own keep its name, so that going over and back leaves no second owner.
    const MANAGER: Option<&'static str> = None;

    /// Whether an object only says something to others: it gets neither finalizer nor status, and what an earlier life
    /// left of them is taken off, [`Reconciler::finalize`] first.
    fn is_static(object: &Self::Kind) -> bool {
        let _ = object;
        false
    }

    /// One run; holds a permit on entry. Observe (I/O), decide (pure), act (I/O); the shell records.
    fn reconcile(&self, run: &Run<Self::Kind>) -> impl Future<Output = Outcome<StatusOf<Self>>> + Send;

    /// The object has a deletionTimestamp and our finalizer.
    fn finalize(&self, run: &Run<Self::Kind>) -> impl Future<Output = Finalized<StatusOf<Self>>> + Send;

    /// The object is gone from the cluster: forget what is held of it in memory.
    fn forget(&self, key: &Key);

    /// Called for every change of an object of the kind, our own status writes included, in the order of the watch.
    /// Must not block.
    fn observed(&self, change: &Change<Self::Kind>) {
        let _ = change;
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome<S> {
    /// The status to record. Conditions, observedGeneration and lastHandledReconcileAt in it are ignored: the shell
    /// owns them.
    pub status: S,
    /// What Ready, Reconciling and Stalled become.
    pub verdict: Verdict,
    /// Conditions of the kind itself.
    pub conditions: Vec<Set>,
    /// Events to send after the status is written, in order.
    pub events: Vec<Event>,
    /// When the next run is due, if nothing wakes the object before.
    pub next: Next,
}

/// What Ready, Reconciling and Stalled become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ready=True; Reconciling and Stalled go; observedGeneration reaches the generation.
    Ready {
        /// Reason of Ready.
        reason: ReasonName,
        /// Message of Ready.
        message: String,
    },
    /// Reconciling=True and Ready=Unknown: applied, and waiting for something.
    Waiting {
        /// Reason and message of Reconciling.
        reconciling: (ReasonName, String),
        /// Reason and message of Ready.
        ready: (ReasonName, String),
    },
    /// Ready=False, tried again: Reconciling=True with ProgressingWithRetry and the message of the last
    /// [`Run::progress`] (or of Ready where there was none).
    Failed {
        /// Reason of Ready.
        reason: ReasonName,
        /// Message of Ready.
        message: String,
    },
    /// Ready=False and Stalled=True: nothing but a change of the object or a request helps; observedGeneration reaches
    /// the generation.
    Stalled {
        /// Reason of both.
        reason: ReasonName,
        /// Message of both.
        message: String,
    },
    /// As [`Verdict::Unchanged`], and final for this generation: observedGeneration reaches it. For kinds whose own
    /// rules say what Ready, Reconciling and Stalled become: they are in [`Outcome::conditions`].
    Judged,
    /// Ready, Reconciling and Stalled stay as they are.
    Unchanged,
}

/// When the next run is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After the interval, spread by `--interval-jitter-percentage`.
    Interval(Duration),
    /// After this time exactly.
    After(Duration),
    /// After the next step between `--min-retry-delay` and `--max-retry-delay` (doubling).
    Backoff,
    /// At this time.
    At(Instant),
    /// Not by time.
    Never,
}

/// What a finalizing run came to.
#[derive(Debug)]
pub enum Finalized<S> {
    /// All is cleaned up: the finalizer is taken off, then the events are sent.
    Done {
        /// Events to send.
        events: Vec<Event>,
    },
    /// Something is still going.
    Wait {
        /// The status to record.
        status: S,
        /// What is said in Ready (False) and Reconciling, when it should be said.
        message: Option<(ReasonName, String)>,
        /// Events to send.
        events: Vec<Event>,
        /// When to look again.
        next: Next,
    },
    /// It went wrong and is tried again.
    Failed {
        /// The status to record.
        status: S,
        /// Reason of Ready=False.
        reason: ReasonName,
        /// Message of Ready=False.
        message: String,
        /// Events to send.
        events: Vec<Event>,
        /// When to try again.
        next: Next,
    },
}
