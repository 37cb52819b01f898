//! Drift is watched: one metadata-only watch per applied kind, selected by the owner label. Each event is
//! folded to a [`Fingerprint`](crate::Fingerprint) and dropped; what differs from what was applied
//! *nominates* the object. The verdict is that of an apply.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use manifest::ObjectId;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    Action, Change, Fingerprint, Identity, Owner, Settings, discovery::Discovery, managed::Takeover,
    marks::Marks,
};

mod kind;
mod table;
mod tenants;

use table::{Meaning, Table, Tracked};

/// Signals waiting to be read; a watch that finds the queue full waits.
const QUEUE: usize = 1024;

/// Something happened to an object that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// For whom it was applied.
    pub owner: Owner,
    /// Which object.
    pub id: ObjectId,
    /// What happened.
    pub what: What,
}

/// What happened, as far as metadata tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is no longer as it was applied.
    Nominated {
        /// Field manager of the newest change; a guess, for logs.
        manager: String,
        /// Some of its fields; a guess, for logs.
        fields: Vec<String>,
    },
    /// It is waited for, and changed in any way.
    Moved,
    /// It was deleted, or lost its owner label: read it before believing it.
    Gone,
}

/// The drift watches of one cluster. Cheap to clone.
#[derive(Clone)]
pub struct DriftWatch(Arc<Shared>);

struct Shared {
    client: kube::Client,
    discovery: Arc<Discovery>,
    takeover: Takeover,
    marks: Marks,
    max_watches: usize,
    /// Watches of single namespaces, as tenants.
    tenant_watches: Arc<AtomicUsize>,
    table: Mutex<Table>,
    kinds: Mutex<HashMap<(String, String), JoinHandle<()>>>,
    signals: mpsc::Sender<Signal>,
    receiver: Mutex<Option<mpsc::Receiver<Signal>>>,
}

/// How long after an apply the first signal is waited for before anybody looks, where [`DriftWatch::awaits_move`]: most
/// objects are healthy after their first move, and a look before it costs a request for nothing.
pub const FIRST_LOOK: Duration = Duration::from_millis(300);

impl DriftWatch {
    pub(crate) fn new(client: kube::Client, discovery: Arc<Discovery>, settings: &Settings) -> Self {
        let (signals, receiver) = mpsc::channel(QUEUE);
        Self(Arc::new(Shared {
            client,
            discovery,
            takeover: Takeover {
                field_manager: settings.field_manager.clone(),
                overrides: settings.override_managers.clone(),
            },
            marks: Marks::new(&settings.owner_group),
            max_watches: settings.max_watches,
            tenant_watches: Arc::default(),
            table: Mutex::new(Table::default()),
            kinds: Mutex::default(),
            signals,
            receiver: Mutex::new(Some(receiver)),
        }))
    }

    /// The stream of signals; `None` at the second call.
    #[must_use]
    pub fn subscribe(&self) -> Option<mpsc::Receiver<Signal>> {
        lock(&self.0.receiver).take()
    }

    /// Remembers what was applied, and watches its kinds. Must be called inside a Tokio runtime.
    pub fn track(&self, owner: &Owner, changes: &[Change]) {
        if self.0.max_watches == 0 {
            return;
        }
        for change in changes {
            let signal = {
                let mut table = lock(&self.0.table);
                match (&change.fingerprint, change.action) {
                    (Some(expected), action) if action != Action::Deleted => {
                        let tracked = Tracked::new(owner, expected.clone(), change.healthy);
                        table.track(&change.id, tracked)
                    }
                    _ => {
                        table.untrack(owner, &change.id);
                        None
                    }
                }
            };
            // After it is tracked, so that nobody finds the new watch unused.
            self.watch_kind(&change.id, &change.version);
            if let Some(what) = signal {
                self.0.send_later(Signal { owner: owner.clone(), id: change.id.clone(), what });
            }
        }
    }

    /// Forgets objects that are no longer this owner's; watches nobody needs end.
    pub fn untrack(&self, owner: &Owner, ids: &[ObjectId]) {
        {
            let mut table = lock(&self.0.table);
            ids.iter().for_each(|id| table.untrack(owner, id));
        }
        self.end_unused();
    }

    /// Forgets everything of this owner.
    pub fn forget(&self, owner: &Owner) {
        lock(&self.0.table).forget(owner);
        self.end_unused();
    }

    /// Asks for [`What::Moved`] at each event of these objects, instead of those asked for before. Events
    /// before this call are not repeated: look at the objects once after it.
    pub fn wait_for(&self, owner: &Owner, ids: &[ObjectId]) {
        lock(&self.0.table).wait_for(owner, ids);
    }

