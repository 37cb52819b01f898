use serde_json::Value;

use crate::Owner;

/// Annotations (or labels) by which users steer how an object is applied, as Flux reads them.
#[derive(Clone, Debug)]
pub struct Marks {
    pub(crate) owner_name: String,
    pub(crate) owner_namespace: String,
    ssa: String,
    force: String,
    prune: String,
    reconcile: String,
}

impl Marks {
    /// Of the annotations with this prefix.
    #[must_use]
    pub fn new(group: &str) -> Self {
        let key = |name: &str| format!("{group}/{name}");
        Self {
            owner_name: key("name"),
            owner_namespace: key("namespace"),
            ssa: key("ssa"),
            force: key("force"),
            prune: key("prune"),
            reconcile: key("reconcile"),
        }
    }

    /// Neither applied nor looked at: `reconcile: disabled` or `ssa: Ignore`.
    #[must_use]
    pub fn excluded(&self, object: &Value) -> bool {
        marked(object, &self.reconcile, "disabled") || marked(object, &self.ssa, "Ignore")
    }

    /// Created when absent, never touched after: `ssa: IfNotPresent`.
    #[must_use]
    pub fn only_if_absent(&self, object: &Value) -> bool {
        marked(object, &self.ssa, "IfNotPresent")
    }

    /// Fields of other managers are not taken over: `ssa: Merge`.
    pub(crate) fn merges(&self, object: &Value) -> bool {
        marked(object, &self.ssa, "Merge")
    }

    /// Recreated when a field cannot be changed: `force: enabled`.
    #[must_use]
    pub fn forced(&self, object: &Value) -> bool {
        marked(object, &self.force, "enabled")
    }

    /// Never deleted by us: `prune: disabled`, or excluded.
    #[must_use]
    pub fn kept(&self, object: &Value) -> bool {
        marked(object, &self.prune, "disabled") || self.excluded(object)
    }

    /// Whether the object carries any mark that changes how it is applied, whatever its value.
    pub(crate) fn any(&self, object: &Value) -> bool {
        [&self.ssa, &self.force, &self.reconcile].into_iter().any(|key| values(object, key).next().is_some())
    }

    /// Whether the two owner labels name this owner.
    #[must_use]
    pub fn owned_by(&self, object: &Value, owner: &Owner) -> bool {
        self.owner_of(object) == Some((owner.namespace.as_str(), owner.name.as_str()))
    }

    /// Namespace and name of the owner in the labels.
    pub(crate) fn owner_of<'a>(&self, object: &'a Value) -> Option<(&'a str, &'a str)> {
        let labels = object.get("metadata")?.get("labels")?;
        Some((labels.get(&self.owner_namespace)?.as_str()?, labels.get(&self.owner_name)?.as_str()?))
    }
}

fn marked(object: &Value, key: &str, want: &str) -> bool {
    values(object, key).any(|value| value.eq_ignore_ascii_case(want))
}

fn values<'a>(object: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    let metadata = object.get("metadata");
    ["labels", "annotations"].into_iter().filter_map(move |field| metadata?.get(field)?.get(key)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn marks() -> Marks {
        Marks::new("g")
    }

    #[test]
    fn marks_are_read_from_labels_and_annotations_in_any_case() {
        let by_label = json!({"metadata": {"labels": {"g/reconcile": "Disabled"}}});
        let by_annotation = json!({"metadata": {"annotations": {"g/ssa": "ignore"}}});
        assert!(marks().excluded(&by_label) && marks().excluded(&by_annotation));
        assert!(marks().kept(&by_label) && marks().any(&by_annotation));
    }

    #[test]
    fn an_object_without_metadata_has_no_marks() {
        for value in
            [json!({}), json!([]), json!({"metadata": "x"}), json!({"metadata": {"labels": ["g/ssa"]}})]
        {
            assert!(!marks().excluded(&value) && !marks().any(&value));
            assert_eq!(marks().owner_of(&value), None);
        }
    }

    #[test]
    fn an_owner_needs_both_labels() {
        let owner = Owner { namespace: "ns".into(), name: "app".into() };
        assert!(
            marks()
                .owned_by(&json!({"metadata": {"labels": {"g/name": "app", "g/namespace": "ns"}}}), &owner)
        );
        assert!(!marks().owned_by(&json!({"metadata": {"labels": {"g/name": "app"}}}), &owner));
    }
}
