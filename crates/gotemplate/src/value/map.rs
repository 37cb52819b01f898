use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use super::{
    Str, Type, Value, account,
    dismantle::{dismantle, is_container},
};

/// A Go map with string keys: shared by all who hold it, changed in place, read in the order of its keys.
///
/// Maps may contain themselves (`set $d "self" $d`): see [`Session`](crate::Session) for who takes them apart.
#[derive(Clone)]
pub struct Map(Rc<Shared>);

/// A map that others hold, or held.
pub(crate) struct WeakMap(Weak<Entries>);

impl WeakMap {
    pub(crate) fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Takes everything out, if it is there.
    pub(crate) fn clear(&self) {
        if let Some(entries) = self.0.upgrade() {
            drop(entries.change(std::mem::take));
        }
    }
}

struct Shared {
    kind: Type,
    nil: bool,
    entries: Rc<Entries>,
}

struct Entries(RefCell<BTreeMap<Str, Value>>);

/// Bytes of a map with so many entries: the nodes of its tree are two thirds full, and there are none without an entry.
fn weight(entries: usize) -> usize {
    const EMPTY: usize = size_of::<Shared>() + size_of::<Entries>() + 64;
    const ENTRY: usize = (size_of::<Str>() + size_of::<Value>()) * 3 / 2 + 16;
    EMPTY + if entries == 0 { 0 } else { entries.max(8) * ENTRY }
}

impl Default for Entries {
    fn default() -> Self {
        account::enter(weight(0));
        Self(RefCell::default())
    }
}

impl Entries {
    fn take(&mut self) -> BTreeMap<Str, Value> {
        self.change(std::mem::take)
    }

    /// Changes the entries, and enters what they take then.
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<Str, Value>) -> T) -> T {
        let mut entries = self.0.borrow_mut();
        let before = weight(entries.len());
        let answer = change(&mut entries);
        account::enter(weight(entries.len()).wrapping_sub(before));
        answer
    }
}

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
        let (key, value) = (key.into(), value.into());
        self.0.entries.change(|entries| entries.insert(key, value))
    }

    /// Takes a key away; answers what was there.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.0.entries.change(|entries| entries.remove(key.as_ref()))
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
        drop(self.0.entries.change(std::mem::take));
    }

    /// The map, without holding it.
    pub(crate) fn downgrade(&self) -> WeakMap {
        WeakMap(Rc::downgrade(&self.0.entries))
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
        entries.map(Entries::take).unwrap_or_default().into_values().collect()
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        if self.0.get_mut().values().any(is_container) {
            dismantle(self.take().into_values().collect());
        }
        account::strike(weight(self.0.get_mut().len()));
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
