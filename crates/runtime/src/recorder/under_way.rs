use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How many runs, or events, are under way.
#[derive(Clone, Debug)]
pub(super) struct UnderWay(Arc<watch::Sender<usize>>);

/// It is under way for as long as this lives.
#[derive(Debug)]
#[must_use]
pub(crate) struct Busy(Arc<watch::Sender<usize>>);

/// What can wait does while there are more.
const FEW: usize = 2;

impl UnderWay {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn begin(&self) -> Busy {
        self.0.send_modify(|count| *count += 1);
        Busy(self.0.clone())
    }

    /// Waits until few are, at most until then.
    pub(super) async fn few(&self, until: Instant) {
        let mut count = self.0.subscribe();
        // The sender lives as long as we do: what ends the wait is that or the time.
        let _ = timeout_at(until, count.wait_for(|count| *count <= FEW)).await;
    }

    /// Waits until nothing is.
    pub(super) async fn none(&self) {
        // As above.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(super) fn count(&self) -> usize {
        *self.0.borrow()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
