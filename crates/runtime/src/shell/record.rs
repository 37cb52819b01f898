//! One run's result, recorded once.

use api::meta::FluxStatus;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::{Shell, TurnError, trouble};
use crate::conditions;
use crate::debug::State;
use crate::event::{Event, Severity};
use crate::reason::Reason;
use crate::reconciler::{Next, Outcome, Reconciler, StatusOf, Verdict};
use crate::run::Run;
use crate::status::Live;

impl<R: Reconciler> Shell<R> {
    /// Status, events, log, next wake-up. True when the run succeeded.
    pub(super) async fn record(
        &self,
        run: &Run<R::Kind>,
        outcome: Outcome<StatusOf<R>>,
    ) -> Result<bool, TurnError> {
        let Outcome { status, verdict, conditions: own, events, next } = outcome;
        let live = self.conclude(run, status, &verdict, &own);
        *run.live() = self.shared.write_status(&run.key, live).await?;
        let told = events.iter().any(|event| event.severity == Severity::Error);
        let next = self.plan(run, &verdict, next);
        for event in self.explained(run, &verdict, events, next) {
            self.shared.emit(&run.object, event);
        }
        self.show(run, &verdict, told);
        Ok(!matches!(verdict, Verdict::Failed { .. } | Verdict::Stalled { .. }))
    }

    fn conclude(
        &self,
        run: &Run<R::Kind>,
        status: StatusOf<R>,
        verdict: &Verdict,
        own: &[conditions::Set],
    ) -> Live<StatusOf<R>> {
        let mut live = run.live().clone();
        let mut sets = conditions::of_verdict(verdict, live.progress.as_deref());
        sets.extend_from_slice(own);
        live.apply(status, &sets, run.generation());
        if matches!(verdict, Verdict::Ready { .. } | Verdict::Stalled { .. } | Verdict::Judged) {
            live.status.set_observed_generation(run.generation());
        }
        // A run that was outdated midway has not handled the request.
        let handled = !(run.cancel.is_cancelled() && *verdict == Verdict::Unchanged);
        if let Some(token) = run.requested_at().filter(|_| handled) {
            live.status.set_last_handled_reconcile_at(token.to_owned());
        }
        live
    }

    fn show(&self, run: &Run<R::Kind>, verdict: &Verdict, told: bool) {
        let (shared, kind) = (&self.shared, self.shared.kind);
        let (state, waits_for, error) = match verdict {
            Verdict::Ready { .. } => (Some(State::Ready), None, None),
            Verdict::Waiting { reconciling, .. } => (Some(State::Waiting), Some(reconciling.1.clone()), None),
            Verdict::Failed { message, .. } => (Some(State::Failed), None, Some(message.clone())),
            Verdict::Stalled { message, .. } => (Some(State::Stalled), None, Some(message.clone())),
            Verdict::Judged | Verdict::Unchanged => (None, None, None),
        };
        if let Some(error) = error.as_ref().filter(|_| !told) {
            tracing::error!(error, "reconciliation failed");
        }
        let state = state.unwrap_or_else(|| state_of(&run.written()));
        shared.debug.state(kind, &run.key, state);
        shared.debug.change(kind, &run.key, |row| {
            row.waits_for = waits_for;
            row.last_error = error;
        });
    }

    /// The events; those of a failure say since when, how often, when next and what to run.
    fn explained(
        &self,
        run: &Run<R::Kind>,
        verdict: &Verdict,
        events: Vec<Event>,
        next: Option<Instant>,
    ) -> Vec<Event> {
        let troubles = &self.shared.troubles;
        let reason = match verdict {
            Verdict::Failed { reason, .. } | Verdict::Stalled { reason, .. } => *reason,
            Verdict::Ready { .. } => {
                troubles.over(&run.key);
                return events;
            }
            Verdict::Waiting { .. } | Verdict::Judged | Verdict::Unchanged => return events,
        };
        let trouble = troubles.failed(&run.key, trouble::since(&run.base));
        let next = next
            .and_then(|at| Timestamp::now().checked_add(at.saturating_duration_since(Instant::now())).ok());
        let tell = |event| trouble.tell(event, reason, next, self.shared.kind, &run.key);
        events.into_iter().map(tell).collect()
    }

    /// When the next run is due.
    fn plan(&self, run: &Run<R::Kind>, verdict: &Verdict, next: Next) -> Option<Instant> {
        if next != Next::Backoff && !matches!(verdict, Verdict::Unchanged) {
            self.shared.backoff.reset(&run.key);
        }
        self.schedule(&run.key, next)
    }
}

/// The state a status shows, for a run that left it alone.
fn state_of<S: FluxStatus>(status: &S) -> State {
    use api::meta::ConditionType::{Ready, Reconciling, Stalled};
    let conditions = status.conditions();
    if conditions::find(conditions, Stalled).is_some() {
        return State::Stalled;
    }
    match conditions::find(conditions, Ready).map(|ready| ready.status.as_str()) {
        Some("True") => State::Ready,
        Some("False") => State::Failed,
        _ if conditions::find(conditions, Reconciling).is_some() => State::Waiting,
        _ => State::Queued,
    }
}

/// The reason a planned wake-up comes with.
pub(super) fn reason_of(next: Next) -> Reason {
    match next {
        Next::Interval(_) => Reason::Interval,
        Next::After(_) | Next::Backoff | Next::Never => Reason::Retry,
        Next::At(_) => Reason::Deadline,
    }
}
