//! From the queue to runs.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shell;
use crate::reconciler::Reconciler;

/// How long runs may go on after the end of the process was asked for.
const GRACE: Duration = Duration::from_secs(20);

impl<R: Reconciler> Shell<R> {
    /// Starts a task for each turn until the token fires, then lets the runs come to their end.
    pub(crate) async fn drive(self, shutdown: CancellationToken) {
        self.shared.store.synced().await;
        let mut runs = JoinSet::new();
        let mut tokens: Vec<CancellationToken> = Vec::new();
        loop {
            let turn = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                turn = self.shared.queue.next() => turn,
            };
            let (kind, depth) = (self.shared.kind, self.shared.queue.depth());
            self.shared.metrics.popped(kind, turn.popped.waited, depth);
            tokens.retain(|token| !token.is_cancelled());
            tokens.push(turn.popped.cancel.clone());
            while runs.try_join_next().is_some() {}
            let shell = self.clone();
            runs.spawn(async move {
                let metrics = shell.shared.metrics.clone();
                shell.turn(turn).await;
                metrics.ended(kind);
            });
        }
        tokens.iter().for_each(CancellationToken::cancel);
        let all = async { while runs.join_next().await.is_some() {} };
        // Runs that do not end in time are dropped with their tasks.
        let _ = tokio::time::timeout(GRACE, all).await;
    }
}
