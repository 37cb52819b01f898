//! Brings the release to what is wanted, one action after the other: look, decide, act, look again. Each kind of action
//! runs once a run, and a remedy ends it.

use api::helm::v2::HelmReleaseStatus;
use api::meta::{ConditionType, annotations};
use runtime::{Event, Set};

use crate::actions::report::Ended;
use crate::actions::{install, report, rollback, test, uninstall, unlock, upgrade};
use crate::chart::Loaded;
use crate::plan::{Doing, Phase, Plan};
use crate::spec::{DriftMode, Kind, Spec};
use crate::state::{Action, Changed, Fits, Known, Observed, State, action, failures, state};
use crate::status::{Condition, Why, retrying, running};
use crate::storage::Stored;
use crate::work::{Retry, Stop, Work};
use crate::{digest, drift, history, requests, resume, snapshot};

/// Actions of one sort run once a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Install, upgrade.
    Release,
    /// Tests.
    Test,
    /// Rollback or uninstall of a failed release.
    Remedy,
    /// A pending release is marked as failed.
    Unlock,
    /// The cluster is put right.
    Drift,
}

/// What is about to run.
#[expect(clippy::large_enum_variant, reason = "one at a time, made and consumed at once")]
enum Next {
    Install,
    Upgrade,
    Test,
    RollBack,
    Remove,
    Unlock,
    Correct(Vec<drift::Difference>),
    Resume(Stored),
}

