//! What the release is, compared with what is wanted, and what is done about it. Pure: the storage and the cluster were
//! read before.

use api::helm::v2::{HelmReleaseStatus, ReleaseAction, ReleaseSnapshot};

use crate::history;
use crate::spec::{DriftMode, Spec};

/// What storage shows of the newest release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observed<'a> {
    /// There is none.
    None,
    /// There is one.
    Release {
        /// Its status, in Helm's words.
        status: &'a str,
        /// Whether it is the one recorded in `status.history`, unchanged.
        verdict: Known,
        /// Whether chart and values are those wanted.
        fits: Fits,
    },
}

/// What the recorded digest says of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing is recorded.
    Unrecorded,
    /// It is as recorded.
    Same,
    /// Somebody else changed or made it.
    Other,
}

/// How a deployed release compares with what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fits {
    /// It is what is wanted.
    Yes,
    /// Another chart or version is wanted.
    Chart,
    /// Other values are wanted.
    Values,
}

/// The state of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not there.
    Absent,
    /// In the middle of an action.
    Locked,
    /// Not made by us.
    Unmanaged,
    /// Other than wanted.
    OutOfSync,
    /// Failed.
    Failed,
    /// Deployed, its tests not run.
    Untested,
    /// Deployed as wanted; the cluster is still to be compared where that is asked for.
    InSync,
    /// A status this controller does not know.
    Unknown,
}

/// What digests of the spec say, for a new generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Post-renderers or common metadata are others than last time.
    pub rendering: bool,
}

/// Tells the state.
pub(crate) fn state(
    observed: &Observed<'_>,
    status: &HelmReleaseStatus,
    spec: Spec<'_>,
    changed: Changed,
) -> State {
    let Observed::Release { status: word, verdict, fits } = observed else { return State::Absent };
    if word.starts_with("pending-") {
        return State::Locked;
    }
    match verdict {
        Known::Unrecorded if *word == "uninstalled" => return State::Absent,
        Known::Unrecorded | Known::Other => return State::Unmanaged,
        Known::Same => {}
    }
    match *word {
        "failed" => State::Failed,
        "uninstalled" => State::Absent,
        "deployed" if *fits != Fits::Yes || changed.rendering => State::OutOfSync,
        "deployed" => tested(status, spec),
        _ => State::Unknown,
    }
}

