use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::key::Key;

/// What a watch shows of a kind: the objects by key. Cheap to clone, read from everywhere, written by one watch.
pub struct Store<K> {
    objects: Arc<RwLock<HashMap<Key, Arc<K>>>>,
    synced: watch::Receiver<bool>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self { objects: self.objects.clone(), synced: self.synced.clone() }
    }
}

/// What changed with one object.
#[derive(Debug)]
pub struct Change<K> {
    /// The object.
    pub key: Key,
    /// What it was; none when it is new to us.
    pub old: Option<Arc<K>>,
    /// What it is; none when it is gone.
    pub new: Option<Arc<K>>,
    /// True while the first list is read: the object was there before us.
    pub initial: bool,
}

impl<K> Store<K> {
    /// The object of a key, as last seen.
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.read().get(key).cloned()
    }

    /// Whether one of the objects is so. Must not wait, nor use the store.
    pub fn any(&self, mut is: impl FnMut(&Key, &K) -> bool) -> bool {
        self.read().iter().any(|(key, object)| is(key, object))
    }

    /// All objects, in no order.
    pub fn all(&self) -> Vec<(Key, Arc<K>)> {
        self.read().iter().map(|(key, object)| (key.clone(), object.clone())).collect()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Waits until the first list is complete.
    pub async fn synced(&self) {
        let mut synced = self.synced.clone();
        // An error means that the watch ended with the process.
        let _ = synced.wait_for(|done| *done).await;
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Key, Arc<K>>> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing side of a [`Store`].
pub(crate) struct Mirror<K> {
    objects: Arc<RwLock<HashMap<Key, Arc<K>>>>,
    synced: watch::Sender<bool>,
    relisted: HashSet<Key>,
}

impl<K: kube::Resource> Mirror<K> {
    pub(crate) fn new() -> (Self, Store<K>) {
        let objects = Arc::new(RwLock::new(HashMap::new()));
        let (synced, receiver) = watch::channel(false);
        let store = Store { objects: objects.clone(), synced: receiver };
        (Self { objects, synced, relisted: HashSet::new() }, store)
    }

    /// A list begins.
    pub(crate) fn begin_list(&mut self) {
        self.relisted.clear();
    }

    /// An object of a list.
    pub(crate) fn listed(&mut self, object: K) -> Change<K> {
        self.relisted.insert(Key::of(&object));
        self.applied(object)
    }

    /// The list is complete: what was not in it is gone.
    pub(crate) fn end_list(&mut self) -> Vec<Change<K>> {
        let gone: Vec<Key> =
            self.write().keys().filter(|key| !self.relisted.contains(*key)).cloned().collect();
        self.relisted = HashSet::new();
        let changes = gone.iter().map(|key| self.deleted(key)).collect();
        self.synced.send_replace(true);
        changes
    }

    /// An object is new or changed.
    pub(crate) fn applied(&mut self, object: K) -> Change<K> {
        let key = Key::of(&object);
        let new = Arc::new(object);
        let old = self.write().insert(key.clone(), new.clone());
        Change { key, old, new: Some(new), initial: !*self.synced.borrow() }
    }

    /// An object is gone.
    pub(crate) fn deleted(&mut self, key: &Key) -> Change<K> {
        let old = self.write().remove(key);
        Change { key: key.clone(), old, new: None, initial: false }
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Key, Arc<K>>> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Mirror;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn object(name: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.into());
        object.metadata.namespace = Some("ns".into());
        object
    }

    #[test]
    fn what_a_new_list_lacks_is_gone() {
        let (mut mirror, store) = Mirror::new();
        mirror.begin_list();
        assert!(mirror.listed(object("a")).initial);
        mirror.listed(object("b"));
        mirror.end_list();
        mirror.begin_list();
        let again = mirror.listed(object("a"));
        assert!(!again.initial && again.old.is_some());
        let gone = mirror.end_list();
        assert_eq!(gone.len(), 1);
        assert_eq!((gone[0].key.name.as_str(), gone[0].new.is_none()), ("b", true));
        assert_eq!(store.len(), 1);
    }
}
