use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::lanes::Lanes;
use super::token;
use crate::key::Key;
use crate::reason::{Class, Reason, Reasons};

/// How many may run at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// `--concurrent`.
    pub(crate) main: usize,
    /// The pool of its own that heals have beside it.
    pub(crate) heal: usize,
}

/// Which pool a run took its permit from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Main,
    Heal,
}

/// A key whose turn it is.
pub(crate) struct Popped {
    pub(crate) key: Key,
    pub(crate) reasons: Reasons,
    pub(crate) cancel: CancellationToken,
    /// How long it was due.
    pub(crate) waited: Duration,
    /// When the newest of its reasons was given.
    pub(crate) asked: Instant,
    /// The class it was served in.
    pub(crate) class: Class,
}

#[derive(Default)]
struct Entry {
    /// Reasons of the next run.
    due: Reasons,
    /// Class, ticket and time of being queued; none while running or idle.
    queued: Option<(Class, u64, Instant)>,
    /// When the newest of the due reasons was given; none without a due reason.
    asked: Option<Instant>,
    running: Option<Running>,
    delayed: Vec<(Reason, Instant)>,
}

struct Running {
    cancel: CancellationToken,
    permit: Option<Permit>,
}

/// The state of the queue; every method is pure in it and the time given.
pub(crate) struct Core {
    entries: HashMap<Key, Entry>,
    lanes: Lanes,
    delayed: BTreeSet<(Instant, Key, Reason)>,
    free: Sizes,
    depth: usize,
    /// New content was served last: where something waits to go on, that is next.
    began: bool,
    /// Keys served since the one that waited longest was.
    served: u32,
}

/// So often the key that waits longest is served, whatever its class: a tenant that asks without end, or a source that
/// changes faster than all its objects are applied, delays the retries and intervals of others, but cannot stop them.
const OLDEST_EVERY: u32 = 8;

/// Times set by the last run: the next run sets new ones.
const SET_BY_RUNS: [Reason; 4] = [Reason::Interval, Reason::Retry, Reason::Dependency, Reason::Deadline];

impl Core {
    pub(crate) fn new(sizes: Sizes) -> Self {
        Self {
            entries: HashMap::new(),
            lanes: Lanes::default(),
            delayed: BTreeSet::new(),
            free: Sizes { main: sizes.main.max(1), heal: sizes.heal },
            depth: 0,
            began: false,
            served: 0,
        }
    }

    /// Adds a reason. A running key is queued again when it is done; its token fires where the reason outdates it.
    pub(crate) fn push(&mut self, key: &Key, reason: Reason, now: Instant) {
        let entry = self.entries.entry(key.clone()).or_default();
        entry.due.insert(reason);
        entry.asked = Some(now);
        match &entry.running {
            Some(running) if reason.preempts() => running.cancel.cancel(),
            Some(_) => {}
            None => self.enqueue(key, now),
        }
    }

    /// Adds a reason at a time.
    pub(crate) fn push_at(&mut self, key: &Key, reason: Reason, at: Instant) {
        let entry = self.entries.entry(key.clone()).or_default();
        if let Some(slot) = entry.delayed.iter_mut().find(|(known, _)| *known == reason) {
            self.delayed.remove(&(slot.1, key.clone(), reason));
            slot.1 = at;
        } else {
            entry.delayed.push((reason, at));
        }
        self.delayed.insert((at, key.clone(), reason));
    }