fn tested(status: &HelmReleaseStatus, spec: Spec<'_>) -> State {
    let test = spec.test();
    let Some(current) = history::latest(&status.history).filter(|_| test.enable) else {
        return State::InSync;
    };
    if !history::is_tested(current) {
        return State::Untested;
    }
    let remediation = spec.active_remediation(status.last_attempted_release_action.as_ref());
    let counts = remediation.is_some_and(|remediation| !remediation.ignores_tests(test.ignore_failures));
    if counts && history::has_failed_test(current) { State::Failed } else { State::InSync }
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: the release is as wanted.
    Rest,
    /// Compare with the cluster; then nothing, or the drift is dealt with.
    Compare,
    /// Mark the release as failed.
    Unlock,
    /// Install.
    Install,
    /// Upgrade.
    Upgrade,
    /// Upgrade, and forget the history: the release is not ours.
    TakeOver,
    /// Run the tests.
    Test,
    /// Go back to the previous release, if it is still there unchanged; else upgrade.
    RollBack,
    /// Remove the failed release.
    Remove,
    /// Nothing: no retries are left.
    GiveUp(&'static str),
    /// Nothing: there is nothing to go back to.
    NoTarget,
    /// The status of the release is none we know.
    Refuse,
}

/// Decides. `forced`: somebody asked for an action in any case.
pub(crate) fn action(state: State, status: &HelmReleaseStatus, spec: Spec<'_>, forced: bool) -> Action {
    match state {
        State::InSync if forced => Action::Upgrade,
        State::InSync if spec.drift() == DriftMode::Off => Action::Rest,
        State::InSync => Action::Compare,
        State::Locked => Action::Unlock,
        State::Absent if spec.install_remediation().exhausted(status.install_failures) && !forced => {
            Action::GiveUp("cannot install release")
        }
        State::Absent => Action::Install,
        State::Unmanaged => Action::TakeOver,
        State::OutOfSync if spec.upgrade_remediation().exhausted(status.upgrade_failures) && !forced => {
            Action::GiveUp("cannot upgrade release")
        }
        State::OutOfSync => Action::Upgrade,
        State::Untested => Action::Test,
        State::Failed => of_failed(status, spec, forced),
        State::Unknown => Action::Refuse,
    }
}

fn of_failed(status: &HelmReleaseStatus, spec: Spec<'_>, forced: bool) -> Action {
    let last = status.last_attempted_release_action.as_ref();
    if last.and_then(|last| spec.retry(last)).is_some() {
        return Action::Upgrade;
    }
    let Some(remediation) = spec.active_remediation(last) else { return Action::Upgrade };
    let failures = failures(status, last);
    if failures <= 0 || forced {
        return Action::Upgrade;
    }
    if remediation.exhausted(failures) && !remediation.last {
        return Action::GiveUp("cannot remediate failed release");
    }
    if !remediation.rollback {
        return Action::Remove;
    }
    let ignored = remediation.ignores_tests(spec.test().ignore_failures);
    match history::previous(&status.history, ignored) {
        Some(_) => Action::RollBack,
        None => Action::NoTarget,
    }
}

/// Failures of the last action in a row.
pub(crate) fn failures(status: &HelmReleaseStatus, last: Option<&ReleaseAction>) -> i64 {
    match last {
        Some(ReleaseAction::Install) => status.install_failures,
        Some(ReleaseAction::Upgrade) => status.upgrade_failures,
        _ => 0,
    }
}

/// Where a release lives: when this changes, the old one is removed first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// Namespace of the storage.
    pub storage: &'a str,
    /// Namespace of the release.
    pub namespace: &'a str,
    /// Name of the release.
    pub name: &'a str,
    /// Name of the chart.
    pub chart: &'a str,
}

