//! Waiting for servers that are not ours: what is newer ends the wait, and who waits long holds up nobody.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use runtime::{Key, Run};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::source::{RunFailure, SourceObject};
use crate::status::StepError;

/// A server that has not answered by then is slow: its run gives its permit back (`--concurrent`), and a request by a
/// person asks the server anew instead of waiting for the end of `spec.timeout`.
const SLOW: Duration = Duration::from_secs(5);
/// How often an outdated run looks whether it still is at what is wanted.
const LOOK: Duration = Duration::from_millis(250);
/// Runs that gave their permit back and may fetch at the same time, per kind.
const LATE: usize = 2;
/// Runs without a permit at most, per kind: each has a connection open, and what it was told so far. Those beyond keep
/// their permits.
const ASIDE: usize = 64;
/// A download that takes longer gives its permit back: `spec.timeout` has no largest value, and a server that sends byte
/// by byte must not hold a place of `--concurrent` for all of it.
const LONG: Duration = Duration::from_secs(60);
/// Downloads without a permit at most, per kind: each may fill a gigabyte of the disk. Those beyond keep their permits
/// until one of them is over.
const DOWNLOADS: usize = 8;

/// What the runs of one kind share about servers.
pub(crate) struct Remotes {
    /// How many runs of an object in a row were ended by a request. Each gives the next one twice the time, so that
    /// requests that come again and again cannot keep a slow server from ever being heard.
    hurried: Mutex<HashMap<Key, u32>>,
    late: Semaphore,
    aside: Semaphore,
    downloads: Semaphore,
}

/// An answer, and the right to go on with it where the run had given its permit back.
pub(crate) struct Answer<'a, T> {
    pub(crate) found: T,
    pub(crate) turn: Option<SemaphorePermit<'a>>,
}

impl Remotes {
    pub(crate) fn new() -> Self {
        Self {
            hurried: Mutex::default(),
            late: Semaphore::new(LATE),
            aside: Semaphore::new(ASIDE),
            downloads: Semaphore::new(DOWNLOADS),
        }
    }

    /// Asks a server what it has: little is transferred, so that little is lost when it is asked anew.
    pub(crate) async fn ask<K: SourceObject, T>(
        &self,
        run: &Run<K>,
        asking: impl Future<Output = Result<T, StepError>>,
    ) -> Result<Answer<'_, T>, RunFailure> {
        let hurried = self.hurried().remove(&run.key).unwrap_or_default();
        let patience = SLOW.saturating_mul(2u32.saturating_pow(hurried));
        // Kept until the turn to go on comes: what was received waits in memory for it.
        let aside = Mutex::new(None);
        let late = async {
            tokio::time::sleep(SLOW).await;
            if let Ok(place) = self.aside.try_acquire() {
                *aside.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
                run.release_permit();
            }
            std::future::pending::<Infallible>().await
        };
        let begun = tokio::time::Instant::now();
        let found = tokio::select! {
            biased;
            found = asking => found?,
            () = outdated(run, Some(patience)) => {
                if run.is_asked_again() {
                    self.hurried().insert(run.key.clone(), hurried.saturating_add(1));
                }
                return Err(RunFailure::Outdated);
            }
            never = late => match never {},
        };
        let turn = if begun.elapsed() < SLOW { None } else { Some(self.turn(outdated(run, None)).await?) };
        Ok(Answer { found, turn })
    }

    /// The right to go on, unless what the run is at is not wanted any more before its turn comes.
    async fn turn(&self, outdated: impl Future<Output = ()>) -> Result<SemaphorePermit<'_>, RunFailure> {
        tokio::select! {
            biased;
            () = outdated => Err(RunFailure::Outdated),
            // The semaphore is never closed.
            turn = self.late.acquire() => turn.map_err(|_| RunFailure::Outdated),
        }
    }

    /// Receives what a server has, with the turn that the answer before it came with. Only another spec, the object's
    /// deletion or the end of the process end that early; what was received meanwhile is then given up. Where it was only
    /// asked for again it is kept: the next run sees what is new since.
    pub(crate) async fn receive<'a, K: SourceObject, T>(
        &'a self,
        run: &Run<K>,
        turn: Option<SemaphorePermit<'a>>,
        receiving: impl Future<Output = Result<T, StepError>>,
    ) -> Result<Answer<'a, T>, RunFailure> {
        tokio::select! {
            biased;
            received = self.download(|| run.release_permit(), turn, receiving) => match received? {
                _ if is_outdated(run) => Err(RunFailure::Outdated),
                received => Ok(received),
            },
            () = outdated(run, None) => Err(RunFailure::Outdated),
        }
    }

    /// Waits for a download. One that takes [`LONG`] goes on without the permit, which `release` gives back, and without
    /// its turn; it is gone on with when there is a turn again.
    pub(crate) async fn download<'a, T>(
        &'a self,
        release: impl Fn(),
        turn: Option<SemaphorePermit<'a>>,
        receiving: impl Future<Output = Result<T, StepError>>,
    ) -> Result<Answer<'a, T>, StepError> {
        let held = Mutex::new((turn, None));
        let long = async {
            tokio::time::sleep(LONG).await;
            // The semaphore is never closed.
            if let Ok(place) = self.downloads.acquire().await {
                *held.lock().unwrap_or_else(PoisonError::into_inner) = (None, Some(place));
                release();
            }
            std::future::pending::<Infallible>().await
        };
        let found = tokio::select! {
            biased;
            found = receiving => found?,
            never = long => match never {},
        };
        let (turn, place) = held.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The place is kept until the turn comes: what was received lies on the disk meanwhile.
        let turn = if place.is_some() { self.late.acquire().await.ok() } else { turn };
        Ok(Answer { found, turn })
    }

    /// The object is gone.
    pub(crate) fn forget(&self, key: &Key) {
        self.hurried().remove(key);
    }

    fn hurried(&self) -> std::sync::MutexGuard<'_, HashMap<Key, u32>> {
        self.hurried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the run is at something that is not wanted any more.
