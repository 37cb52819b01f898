//! A release as `status.history` and `status.inventory` show it.

use std::collections::BTreeMap;

use api::helm::v2::{ReleaseSnapshot, TestFilter, TestHookStatus};
use api::meta::{Inventory, InventoryEntry, Time};
use helm_release::{Observation, Release};
use k8s_openapi::jiff::Timestamp;
use manifest::Object;

use crate::history::API_VERSION;

/// The entry of a release.
pub(crate) fn of(release: &Release, oci_digest: &str, action: Option<&str>) -> ReleaseSnapshot {
    let observation = Observation::new(release, oci_digest);
    let chart = release.chart_metadata();
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ReleaseSnapshot {
        api_version: Some(API_VERSION.to_owned()),
        digest: observation.digest(),
        name: release.name.clone(),
        namespace: release.namespace.clone(),
        version: release.version,
        status: release.status().to_string(),
        action: action.map(str::to_owned),
        chart_name: chart.name.clone(),
        chart_version: chart.version.clone(),
        app_version: text(&chart.app_version),
        config_digest: helm_release::digest_values(&release.values()),
        first_deployed: release
            .info
            .first_deployed
            .as_deref()
            .and_then(time)
            .unwrap_or(Time(Timestamp::UNIX_EPOCH)),
        last_deployed: release
            .info
            .last_deployed
            .as_deref()
            .and_then(time)
            .unwrap_or(Time(Timestamp::UNIX_EPOCH)),
        deleted: release.info.deleted.as_deref().and_then(time),
        test_hooks: None,
        oci_digest: text(oci_digest),
    }
}

/// Whether a release is as its entry shows it. Who made an entry of another version made its digest in another way: it
/// is taken at its word.
pub(crate) fn records(entry: &ReleaseSnapshot, release: &Release) -> bool {
    entry.api_version.as_deref() != Some(API_VERSION)
        || of(release, entry.oci_digest.as_deref().unwrap_or_default(), None).digest == entry.digest
}

/// A time in whole seconds; Go's zero time is none.
fn time(text: &str) -> Option<Time> {
    let time: Timestamp = text.parse().ok()?;
    (time.as_second() > -60_000_000_000)
        .then(|| Timestamp::from_second(time.as_second()).ok().map(Time))
        .flatten()
}

/// The tests of a release that a HelmRelease asks for, and how they ended.
pub(crate) fn tests(release: &Release, filters: &[TestFilter]) -> BTreeMap<String, TestHookStatus> {
    let tests = release.hooks.iter().filter(|hook| hook.events.iter().any(|event| is_test(event)));
    tests
        .filter(|hook| is_selected(&hook.name, filters))
        .map(|hook| {
            let run = &hook.last_run;
            let status = TestHookStatus {
                last_started: run.started_at.as_deref().and_then(time),
                last_completed: run.completed_at.as_deref().and_then(time),
                phase: Some(run.phase.to_string()).filter(|phase| !phase.is_empty()),
            };
            (hook.name.clone(), status)
        })
        .collect()
}

/// Whether an event is that of tests; `test-success` is Helm 2's word.
pub(crate) fn is_test(event: &str) -> bool {
    matches!(event, "test" | "test-success")
}

/// Whether the filters select a test.
pub(crate) fn is_selected(name: &str, filters: &[TestFilter]) -> bool {
    let named = |exclude: bool| filters.iter().any(|filter| filter.exclude == exclude && filter.name == name);
    let includes = filters.iter().any(|filter| !filter.exclude);
    !named(true) && (!includes || named(false))
}

/// The inventory of objects in their order.
pub(crate) fn inventory<'o>(objects: impl IntoIterator<Item = &'o Object>) -> Inventory {
    let entry = |object: &Object| InventoryEntry { id: object.id().to_string(), v: object.gvk().version };
    Inventory { entries: objects.into_iter().map(entry).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_zero_time_is_none() {
        assert_eq!(time("0001-01-01T00:00:00Z"), None);
        assert_eq!(time(""), None);
        assert_eq!(time("2026-11-21T16:00:00.123Z"), Some(Time("2026-11-21T16:00:00Z".parse().unwrap())));
    }

    #[test]
    fn filters_name_the_tests_to_run_or_to_leave_out() {
        let filter = |name: &str, exclude| TestFilter { name: name.into(), exclude };
        assert!(is_selected("a", &[]));
        assert!(is_selected("a", &[filter("a", false)]) && !is_selected("b", &[filter("a", false)]));
        assert!(!is_selected("a", &[filter("a", true)]) && is_selected("b", &[filter("a", true)]));
    }
}
