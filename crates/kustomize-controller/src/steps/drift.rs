//! Tells who changed an object, on the object itself.

use k8s_openapi::api::core::v1::ObjectReference;
use runtime::Event;
use runtime::metrics::Origin;
use ssa::{Action, Change, DriftReport};

use crate::contest::Nomination;
use crate::status::Own;
use crate::work::Work;

/// Tells of drift that an apply found in one object: the event names manager, fields (of Secrets the keys), time and
/// the revision that was restored.
pub(crate) fn tell(work: &Work<'_>, change: &Change, nomination: Option<&Nomination>) {
    let Some(report) = &change.drift else { return };
    let manager = manager(report, nomination);
    let metrics = &work.app.metrics;
    match change.action {
        Action::Created | Action::Configured => {
            metrics.drift(&change.id.kind, manager, "healed");
            metrics.manual_change(manager);
            metrics.change(Origin::Cluster, false);
            work.run.emit(work.about(event(work, change, report, manager)));
        }
        Action::Left => metrics.drift(&change.id.kind, manager, "left"),
        _ => {}
    }
}

fn manager<'a>(report: &'a DriftReport, nomination: Option<&'a Nomination>) -> &'a str {
    let guess = nomination.map(|nomination| nomination.manager.as_str()).unwrap_or_default();
    if report.manager.is_empty() { guess } else { &report.manager }
}

fn event(work: &Work<'_>, change: &Change, report: &DriftReport, manager: &str) -> Event {
    let message = message(report, manager, &work.target.revision);
    Event::error(Own::DriftCorrected, message).on(reference(change))
}

fn message(report: &DriftReport, manager: &str, revision: &str) -> String {
    let who = if manager.is_empty() { "an unknown manager" } else { manager };
    let at = report.time.as_deref().map(|time| format!(" at {time}")).unwrap_or_default();
    if report.deleted {
        return format!("restored to revision {revision}: the object was deleted");
    }
    format!("restored to revision {revision}: {who} had changed {}{at}", report.fields.join(", "))
}

fn reference(change: &Change) -> ObjectReference {
    let id = &change.id;
    let gvk = id.gvk(&change.version);
    ObjectReference {
        api_version: Some(gvk.api_version()),
        kind: Some(id.kind.clone()),
        name: Some(id.name.clone()),
        namespace: Some(id.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_manager_fields_time_and_revision() {
        let report = DriftReport {
            manager: "kubectl".into(),
            fields: vec![".spec.replicas".into()],
            time: Some("2026-01-02T00:00:00Z".into()),
            deleted: false,
        };
        assert_eq!(
            message(&report, "kubectl", "main@sha1:1"),
            "restored to revision main@sha1:1: kubectl had changed .spec.replicas at 2026-01-02T00:00:00Z"
        );
        let deleted = DriftReport::of_deletion();
        assert_eq!(message(&deleted, "", "r"), "restored to revision r: the object was deleted");
    }
}