    /// The next key in order for which a permit is free; it runs from now on.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Popped> {
        self.promote(now);
        if self.served >= OLDEST_EVERY && self.free.main > 0 {
            self.served = 0;
            let (key, class) = self.lanes.pop_oldest()?;
            return self.start(key, class, Permit::Main, now);
        }
        for class in self.order() {
            let Some(permit) = self.permit_for(class) else { continue };
            if let Some(key) = self.lanes.pop(class) {
                self.served += u32::from(permit == Permit::Main);
                return self.start(key, class, permit, now);
            }
        }
        None
    }

    /// New content and what waits to go on take turns: a rollout of thousands is ready, and its dependents go on, one by
    /// one, not all at the end.
    fn order(&self) -> [Class; Class::COUNT] {
        let mut order = Class::ALL;
        if self.began {
            order.swap(Class::Content as usize, Class::Wake as usize);
        }
        order
    }

    /// Gives the permit of a running key back early.
    pub(crate) fn release(&mut self, key: &Key) {
        let permit = self.entries.get_mut(key).and_then(|entry| entry.running.as_mut()?.permit.take());
        self.give_back(permit);
    }

    /// The run of a key ended.
    pub(crate) fn done(&mut self, key: &Key, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let permit = entry.running.take().and_then(|running| running.permit);
        if !entry.due.is_empty() {
            self.enqueue(key, now);
        }
        self.give_back(permit);
        self.drop_idle(key);
    }

    /// Forgets due reasons and delays of a key; a run under way ends by itself.
    pub(crate) fn forget(&mut self, key: &Key) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.due = Reasons::NONE;
        entry.asked = None;
        for (reason, at) in entry.delayed.drain(..) {
            self.delayed.remove(&(at, key.clone(), reason));
        }
        if let Some((class, ticket, _)) = entry.queued.take() {
            self.lanes.remove(class, ticket, key);
            self.depth -= 1;
        }
        self.drop_idle(key);
    }

    pub(crate) fn next_delayed(&self) -> Option<Instant> {
        self.delayed.first().map(|(at, _, _)| *at)
    }

    pub(crate) fn queued_since(&self, key: &Key) -> Option<Instant> {
        self.entries.get(key)?.queued.map(|(_, _, since)| since)
    }

    pub(crate) fn next_due(&self, key: &Key) -> Option<Instant> {
        self.entries.get(key)?.delayed.iter().map(|(_, at)| *at).min()
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    fn promote(&mut self, now: Instant) {
        while self.delayed.first().is_some_and(|(at, _, _)| *at <= now) {
            let Some((_, key, reason)) = self.delayed.pop_first() else { return };
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.delayed.retain(|(known, _)| *known != reason);
            }
            self.push(&key, reason, now);
        }
    }

    fn enqueue(&mut self, key: &Key, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let class = entry.due.class();
        let since = match entry.queued {
            Some((queued, _, _)) if queued <= class => return,
            Some((queued, ticket, since)) => {
                self.lanes.remove(queued, ticket, key);
                self.depth -= 1;
                since
            }
            None => now,
        };
        entry.queued = Some((class, self.lanes.insert(class, key), since));
        self.depth += 1;
    }

    fn permit_for(&self, class: Class) -> Option<Permit> {
        if class == Class::Heal && self.free.heal > 0 {
            return Some(Permit::Heal);
        }
        (self.free.main > 0).then_some(Permit::Main)
    }

    fn start(&mut self, key: Key, class: Class, permit: Permit, now: Instant) -> Option<Popped> {
        let entry = self.entries.get_mut(&key)?;
        let waited = entry.queued.take().map_or(Duration::ZERO, |(_, _, since)| now.duration_since(since));
        let asked = entry.asked.take().unwrap_or(now);
        let cancel = token();
        entry.running = Some(Running { cancel: cancel.clone(), permit: Some(permit) });
        let reasons = std::mem::take(&mut entry.due);
        let stale = entry.delayed.extract_if(.., |(reason, _)| SET_BY_RUNS.contains(reason));
        for (reason, at) in stale {
            self.delayed.remove(&(at, key.clone(), reason));
        }
        match permit {
            Permit::Main => self.free.main -= 1,
            Permit::Heal => self.free.heal -= 1,
        }
        self.depth -= 1;
        match class {
            Class::Content => self.began = true,
            Class::Wake => self.began = false,
            _ => {}
        }
        Some(Popped { key, reasons, cancel, waited, asked, class })
    }

    fn give_back(&mut self, permit: Option<Permit>) {
        match permit {
            Some(Permit::Main) => self.free.main += 1,
            Some(Permit::Heal) => self.free.heal += 1,
            None => {}
        }
    }

    fn drop_idle(&mut self, key: &Key) {
        let idle = |entry: &Entry| {
            entry.running.is_none()
                && entry.queued.is_none()
                && entry.delayed.is_empty()
                && entry.due.is_empty()
        };
        if self.entries.get(key).is_some_and(idle) {
            self.entries.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