/// Whether the release that was made lives elsewhere than the one wanted.
pub(crate) fn moved(
    status: &HelmReleaseStatus,
    wanted: &Target<'_>,
    renamed_charts: bool,
) -> Option<&'static str> {
    let current: &ReleaseSnapshot = history::latest(&status.history)?;
    let storage = status.storage_namespace.as_deref().filter(|text| !text.is_empty())?;
    if wanted.storage != storage {
        Some("storage namespace")
    } else if wanted.namespace != current.namespace {
        Some("release namespace")
    } else if wanted.name != current.name {
        Some("release name")
    } else if wanted.chart != current.chart_name && renamed_charts {
        Some("chart name")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Defaults;
    use api::helm::v2::HelmRelease;
    use serde_json::{Value, json};

    fn object(spec: Value, status: Value) -> HelmRelease {
        let object = json!({"metadata": {"name": "app", "namespace": "ns"}, "spec": spec, "status": status});
        serde_json::from_value(object).unwrap()
    }

    fn decided(spec: Value, status: Value, observed: &Observed<'_>, forced: bool) -> (State, Action) {
        let object = object(spec, status);
        let status = object.status.clone().unwrap_or_default();
        let spec = Spec::new(&object, Defaults::default());
        let state = state(observed, &status, spec, Changed::default());
        (state, action(state, &status, spec, forced))
    }

    fn release(status: &str) -> Observed<'_> {
        Observed::Release { status, verdict: Known::Same, fits: Fits::Yes }
    }

    fn history(entries: &[(i64, &str)]) -> Value {
        let entry = |(version, status): &(i64, &str)| {
            json!({"name": "app", "namespace": "ns", "version": version, "status": status, "digest": "", "chartName": "c",
                "chartVersion": "1", "configDigest": "", "firstDeployed": "2026-01-01T00:00:00Z", "lastDeployed": "2026-01-01T00:00:00Z"})
        };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn nothing_is_installed_until_the_retries_are_used_up() {
        let (state, action) = decided(json!({}), json!({}), &Observed::None, false);
        assert_eq!((state, action), (State::Absent, Action::Install));
        let failed = json!({"installFailures": 1});
        let (_, action) = decided(json!({}), failed.clone(), &Observed::None, false);
        assert_eq!(action, Action::GiveUp("cannot install release"));
        assert_eq!(decided(json!({}), failed, &Observed::None, true).1, Action::Install);
    }

    #[test]
    fn a_pending_release_is_unlocked_and_a_foreign_one_taken_over() {
        assert_eq!(decided(json!({}), json!({}), &release("pending-upgrade"), false).1, Action::Unlock);
        let foreign = Observed::Release { status: "deployed", verdict: Known::Unrecorded, fits: Fits::Yes };
        assert_eq!(decided(json!({}), json!({}), &foreign, false), (State::Unmanaged, Action::TakeOver));
        let gone = Observed::Release { status: "uninstalled", verdict: Known::Unrecorded, fits: Fits::Yes };
        assert_eq!(decided(json!({}), json!({}), &gone, false).1, Action::Install);
    }

    #[test]
    fn a_failed_upgrade_rolls_back_while_retries_remain() {
        let status = json!({"lastAttemptedReleaseAction": "upgrade", "upgradeFailures": 1,
            "history": history(&[(2, "failed"), (1, "superseded")])});
        let spec = json!({"upgrade": {"remediation": {"retries": 1}}});
        assert_eq!(decided(spec, status.clone(), &release("failed"), false).1, Action::RollBack);
        assert_eq!(
            decided(json!({}), status.clone(), &release("failed"), false).1,
            Action::GiveUp("cannot remediate failed release")
        );
        let uninstall = json!({"upgrade": {"remediation": {"retries": 1, "strategy": "uninstall"}}});
        assert_eq!(decided(uninstall, status, &release("failed"), false).1, Action::Remove);
    }

    #[test]
    fn without_a_good_release_there_is_no_target() {
        let status = json!({"lastAttemptedReleaseAction": "upgrade", "upgradeFailures": 1,
            "history": history(&[(2, "failed"), (1, "failed")])});
        let spec = json!({"upgrade": {"remediation": {"retries": 1}}});
        assert_eq!(decided(spec, status, &release("failed"), false).1, Action::NoTarget);
    }

    #[test]
    fn counters_that_were_reset_mean_another_upgrade() {
        let status = json!({"lastAttemptedReleaseAction": "install", "history": history(&[(1, "failed")])});
        assert_eq!(decided(json!({}), status, &release("failed"), false).1, Action::Upgrade);
    }

    fn deployed(fits: Fits) -> Observed<'static> {
        Observed::Release { status: "deployed", verdict: Known::Same, fits }
    }

    #[test]
    fn what_is_other_than_wanted_is_upgraded_until_the_retries_are_used_up() {
        let status = json!({"upgradeFailures": 1, "history": history(&[(1, "deployed")])});
        let give_up = (State::OutOfSync, Action::GiveUp("cannot upgrade release"));
        let upgrade = (State::OutOfSync, Action::Upgrade);
        for fits in [Fits::Chart, Fits::Values] {
            assert_eq!(decided(json!({}), json!({}), &deployed(fits), false), upgrade);
            assert_eq!(decided(json!({}), status.clone(), &deployed(fits), false), give_up);
            assert_eq!(decided(json!({}), status.clone(), &deployed(fits), true), upgrade);
        }
        let retries = json!({"upgrade": {"remediation": {"retries": 1}}});
        assert_eq!(decided(retries, status, &deployed(Fits::Values), false), upgrade);
    }

    #[test]
    fn other_post_renderers_are_another_release() {
        let object = object(json!({}), json!({"history": history(&[(1, "deployed")])}));
        let (status, spec) =
            (object.status.clone().unwrap_or_default(), Spec::new(&object, Defaults::default()));
        let of = |rendering| state(&deployed(Fits::Yes), &status, spec, Changed { rendering });
        assert_eq!((of(false), of(true)), (State::InSync, State::OutOfSync));
    }

    #[test]
    fn what_we_uninstalled_is_installed_again() {
        assert_eq!(
            decided(json!({}), json!({}), &release("uninstalled"), false),
            (State::Absent, Action::Install)
        );
        assert_eq!(decided(json!({}), json!({}), &release("odd"), false), (State::Unknown, Action::Refuse));
    }

    #[test]
    fn tests_are_run_once_and_count_unless_they_are_ignored() {
        let status = |phase: Option<&str>| {
            let mut entries = history(&[(2, "deployed"), (1, "superseded")]);
            if let Some(phase) = phase {
                entries[0]["testHooks"] = json!({"t": {"phase": phase}});
            }
            json!({"lastAttemptedReleaseAction": "upgrade", "upgradeFailures": 1, "history": entries})
        };
        let wanted = json!({"test": {"enable": true}, "upgrade": {"remediation": {"retries": 2}}});
        let of = |spec: &Value, phase| decided(spec.clone(), status(phase), &release("deployed"), false);
        assert_eq!(of(&wanted, None), (State::Untested, Action::Test));
        assert_eq!(of(&wanted, Some("Succeeded")), (State::InSync, Action::Rest));
        assert_eq!(of(&wanted, Some("Failed")), (State::Failed, Action::RollBack));
        assert_eq!(of(&json!({}), None), (State::InSync, Action::Rest), "not asked for");
        let mut ignored = wanted.clone();
        ignored["test"]["ignoreFailures"] = json!(true);
        assert_eq!(of(&ignored, Some("Failed")), (State::InSync, Action::Rest));
        let untold = json!({"history": status(Some("Failed"))["history"]});
        assert_eq!(
            decided(wanted, untold, &release("deployed"), false).0,
            State::InSync,
            "no action is known"
        );
    }

    #[test]
    fn a_failed_installation_is_removed_and_somebody_who_insists_gets_an_upgrade() {
        let status = json!({"lastAttemptedReleaseAction": "install", "installFailures": 1,
            "history": history(&[(1, "failed")])});
        let spec = json!({"install": {"remediation": {"retries": 1}}});
        assert_eq!(decided(spec.clone(), status.clone(), &release("failed"), false).1, Action::Remove);
        assert_eq!(decided(spec, status, &release("failed"), true).1, Action::Upgrade);
    }

    #[test]
    fn the_last_failure_is_remediated_where_that_is_asked_for() {
        let status = json!({"lastAttemptedReleaseAction": "upgrade", "upgradeFailures": 2,
            "history": history(&[(2, "failed"), (1, "superseded")])});
        let spec =
            |last: bool| json!({"upgrade": {"remediation": {"retries": 1, "remediateLastFailure": last}}});
        assert_eq!(decided(spec(true), status.clone(), &release("failed"), false).1, Action::RollBack);
        let given_up = Action::GiveUp("cannot remediate failed release");
        assert_eq!(decided(spec(false), status, &release("failed"), false).1, given_up);
    }

    #[test]
    fn drift_is_looked_for_only_when_asked() {
        let status = json!({"history": history(&[(1, "deployed")])});
        assert_eq!(decided(json!({}), status.clone(), &release("deployed"), false).1, Action::Rest);
        let spec = json!({"driftDetection": {"mode": "warn"}});
        assert_eq!(decided(spec, status.clone(), &release("deployed"), false).1, Action::Compare);
        assert_eq!(decided(json!({}), status, &release("deployed"), true).1, Action::Upgrade);
    }

    #[test]
    fn another_place_or_chart_is_another_release() {
        let object =
            object(json!({}), json!({"storageNamespace": "ns", "history": history(&[(1, "deployed")])}));
        let status = object.status.unwrap_or_default();
        let here = Target { storage: "ns", namespace: "ns", name: "app", chart: "c" };
        assert_eq!(moved(&status, &here, true), None);
        assert_eq!(moved(&status, &Target { chart: "d", ..here.clone() }, true), Some("chart name"));
        assert_eq!(moved(&status, &Target { chart: "d", ..here.clone() }, false), None);
        assert_eq!(moved(&status, &Target { name: "b", ..here.clone() }, true), Some("release name"));
        let elsewhere = Target { namespace: "other", ..here.clone() };
        assert_eq!(moved(&status, &elsewhere, true), Some("release namespace"));
        assert_eq!(moved(&status, &Target { storage: "other", ..here }, true), Some("storage namespace"));
    }
}
