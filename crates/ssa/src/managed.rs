use std::collections::HashSet;

use serde_json::Value;

use crate::fields;

/// Where a restart asked for by hand stands. It is never taken over: it stays in the object, owned by nobody, when the
/// rest of its manager's fields become ours.
const RESTARTED_AT: [&str; 5] =
    ["f:spec", "f:template", "f:metadata", "f:annotations", "f:kubectl.kubernetes.io/restartedAt"];

/// One entry of `metadata.managedFields`, read leniently.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a>(&'a Value);

impl<'a> Entry<'a> {
    pub(crate) fn manager(self) -> &'a str {
        self.text("manager")
    }

    pub(crate) fn time(self) -> Option<&'a str> {
        self.0.get("time").and_then(Value::as_str)
    }

    /// The time in seconds since 1970.
    pub(crate) fn seconds(self) -> Option<i64> {
        Some(self.time()?.parse::<jiff::Timestamp>().ok()?.as_second())
    }

    pub(crate) fn api_version(self) -> &'a str {
        self.text("apiVersion")
    }

    pub(crate) fn fields(self) -> &'a Value {
        self.0.get("fieldsV1").unwrap_or(&Value::Null)
    }

    /// The fields that become ours when the entry is taken over.
    pub(crate) fn fields_to_take(self) -> Value {
        let mut fields = self.fields().clone();
        fields::remove(&mut fields, &RESTARTED_AT);
        fields
    }

    pub(crate) fn raw(self) -> &'a Value {
        self.0
    }

    pub(crate) fn is_apply(self) -> bool {
        self.text("operation") == "Apply"
    }

    pub(crate) fn is_update(self) -> bool {
        self.text("operation") == "Update"
    }

    pub(crate) fn subresource(self) -> Option<&'a str> {
        Some(self.text("subresource")).filter(|text| !text.is_empty())
    }

    fn text(self, field: &str) -> &'a str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// All entries of an object.
pub(crate) fn entries(object: &Value) -> impl Iterator<Item = Entry<'_>> {
    let list = object.get("metadata").and_then(|metadata| metadata.get("managedFields"));
    list.and_then(Value::as_array).into_iter().flatten().filter(|entry| entry.is_object()).map(Entry)
}

/// Our own entry: written by an apply of the main resource under `manager`.
pub(crate) fn own<'a>(object: &'a Value, manager: &str) -> Option<Entry<'a>> {
    entries(object)
        .find(|entry| entry.is_apply() && entry.subresource().is_none() && entry.manager() == manager)
}

/// Which entries are taken over: whose fields become ours, so that those not in Git go away.
#[derive(Clone, Debug)]
pub(crate) struct Takeover {
    pub(crate) field_manager: String,
    pub(crate) overrides: Vec<String>,
}

impl Takeover {
    /// Flux's rules, except for a restart asked for by hand, which is never undone. `kubectl rollout pause` acts under
    /// the same name, and its fields are taken.
    pub(crate) fn takes(&self, entry: Entry<'_>) -> bool {
        if entry.subresource().is_some() || !(entry.is_apply() || entry.is_update()) {
            return false;
        }
        let manager = entry.manager();
        if manager == "kubectl-rollout" {
            return !fields::is_empty(&entry.fields_to_take());
        }
        manager.starts_with("kubectl")
            || entry.is_update() && (manager == "before-first-apply" || manager == self.field_manager)
            || self.overrides.iter().any(|name| name == manager) && !self.is_own(entry)
    }

    fn is_own(&self, entry: Entry<'_>) -> bool {
        entry.is_apply() && entry.manager() == self.field_manager
    }

    /// The entries to take over.
    pub(crate) fn of<'a>(&self, object: &'a Value) -> impl Iterator<Item = Entry<'a>> {
        entries(object).filter(|entry| self.takes(*entry))
    }
}

