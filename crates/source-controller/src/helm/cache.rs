//! Indices in memory, bounded in number, weight and time: a chart's run needs no parsing when its repository's index
//! was looked at a moment ago.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::helm::index::Index;

/// Keyed by the path of the stored artifact, which belongs to one object: who may not read the repository has no key.
#[derive(Clone)]
pub(crate) struct IndexCache {
    bounds: Bounds,
    held: Arc<Mutex<HashMap<String, Held>>>,
}

/// How much is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Indices.
    pub(crate) count: usize,
    /// Bytes in memory, about.
    pub(crate) weight: usize,
    /// How long after its last use.
    pub(crate) ttl: Duration,
}

struct Held {
    index: Arc<Index>,
    weight: usize,
    used: Instant,
}

impl IndexCache {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, held: Arc::default() }
    }

    /// The index of an artifact, when it is held.
    pub(crate) fn get(&self, path: &str) -> Option<Arc<Index>> {
        let mut held = self.held();
        let found = held.get_mut(path)?;
        found.used = Instant::now();
        Some(found.index.clone())
    }

    /// Holds an index; the ones unused for longest go.
    pub(crate) fn put(&self, path: &str, index: Arc<Index>) {
        let weight = index.weight();
        if self.bounds.count == 0 || weight > self.bounds.weight {
            return;
        }
        let mut held = self.held();
        held.insert(path.to_owned(), Held { index, weight, used: Instant::now() });
        while held.len() > self.bounds.count
            || held.values().map(|one| one.weight).sum::<usize>() > self.bounds.weight
        {
            let oldest = held.iter().min_by_key(|(_, one)| one.used).map(|(path, _)| path.clone());
            oldest.map(|path| held.remove(&path));
        }
    }

    /// Lets go of what was not used for a while.
    pub(crate) fn purge(&self) {
        let ttl = self.bounds.ttl;
        self.held().retain(|_, one| one.used.elapsed() < ttl);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Bounds, Duration, Index, IndexCache};

    #[test]
    fn the_oldest_goes_and_what_is_unused_is_purged() {
        let cache = IndexCache::new(Bounds { count: 2, weight: 1 << 20, ttl: Duration::from_secs(60) });
        for path in ["a", "b", "c"] {
            cache.put(path, Arc::new(Index::default()));
        }
        assert!(cache.get("a").is_none() && cache.get("c").is_some());
        let none = IndexCache::new(Bounds { count: 2, weight: 1 << 20, ttl: Duration::ZERO });
        none.put("a", Arc::new(Index::default()));
        none.purge();
        assert!(none.get("a").is_none());
    }
}