impl Next {
    fn sort(&self) -> Sort {
        match self {
            Self::Install | Self::Upgrade => Sort::Release,
            Self::Test => Sort::Test,
            Self::RollBack | Self::Remove => Sort::Remedy,
            Self::Unlock => Sort::Unlock,
            Self::Correct(_) => Sort::Drift,
            Self::Resume(stored) => match stored.plan.as_ref().map(|plan| plan.doing) {
                Some(Doing::Rollback | Doing::Uninstall) => Sort::Remedy,
                _ => Sort::Release,
            },
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Test => "test",
            Self::RollBack => "rollback",
            Self::Remove => "uninstall",
            Self::Unlock => "unlock",
            Self::Correct(_) => "correct cluster drift",
            Self::Resume(stored) => match stored.plan.as_ref().map(|plan| plan.doing) {
                Some(Doing::Install) => "install",
                Some(Doing::Rollback) => "rollback",
                Some(Doing::Uninstall) => "uninstall",
                _ => "upgrade",
            },
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self.name() {
            "install" => Some(Kind::Install),
            "upgrade" => Some(Kind::Upgrade),
            "test" => Some(Kind::Test),
            "rollback" => Some(Kind::Rollback),
            "uninstall" => Some(Kind::Uninstall),
            _ => None,
        }
    }
}

/// Runs actions until none is left.
///
/// # Errors
/// When one fails, when nothing may be tried any more, or when the run is outdated.
pub(crate) async fn release(work: &Work<'_>, chart: &Loaded) -> Result<(), Stop> {
    let mut ran: Vec<Sort> = Vec::new();
    loop {
        let Some(next) = look(work, chart).await? else {
            work.ledger.set(Set::remove(ConditionType::Reconciling));
            work.ledger.summarize(work.spec());
            return Ok(());
        };
        let sort = next.sort();
        if ran.contains(&sort) {
            return stop_before(work);
        }
        announce(work, &next).await?;
        match act(work, chart, next).await? {
            Ended::Nothing(error) => return Err(failed(work, error)),
            Ended::GivenUp => continue,
            Ended::Stored => {}
        }
        if sort == Sort::Remedy {
            return stop_after_remedy(work);
        }
        ran.push(sort);
    }
}

/// Shows what is about to run.
async fn announce(work: &Work<'_>, next: &Next) -> Result<(), Stop> {
    let timeout =
        next.kind().map_or_else(|| work.run.object.spec.timeout(), |kind| work.spec().timeout(kind));
    let message = running(next.name(), timeout);
    tracing::info!(timeout = ?timeout, "running '{}' action", next.name());
    work.ledger.reconciling(message.clone());
    if next.sort() == Sort::Release {
        work.ledger.set(Set::ready_unknown(message));
    }
    work.ledger.write().await
}

async fn act(work: &Work<'_>, chart: &Loaded, next: Next) -> Result<Ended, Stop> {
    match next {
        Next::Install => install::install(work, chart).await,
        Next::Upgrade => upgrade::upgrade(work, chart).await,
        Next::Test => test::test(work).await,
        Next::Remove => uninstall::uninstall(work, uninstall::Cause::Remedy).await,
        Next::Unlock => Ok(unlock::unlock(work).await),
        Next::Correct(differences) => Ok(correct(work, &differences).await),
        Next::RollBack => match target(work) {
            Some(target) => rollback::roll_back(work, &target, &chart.values_digest).await,
            None => Ok(Ended::Nothing("missing target release for rollback".into())),
        },
        Next::Resume(stored) => resume::resume(work, chart, stored).await,
    }
}

/// The release to go back to.
pub(crate) fn target(work: &Work<'_>) -> Option<api::helm::v2::ReleaseSnapshot> {
    let ignored = work.spec().upgrade_remediation().ignores_tests(work.spec().test().ignore_failures);
    work.ledger.read(|status| history::previous(&status.history, ignored).cloned())
}

/// The action that failed is not tried again in this run.
fn stop_before(work: &Work<'_>) -> Result<(), Stop> {
    if let Some(stop) = retry(work) {
        return Err(stop);
    }
    let last = work.ledger.read(|status| status.last_attempted_release_action.clone());
    let failed = work.ledger.read(|status| failures(status, last.as_ref()));
    let remediation = work.spec().active_remediation(last.as_ref());
    if remediation.is_none_or(|remediation| !remediation.exhausted(failed)) {
        return Err(requeue(work));
    }
    work.ledger.set(Set::remove(ConditionType::Reconciling));
    Ok(())
}

fn stop_after_remedy(work: &Work<'_>) -> Result<(), Stop> {
    if let Some(stop) = retry(work) {
        return Err(stop);
    }
    let last = work.ledger.read(|status| status.last_attempted_release_action.clone());
    let failed = work.ledger.read(|status| failures(status, last.as_ref()));
    let again = work
        .spec()
        .active_remediation(last.as_ref())
        .is_none_or(|one| !one.exhausted(failed) || one.uninstalls_after_upgrade());
    if again {
        return Err(requeue(work));
    }
    Err(exceeded(work))
}

fn requeue(work: &Work<'_>) -> Stop {
    let ready = work.ledger.condition(ConditionType::Ready).map(|ready| ready.message).unwrap_or_default();
    work.ledger.retrying(ready.clone());
    Stop::Failed(Retry::Backoff, ready)
}

/// The strategy is to try again after a while, without a remedy.
fn retry(work: &Work<'_>) -> Option<Stop> {
    let last = work.ledger.read(|status| status.last_attempted_release_action.clone())?;
    let after = work.spec().retry(&last)?;
    work.ledger.retrying(retrying(after));
    Some(Stop::Failed(Retry::JudgedAfter(after), retrying(after)))
}

fn failed(work: &Work<'_>, error: String) -> Stop {
    if let Some(stop) = retry(work) {
        return stop;
    }
    if work.ledger.is_true(ConditionType::Ready) {
        work.ledger.set(Set::no(ConditionType::Ready, Why::ReconcileError, error.clone()));
    }
    Stop::Failed(Retry::Backoff, error)
}

fn stalled(work: &Work<'_>, why: Why, message: String) -> Stop {
    work.ledger.set(Set::yes(ConditionType::Stalled, why, message.clone()));
    work.ledger.set(Set::remove(ConditionType::Reconciling));
    Stop::Failed(Retry::Never, message)
}

fn exceeded(work: &Work<'_>) -> Stop {
    let (last, count) = work.ledger.read(|status| {
        let last = status.last_attempted_release_action.clone();
        let count = failures(status, last.as_ref());
        (last, count)
    });
    let verb = last.map(|last| last.as_str().to_owned()).unwrap_or_default();
    stalled(work, Why::RetriesExceeded, format!("Failed to {verb} after {count} attempt(s)"))
}

/// What the storage shows, and what is to be done about it; none when the release is as wanted.
async fn look(work: &Work<'_>, chart: &Loaded) -> Result<Option<Next>, Stop> {
    let stored = work.storage().last().await.map_err(|error| {
        let text = format!("failed to retrieve last release from storage: {error}");
        state_error(work, &text)
    })?;
    if let Some(stored) = &stored
        && let Some(next) = unfinished(work, stored)
    {
        return Ok(Some(next));
    }
    // What was said of an action that is not gone on with holds no more.
    work.ledger.set(Set::remove(Condition::Acting));
    let forced = forced(work);
    let status = work.ledger.read(HelmReleaseStatus::clone);
    let observed = observe(work.spec(), chart, stored.as_ref(), &status);
    let state = state(&observed, &status, work.spec(), changed(work, &status));
    tracing::debug!(?state, "the release was looked at");
    if state == State::Unknown {
        let word = stored.map(|stored| stored.release.status().to_string()).unwrap_or_default();
        return Err(state_error(
            work,
            &format!("unable to determine state for release with status '{word}'"),
        ));
    }
    decide(work, state, action(state, &status, work.spec(), forced), stored).await
}

fn state_error(work: &Work<'_>, text: &str) -> Stop {
    work.fail_silently(Why::StateError, format!("Could not determine release state: {text}"))
}

/// An action that a former process, or a run of ours that could not tell of it, left.
fn unfinished(work: &Work<'_>, stored: &Stored) -> Option<Next> {
    let plan = work.plan_of(stored)?;
    let pending = stored.release.status().is_pending();
    let resumes = match plan.doing {
        Doing::Install | Doing::Upgrade | Doing::Rollback if plan.phase == Phase::Done => {
            !is_told(work, stored, plan)
        }
        Doing::Install | Doing::Upgrade | Doing::Rollback => pending,
        Doing::Uninstall => stored.release.status() == helm_release::Status::Uninstalling,
        Doing::Test => false,
    };
    resumes.then(|| Next::Resume(stored.clone()))
}

/// Whether the status tells of the release already.
fn is_told(work: &Work<'_>, stored: &Stored, plan: &Plan) -> bool {
    let release = &stored.release;
    work.ledger.read(|status| {
        let known = status
            .history
            .iter()
            .any(|entry| history::targets(entry, &release.name, &release.namespace, release.version));
        // Releases before the last one that is told were told, or are forgotten on purpose.
        let newer = status.history.iter().any(|entry| entry.version > release.version);
        known || newer || plan.generation > work.run.generation()
    })
}

fn observe<'s>(
    spec: Spec<'_>,
    chart: &Loaded,
    stored: Option<&'s Stored>,
    status: &HelmReleaseStatus,
) -> Observed<'s> {
    let Some(Stored { release, .. }) = stored else { return Observed::None };
    let current = history::latest(&status.history);
    let verdict = match current {
        None => Known::Unrecorded,
        Some(current) if snapshot::records(current, release) => Known::Same,
        Some(_) => Known::Other,
    };
    let metadata = release.chart_metadata();
    // What the release keeps of its values is wanted too: else each look would find other values, and upgrade.
    let wanted = upgrade::values(spec, chart, release);
    let fits = if metadata.name != chart.name || metadata.version != chart.version {
        Fits::Chart
    } else if current.is_none_or(|one| !helm_release::verify_values(&one.config_digest, &wanted)) {
        Fits::Values
    } else {
        Fits::Yes
    };
    Observed::Release { status: release.status().as_str(), verdict, fits }
}

