//! From the queue to runs.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Shell;
use crate::queue::Turn;
use crate::reconciler::{Next, Reconciler};

/// How long runs may go on after the end of the process was asked for.
const GRACE: Duration = Duration::from_secs(20);

impl<R: Reconciler> Shell<R> {
    /// Starts a task for each turn until the token fires, then lets the runs come to their end. `observed` ends when every
    /// object of the first list was observed.
    pub(crate) async fn drive(self, observed: impl Future<Output = ()>, shutdown: CancellationToken) {
        observed.await;
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
            runs.spawn(shell.survive(turn));
        }
        tokens.iter().for_each(CancellationToken::cancel);
        // Runs that do not end in time are dropped with their tasks.
        let all = async { while runs.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, all).await;
    }
    /// A panic is a bug of ours in one run of one object: it is told, the object is tried again, the others go on.
    async fn survive(self, turn: Turn) {
        let _busy = self.shared.recorder.run();
        let (shell, key) = (self.clone(), turn.popped.key.clone());
        let kind = self.shared.kind;
        if AssertUnwindSafe(self.turn(turn)).catch_unwind().await.is_err() {
            tracing::error!(
                controllerKind = kind,
                name = key.name,
                namespace = key.namespace,
                error = "panicked",
                "reconciliation ended by a bug and will be repeated"
            );
            let bug = "the last run ended by a bug; see the log".to_owned();
            shell.shared.debug.change(kind, &key, |row| row.last_error = Some(bug));
            shell.schedule(&key, Next::Backoff);
        }
        shell.shared.metrics.ended(kind);
    }
}
