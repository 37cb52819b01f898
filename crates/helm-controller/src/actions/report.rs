//! What is told of an action: conditions, counters, history, an event.

use api::helm::v2::{ReleaseAction, ReleaseSnapshot};
use runtime::{ConditionName, Event, ReasonName, Set};
use tokio::time::Instant;

use crate::act::ActError;
use crate::chart::Loaded;
use crate::history;
use crate::status::{Condition, Why};
use crate::work::{About, Stop, Work};

/// How an action ended for the loop.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Something was stored: the state is looked at again.
    Stored,
    /// An action of a former run was given up for something newer, which is not tried yet.
    GivenUp,
    /// Nothing was stored: it is tried again later.
    Nothing(String),
}

/// What an event of a recorded release is about.
pub(crate) fn about(snapshot: &ReleaseSnapshot) -> About {
    About {
        revision: snapshot.chart_version.clone(),
        token: snapshot.config_digest.clone(),
        app_version: snapshot.app_version.clone().unwrap_or_default(),
        oci_digest: snapshot.oci_digest.clone().unwrap_or_default(),
    }
}

/// What is told of one install or upgrade, whichever way it ends.
pub(crate) struct Report<'a> {
    work: &'a Work<'a>,
    chart: &'a Loaded,
    action: ReleaseAction,
    since: Instant,
}

impl<'a> Report<'a> {
    /// The action begins: what earlier tests and remedies showed holds no more.
    pub(crate) fn begin(work: &'a Work<'a>, chart: &'a Loaded, action: ReleaseAction) -> Self {
        work.ledger.change(|status| status.last_attempted_release_action = Some(action.clone()));
        work.ledger.set(Set::remove(Condition::TestSuccess));
        work.ledger.set(Set::remove(Condition::Remediated));
        Self { work, chart, action, since: Instant::now() }
    }

    /// It failed before a release was stored.
    ///
    /// # Errors
    /// When the run must end at once.
    pub(crate) fn nothing(self, error: ActError) -> Result<Ended, Stop> {
        let text = self.work.discreet(&ends(error)?);
        self.took();
        self.failure(&text);
        self.work.ledger.summarize(self.work.spec());
        Ok(Ended::Nothing(text))
    }

    /// It ended with these releases written.
    ///
    /// # Errors
    /// When the run must end at once.
    pub(crate) fn finish(
        self,
        written: Vec<ReleaseSnapshot>,
        result: Result<(), ActError>,
    ) -> Result<Ended, Stop> {
        self.took();
        released(self.work, written, self.action.as_str());
        match result {
            Ok(()) => success(self.work, &self.action),
            Err(error) => {
                self.failure(&ends(error)?);
                count(self.work, &self.action);
            }
        }
        self.work.ledger.summarize(self.work.spec());
        Ok(Ended::Stored)
    }

    fn took(&self) {
        let took = api::meta::GoDuration::from(self.since.elapsed());
        self.work.ledger.change(|status| status.last_attempted_release_action_duration = Some(took));
    }

    fn failure(&self, text: &str) {
        let (spec, chart) = (self.work.spec(), self.chart);
        let message = format!(
            "Helm {} failed for release {}/{} with chart {}@{}: {}",
            self.action.as_str(),
            spec.namespace(),
            spec.long_name(),
            chart.name,
            chart.version,
            text.trim()
        );
        let why = match self.action {
            ReleaseAction::Install => Why::InstallFailed,
            _ => Why::UpgradeFailed,
        };
        self.work.ledger.change(|status| status.failures += 1);
        tell(self.work, Condition::Released, why, &chart.about, message, true);
    }
}

/// Notes the releases an install or upgrade wrote: the newest is a new entry, an older one replaces its own.
pub(crate) fn released(work: &Work<'_>, written: Vec<ReleaseSnapshot>, action: &str) {
    let mut newest: Vec<ReleaseSnapshot> = Vec::new();
    for snapshot in written {
        newest.retain(|earlier| earlier.version != snapshot.version);
        newest.push(snapshot);
    }
    history::sort(&mut newest);
    let mut newest = newest.into_iter();
    let Some(mut first) = newest.next() else { return };
    work.ledger.change(|status| {
        first.action = Some(action.to_owned());
        for older in newest {
            if replace(&mut status.history, older, None) {
                break;
            }
        }
        status.history.retain(|entry| entry.version != first.version || entry.name != first.name);
        status.history.insert(0, first);
    });
}

/// An entry of the same release becomes this one; its tests stay.
pub(crate) fn replace(
    history: &mut [ReleaseSnapshot],
    mut next: ReleaseSnapshot,
    action: Option<&str>,
) -> bool {
    let Some(entry) =
        history.iter_mut().find(|entry| history::targets(entry, &next.name, &next.namespace, next.version))
    else {
        return false;
    };
    next.test_hooks = entry.test_hooks.clone();
    next.action = action.map(str::to_owned);
    *entry = next;
    true
}

/// Counts a failure that the remediation of this action has to deal with.
pub(crate) fn count(work: &Work<'_>, action: &ReleaseAction) {
    work.ledger.change(|status| match action {
        ReleaseAction::Install => status.install_failures += 1,
        _ => status.upgrade_failures += 1,
    });
}

/// Forgets all failures.
pub(crate) fn forget_failures(work: &Work<'_>) {
    work.ledger.change(|status| {
        status.failures = 0;
        status.install_failures = 0;
        status.upgrade_failures = 0;
    });
}

/// A successful install or upgrade.
fn success(work: &Work<'_>, action: &ReleaseAction) {
    let Some(current) = work.ledger.read(|status| history::latest(&status.history).cloned()) else { return };
    let (name, chart) = (history::full_name(&current), history::chart(&current));
    let (why, verb) = match action {
        ReleaseAction::Install => (Why::InstallSucceeded, "install"),
        _ => (Why::UpgradeSucceeded, "upgrade"),
    };
    let message = format!("Helm {verb} succeeded for release {name} with chart {chart}");
    work.ledger.set(Set::yes(Condition::Released, why, message.clone()));
    if work.spec().test().enable && !history::is_tested(&current) {
        let awaiting = format!("Helm release {name} with chart {chart} is awaiting tests");
        work.ledger.set(Set::unknown(Condition::TestSuccess, Why::AwaitingTests, awaiting));
    }
    if work.spec().retry(action).is_some() {
        forget_failures(work);
    }
    work.emit(&about(&current), Event::info(why, message));
}

/// A condition that is False and says why, and a Warning (or, when not `bad`, a Normal event).
pub(crate) fn tell(
    work: &Work<'_>,
    condition: impl Into<ConditionName>,
    why: impl Into<ReasonName>,
    about: &About,
    message: String,
    bad: bool,
) {
    let (why, message) = (why.into(), work.discreet(&message));
    work.ledger.set(Set::no(condition, why, message.clone()));
    let event = if bad { Event::error(why, message) } else { Event::info(why, message) };
    work.emit(about, event);
}

/// Errors that end the run at once.
pub(crate) fn ends(error: ActError) -> Result<String, Stop> {
    match error {
        ActError::Helm(text) => Ok(text),
        ActError::Superseded => Err(Stop::Outdated),
        ActError::Unrecorded => Err(Stop::Unrecorded),
    }
}