fn is_outdated<K: SourceObject>(run: &Run<K>) -> bool {
    run.cancel.is_cancelled() && !run.is_asked_again()
}

/// Ends when the run is at something that is not wanted any more. A further request alone is heard after `patience`, and
/// never without one.
async fn outdated<K: SourceObject>(run: &Run<K>, patience: Option<Duration>) {
    run.cancel.cancelled().await;
    while run.is_asked_again() && patience.is_none_or(|patience| run.started.elapsed() < patience) {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures::FutureExt;

    use super::{DOWNLOADS, LATE, LONG, Remotes, RunFailure};

    /// A permit, which counts how often it was given back.
    #[derive(Default)]
    struct Permit(AtomicUsize);

    impl Permit {
        fn given_back(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }

        /// A download that takes so long, by a run that has a turn.
        async fn download(&self, remotes: &Remotes, time: Duration) {
            let turn = remotes.late.acquire().await.ok();
            let receiving = async {
                tokio::time::sleep(time).await;
                Ok(())
            };
            let release = || _ = self.0.fetch_add(1, Ordering::SeqCst);
            assert!(remotes.download(release, turn, receiving).await.ok().unwrap().turn.is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_download_that_takes_long_holds_neither_permit_nor_turn() {
        let (remotes, permit) = (Remotes::new(), Permit::default());
        permit.download(&remotes, LONG / 2).await;
        assert_eq!(permit.given_back(), 0, "a short one keeps what it has");
        let looking = async {
            tokio::time::sleep(LONG / 2).await;
            assert_eq!((permit.given_back(), remotes.late.available_permits()), (0, LATE - 1));
            tokio::time::sleep(LONG).await;
            assert_eq!((permit.given_back(), remotes.late.available_permits()), (1, LATE));
        };
        tokio::join!(permit.download(&remotes, LONG * 1000), looking);
        assert_eq!(
            (remotes.late.available_permits(), remotes.downloads.available_permits()),
            (LATE, DOWNLOADS)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn downloads_without_a_permit_are_bounded() {
        let (remotes, permit) = (Remotes::new(), Permit::default());
        let receiving = || async {
            remotes
                .download(|| _ = permit.0.fetch_add(1, Ordering::SeqCst), None, pending::<Result<(), _>>())
                .await
        };
        let mut all: Vec<_> = (0..=DOWNLOADS).map(|_| Box::pin(receiving())).collect();
        let wait = async |all: &mut Vec<_>| {
            let waiting = futures::future::join_all(all.iter_mut());
            assert!(tokio::time::timeout(LONG * 2, waiting).await.is_err());
        };
        wait(&mut all).await;
        assert_eq!(permit.given_back(), DOWNLOADS, "all of them gave their permits back");
        drop(all.remove(0));
        wait(&mut all).await;
        assert_eq!(permit.given_back(), DOWNLOADS + 1, "a place that was left is taken");
    }

    #[tokio::test]
    async fn who_is_not_wanted_any_more_does_not_wait_for_its_turn() {
        let remotes = Remotes::new();
        let mut turns = Vec::new();
        for _ in 0..LATE {
            turns.push(remotes.turn(pending()).await.ok().unwrap());
        }
        let refused = remotes.turn(ready(())).now_or_never();
        assert!(matches!(refused, Some(Err(RunFailure::Outdated))), "it waits");
        assert_eq!(remotes.late.available_permits(), 0);
        turns.pop();
        assert!(remotes.turn(pending()).await.is_ok(), "a turn that was given back is free");
    }
}
