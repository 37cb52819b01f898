use serde_json::{Map, Value, json};

use crate::{
    fields,
    managed::{self, Takeover},
};

/// Annotations of kubectl and of Flux 1, removed before an apply.
const OLD_ANNOTATIONS: [&str; 3] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
];
/// Label of Flux 1, removed before an apply.
const OLD_LABEL: &str = "fluxcd.io/sync-gc-mark";

/// Whether `patch` would have something to do.
pub(crate) fn is_due(object: &Value, rules: &Takeover) -> bool {
    rules.of(object).next().is_some() || !old_metadata(object).is_empty()
}

/// The JSON patch that takes over fields of other managers and removes old metadata, guarded by the
/// resourceVersion that was read; `None` when nothing is to do.
pub(crate) fn patch(object: &Value, rules: &Takeover) -> Option<Value> {
    let mut steps = old_metadata(object);
    if let Some(entries) = rewritten(object, rules) {
        steps.push(json!({"op": "replace", "path": "/metadata/managedFields", "value": entries}));
    }
    if steps.is_empty() {
        return None;
    }
    if let Some(version) = object.pointer("/metadata/resourceVersion") {
        steps.insert(0, json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}));
    }
    Some(Value::Array(steps))
}

/// The JSON patch that brings all managedFields entries to one API version; `None` when they are. After a
/// CRD got a version with new defaulted fields, an entry of the old version makes every apply fail with
/// "field not declared in schema".
pub(crate) fn migration(object: &Value, api_version: &str) -> Option<Value> {
    if managed::entries(object).all(|entry| entry.api_version() == api_version) {
        return None;
    }
    let migrate = |entry: managed::Entry<'_>| {
        let mut entry = entry.raw().clone();
        entry["apiVersion"] = api_version.into();
        entry
    };
    let entries: Vec<Value> = managed::entries(object).map(migrate).collect();
    let version = object.pointer("/metadata/resourceVersion")?;
    Some(json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
    ]))
}

fn old_metadata(object: &Value) -> Vec<Value> {
    let has = |field: &str, key: &str| object.get("metadata").and_then(|m| m.get(field)?.get(key)).is_some();
    let annotations =
        OLD_ANNOTATIONS.iter().filter(|key| has("annotations", key)).map(|key| ("annotations", *key));
    let label = [OLD_LABEL].into_iter().filter(|key| has("labels", key)).map(|key| ("labels", key));
    let path = |(field, key): (&str, &str)| format!("/metadata/{field}/{}", key.replace('/', "~1"));
    annotations.chain(label).map(|at| json!({"op": "remove", "path": path(at)})).collect()
}

/// managedFields with the taken-over entries merged into ours, which stands last as in Flux.
fn rewritten(object: &Value, rules: &Takeover) -> Option<Vec<Value>> {
    let taken: Vec<_> = rules.of(object).collect();
    let first = taken.first()?;
    let own = managed::own(object, &rules.field_manager);
    let mut merged = own.unwrap_or(*first).raw().clone();
    let mut set = own.map_or_else(fields::empty, |own| own.fields().clone());
    for entry in &taken {
        set = fields::union(&set, &entry.fields_to_take());
    }
    if let Value::Object(map) = &mut merged {
        become_ours(map, set, &rules.field_manager);
    }
    let is_own = |entry: &Value| own.is_some_and(|own| std::ptr::eq(own.raw(), entry));
    let others = managed::entries(object).filter(|entry| !rules.takes(*entry) && !is_own(entry.raw()));
    Some(others.map(|entry| entry.raw().clone()).chain([merged]).collect())
}

fn become_ours(entry: &mut Map<String, Value>, set: Value, manager: &str) {
    entry.insert("manager".into(), manager.into());
    entry.insert("operation".into(), "Apply".into());
    entry.insert("fieldsV1".into(), set);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Takeover {
        Takeover { field_manager: "kustomize-controller".into(), overrides: Vec::new() }
    }

    fn object(managed: Value) -> Value {
        json!({"metadata": {"resourceVersion": "7", "managedFields": managed}})
    }

    #[test]
    fn fields_edited_by_hand_become_ours() {
        let live = object(json!([
            {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v1", "time": "t", "fieldsV1": {"f:data": {"f:a": {}}}},
            {"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:data": {"f:c": {}}}},
            {"manager": "other", "operation": "Update", "fieldsV1": {}},
        ]));
        let patch = patch(&live, &rules()).unwrap();
        assert_eq!(patch[0], json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"}));
        assert_eq!(
            patch[1]["value"],
            json!([
                {"manager": "other", "operation": "Update", "fieldsV1": {}},
                {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v1", "time": "t", "fieldsV1": {"f:data": {"f:a": {}, "f:c": {}}}},
            ])
        );
    }

    #[test]
    fn the_first_entry_is_renamed_when_we_have_none() {
        let live = object(
            json!([{"manager": "before-first-apply", "operation": "Update", "fieldsV1": {"f:data": {}}}]),
        );
        assert_eq!(
            patch(&live, &rules()).unwrap()[1]["value"],
            json!([{"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": {"f:data": {}}}])
        );
    }

    #[test]
    fn a_restart_is_never_ours_to_remove() {
        let restart = json!({"f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}}}}});
        let by_rollout =
            object(json!([{"manager": "kubectl-rollout", "operation": "Update", "fieldsV1": restart}]));
        assert!(patch(&by_rollout, &rules()).is_none() && !is_due(&by_rollout, &rules()));
        let by_other =
            object(json!([{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": restart}]));
        assert_eq!(patch(&by_other, &rules()).unwrap()[1]["value"][0]["fieldsV1"], json!({}));
    }

    #[test]
    fn old_annotations_and_labels_go() {
        let live = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}, "labels": {"fluxcd.io/sync-gc-mark": "x"}}});
        assert_eq!(
            patch(&live, &rules()).unwrap(),
            json!([
                {"op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"},
                {"op": "remove", "path": "/metadata/labels/fluxcd.io~1sync-gc-mark"},
            ])
        );
    }

    #[test]
    fn entries_are_brought_to_the_version_that_is_applied() {
        let live = object(
            json!([{"manager": "a", "apiVersion": "x/v1"}, {"manager": "b", "apiVersion": "x/v2", "subresource": "status"}]),
        );
        assert_eq!(
            migration(&live, "x/v2").unwrap()[1]["value"],
            json!([{"manager": "a", "apiVersion": "x/v2"}, {"manager": "b", "apiVersion": "x/v2", "subresource": "status"}])
        );
        assert!(migration(&object(json!([{"apiVersion": "x/v2"}])), "x/v2").is_none());
    }

    #[test]
    fn nothing_to_take_over_is_no_patch() {
        for live in [object(json!([])), object(json!([3, null, {}])), json!({}), json!("x")] {
            assert!(patch(&live, &rules()).is_none() && !is_due(&live, &rules()));
        }
    }
}
