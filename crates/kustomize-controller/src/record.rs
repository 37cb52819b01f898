use api::kustomize::v1::{Kustomization, KustomizationStatus};
use api::meta::{ConditionType, Reason};
use runtime::conditions::find;
use runtime::{Event, Next, Outcome, Run, Set, Verdict};
use tokio::time::Instant;

use crate::app::App;
use crate::pass::{Again, End, Waiting};
use crate::status::{Failure, IN_PROGRESS, Own, Retry, Telling, applied_message};
use crate::steps::finish::Done;
use crate::work::{Stop, with_revision};

/// What the shell is to record of a run.
pub(crate) fn outcome(
    app: &App,
    run: &Run<Kustomization>,
    result: Result<End, Stop>,
) -> Outcome<KustomizationStatus> {
    let went_well = result.is_ok();
    let mut outcome = match result {
        Ok(End::Rest { next }) => unchanged(run, next.map_or(Next::Never, Next::At)),
        Ok(End::Waiting(waiting)) => waits(*waiting),
        Ok(End::Done(done)) => ready(*done),
        Err(Stop::Failed(failure)) => failed(app, run, *failure),
        // The newer reason is in the queue already.
        Err(Stop::Outdated) => unchanged(run, Next::Never),
        Err(Stop::Unrecorded) => unchanged(run, Next::Backoff),
    };
    outcome.conditions.extend(contested(app, run));
    reheal(app, run, went_well);
    outcome
}

fn unchanged(run: &Run<Kustomization>, next: Next) -> Outcome<KustomizationStatus> {
    Outcome {
        status: run.written(),
        verdict: Verdict::Unchanged,
        conditions: Vec::new(),
        events: Vec::new(),
        next,
    }
}

fn waits(waiting: Waiting) -> Outcome<KustomizationStatus> {
    Outcome {
        status: waiting.status,
        verdict: Verdict::Waiting {
            reconciling: (waiting.reconciling.0.into(), waiting.reconciling.1),
            ready: (Reason::Progressing.into(), IN_PROGRESS.to_owned()),
        },
        conditions: waiting.sets,
        events: Vec::new(),
        next: match waiting.next {
            Again::Look(at) => Next::At(at),
            Again::Pass(after) => Next::After(after),
        },
    }
}

fn ready(done: Done) -> Outcome<KustomizationStatus> {
    let message = applied_message(done.status.last_applied_revision.as_deref().unwrap_or_default());
    Outcome {
        status: done.status,
        verdict: Verdict::Ready { reason: Reason::ReconciliationSucceeded.into(), message },
        conditions: done.sets,
        events: done.events,
        next: done.next,
    }
}

fn failed(app: &App, run: &Run<Kustomization>, failure: Failure) -> Outcome<KustomizationStatus> {
    let next = retry(app, run, failure.retry);
    let events = event(app, run, &failure).into_iter().collect();
    let timeout = run.object.spec.timeout();
    let revision = worked_with(app, run).unwrap_or_default();
    let reconciling = match failure.phase {
        None => Set::Remove(ConditionType::Reconciling.into()),
        Some(phase) => {
            let message = phase.message(&revision, timeout);
            Set::yes(ConditionType::Reconciling, Reason::ProgressingWithRetry, message)
        }
    };
    let healthy =
        failure.unhealthy.map(|message| Set::no(ConditionType::Healthy, Reason::HealthCheckFailed, message));
    let (reason, message) = (failure.reason.into(), failure.message);
    let verdict = match failure.retry {
        Retry::Never => Verdict::Stalled { reason, message },
        _ => Verdict::Failed { reason, message },
    };
    let conditions = std::iter::once(reconciling).chain(healthy).collect();
    let status = failure.status.map_or_else(|| run.written(), |status| *status);
    Outcome { status, verdict, conditions, events, next }
}

/// The revision of the artifact this run found.
fn worked_with(app: &App, run: &Run<Kustomization>) -> Option<String> {
    app.memories.with(&run.key, |memory| memory.artifact.as_ref().map(|(revision, _)| revision.clone()))
}

fn retry(app: &App, run: &Run<Kustomization>, retry: Retry) -> Next {
    match retry {
        Retry::Never => Next::Never,
        Retry::Backoff => Next::Backoff,
        Retry::Dependency => Next::After(app.options.shared.requeue_dependency),
        Retry::Interval => run.object.spec.retry_interval().map_or(Next::Backoff, Next::After),
    }
}

fn event(app: &App, run: &Run<Kustomization>, failure: &Failure) -> Option<Event> {
    let text = failure.event.clone().unwrap_or_else(|| failure.message.clone());
    let event = match failure.telling {
        Telling::Silent => return None,
        Telling::Normal => Event::info(failure.reason, text),
        Telling::Warning => Event::error(failure.reason, text),
    };
    let event = event.below(failure.detail.iter().cloned());
    let revision = worked_with(app, run).filter(|_| failure.knows_source);
    Some(with_revision(event, revision.as_deref(), None))
}

/// Says who insists on changing applied objects, as long as somebody does.
fn contested(app: &App, run: &Run<Kustomization>) -> Option<Set> {
    let text = app.memories.with(&run.key, |memory| memory.contested(Instant::now()));
    if !text.is_empty() {
        return Some(Set::yes(Own::DriftContested, Own::DriftContested, text));
    }
    let shown = find(&run.base.conditions, Own::DriftContested).is_some();
    shown.then(|| Set::Remove(Own::DriftContested.into()))
}

/// Drift whose heal is put off is undone in time, also when this run's wake-up took the place of another.
fn reheal(app: &App, run: &Run<Kustomization>, went_well: bool) {
    let due = app.memories.with(&run.key, |memory| memory.contest.next_due());
    if let Some(at) = heal_at(due, Instant::now(), went_well) {
        app.waker.wake_at(&run.key, runtime::Reason::Heal, at);
    }
}

/// What is due already waits for the retry of a run that failed, which is a full pass: healing at once would fail at
/// once, again and again.
fn heal_at(due: Option<Instant>, now: Instant, went_well: bool) -> Option<Instant> {
    due.filter(|at| went_well || *at > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_failed_run_does_not_wake_itself_for_drift_that_is_due() {
        let now = Instant::now();
        let later = now + Duration::from_secs(10);
        assert_eq!(heal_at(Some(now), now, false), None);
        assert_eq!(heal_at(Some(later), now, false), Some(later));
        assert_eq!(heal_at(Some(now), now, true), Some(now));
        assert_eq!(heal_at(None, now, true), None);
    }
}
