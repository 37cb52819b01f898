//! Requests by annotation: to force an action, to forget failures. Pure.

use api::helm::v2::HelmRelease;
use api::meta::FluxObject;

/// Whether a request is to be acted on, and the value that is handled with it. A request counts once, and only
/// together with a new `requestedAt` of the same value.
pub(crate) fn asked(
    object: &HelmRelease,
    annotation: &str,
    handled: Option<&str>,
    reconciled: Option<&str>,
) -> (bool, Option<String>) {
    let value = object.metadata.annotations.as_ref().and_then(|all| all.get(annotation)).cloned();
    let Some(value) = value else { return (false, handled.map(str::to_owned)) };
    let acts = object.requested_at() == Some(value.as_str())
        && handled != Some(value.as_str())
        && reconciled != Some(value.as_str());
    (acts, Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(requested: &str, forced: &str) -> HelmRelease {
        let annotations =
            json!({"reconcile.fluxcd.io/requestedAt": requested, "reconcile.fluxcd.io/forceAt": forced});
        serde_json::from_value(json!({"metadata": {"name": "a", "annotations": annotations}, "spec": {}}))
            .unwrap()
    }

    #[test]
    fn a_request_counts_once_and_with_requested_at_alone() {
        let key = "reconcile.fluxcd.io/forceAt";
        let fresh = object("1", "1");
        assert_eq!(asked(&fresh, key, None, None), (true, Some("1".into())));
        assert_eq!(asked(&fresh, key, Some("1"), None), (false, Some("1".into())));
        assert_eq!(asked(&fresh, key, None, Some("1")), (false, Some("1".into())));
        assert_eq!(asked(&object("2", "1"), key, None, None), (false, Some("1".into())));
        assert_eq!(asked(&HelmRelease::default(), key, Some("0"), None), (false, Some("0".into())));
    }
}
