use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

type Flight<T> = Shared<BoxFuture<'static, T>>;

/// What is under way, by what it was asked for: who asks for the same meanwhile waits for the same answer. A flight is
/// listed for as long as somebody waits for it and it is not over: left by all, it would be joined much later, and give an
/// answer of long ago.
pub struct Flights<K: Eq + Hash, T> {
    list: Arc<Mutex<List<K, T>>>,
}

struct List<K, T> {
    under_way: HashMap<K, (u64, WeakShared<BoxFuture<'static, T>>)>,
    begun: u64,
}

impl<K: Eq + Hash, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self { list: Arc::new(Mutex::new(List { under_way: HashMap::new(), begun: 0 })) }
    }
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The answer of the flight that is under way, else of a new one that does this work.
    pub async fn join(&self, key: K, work: BoxFuture<'static, T>) -> T {
        self.flight(key, work).await
    }

    fn flight(&self, key: K, work: BoxFuture<'static, T>) -> Flight<T> {
        let mut list = lock(&self.list);
        if let Some(flight) = list.under_way.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return flight;
        }
        list.begun += 1;
        let entry = Entry { list: self.list.clone(), key: key.clone(), number: list.begun };
        let flight = async move {
            let _entry = entry;
            work.await
        };
        let flight = flight.boxed().shared();
        // Not yet polled, so that there is something to be weak about.
        if let Some(weak) = flight.downgrade() {
            let number = list.begun;
            list.under_way.insert(key, (number, weak));
        }
        flight
    }
}

/// Held by the flight itself, and so dropped when it is over or has lost the last one who waits.
struct Entry<K: Eq + Hash, T> {
    list: Arc<Mutex<List<K, T>>>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, T> Drop for Entry<K, T> {
    fn drop(&mut self) {
        let mut list = lock(&self.list);
        // Another one may have taken its place already.
        if list.under_way.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            list.under_way.remove(&self.key);
        }
    }
}

fn lock<K, T>(list: &Mutex<List<K, T>>) -> MutexGuard<'_, List<K, T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::{Flights, lock};

    /// Answers after a second with how often it was asked.
    #[derive(Default)]
    struct Server(Arc<AtomicUsize>);

    impl Server {
        fn ask(&self) -> BoxFuture<'static, usize> {
            let asked = self.0.clone();
            async move {
                let count = asked.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
                count
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_meanwhile_shares_and_who_asks_afterwards_does_not() {
        let (flights, server) = (Flights::default(), Server::default());
        assert_eq!(tokio::join!(flights.join("a", server.ask()), flights.join("a", server.ask())), (1, 1));
        assert!(lock(&flights.list).under_way.is_empty(), "an answer is kept");
        assert_eq!(flights.join("a", server.ask()).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_ends_when_the_last_one_who_waits_leaves_it() {
        let (flights, server) = (Flights::default(), Server::default());
        let leaving = || tokio::time::timeout(Duration::from_millis(500), flights.join("a", server.ask()));
        let (left, stayed) = tokio::join!(leaving(), flights.join("a", server.ask()));
        assert!(left.is_err() && stayed == 1, "who stays goes on when the first one is gone");
        assert!(leaving().await.is_err());
        assert!(lock(&flights.list).under_way.is_empty(), "a flight that nobody waits for is kept");
        assert_eq!(flights.join("a", server.ask()).await, 3, "an answer of long ago");
    }
}
