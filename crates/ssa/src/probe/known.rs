//! What the marks, the watch and a live object say about how to go on.

use std::collections::HashSet;

use manifest::Object;
use serde_json::Value;

use crate::{DriftReport, Fingerprint, Pass, apply::Run, drift, fields, managed, takeover, write::status};

/// What is remembered of a live object.
pub(super) struct Seen {
    pub(super) fingerprint: Fingerprint,
    /// By the rules alone.
    pub(super) healthy: bool,
}

impl Run<'_> {
    pub(super) fn is_skipped(&self, object: &Object, live: &Value) -> bool {
        self.marks().excluded(live) || self.marks().only_if_absent(object.value())
    }

    pub(super) fn is_forced(&self, object: &Object, live: &Value) -> bool {
        self.options.force || self.marks().forced(object.value()) || self.marks().forced(live)
    }

    pub(crate) fn takes_over(&self, object: &Object, live: &Value) -> bool {
        let merges = self.marks().merges(object.value()) || self.marks().merges(live);
        !merges && takeover::is_due(live, &self.session.cluster.takeover)
    }

    pub(super) fn in_sync(&self, object: &Object) -> Option<Fingerprint> {
        self.session.cluster.drift.in_sync(self.options.owner, &object.id())
    }

    /// Whether the dry run began where our last apply ended, and moved the time of our entry: the change is
    /// the source's, and there is nothing to learn from the live object.
    pub(super) fn surely_moved(&self, object: &Object, result: &Value) -> bool {
        let result = self.fold(result);
        self.in_sync(object).is_some_and(|live| {
            live.resource_version == result.resource_version && live.applied_at < result.applied_at
        })
    }

    /// What is remembered of a live object that was looked at.
    pub(super) fn seen(&self, object: &Value) -> Seen {
        let healthy = status(object) == kstatus::Status::Current;
        Seen { fingerprint: self.fold(object), healthy }
    }

    pub(crate) fn fold(&self, object: &Value) -> Fingerprint {
        Fingerprint::of(object, &self.session.cluster.takeover, self.marks())
    }

    pub(crate) fn marks(&self) -> &crate::marks::Marks {
        &self.session.cluster.marks
    }

    /// Who changed the live object. An object that was not ours before has not drifted. A field that is ours
    /// after and not before, and nobody else's, was removed by somebody, or is new in the source: told only
    /// when the source is known not to have changed our fields.
    pub(crate) fn drift_report(&self, live: &Value, result: &Value) -> Option<DriftReport> {
        self.drift_of(live, result, &drift::lost_fields(live, result, &self.session.cluster.takeover))
    }

    /// The same, of these fields of those that were lost.
    pub(super) fn drift_of(&self, live: &Value, result: &Value, lost: &Value) -> Option<DriftReport> {
        let rules = &self.session.cluster.takeover;
        managed::own(live, &rules.field_manager)?;
        let report = DriftReport::of(live, lost, rules);
        let told = !report.manager.is_empty() || self.same_fields(live, result);
        (!report.fields.is_empty() && told).then_some(report)
    }

    pub(super) fn same_fields(&self, live: &Value, result: &Value) -> bool {
        let Ok(object) = Object::from_value(live.clone()) else { return false };
        let drift = &self.session.cluster.drift;
        let heal = matches!(self.options.pass, Pass::Heal(_));
        heal || drift.applied_fields(self.options.owner, &object.id()) == Some(self.fold(result).entry)
    }

    /// Whether a heal may have to leave fields of the live object alone: somebody insists on some, or something other
    /// than a person writes it through a subresource that is not its status.
    pub(super) fn may_leave_fields(&self, object: &Object, live: &Value) -> bool {
        let Pass::Heal(drifted) = self.options.pass else { return false };
        let is_scaled = managed::entries(live).any(|entry| {
            entry.subresource().is_some_and(|s| s != "status") && !managed::is_by_hand(entry.manager())
        });
        is_scaled || drifted.get(&object.id()).is_some_and(|insisting| !insisting.is_empty())
    }

    /// Those of the lost fields that a heal leaves to the interval; none in other passes.
    pub(super) fn left_alone(&self, object: &Object, live: &Value, lost: &Value) -> Value {
        match self.options.pass {
            Pass::Heal(drifted) => {
                let none = HashSet::new();
                managed::held(live, lost, drifted.get(&object.id()).unwrap_or(&none))
            }
            Pass::Full | Pass::Only(_) => fields::empty(),
        }
    }

    /// In a heal, an object that is absent has been deleted.
    pub(super) fn deletion_report(&self) -> Option<DriftReport> {
        matches!(self.options.pass, Pass::Heal(_)).then(DriftReport::of_deletion)
    }
}
