use std::fmt;

use serde_json::Value;

use crate::{
    fields,
    managed::{self, Entry, Takeover},
};

/// Most fields named in one report.
const MAX_FIELDS: usize = 16;

/// Who changed an object of ours, and where. Paths only: never a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftReport {
    /// Field manager of the newest change; empty when the server does not tell (a field that was removed
    /// leaves no owner, nor does a deletion).
    pub manager: String,
    /// Changed fields, such as `.spec.replicas`; at most 16. Of Secrets the keys.
    pub fields: Vec<String>,
    /// Time of that change, RFC 3339, when the server tells it.
    pub time: Option<String>,
    /// Whether the object was gone.
    pub deleted: bool,
}

impl DriftReport {
    /// The report of an object that was deleted.
    #[must_use]
    pub fn of_deletion() -> Self {
        Self { deleted: true, ..Self::default() }
    }

    /// Of a live object that lost these fields.
    pub(crate) fn of(live: &Value, lost: &Value, rules: &Takeover) -> Self {
        let culprits = culprits(live, lost, rules);
        let newest = culprits.iter().max_by_key(|(entry, _)| entry.time().unwrap_or_default());
        let secret = live.get("kind").and_then(Value::as_str) == Some("Secret");
        let touched = culprits.iter().fold(lost.clone(), |all, (_, touched)| fields::union(&all, touched));
        Self {
            manager: newest.map(|(entry, _)| entry.manager().to_owned()).unwrap_or_default(),
            time: newest.and_then(|(entry, _)| entry.time()).map(str::to_owned),
            fields: fields::paths(&touched, MAX_FIELDS, !secret),
            deleted: false,
        }
    }
}

/// Fields that are ours after the apply and are not now.
pub(crate) fn lost_fields(live: &Value, result: &Value, rules: &Takeover) -> Value {
    let set = |object| {
        managed::own(object, &rules.field_manager).map_or_else(fields::empty, |own| own.fields().clone())
    };
    fields::minus(&set(result), &set(live))
}

/// Entries that hold fields lost by us, or that will be taken over, with those fields.
fn culprits<'a>(live: &'a Value, lost: &Value, rules: &Takeover) -> Vec<(Entry<'a>, Value)> {
    let others =
        managed::entries(live).filter(|entry| !(entry.is_apply() && entry.manager() == rules.field_manager));
    let touched = |entry: Entry<'a>| {
        let fields =
            if rules.takes(entry) { entry.fields_to_take() } else { fields::intersect(entry.fields(), lost) };
        (entry, fields)
    };
    others.map(touched).filter(|(_, fields)| !fields::is_empty(fields)).collect()
}

impl fmt::Display for DriftReport {
    /// `by kubectl-set: .spec.replicas, .data.key`; `deleted` when the object was gone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.deleted {
            return f.write_str("deleted");
        }
        let manager = if self.manager.is_empty() { "an unknown manager" } else { &self.manager };
        write!(f, "changed by {manager}: {}", self.fields.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules() -> Takeover {
        Takeover { field_manager: "kustomize-controller".into(), overrides: Vec::new() }
    }

    fn own(fields: Value) -> Value {
        json!({"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": fields})
    }

    fn report(live: &Value, result: &Value) -> DriftReport {
        DriftReport::of(live, &lost_fields(live, result, &rules()), &rules())
    }

    #[test]
    fn names_the_manager_that_took_the_field() {
        let live = json!({"kind": "Deployment", "metadata": {"managedFields": [
            own(json!({"f:spec": {"f:paused": {}}})),
            {"manager": "kubectl", "operation": "Update", "subresource": "scale", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:status": {}}},
        ]}});
        let result = json!({"metadata": {"managedFields": [own(json!({"f:spec": {"f:paused": {}, "f:replicas": {}}}))]}});
        let report = report(&live, &result);
        assert_eq!(
            (report.manager.as_str(), report.fields.as_slice()),
            ("kubectl", &[".spec.replicas".to_owned()][..])
        );
        assert_eq!(report.to_string(), "changed by kubectl: .spec.replicas");
    }

    #[test]
    fn names_fields_added_by_hand() {
        let ours = own(json!({"f:data": {"f:a": {}}}));
        let live = json!({"kind": "Secret", "metadata": {"managedFields": [ours,
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}, "f:metadata": {"f:finalizers": {"v:\"canary\"": {}}}}}]}});
        let report = report(&live, &json!({"metadata": {"managedFields": [ours]}}));
        assert_eq!(report.fields, [".data.b", ".metadata.finalizers[=***]"]);
    }

    #[test]
    fn a_field_without_owner_has_no_manager() {
        let live = json!({"metadata": {"managedFields": []}});
        let result = json!({"metadata": {"managedFields": [own(json!({"f:data": {"f:a": {}}}))]}});
        let report = report(&live, &result);
        assert_eq!(report.to_string(), "changed by an unknown manager: .data.a");
    }
}
