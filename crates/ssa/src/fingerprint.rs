use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::{
    managed::{self, Takeover},
    marks::Marks,
};

/// What is remembered of a live object instead of the object: enough to tell whether it is still as it was
/// applied. Two fingerprints of the same state are equal within one process (the hashes are not stable
/// across versions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// `metadata.resourceVersion` as a number, 0 when it is none; grows with each change of the object.
    pub resource_version: u64,
    /// Hash of `metadata.uid`.
    pub uid: u64,
    /// Hash of our entry in managedFields: fields and API version, not its time.
    pub entry: u64,
    /// When the server last saw an apply of ours change the object, in seconds since 1970; 0 when it does not
    /// say. No part of the state.
    pub applied_at: i64,
    /// Hash of the entries that would be taken over; 0 when there are none.
    pub takeover: u64,
    /// Hash of the owner labels; 0 when they are absent.
    pub owner: u64,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether the object carries a mark that changes how it is applied.
    pub marked: bool,
}

impl Fingerprint {
    /// Folds an object, or its metadata alone.
    pub(crate) fn of(object: &Value, rules: &Takeover, marks: &Marks) -> Self {
        let metadata = |field: &str| object.get("metadata").and_then(|metadata| metadata.get(field));
        let own = managed::own(object, &rules.field_manager);
        Self {
            resource_version: version_of(object),
            uid: hash(&metadata("uid").and_then(Value::as_str)),
            entry: own.map_or(0, |entry| hash(&(entry.api_version(), canonical(entry.fields())))),
            applied_at: own.and_then(managed::Entry::seconds).unwrap_or(0),
            takeover: hash_entries(rules.of(object)),
            owner: marks.owner_of(object).map_or(0, |owner| hash(&owner)),
            deleting: metadata("deletionTimestamp").is_some_and(|time| !time.is_null()),
            marked: marks.any(object),
        }
    }

    /// Whether both show the same state, whatever else happened to the object in between.
    #[must_use]
    pub fn same_state(&self, other: &Self) -> bool {
        self.uid == other.uid
            && self.entry == other.entry
            && self.takeover == other.takeover
            && self.owner == other.owner
            && self.deleting == other.deleting
            && self.marked == other.marked
    }
}

/// The version of an object.
pub(crate) fn version_of(object: &Value) -> u64 {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map_or(0, parse_version)
}

/// resourceVersions are comparable numbers (guaranteed since Kubernetes 1.35, true before).
fn parse_version(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn hash_entries<'a>(entries: impl Iterator<Item = managed::Entry<'a>>) -> u64 {
    let all: Vec<_> =
        entries.map(|entry| (entry.manager(), entry.is_apply(), canonical(entry.fields()))).collect();
    if all.is_empty() { 0 } else { hash(&all) }
}

/// Hash of a set of fields that does not depend on the order of keys.
fn canonical(fields: &Value) -> u64 {
    match fields {
        Value::Object(map) => {
            let below = map.iter().map(|(key, below)| hash(&(key, canonical(below))));
            below.fold(map.len() as u64, u64::wrapping_add)
        }
        _ => 0,
    }
}

pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fold(managed: Value) -> Fingerprint {
        let rules = Takeover { field_manager: "kustomize-controller".into(), overrides: Vec::new() };
        let object = json!({"metadata": {"resourceVersion": "5", "uid": "u", "managedFields": managed}});
        Fingerprint::of(&object, &rules, &Marks::new("g"))
    }

    fn own(time: &str, fields: Value) -> Value {
        json!({"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v1", "time": time, "fieldsV1": fields})
    }

    #[test]
    fn the_time_of_our_entry_and_status_of_others_do_not_matter() {
        let status = json!({"manager": "kcm", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}});
        let before = fold(json!([own("a", json!({"f:data": {"f:x": {}, "f:y": {}}}))]));
        let after = fold(json!([status, own("b", json!({"f:data": {"f:y": {}, "f:x": {}}}))]));
        assert!(before.same_state(&after));
        assert_eq!(before.resource_version, 5);
    }

    #[test]
    fn a_field_taken_from_us_and_one_added_by_hand_matter() {
        let before = fold(json!([own("a", json!({"f:data": {"f:x": {}, "f:y": {}}}))]));
        assert!(!before.same_state(&fold(json!([own("a", json!({"f:data": {"f:x": {}}}))]))));
        let added =
            json!({"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:data": {"f:z": {}}}});
        let after = fold(json!([own("a", json!({"f:data": {"f:x": {}, "f:y": {}}})), added]));
        assert!(!before.same_state(&after));
    }

    #[test]
    fn anything_can_be_folded() {
        let rules = Takeover { field_manager: "m".into(), overrides: Vec::new() };
        for object in [
            json!(null),
            json!([]),
            json!({"metadata": {"resourceVersion": 7, "uid": [], "deletionTimestamp": null}}),
        ] {
            assert_eq!(Fingerprint::of(&object, &rules, &Marks::new("g")).resource_version, 0);
        }
    }
}
