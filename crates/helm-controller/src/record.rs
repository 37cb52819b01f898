//! What the shell is to record of a run.

use api::helm::v2::{HelmRelease, HelmReleaseStatus};
use runtime::conditions::find;
use runtime::{Next, Outcome, Run, Set, Verdict};
use tokio::time::Instant;

use crate::app::App;
use crate::status::{Condition, Why};
use crate::work::{Retry, Stop, Work};

/// The outcome of a run.
pub(crate) fn outcome(work: Work<'_>, result: Result<(), Stop>) -> Outcome<HelmReleaseStatus> {
    let (app, run) = (work.app, work.run);
    let unrecorded = matches!(result, Err(Stop::Unrecorded));
    let (verdict, next) = verdict(run, result);
    let (status, mut conditions) = work.ledger.close();
    if unrecorded {
        return Outcome { status: run.written(), verdict, conditions: Vec::new(), events: Vec::new(), next };
    }
    conditions.extend(contested(app, run));
    Outcome { status, verdict, conditions, events: Vec::new(), next }
}

fn verdict(run: &Run<HelmRelease>, result: Result<(), Stop>) -> (Verdict, Next) {
    let stop = match result {
        Ok(()) => {
            let next = run.object.spec.interval.get().map_or(Next::Never, Next::Interval);
            return (Verdict::Judged, next);
        }
        Err(stop) => stop,
    };
    match stop {
        Stop::Failed(retry, error) => {
            told(retry, &error);
            match retry {
                Retry::Backoff => (Verdict::Unchanged, Next::Backoff),
                Retry::After(after) => (Verdict::Unchanged, Next::After(after)),
                Retry::JudgedAfter(after) => (Verdict::Judged, Next::After(after)),
                Retry::Never => (Verdict::Judged, Next::Never),
            }
        }
        // The newer reason is in the queue already.
        Stop::Outdated => (Verdict::Unchanged, Next::Never),
        Stop::Unrecorded => (Verdict::Unchanged, Next::Backoff),
    }
}

fn told(retry: Retry, error: &str) {
    match retry {
        Retry::After(_) => tracing::info!(reason = error, "reconciliation waits"),
        _ => tracing::error!(error, "reconciliation failed"),
    }
}

/// Says who insists on changing objects of the release, as long as somebody does.
fn contested(app: &App, run: &Run<HelmRelease>) -> Option<Set> {
    let insisted =
        app.memories.with_known(&run.key, |memory| memory.insisted(Instant::now())).unwrap_or_default();
    let lines: Vec<String> = insisted
        .iter()
        .map(|(object, manager)| {
            format!(
                "{object} is changed again and again by manager '{manager}'; it is restored at the interval only. \
                 Ignore its fields in spec.driftDetection.ignore, or stop the manager"
            )
        })
        .collect();
    if !lines.is_empty() {
        return Some(Set::yes(Condition::DriftContested, Why::DriftContested, lines.join("\n")));
    }
    let shown = find(&run.base.conditions, Condition::DriftContested).is_some();
    shown.then(|| Set::remove(Condition::DriftContested))
}
