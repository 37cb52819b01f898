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
