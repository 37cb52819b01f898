//! Asking a server once for all objects that ask it the same: a thousand objects of forty repositories, woken together,
//! ask forty times.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::time::Instant;

/// How long an answer is kept: objects that were woken before it was asked for may still wait for their turn.
const KEPT: Duration = Duration::from_secs(60);

type Asking<A, E> = BoxFuture<'static, Result<A, E>>;

/// Answers by question. What is asked must prove the same identity, so that credentials belong to the question.
pub(crate) struct Answers<Q, A, E> {
    known: Mutex<Known<Q, A, E>>,
}

struct Known<Q, A, E> {
    entries: HashMap<Q, Entry<A, E>>,
    swept: Instant,
}

struct Entry<A, E> {
    begun: Instant,
    found: Found<A, E>,
}

enum Found<A, E> {
    /// Under way for as long as somebody waits for it.
    Asked(WeakShared<Asking<A, E>>),
    /// Over: it gives the answer at once.
    Told(Shared<Asking<A, E>>),
}

impl<Q: Clone + Hash + Eq, A: Clone, E: Clone> Answers<Q, A, E> {
    pub(crate) fn new() -> Self {
        Self { known: Mutex::new(Known { entries: HashMap::new(), swept: Instant::now() }) }
    }

    /// The answer to a question. One that was begun at `since` or later counts, also while it is under way; else `ask`
    /// is called. A failure is shared by those who wait for it, and not kept.
    pub(crate) async fn get(
        &self,
        question: Q,
        since: Instant,
        ask: impl FnOnce() -> Asking<A, E>,
    ) -> Result<A, E> {
        if let Some(asking) = self.join(&question, since) {
            return asking.await;
        }
        let (asking, begun) = self.begin(question.clone(), ask);
        let answer = asking.clone().await?;
        if let Some(entry) = self.lock().entries.get_mut(&question).filter(|entry| entry.begun == begun) {
            entry.found = Found::Told(asking);
        }
        Ok(answer)
    }

    fn join(&self, question: &Q, since: Instant) -> Option<Shared<Asking<A, E>>> {
        let known = self.lock();
        let entry = known.entries.get(question).filter(|entry| entry.begun >= since)?;
        match &entry.found {
            Found::Told(asking) => Some(asking.clone()),
            Found::Asked(weak) => weak.upgrade(),
        }
    }

    fn begin(&self, question: Q, ask: impl FnOnce() -> Asking<A, E>) -> (Shared<Asking<A, E>>, Instant) {
        let begun = Instant::now();
        let asking = ask().shared();
        let mut known = self.lock();
        if begun.duration_since(known.swept) > KEPT {
            known.entries.retain(|_, entry| begun.duration_since(entry.begun) < KEPT);
            known.swept = begun;
        }
        // Not yet polled, so that there is something to be weak about.
        if let Some(weak) = asking.downgrade() {
            known.entries.insert(question, Entry { begun, found: Found::Asked(weak) });
        }
        (asking, begun)
    }

    fn lock(&self) -> MutexGuard<'_, Known<Q, A, E>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Server {
        asked: Arc<AtomicUsize>,
    }

    impl Server {
        /// Answers after a second with how often it was asked; fails where it shall.
        fn ask(&self, fails: bool) -> Asking<usize, &'static str> {
            let asked = self.asked.clone();
            async move {
                let count = asked.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
                if fails { Err("refused") } else { Ok(count) }
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_woken_before_the_question_share_its_answer() {
        let (answers, server, woken) = (Answers::new(), Server::default(), Instant::now());
        let ask = || answers.get("main", woken, || server.ask(false));
        assert_eq!(tokio::join!(ask(), ask()), (Ok(1), Ok(1)));
        assert_eq!(ask().await, Ok(1), "the answer was not kept for those who wait for their turn");
        let other = answers.get("other", woken, || server.ask(false)).await;
        assert_eq!(other, Ok(2), "another question got the answer");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_woken_after_the_question_asks_anew() {
        let (answers, server) = (Answers::new(), Server::default());
        let first = answers.get("main", Instant::now(), || server.ask(false));
        let second = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            answers.get("main", Instant::now(), || server.ask(false)).await
        };
        assert_eq!(tokio::join!(first, second), (Ok(1), Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_not_kept() {
        let (answers, server, woken) = (Answers::new(), Server::default(), Instant::now());
        let ask = || answers.get("main", woken, || server.ask(true));
        assert_eq!(tokio::join!(ask(), ask()), (Err("refused"), Err("refused")));
        assert_eq!(server.asked.load(Ordering::SeqCst), 1);
        assert_eq!(answers.get("main", woken, || server.ask(false)).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_on_when_the_first_one_is_gone() {
        let (answers, server, woken) = (Answers::new(), Server::default(), Instant::now());
        let ask = || answers.get("main", woken, || server.ask(false));
        let short = tokio::time::timeout(Duration::from_millis(300), ask());
        let (short, long) = tokio::join!(short, ask());
        assert!(short.is_err());
        assert_eq!(long, Ok(1));
        let nobody =
            tokio::time::timeout(Duration::from_millis(300), answers.get("x", woken, || server.ask(false)));
        assert!(nobody.await.is_err());
        let again = answers.get("x", woken, || server.ask(false)).await;
        assert_eq!(again, Ok(3), "a question that nobody waited for was taken for one under way");
    }
}