/// Post-renderers and common metadata count for a new generation only.
fn changed(work: &Work<'_>, status: &HelmReleaseStatus) -> Changed {
    let object = &work.run.object;
    let rendering = status.observed_generation != work.run.generation()
        && (digest::of_post_renderers(object) != status.observed_post_renderers_digest
            || digest::of_common_metadata(object) != status.observed_common_metadata_digest);
    Changed { rendering }
}

fn forced(work: &Work<'_>) -> bool {
    let (handled, reconciled) = work
        .ledger
        .read(|status| (status.last_handled_force_at.clone(), status.last_handled_reconcile_at.clone()));
    let object = &work.run.object;
    let (acts, value) =
        requests::asked(object, annotations::FORCE_AT, handled.as_deref(), reconciled.as_deref());
    work.ledger.change(|status| status.last_handled_force_at = value);
    acts
}

async fn decide(
    work: &Work<'_>,
    state: State,
    action: Action,
    stored: Option<Stored>,
) -> Result<Option<Next>, Stop> {
    if state == State::InSync {
        settle(work);
    }
    if matches!(state, State::InSync | State::Untested) {
        remediated(work);
    }
    Ok(Some(match action {
        Action::Rest => return Ok(None),
        Action::Compare => return compare(work, stored).await,
        Action::Install => Next::Install,
        Action::Upgrade => {
            forget_failed(work, state);
            Next::Upgrade
        }
        Action::TakeOver => {
            work.ledger.change(|status| status.history.clear());
            Next::Upgrade
        }
        Action::Test => Next::Test,
        Action::Unlock => Next::Unlock,
        Action::RollBack => return roll_back(work).await,
        Action::Remove => {
            truncate(work);
            Next::Remove
        }
        Action::GiveUp(_) => return Err(exceeded(work)),
        Action::NoTarget => return Err(no_target(work)),
        Action::Refuse => return Err(state_error(work, "unknown release status")),
    }))
}

