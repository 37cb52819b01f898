//! The queue of decision D15: a pure core (`core`, `lanes`) and the async face over it.

mod core;
mod lanes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::core::{Core, Popped, Sizes};

use crate::key::Key;
use crate::reason::Reason;

/// A keyed queue with classes, delays and permits. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
}

struct Shared {
    core: Mutex<Core>,
    changed: Notify,
}

/// What is ahead of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    pub(crate) queued_since: Option<Instant>,
    pub(crate) next_due: Option<Instant>,
}

/// A key that may run now. Dropping it ends the run: the permit returns and what was added meanwhile is queued.
pub(crate) struct Turn {
    queue: Queue,
    pub(crate) popped: Popped,
}

impl Queue {
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self { shared: Arc::new(Shared { core: Mutex::new(Core::new(sizes)), changed: Notify::new() }) }
    }

    pub(crate) fn push(&self, key: &Key, reason: Reason) {
        self.lock().push(key, reason, Instant::now());
        self.shared.changed.notify_one();
    }

    /// The reason comes at a time; replaces an earlier time for the same key and reason.
    pub(crate) fn push_at(&self, key: &Key, reason: Reason, at: Instant) {
        self.lock().push_at(key, reason, at);
        self.shared.changed.notify_one();
    }

    /// Forgets everything about a key that is not running.
    pub(crate) fn forget(&self, key: &Key) {
        self.lock().forget(key);
    }

    /// Since when a key waits for its turn, and when it is next due by time.
    pub(crate) fn outlook(&self, key: &Key) -> Outlook {
        let core = self.lock();
        Outlook { queued_since: core.queued_since(key), next_due: core.next_due(key) }
    }

    /// How many keys wait for their turn.
    pub(crate) fn depth(&self) -> usize {
        self.lock().depth()
    }

    /// The next key in order, as soon as there is one and a permit for it. One caller at a time.
    pub(crate) async fn next(&self) -> Turn {
        loop {
            let wake = {
                let mut core = self.lock();
                if let Some(popped) = core.pop(Instant::now()) {
                    return Turn { queue: self.clone(), popped };
                }
                core.next_delayed()
            };
            match wake {
                None => self.shared.changed.notified().await,
                Some(at) => tokio::select! {
                    () = self.shared.changed.notified() => {}
                    () = tokio::time::sleep_until(at) => {}
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.shared.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Gives the permit back before the run ends; without effect the second time.
    pub(crate) fn release_permit(&self) {
        self.queue.lock().release(&self.popped.key);
        self.queue.shared.changed.notify_one();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Whoever holds the token sees that the run is over.
        self.popped.cancel.cancel();
        self.queue.lock().done(&self.popped.key, Instant::now());
        self.queue.shared.changed.notify_one();
    }
}

/// Wakes objects from outside: watches of sources, dependencies, drift. Cheap to clone.
#[derive(Clone)]
pub struct Waker {
    queue: Queue,
}

impl Waker {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue }
    }

    /// The object is due for this reason now. Adds to the reasons it is already due for; a run that is under way is
    /// cancelled at its next step border where the reason outdates it ([`Reason::preempts`]).
    pub fn wake(&self, key: &Key, reason: Reason) {
        self.queue.push(key, reason);
    }

    /// The same after a time; replaces an earlier delay of the same key and reason.
    pub fn wake_after(&self, key: &Key, reason: Reason, after: Duration) {
        self.queue.push_at(key, reason, Instant::now() + after);
    }

    /// The same at a time; replaces an earlier delay of the same key and reason.
    pub fn wake_at(&self, key: &Key, reason: Reason, at: Instant) {
        self.queue.push_at(key, reason, at);
    }
}

/// The token of a run.
pub(crate) fn token() -> CancellationToken {
    CancellationToken::new()
}
