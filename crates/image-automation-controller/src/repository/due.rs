use std::time::Duration;

use api::image::v1::{ImageRepositorySpec, ImageRepositoryStatus};
use k8s_openapi::jiff::Timestamp;

/// What is known before a scan.
pub(super) struct Observed<'a> {
    pub(super) spec: &'a ImageRepositorySpec,
    pub(super) status: &'a ImageRepositoryStatus,
    /// The image's full name now.
    pub(super) canonical: &'a str,
    /// A person asks for a scan.
    pub(super) requested: bool,
    /// Whether tags of the last scan are stored.
    pub(super) stored: bool,
    pub(super) now: Timestamp,
}

/// Whether the registry is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Now, and why.
    Now(&'static str),
    /// After this time.
    Later(Duration),
}

/// Why tags are read again: the store lost them. Policies that wait for it cannot tell from the status.
pub(super) const EMPTY: &str = "no tags in database";

/// The decision of a run, in the order of Flux.
pub(super) fn due(observed: &Observed<'_>) -> Due {
    let Some(last) = &observed.status.last_scan_result else { return Due::Now("first scan") };
    if observed.requested {
        return Due::Now("reconcile requested");
    }
    if observed.status.canonical_image_name.as_deref() != Some(observed.canonical) {
        return Due::Now("new image name");
    }
    if !same(&exclusions(observed.spec), &observed.status.observed_exclusion_list) {
        return Due::Now("updated exclusion list");
    }
    if !observed.stored {
        return Due::Now(EMPTY);
    }
    let scanned = last.scan_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    let passed = Duration::try_from(observed.now.duration_since(scanned)).unwrap_or_default();
    let left = observed.spec.interval.get().unwrap_or_default().saturating_sub(passed);
    if left < Duration::from_secs(1) {
        return Due::Now("triggered by interval");
    }
    Due::Later(left)
}

/// What the spec leaves out. An empty list is none at all for Flux: its default stands for it.
pub(super) fn exclusions(spec: &ImageRepositorySpec) -> Vec<String> {
    match spec.exclusion_list.as_slice() {
        [] => vec![SIGNATURES.to_owned()],
        list => list.to_vec(),
    }
}

/// Tags of cosign's signatures.
const SIGNATURES: &str = r"^.*\.sig$";

/// The same content in any order.
fn same(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().all(|one| b.contains(one))
}

#[cfg(test)]
mod tests {
    use super::{Due, Observed, due, exclusions};
    use api::image::v1::{ImageRepositorySpec, ImageRepositoryStatus, ScanResult};
    use api::meta::{GoDuration, Time};
    use k8s_openapi::jiff::{SignedDuration, Timestamp};
    use std::time::Duration;

    fn check(change: impl FnOnce(&mut ImageRepositoryStatus, &mut Observed<'_>), expected: Due) {
        let spec = ImageRepositorySpec {
            interval: GoDuration::from_text("10m"),
            exclusion_list: vec!["a".into(), "b".into()],
            ..Default::default()
        };
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(60);
        let scan_time = Some(Time(now - SignedDuration::from_mins(4)));
        let mut status = ImageRepositoryStatus {
            canonical_image_name: Some("r/app".into()),
            last_scan_result: Some(ScanResult { scan_time, ..Default::default() }),
            observed_exclusion_list: vec!["b".into(), "a".into()],
            ..Default::default()
        };
        let empty = ImageRepositoryStatus::default();
        let mut observed =
            Observed { spec: &spec, status: &empty, canonical: "r/app", requested: false, stored: true, now };
        change(&mut status, &mut observed);
        let observed = Observed { status: &status, ..observed };
        assert_eq!(due(&observed), expected);
    }

    #[test]
    fn the_registry_is_asked_only_when_something_calls_for_it() {
        check(|_, _| {}, Due::Later(Duration::from_secs(360)));
        check(|status, _| status.last_scan_result = None, Due::Now("first scan"));
        check(|_, observed| observed.requested = true, Due::Now("reconcile requested"));
        check(|_, observed| observed.canonical = "r/other", Due::Now("new image name"));
        check(|status, _| status.observed_exclusion_list.clear(), Due::Now("updated exclusion list"));
        check(|_, observed| observed.stored = false, Due::Now("no tags in database"));
        check(|_, observed| observed.now += SignedDuration::from_mins(6), Due::Now("triggered by interval"));
    }

    #[test]
    fn an_empty_list_of_exclusions_stands_for_the_default() {
        assert_eq!(exclusions(&ImageRepositorySpec::default()), [r"^.*\.sig$"]);
        let spec = ImageRepositorySpec { exclusion_list: vec!["a".into()], ..Default::default() };
        assert_eq!(exclusions(&spec), ["a"]);
    }
}
