use indexmap::IndexMap;

use crate::{ObjectId, ParseIdError};

/// One line of an inventory: an object and the API version it was applied with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InventoryEntry {
    /// Which object.
    pub id: ObjectId,
    /// API version without the group, such as `v1`.
    pub version: String,
}

/// A set of objects in the order of insertion; the same object stands in it once, with its latest version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory(IndexMap<ObjectId, String>);

impl Inventory {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `(id, v)` pairs as they stand in `status.inventory.entries`.
    ///
    /// # Errors
    /// At the first id that cannot be read: an unreadable inventory must never look like a small one.
    pub fn parse<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ParseIdError> {
        let mut set = Self::new();
        for (id, version) in entries {
            set.insert(ObjectId::parse(id)?, version);
        }
        Ok(set)
    }

    /// Adds an object, or replaces its version in place.
    pub fn insert(&mut self, id: ObjectId, version: &str) {
        self.0.insert(id, version.to_owned());
    }

    /// Takes an object out, keeping the order of the others.
    pub fn remove(&mut self, id: &ObjectId) -> bool {
        self.0.shift_remove(id).is_some()
    }

    /// Whether the object stands in the set, in any version.
    #[must_use]
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.0.contains_key(id)
    }

    /// The version an object was recorded with.
    #[must_use]
    pub fn version(&self, id: &ObjectId) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// Number of objects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Objects and versions in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &str)> {
        self.0.iter().map(|(id, version)| (id, version.as_str()))
    }

    /// What stands here and not in `other`, in this order: what is to be pruned, when `other` is the new set.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(id, _)| !other.contains(id))
                .map(|(id, v)| (id.clone(), v.clone()))
                .collect(),
        )
    }

    /// This set followed by what `other` adds; versions of `other` win. Inventories are written ahead as this.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (id, version) in other.iter() {
            all.insert(id.clone(), version);
        }
        all
    }
}

impl FromIterator<(ObjectId, String)> for Inventory {
    fn from_iter<T: IntoIterator<Item = (ObjectId, String)>>(iter: T) -> Self {
        Self(iter.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ObjectId {
        ObjectId::parse(text).unwrap()
    }

    fn set(entries: &[(&str, &str)]) -> Inventory {
        Inventory::parse(entries.iter().copied()).unwrap()
    }

    fn entries(set: &Inventory) -> Vec<(String, &str)> {
        set.iter().map(|(id, version)| (id.to_string(), version)).collect()
    }

    #[test]
    fn an_object_stands_once_at_its_first_place_with_its_last_version() {
        let found = set(&[("ns_b__K", "v1"), ("ns_a__K", "v1"), ("ns_b__K", "v2")]);
        assert_eq!(entries(&found), [("ns_b__K".into(), "v2"), ("ns_a__K".into(), "v1")]);
        assert_eq!((found.len(), found.is_empty(), Inventory::new().is_empty()), (2, false, true));
        assert_eq!((found.version(&id("ns_b__K")), found.version(&id("ns_c__K"))), (Some("v2"), None));
        assert!(found.contains(&id("ns_a__K")) && !found.contains(&id("other_a__K")));
    }

    #[test]
    fn one_id_that_cannot_be_read_refuses_all() {
        assert_eq!(Inventory::parse([("ns_a__K", "v1"), ("odd", "v1")]), Err(ParseIdError("odd".into())));
    }

    #[test]
    fn what_is_taken_out_leaves_the_order_of_the_others() {
        let mut found = set(&[("ns_a__K", "v1"), ("ns_b__K", "v1"), ("ns_c__K", "v1")]);
        assert!(found.remove(&id("ns_a__K")));
        assert!(!found.remove(&id("ns_a__K")), "it was taken out before");
        assert_eq!(entries(&found), [("ns_b__K".into(), "v1"), ("ns_c__K".into(), "v1")]);
    }

    #[test]
    fn only_what_the_new_set_lacks_is_pruned_whatever_its_version() {
        let old = set(&[("ns_a__K", "v1"), ("ns_b__K", "v1"), ("ns_c__K", "v1")]);
        let new = set(&[("ns_b__K", "v2"), ("ns_d__K", "v1")]);
        assert_eq!(entries(&old.minus(&new)), [("ns_a__K".into(), "v1"), ("ns_c__K".into(), "v1")]);
        assert_eq!(old.minus(&Inventory::new()), old);
    }

    #[test]
    fn what_is_written_ahead_holds_both_sets_with_the_newer_versions() {
        let all =
            set(&[("ns_a__K", "v1"), ("ns_b__K", "v1")]).union(&set(&[("ns_b__K", "v2"), ("ns_c__K", "v1")]));
        assert_eq!(
            entries(&all),
            [("ns_a__K".into(), "v1"), ("ns_b__K".into(), "v2"), ("ns_c__K".into(), "v1")]
        );
    }
}