    /// Whether some of these objects are not known to be healthy, and none of those has moved since it was applied: the
    /// first move will be told, and a look before it shows nothing new.
    #[must_use]
    pub fn awaits_move(&self, owner: &Owner, ids: &[ObjectId]) -> bool {
        let table = lock(&self.0.table);
        let mut unknown = ids.iter().filter(|id| !table.is_healthy(owner, id)).peekable();
        unknown.peek().is_some() && unknown.all(|id| table.has_not_moved(owner, id))
    }

    /// Whether the object was found healthy, by the rules alone, and no watch has seen it move since.
    #[must_use]
    pub fn is_healthy(&self, owner: &Owner, id: &ObjectId) -> bool {
        lock(&self.0.table).is_healthy(owner, id)
    }

    /// The object was found healthy in this version.
    pub(crate) fn note_healthy(&self, owner: &Owner, id: &ObjectId, version: u64) {
        lock(&self.0.table).note_healthy(owner, id, version);
    }

    /// Whether this kind is watched right now in all namespaces, so that [`What::Moved`] can be relied on.
    #[must_use]
    pub fn is_watching(&self, group: &str, kind: &str) -> bool {
        lock(&self.0.table).is_kind_synced(group, kind)
    }

    /// Whether this object is watched right now: with its kind, or in its namespace as its tenant.
    #[must_use]
    pub fn watches(&self, id: &ObjectId) -> bool {
        lock(&self.0.table).is_synced(id)
    }

    /// Notes as whom an owner acts: what the controller may not watch is watched as the tenant.
    pub(crate) fn acts_as(&self, owner: &Owner, identity: &Identity) {
        lock(&self.0.table).acts_as(owner, identity);
    }

    /// The live state, when the watch knows it and it is the one that was applied for this owner.
    pub(crate) fn in_sync(&self, owner: &Owner, id: &ObjectId) -> Option<Fingerprint> {
        lock(&self.0.table).in_sync(owner, id).cloned()
    }

    /// The hash of the fields that our last apply for this owner left us with.
    pub(crate) fn applied_fields(&self, owner: &Owner, id: &ObjectId) -> Option<u64> {
        lock(&self.0.table).applied_fields(owner, id)
    }

    /// An object is about to be written: events of our own doing are no drift.
    pub(crate) fn write_begins(&self, owner: &Owner, id: &ObjectId) {
        lock(&self.0.table).write_begins(owner, id);
    }

    /// A write has ended, with this state when it succeeded.
    pub(crate) fn write_ends(&self, owner: &Owner, id: &ObjectId, result: Option<Fingerprint>) {
        let meaning = lock(&self.0.table).write_ends(owner, id, result);
        let what = match meaning {
            Meaning::Drift(_) => What::Nominated { manager: String::new(), fields: Vec::new() },
            Meaning::Moved(_) => What::Moved,
            Meaning::Gone(_) => What::Gone,
            Meaning::Nothing => return,
        };
        self.0.send_later(Signal { owner: owner.clone(), id: id.clone(), what });
    }

    fn watch_kind(&self, id: &ObjectId, version: &str) {
        let key = (id.group.clone(), id.kind.clone());
        let mut kinds = lock(&self.0.kinds);
        if kinds.contains_key(&key) {
            return;
        }
        if kinds.len() >= self.0.max_watches {
            tracing::debug!(
                kind = id.kind,
                group = id.group,
                "no drift watch: the limit of watches is reached"
            );
            return;
        }
        kinds.insert(key, tokio::spawn(kind::watch(Arc::downgrade(&self.0), id.gvk(version))));
    }

    fn end_unused(&self) {
        let unused: Vec<JoinHandle<()>> = {
            let (mut kinds, mut table) = (lock(&self.0.kinds), lock(&self.0.table));
            let unused = kinds.extract_if(|(group, kind), _| !table.uses_kind(group, kind));
            let unused: Vec<_> = unused.collect();
            unused.iter().for_each(|((group, kind), _)| table.drop_kind(group, kind));
            unused.into_iter().map(|(_, task)| task).collect()
        };
        unused.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    /// Queues a signal without waiting; when the queue is full a task of its own waits.
    fn send_later(&self, signal: Signal) {
        if let Err(mpsc::error::TrySendError::Full(signal)) = self.signals.try_send(signal) {
            let signals = self.signals.clone();
            tokio::spawn(async move { signals.send(signal).await });
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        lock(&self.kinds).values().for_each(JoinHandle::abort);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