fn no_target(work: &Work<'_>) -> Stop {
    let text =
        "Failed to perform remediation: missing target release for rollback: cannot remediate failed release";
    stalled(work, Why::MissingRollbackTarget, text.into())
}

fn forget_failed(work: &Work<'_>, state: State) {
    let last = work.ledger.read(|status| status.last_attempted_release_action.clone());
    if state == State::Failed && last.is_some_and(|last| work.spec().retry(&last).is_some()) {
        work.ledger.change(|status| history::truncate_to_newest(&mut status.history));
    }
}

fn truncate(work: &Work<'_>) {
    let ignored = ignored_tests(work);
    work.ledger.change(|status| history::truncate(&mut status.history, ignored));
}

fn ignored_tests(work: &Work<'_>) -> bool {
    let default = work.spec().test().ignore_failures;
    let last = work.ledger.read(|status| status.last_attempted_release_action.clone());
    work.spec().active_remediation(last.as_ref()).map_or(default, |one| one.ignores_tests(default))
}

/// The target must still be there as it was made; else the upgrade is tried again.
async fn roll_back(work: &Work<'_>) -> Result<Option<Next>, Stop> {
    truncate(work);
    let Some(target) = target(work) else { return Err(no_target(work)) };
    let stored = work.storage().get(target.version).await.map_err(|error| {
        Stop::Failed(Retry::Backoff, format!("cannot verify previous release to roll back to: {error}"))
    })?;
    let same = stored.is_some_and(|stored| snapshot::records(&target, &stored.release));
    Ok(Some(if same { Next::RollBack } else { Next::Upgrade }))
}

