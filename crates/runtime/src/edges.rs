use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::Key;
use crate::queue::Waker;
use crate::reason::Reason;

/// Who refers to what (decision D5): the event at the far end of an edge wakes its near ends, objects of the
/// controller's kind. `F` names what can stand at a far end. Cheap to clone; a look-up costs what it finds.
#[derive(Clone, Debug)]
pub struct Edges<F> {
    index: Arc<Mutex<Index<F>>>,
}

#[derive(Debug)]
struct Index<F> {
    by_far: HashMap<F, BTreeSet<Key>>,
    by_near: HashMap<Key, BTreeSet<F>>,
}

impl<F> Default for Edges<F> {
    fn default() -> Self {
        Self { index: Arc::new(Mutex::new(Index { by_far: HashMap::new(), by_near: HashMap::new() })) }
    }
}

impl<F: Clone + Eq + Hash + Ord> Edges<F> {
    /// The object refers to these now, and to nothing else.
    pub fn set(&self, near: &Key, ends: BTreeSet<F>) {
        let mut index = self.lock();
        if index.by_near.get(near) == Some(&ends) {
            return;
        }
        index.remove(near);
        for far in &ends {
            index.by_far.entry(far.clone()).or_default().insert(near.clone());
        }
        index.by_near.insert(near.clone(), ends);
    }

    /// The object is gone.
    pub fn remove(&self, near: &Key) {
        self.lock().remove(near);
    }

    /// The objects that refer to this, in order.
    pub fn near(&self, far: &F) -> Vec<Key> {
        self.lock().by_far.get(far).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }

    /// Wakes the objects that refer to this.
    pub fn wake(&self, waker: &Waker, far: &F, reason: Reason) {
        for near in self.near(far) {
            waker.wake(&near, reason);
        }
    }

    /// Whether `near` leads to `wanted` over any number of edges. `next` tells the object at a far end, where one of
    /// the controller's own kind stands there.
    pub fn reaches(&self, near: &Key, wanted: &Key, next: impl Fn(&F) -> Option<&Key>) -> bool {
        let index = self.lock();
        let (mut seen, mut open) = (BTreeSet::new(), vec![near.clone()]);
        while let Some(key) = open.pop() {
            for key in index.by_near.get(&key).into_iter().flatten().filter_map(&next) {
                if key == wanted {
                    return true;
                }
                if seen.insert(key.clone()) {
                    open.push(key.clone());
                }
            }
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Index<F>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Eq + Hash> Index<F> {
    fn remove(&mut self, near: &Key) {
        for far in self.by_near.remove(near).into_iter().flatten() {
            if let Some(keys) = self.by_far.get_mut(&far) {
                keys.remove(near);
                if keys.is_empty() {
                    self.by_far.remove(&far);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("ns", name)
    }

    fn on(names: &[&str]) -> BTreeSet<Key> {
        names.iter().map(|name| key(name)).collect()
    }

    #[test]
    fn a_changed_reference_moves_the_edge() {
        let edges = Edges::default();
        edges.set(&key("a"), on(&["b"]));
        edges.set(&key("a"), on(&["c"]));
        assert!(edges.near(&key("b")).is_empty());
        assert_eq!(edges.near(&key("c")), [key("a")]);
        edges.remove(&key("a"));
        assert!(edges.near(&key("c")).is_empty());
    }

    #[test]
    fn a_way_is_found_through_others_and_ends_in_circles() {
        let edges = Edges::default();
        edges.set(&key("a"), on(&["b"]));
        edges.set(&key("b"), on(&["c", "a"]));
        assert!(edges.reaches(&key("a"), &key("c"), |key| Some(key)));
        assert!(!edges.reaches(&key("c"), &key("a"), |key| Some(key)));
        assert!(!edges.reaches(&key("a"), &key("none"), |key| Some(key)));
    }
}
