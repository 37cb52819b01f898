//! The end of a pass: what the status becomes.

use std::time::Duration;

use api::kustomize::v1::KustomizationStatus;
use api::meta::{ConditionType, Reason};
use runtime::{Event, Next, Set, jittered};
use ssa::Secrets;
use tokio::time::Instant;

use crate::history::{self, Entry};
use crate::memory::AppliedBuild;
use crate::state::Last;
use crate::status::{Failure, finished_message, healthy_message};
use crate::steps::inventory;
use crate::work::Work;

/// A pass that went well.
#[derive(Debug)]
pub(crate) struct Done {
    /// The status to record.
    pub status: KustomizationStatus,
    /// Conditions of Kustomizations.
    pub sets: Vec<Set>,
    /// Events, in order.
    pub events: Vec<Event>,
    /// The next full pass: an interval after this one, or when it was due since an earlier one. Commits that come more
    /// often than the interval do not put it off.
    pub next: Next,
}

/// What a pass says of health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The spec asks for none.
    NotAsked,
    /// Nothing changed, so that the last verdict stands.
    Before,
    /// All objects are healthy, after this time.
    Healthy(Duration),
}

/// Everything is applied, pruned and healthy.
pub(crate) fn done(work: &Work<'_>, checked: Checked) -> Done {
    let interval = interval(work);
    // The shell spreads intervals, and no times: those of the passes by change that come before the interval's end.
    let due = || Instant::now() + jittered(interval, work.app.options.interval_jitter_percentage);
    let (next, applied, changed, was_healthy, started) = work.app.memories.with(&work.run.key, |memory| {
        let next = memory.interval_at.map_or(Next::Interval(interval), Next::At);
        memory.interval_at.get_or_insert_with(due);
        memory.secrets = Secrets::default();
        let pass = memory.pass.as_mut().map(|pass| {
            pass.last = Last::Ready;
            pass.wait = None;
            pass.healthy = Default::default();
            (pass.changed, pass.was_healthy, pass.started)
        });
        let (changed, was_healthy, started) = pass.unwrap_or((false, true, work.run.started));
        (next, memory.applied.clone(), changed, was_healthy, started)
    });
    let new_revision = work.run.base.last_applied_revision.as_deref() != Some(&*work.target.revision);
    if new_revision && changed {
        measure(work, &applied.digest);
    }
    let took = started.elapsed();
    let mut status = applied_status(work, &applied);
    status.last_applied_revision = Some(work.target.revision.clone());
    status.last_applied_origin_revision = work.origin.clone();
    record(work, &mut status, &applied.digest, Reason::ReconciliationSucceeded, took);
    let mut events = Vec::new();
    if let Checked::Healthy(took) = checked
        && (!was_healthy || (new_revision && changed))
    {
        events.push(work.about(Event::info(Reason::Progressing, healthy_message(took))));
    }
    let finished = Event::info(Reason::ReconciliationSucceeded, finished_message(took, interval));
    events.push(work.about(finished).with("commit_status", "update"));
    Done { status, sets: health_condition(checked).into_iter().collect(), events, next }
}

/// How long from the artifact's making until all of it is live. What was live before, and not last, is a rollback.
fn measure(work: &Work<'_>, digest: &str) {
    let made = work.artifact.last_update_time.0;
    let lead = k8s_openapi::jiff::Timestamp::now().duration_since(made);
    let lead = Duration::try_from(lead).unwrap_or_default();
    work.app.metrics.lead_time("Kustomization", &work.run.key, lead);
    if work.run.base.history.iter().skip(1).any(|entry| entry.digest == digest) {
        work.app.metrics.rollback("Kustomization", &work.run.key, lead);
    }
}

fn interval(work: &Work<'_>) -> Duration {
    work.object().spec.interval.get_or(Duration::from_secs(600))
}

fn health_condition(checked: Checked) -> Option<Set> {
    match checked {
        Checked::NotAsked => Some(Set::Remove(ConditionType::Healthy.into())),
        Checked::Before => None,
        Checked::Healthy(took) => {
            Some(Set::yes(ConditionType::Healthy, Reason::Succeeded, healthy_message(took)))
        }
    }
}

/// The status when all objects of the build are applied, and nothing else is there but what others are to take over.
pub(crate) fn applied_status(work: &Work<'_>, applied: &AppliedBuild) -> KustomizationStatus {
    let left = work.app.memories.with(&work.run.key, |memory| memory.left.clone());
    let mut status = work.status();
    status.last_attempted_revision = Some(work.target.revision.clone());
    status.inventory = Some(inventory::to_status(&applied.inventory().union(&left)));
    status
}

/// A failure whose outcome goes into the history.
pub(crate) fn failed(
    work: &Work<'_>,
    failure: Failure,
    mut status: KustomizationStatus,
    digest: &str,
) -> Failure {
    record(work, &mut status, digest, failure.reason, work.run.started.elapsed());
    failure.with(status)
}

fn record(work: &Work<'_>, status: &mut KustomizationStatus, digest: &str, reason: Reason, took: Duration) {
    let entry = Entry {
        digest,
        status: reason.as_str(),
        revision: &work.target.revision,
        origin_revision: work.origin.as_deref(),
        at: api::meta::Time(k8s_openapi::jiff::Timestamp::now()),
        took,
    };
    history::record(&mut status.history, &entry);
}
