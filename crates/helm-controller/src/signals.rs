//! Wakes runs that wait for objects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::Key;
use tokio::sync::Notify;

/// Who waits, by key. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    waiting: Arc<Mutex<HashMap<Key, Arc<Notify>>>>,
}

/// A place in [`Signals`] that ends with it.
pub(crate) struct Listener {
    signals: Signals,
    key: Key,
    notify: Arc<Notify>,
}

impl Signals {
    /// Listens for one key; a later listener of the same key takes the place.
    pub(crate) fn listen(&self, key: &Key) -> Listener {
        let notify = Arc::new(Notify::new());
        self.lock().insert(key.clone(), notify.clone());
        Listener { signals: self.clone(), key: key.clone(), notify }
    }

    /// Something that `key` waits for moved; false when it does not wait.
    pub(crate) fn moved(&self, key: &Key) -> bool {
        let found = self.lock().get(key).cloned();
        found.inspect(|notify| notify.notify_one()).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for Listener {
    type Target = Notify;

    fn deref(&self) -> &Notify {
        &self.notify
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut waiting = self.signals.lock();
        if waiting.get(&self.key).is_some_and(|current| Arc::ptr_eq(current, &self.notify)) {
            waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_before_the_wait_is_not_lost_and_nobody_waits_after_it() {
        let (signals, key) = (Signals::default(), Key::new("ns", "app"));
        assert!(!signals.moved(&key));
        let listener = signals.listen(&key);
        assert!(signals.moved(&key));
        listener.notified().await;
        drop(listener);
        assert!(!signals.moved(&key));
    }
}
