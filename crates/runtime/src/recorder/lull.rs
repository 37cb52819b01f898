use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// What is under way: runs, so that what can wait does while there are many, and events.
#[derive(Clone, Debug)]
pub(super) struct Lull(Arc<watch::Sender<usize>>);

/// It is under way for as long as this lives.
#[derive(Debug)]
#[must_use]
pub(crate) struct Busy(Arc<watch::Sender<usize>>);

/// With so many runs or fewer there is a lull.
const FEW: usize = 2;

impl Lull {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn run(&self) -> Busy {
        self.0.send_modify(|runs| *runs += 1);
        Busy(self.0.clone())
    }

    /// Waits for a lull, at most until then.
    pub(super) async fn wait(&self, until: Instant) {
        let mut runs = self.0.subscribe();
        // The sender lives as long as we do: what ends the wait is a lull or the time.
        let _ = timeout_at(until, runs.wait_for(|runs| *runs <= FEW)).await;
    }

    /// Waits until nothing is under way.
    pub(super) async fn end(&self) {
        // As above.
        let _ = self.0.subscribe().wait_for(|runs| *runs == 0).await;
    }

    pub(super) fn count(&self) -> usize {
        *self.0.borrow()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|runs| *runs = runs.saturating_sub(1));
    }
}