/// Whether people act through this manager: what they scale by hand is drift, what an autoscaler scales is not.
pub(crate) fn is_by_hand(manager: &str) -> bool {
    manager.starts_with("kubectl")
}

/// Those of these fields that a heal leaves alone: they are held through a subresource by something that is no person,
/// or by one of `others`.
pub(crate) fn held(object: &Value, lost: &Value, others: &HashSet<String>) -> Value {
    let is_left = |entry: &Entry<'_>| match entry.subresource() {
        Some(_) => !is_by_hand(entry.manager()),
        None => others.contains(entry.manager()),
    };
    let rest = entries(object).filter(is_left).fold(lost.clone(), |rest, e| fields::minus(&rest, e.fields()));
    fields::minus(lost, &rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn takes(entry: Value) -> bool {
        let rules = Takeover { field_manager: "kustomize-controller".into(), overrides: vec!["helm".into()] };
        rules.takes(Entry(&entry))
    }

    #[test]
    fn takes_over_people_and_predecessors_only() {
        let entry = |manager: &str, operation: &str| json!({"manager": manager, "operation": operation});
        for (manager, operation) in [
            ("kubectl", "Apply"),
            ("kubectl-client-side-apply", "Update"),
            ("kubectl-set", "Update"),
            ("before-first-apply", "Update"),
            ("kustomize-controller", "Update"),
            ("helm", "Apply"),
            ("helm", "Update"),
        ] {
            assert!(takes(entry(manager, operation)), "{manager} {operation}");
        }
        for (manager, operation) in [
            ("kubectl-rollout", "Update"),
            ("flux-client-side-apply", "Update"),
            ("before-first-apply", "Apply"),
            ("kustomize-controller", "Apply"),
            ("kube-controller-manager", "Update"),
            ("kubectl", "Other"),
        ] {
            assert!(!takes(entry(manager, operation)), "{manager} {operation}");
        }
        assert!(!takes(json!({"manager": "kubectl", "operation": "Update", "subresource": "scale"})));
    }

    #[test]
    fn foreign_shapes_have_no_entries() {
        for object in [
            json!({}),
            json!({"metadata": {"managedFields": "x"}}),
            json!({"metadata": {"managedFields": [1, null]}}),
        ] {
            assert_eq!(entries(&object).count(), 0);
            assert!(own(&object, "kustomize-controller").is_none());
        }
    }

    #[test]
    fn a_pause_is_taken_over_and_a_restart_is_not() {
        let restart = json!({"f:template": {"f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}}});
        let entry = |spec: &Value| json!({"manager": "kubectl-rollout", "operation": "Update", "fieldsV1": {"f:spec": spec}});
        assert!(!takes(entry(&restart)));
        let mut both = restart;
        both["f:paused"] = json!({});
        assert!(takes(entry(&both)));
        let taken = Entry(&entry(&both)).fields_to_take();
        assert_eq!(fields::paths(&taken, 9, true), [".spec.paused"]);
    }

    #[test]
    fn an_autoscaler_holds_replicas_and_a_person_does_not() {
        let (replicas, both) =
            (json!({"f:spec": {"f:replicas": {}}}), json!({"f:spec": {"f:replicas": {}, "f:paused": {}}}));
        let held = |manager: &str, subresource: &str, lost: &Value| {
            let entry = json!({"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": replicas});
            let object = json!({"metadata": {"managedFields": [entry]}});
            held(&object, lost, &HashSet::from(["insists".to_owned()]))
        };
        assert_eq!(held("kube-controller-manager", "scale", &both), replicas);
        assert_eq!(held("insists", "", &both), replicas, "left to the interval");
        for (manager, subresource) in [("kubectl", "scale"), ("other", "")] {
            assert!(fields::is_empty(&held(manager, subresource, &replicas)), "{manager}");
        }
        assert!(fields::is_empty(&held("kube-controller-manager", "scale", &fields::empty())));
    }
}
