use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::key::Key;
use crate::reason::Class;

/// Who is next: classes in order, within a class round robin over namespaces, within a namespace first in, first out.
/// A key that moved to another class leaves a stale ticket behind, which is skipped.
#[derive(Default)]
pub(super) struct Lanes {
    classes: [Lane; Class::COUNT],
    tickets: u64,
}

#[derive(Default)]
struct Lane {
    turns: VecDeque<String>,
    waiting: HashMap<String, BTreeSet<(u64, Key)>>,
}

impl Lanes {
    /// Queues a key; the ticket is needed to take it out again.
    pub(super) fn insert(&mut self, class: Class, key: &Key) -> u64 {
        self.tickets += 1;
        self.classes[class as usize].insert(self.tickets, key);
        self.tickets
    }

    /// Takes a key out of the middle.
    pub(super) fn remove(&mut self, class: Class, ticket: u64, key: &Key) {
        self.classes[class as usize].remove(ticket, key);
    }

    /// Takes the next key of a class.
    pub(super) fn pop(&mut self, class: Class) -> Option<Key> {
        self.classes[class as usize].pop()
    }

    /// Takes the key that waits longest for what it waits for.
    pub(super) fn pop_oldest(&mut self) -> Option<(Key, Class)> {
        let oldest = |class: Class| Some((self.classes[class as usize].oldest()?, class));
        let (ticket, class) = Class::ALL.into_iter().filter_map(oldest).min()?;
        Some((self.classes[class as usize].take(ticket)?, class))
    }
}

impl Lane {
    fn insert(&mut self, ticket: u64, key: &Key) {
        let keys = self.waiting.entry(key.namespace.clone()).or_default();
        if keys.is_empty() {
            self.turns.push_back(key.namespace.clone());
        }
        keys.insert((ticket, key.clone()));
    }

    fn remove(&mut self, ticket: u64, key: &Key) {
        let Some(keys) = self.waiting.get_mut(&key.namespace) else { return };
        keys.remove(&(ticket, key.clone()));
        if keys.is_empty() {
            self.waiting.remove(&key.namespace);
            self.turns.retain(|namespace| *namespace != key.namespace);
        }
    }

    fn oldest(&self) -> Option<u64> {
        self.waiting.values().filter_map(|keys| keys.first().map(|(ticket, _)| *ticket)).min()
    }

    fn take(&mut self, ticket: u64) -> Option<Key> {
        let holds = |keys: &&BTreeSet<(u64, Key)>| keys.first().is_some_and(|(first, _)| *first == ticket);
        let (_, key) = self.waiting.values().find(holds)?.first()?.clone();
        self.remove(ticket, &key);
        Some(key)
    }

    fn pop(&mut self) -> Option<Key> {
        let namespace = self.turns.pop_front()?;
        let keys = self.waiting.get_mut(&namespace)?;
        let (_, key) = keys.pop_first()?;
        if keys.is_empty() {
            self.waiting.remove(&namespace);
        } else {
            self.turns.push_back(namespace);
        }
        Some(key)
    }
}