/// The release is as wanted: what earlier failures said holds no more.
fn settle(work: &Work<'_>) {
    let last = work.ledger.read(|status| status.last_attempted_release_action.clone());
    if last.is_some_and(|last| work.spec().retry(&last).is_some()) {
        work.ledger.change(|status| history::truncate_to_newest(&mut status.history));
    } else {
        truncate(work);
    }
    if work.ledger.is_true(ConditionType::Ready) && work.ledger.is_true(Condition::Released) {
        return;
    }
    let why = work.ledger.condition(Condition::Released).map(|released| released.reason).unwrap_or_default();
    let (why, verb) = match why.as_str() {
        "InstallFailed" => (Why::InstallSucceeded, "install"),
        "UpgradeFailed" => (Why::UpgradeSucceeded, "upgrade"),
        _ => return,
    };
    if let Some(message) = succeeded(work, verb) {
        work.ledger.set(Set::yes(Condition::Released, why, message));
        work.ledger.summarize(work.spec());
    }
}

fn succeeded(work: &Work<'_>, verb: &str) -> Option<String> {
    let current = work.ledger.read(|status| history::latest(&status.history).cloned())?;
    let (name, chart) = (history::full_name(&current), history::chart(&current));
    Some(format!("Helm {verb} succeeded for release {name} with chart {chart}"))
}

/// A rollback led to what is wanted now: it counts as an upgrade.
fn remediated(work: &Work<'_>) {
    if !work.ledger.is_true(Condition::Remediated) {
        return;
    }
    work.ledger.set(Set::remove(Condition::Remediated));
    if let Some(message) = succeeded(work, "upgrade") {
        work.ledger.set(Set::yes(Condition::Released, Why::UpgradeSucceeded, message));
    }
}

async fn compare(work: &Work<'_>, stored: Option<Stored>) -> Result<Option<Next>, Stop> {
    let Some(Stored { release, .. }) = stored else { return Ok(None) };
    let differences = drift::compare(work, &release).await;
    let differences = differences
        .map_err(|error| state_error(work, &format!("unable to determine cluster state: {error}")))?;
    if !drift::matters(&differences) {
        let text = "No drift detected against the cluster state";
        work.ledger.set(Set::no(Condition::Drifted, Why::NoDriftDetected, text));
        return Ok(None);
    }
    let name = work.ledger.read(|status| history::latest(&status.history).map(history::full_name));
    let message = format!(
        "Cluster state of release {} has drifted from the desired state:\n{}",
        name.unwrap_or_default(),
        drift::summary(&differences)
    );
    work.run.emit(Event::error(Why::DriftDetected, message.clone()));
    work.ledger.set(Set::yes(Condition::Drifted, Why::DriftDetected, message));
    let corrects = work.spec().drift() == DriftMode::Correct;
    Ok(corrects.then_some(Next::Correct(differences)))
}

async fn correct(work: &Work<'_>, differences: &[drift::Difference]) -> Ended {
    work.ledger.set(Set::ready_unknown("correcting cluster drift"));
    let corrected = drift::correct(work, differences).await;
    work.app.memories.with(&work.run.key, |memory| {
        differences.iter().for_each(|difference| memory.corrected(&difference.wanted.id()));
    });
    let Some(current) = work.ledger.read(|status| history::latest(&status.history).cloned()) else {
        return Ended::Stored;
    };
    let (name, about) = (history::full_name(&current), report::about(&current));
    let lines = corrected.lines.join("\n");
    if !corrected.errors.is_empty() {
        let partly = if lines.is_empty() { "" } else { "partially " };
        let mut message = format!(
            "Failed to {partly}correct cluster state of release {name}:\n{}",
            corrected.errors.join("\n")
        );
        if !lines.is_empty() {
            message.push_str(&format!("\n\nSuccessful corrections:\n{lines}"));
        }
        work.emit(&about, Event::error(Why::DriftCorrectionFailed, message));
    } else if !lines.is_empty() {
        let message = format!("Cluster state of release {name} has been corrected:\n{lines}");
        work.emit(&about, Event::info(Why::DriftCorrected, message));
    }
    Ended::Stored
}
