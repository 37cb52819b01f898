//! `status.history`: what was released, newest first. Pure.

use api::helm::v2::ReleaseSnapshot;

/// Entries kept when none of them is a release to go back to.
const MAX: usize = 5;
/// Version of the way digests are made.
pub(crate) const API_VERSION: &str = "v2";

/// Newest first.
pub(crate) fn sort(history: &mut [ReleaseSnapshot]) {
    history.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.version));
}

/// The newest release.
pub(crate) fn latest(history: &[ReleaseSnapshot]) -> Option<&ReleaseSnapshot> {
    history.iter().max_by_key(|snapshot| snapshot.version)
}

/// The newest one before the latest that succeeded.
pub(crate) fn previous(history: &[ReleaseSnapshot], ignore_tests: bool) -> Option<&ReleaseSnapshot> {
    let latest = latest(history)?.version;
    history
        .iter()
        .filter(|snapshot| snapshot.version < latest && succeeded(snapshot, ignore_tests))
        .max_by_key(|snapshot| snapshot.version)
}

/// Keeps the latest, and all down to the first before it that succeeded.
pub(crate) fn truncate(history: &mut Vec<ReleaseSnapshot>, ignore_tests: bool) {
    sort(history);
    let good = history.iter().skip(1).position(|snapshot| succeeded(snapshot, ignore_tests));
    history.truncate(good.map_or(MAX, |at| at + 2));
}

/// Keeps the newest ones.
pub(crate) fn truncate_to_newest(history: &mut Vec<ReleaseSnapshot>) {
    sort(history);
    history.truncate(MAX);
}

fn succeeded(snapshot: &ReleaseSnapshot, ignore_tests: bool) -> bool {
    matches!(snapshot.status.as_str(), "deployed" | "superseded")
        && (ignore_tests || !has_failed_test(snapshot))
}

/// Whether a test of it failed.
pub(crate) fn has_failed_test(snapshot: &ReleaseSnapshot) -> bool {
    snapshot.test_hooks.iter().flatten().any(|(_, test)| test.phase.as_deref() == Some("Failed"))
}

/// Whether its tests were run, all of them or up to the first that failed.
pub(crate) fn is_tested(snapshot: &ReleaseSnapshot) -> bool {
    let Some(tests) = &snapshot.test_hooks else { return false };
    has_failed_test(snapshot) || tests.values().all(|test| test.phase.as_deref() == Some("Succeeded"))
}

/// `ns/name.v1`.
pub(crate) fn full_name(snapshot: &ReleaseSnapshot) -> String {
    format!("{}/{}.v{}", snapshot.namespace, snapshot.name, snapshot.version)
}

/// `chart@1.0.0`.
pub(crate) fn chart(snapshot: &ReleaseSnapshot) -> String {
    format!("{}@{}", snapshot.chart_name, snapshot.chart_version)
}

/// Whether the entry is of this release.
pub(crate) fn targets(snapshot: &ReleaseSnapshot, name: &str, namespace: &str, version: i64) -> bool {
    snapshot.name == name && snapshot.namespace == namespace && snapshot.version == version
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::helm::v2::TestHookStatus;
    use std::collections::BTreeMap;

    fn release(version: i64, status: &str) -> ReleaseSnapshot {
        ReleaseSnapshot { version, status: status.into(), name: "a".into(), ..ReleaseSnapshot::default() }
    }

    fn versions(history: &[ReleaseSnapshot]) -> Vec<i64> {
        history.iter().map(|snapshot| snapshot.version).collect()
    }

    fn tests(phases: &[&str]) -> Option<BTreeMap<String, TestHookStatus>> {
        let test =
            |phase: &&str| TestHookStatus { phase: Some((*phase).into()), ..TestHookStatus::default() };
        Some(phases.iter().enumerate().map(|(at, phase)| (at.to_string(), test(phase))).collect())
    }

    #[test]
    fn history_ends_at_the_first_earlier_release_that_succeeded() {
        let mut history = vec![
            release(4, "failed"),
            release(3, "failed"),
            release(2, "superseded"),
            release(1, "superseded"),
        ];
        truncate(&mut history, false);
        assert_eq!(versions(&history), [4, 3, 2]);
        assert_eq!(previous(&history, false).map(|snapshot| snapshot.version), Some(2));
    }

    #[test]
    fn without_a_good_release_five_are_kept() {
        let mut history: Vec<_> = (1..=8).map(|version| release(version, "failed")).collect();
        truncate(&mut history, false);
        assert_eq!(versions(&history), [8, 7, 6, 5, 4]);
        assert!(previous(&history, false).is_none());
    }

    #[test]
    fn a_release_is_not_its_own_predecessor() {
        let history = [release(2, "deployed"), release(1, "superseded")];
        assert_eq!(previous(&history, false).map(|snapshot| snapshot.version), Some(1));
        assert!(previous(&history[..1], false).is_none() && previous(&[], false).is_none());
    }

    #[test]
    fn the_newest_five_are_kept_whatever_became_of_them() {
        let mut history: Vec<_> = (1..=7).map(|version| release(version, "superseded")).collect();
        truncate_to_newest(&mut history);
        assert_eq!(versions(&history), [7, 6, 5, 4, 3]);
    }

    #[test]
    fn an_entry_is_told_by_name_namespace_and_version() {
        let entry = ReleaseSnapshot {
            namespace: "ns".into(),
            chart_name: "podinfo".into(),
            chart_version: "6.0.0".into(),
            ..release(3, "deployed")
        };
        assert_eq!((full_name(&entry).as_str(), chart(&entry).as_str()), ("ns/a.v3", "podinfo@6.0.0"));
        assert!(targets(&entry, "a", "ns", 3));
        assert!(!targets(&entry, "b", "ns", 3) && !targets(&entry, "a", "other", 3));
        assert!(!targets(&entry, "a", "ns", 2) && !targets(&entry, "b", "other", 3));
    }

    #[test]
    fn a_release_with_a_failed_test_is_no_target_unless_tests_are_ignored() {
        let mut bad = release(1, "superseded");
        bad.test_hooks = tests(&["Succeeded", "Failed"]);
        let history = vec![release(2, "failed"), bad];
        assert!(previous(&history, false).is_none());
        assert!(previous(&history, true).is_some());
    }

    #[test]
    fn tests_count_as_run_when_all_passed_or_one_failed() {
        let mut snapshot = release(1, "deployed");
        assert!(!is_tested(&snapshot));
        snapshot.test_hooks = tests(&[]);
        assert!(is_tested(&snapshot));
        snapshot.test_hooks = tests(&["Succeeded", "Succeeded"]);
        assert!(is_tested(&snapshot));
        snapshot.test_hooks = tests(&["Succeeded", ""]);
        assert!(!is_tested(&snapshot));
        snapshot.test_hooks = tests(&["", "Failed"]);
        assert!(is_tested(&snapshot));
    }
}
