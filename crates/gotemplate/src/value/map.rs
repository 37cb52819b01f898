use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::{
    Str, Type, Value,
    dismantle::{dismantle, is_container},
};

/// A Go map with string keys: shared by all who hold it, changed in place, read in the order of its keys.
///
/// Maps may contain themselves (`set $d "self" $d`): see [`Session`](crate::Session) for who takes them apart.
#[derive(Clone)]
pub struct Map(Rc<Shared>);

struct Shared {
    kind: Type,
    nil: bool,
    entries: Rc<Entries>,
}

#[derive(Default)]
struct Entries(RefCell<BTreeMap<Str, Value>>);

impl Map {
    /// An empty `map[string]interface {}`.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Type::Map)
    }

    /// An empty map of another type: [`Type::StringMap`] or [`Type::NamedMap`].
    #[must_use]
    pub fn of(kind: Type) -> Self {
        Self(Rc::new(Shared { kind, nil: false, entries: Rc::default() }))
    }

    /// A nil map: empty, and `null` in JSON.
    #[must_use]
    pub fn nil(kind: Type) -> Self {
        Self(Rc::new(Shared { kind, nil: true, entries: Rc::default() }))
    }

    /// The same map seen as another type, as a conversion gives it in Go: both change together.
    #[must_use]
    pub fn retyped(&self, kind: Type) -> Self {
        Self(Rc::new(Shared { kind, nil: self.0.nil, entries: Rc::clone(&self.0.entries) }))
    }

    /// The map's type.
    #[must_use]
    pub fn kind(&self) -> Type {
        self.0.kind
    }

    /// Whether it is a nil map.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.0.entries.0.borrow().get(key.as_ref()).cloned()
    }

    /// Whether the key is there, be its value nil or not.
    #[must_use]
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.0.entries.0.borrow().contains_key(key.as_ref())
    }

    /// Sets a key; answers what was there.
    pub fn insert(&self, key: impl Into<Str>, value: impl Into<Value>) -> Option<Value> {
        self.0.entries.0.borrow_mut().insert(key.into(), value.into())
    }

    /// Takes a key away; answers what was there.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.0.entries.0.borrow_mut().remove(key.as_ref())
    }

    /// How many keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.0.borrow().len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.entries.0.borrow().is_empty()
    }

    /// The keys, sorted by bytes.
    #[must_use]
    pub fn keys(&self) -> Vec<Str> {
        self.0.entries.0.borrow().keys().cloned().collect()
    }

    /// The values, in the order of their keys.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        self.0.entries.0.borrow().values().cloned().collect()
    }

    /// Keys and values as they are now, sorted; later changes do not show.
    #[must_use]
    pub fn entries(&self) -> Vec<(Str, Value)> {
        self.0.entries.0.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Takes everything out.
    pub fn clear(&self) {
        drop(std::mem::take(&mut *self.0.entries.0.borrow_mut()));
    }

    /// Whether both are the same map in memory.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0.entries, &other.0.entries)
    }
}

impl Map {
    /// Takes the values out, when nobody else holds the map.
    pub(super) fn take_values(&mut self) -> Vec<Value> {
        let entries = Rc::get_mut(&mut self.0).and_then(|shared| Rc::get_mut(&mut shared.entries));
        entries.map(|entries| std::mem::take(entries.0.get_mut()).into_values().collect()).unwrap_or_default()
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        if self.0.get_mut().values().any(is_container) {
            dismantle(std::mem::take(self.0.get_mut()).into_values().collect());
        }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Into<Str>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}
