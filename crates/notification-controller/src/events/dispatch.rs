//! Deliveries in lanes: one a provider and object, so that what one object says arrives in order, and no provider waits
//! for another.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use runtime::Key;
use tokio::sync::Semaphore;

use super::spool::{Entry, Spool, SpoolError, Ticket};
use crate::app::App;
use crate::delivery;
use crate::event::Event;

/// Deliveries of one provider at once.
const PER_PROVIDER: usize = 8;
/// Deliveries that may wait for one provider; the rest is dropped and told, so that one that is down cannot fill the
/// spool of all.
const MAX_WAITING: usize = 1000;

/// One event for one Alert.
pub(crate) struct Delivery {
    /// The Alert.
    pub(crate) alert: Key,
    /// The event, its metadata still with their groups.
    pub(crate) event: Arc<Event>,
    ticket: Ticket,
    entry: Arc<Mutex<Entry>>,
}

/// A provider's deliveries by object.
struct Waiting {
    permits: Arc<Semaphore>,
    lanes: HashMap<String, VecDeque<Delivery>>,
    count: usize,
}

/// Accepted events on their way.
pub(crate) struct Dispatcher {
    spool: Arc<Spool>,
    providers: Mutex<HashMap<Key, Waiting>>,
    app: std::sync::OnceLock<Weak<App>>,
}

impl Dispatcher {
    /// Over a spool; deliveries begin after [`Dispatcher::attach`].
    pub(crate) fn new(spool: Spool) -> Self {
        Self { spool: Arc::new(spool), providers: Mutex::default(), app: std::sync::OnceLock::new() }
    }

    /// Says what deliveries are made with.
    pub(crate) fn attach(&self, app: &Arc<App>) {
        // A second call changes nothing.
        let _ = self.app.set(Arc::downgrade(app));
    }

    /// Takes an event in: when it returns, the event outlives the process.
    pub(crate) async fn accept(&self, entry: Entry) -> Result<(), SpoolError> {
        let spool = self.spool.clone();
        let written =
            tokio::task::spawn_blocking(move || spool.put(&entry).map(|ticket| (ticket, entry))).await;
        match written {
            Ok(written) => {
                let (ticket, entry) = written?;
                self.submit(ticket, entry);
                Ok(())
            }
            // The runtime is ending: the event may be on disk, but nobody was told that it is.
            Err(_) => Err(SpoolError::Full { events: 0, bytes: 0 }),
        }
    }

    /// Puts an event that is on disk into the lanes.
    pub(crate) fn submit(&self, ticket: Ticket, entry: Entry) {
        let Some(app) = self.app.get().and_then(Weak::upgrade) else { return };
        let event = Arc::new(entry.event.clone());
        let keys: Vec<Key> = entry.alerts.iter().map(|(namespace, name)| Key::new(namespace, name)).collect();
        let entry = Arc::new(Mutex::new(entry));
        for alert in keys {
            let delivery = Delivery { alert, event: event.clone(), ticket, entry: entry.clone() };
            self.enqueue(&app, delivery);
        }
    }

    fn enqueue(&self, app: &Arc<App>, delivery: Delivery) {
        let Some(alert) = app.alert(&delivery.alert) else { return self.finish(&delivery) };
        let provider = Key::new(&delivery.alert.namespace, &alert.spec.provider_ref.name);
        let lane = delivery.event.involved_object.to_string();
        let mut providers = self.lock();
        let waiting = providers.entry(provider.clone()).or_insert_with(Waiting::new);
        if waiting.count >= MAX_WAITING {
            drop(providers);
            delivery::overflow(app, &alert, &delivery.event);
            return self.finish(&delivery);
        }
        waiting.count += 1;
        if let Some(queue) = waiting.lanes.get_mut(&lane) {
            return queue.push_back(delivery);
        }
        waiting.lanes.insert(lane.clone(), VecDeque::from([delivery]));
        let permits = waiting.permits.clone();
        drop(providers);
        let app = app.clone();
        tokio::spawn(async move { run(app, provider, lane, permits).await });
    }

    fn next(&self, provider: &Key, lane: &str) -> Option<Delivery> {
        let mut providers = self.lock();
        let waiting = providers.get_mut(provider)?;
        let found = waiting.lanes.get_mut(lane).and_then(VecDeque::pop_front);
        if found.is_none() {
            waiting.lanes.remove(lane);
            if waiting.lanes.is_empty() {
                providers.remove(provider);
            }
        }
        found
    }

    fn delivered(&self, provider: &Key, delivery: &Delivery) {
        if let Some(waiting) = self.lock().get_mut(provider) {
            waiting.count = waiting.count.saturating_sub(1);
        }
        self.finish(delivery);
    }

    /// Takes the Alert off the event on disk.
    fn finish(&self, delivery: &Delivery) {
        let (spool, entry) = (self.spool.clone(), delivery.entry.clone());
        let (alert, ticket) = (delivery.alert.clone(), delivery.ticket);
        tokio::task::spawn_blocking(move || {
            let mut left = entry.lock().unwrap_or_else(PoisonError::into_inner);
            left.alerts.retain(|(namespace, name)| *namespace != alert.namespace || *name != alert.name);
            spool.done(ticket, &left);
        });
    }

    /// Deliveries that are not made yet.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().values().map(|waiting| waiting.count).sum()
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Waiting>> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(PER_PROVIDER)), lanes: HashMap::new(), count: 0 }
    }
}

/// A lane from its first delivery to its last.
async fn run(app: Arc<App>, provider: Key, lane: String, permits: Arc<Semaphore>) {
    while let Some(delivery) = app.dispatcher.next(&provider, &lane) {
        // The semaphore is never closed.
        let _permit = permits.acquire().await;
        delivery::deliver(&app, &delivery.alert, &delivery.event).await;
        app.dispatcher.delivered(&provider, &delivery);
    }
}
