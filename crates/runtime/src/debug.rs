use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::Instant;

use crate::key::Key;
use crate::queue::Queue;

/// What the controller knows of each object, for `GET /debug/objects`. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Debug {
    rows: Arc<Mutex<Rows>>,
    queues: Arc<Mutex<BTreeMap<&'static str, Queue>>>,
}

type Rows = BTreeMap<(&'static str, Key), Row>;

/// What an object is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum State {
    Queued,
    Running,
    Ready,
    Waiting,
    Failed,
    Stalled,
    Suspended,
    Deleting,
}

/// One object.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) state: State,
    /// Since when it is in this state.
    pub(crate) since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waits_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    /// Why it ran last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) last_reasons: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_wake_up: Option<Timestamp>,
}

impl Debug {
    /// The object is in a state from now on; what it waited for is over.
    pub(crate) fn state(&self, kind: &'static str, key: &Key, state: State) {
        self.change(kind, key, |row| {
            if row.state != state {
                row.since = Timestamp::now();
            }
            row.state = state;
            row.waits_for = None;
        });
    }

    /// There is such an object, also when it was never run.
    pub(crate) fn seen(&self, kind: &'static str, key: &Key) {
        self.change(kind, key, |_| {});
    }

    pub(crate) fn note(&self, kind: &'static str, key: &Key, waits_for: String) {
        self.change(kind, key, |row| row.waits_for = Some(waits_for));
    }

    pub(crate) fn change(&self, kind: &'static str, key: &Key, change: impl FnOnce(&mut Row)) {
        let mut rows = self.lock();
        change(rows.entry((kind, key.clone())).or_insert_with(|| Row::new(kind, key)));
    }

    pub(crate) fn forget(&self, kind: &'static str, key: &Key) {
        self.lock().remove(&(kind, key.clone()));
    }

    /// The queue of a kind, asked when the rows are.
    pub(crate) fn queue(&self, kind: &'static str, queue: Queue) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, queue);
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.lock().values().cloned().collect();
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        for row in &mut rows {
            if let Some(queue) = queues.get(row.kind) {
                row.look_ahead(queue);
            }
        }
        rows
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time of day of an instant.
fn wall(at: Instant) -> Timestamp {
    let now = Instant::now();
    let signed = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::ZERO);
    let ahead = signed(at.saturating_duration_since(now)) - signed(now.saturating_duration_since(at));
    Timestamp::now().saturating_add(ahead).unwrap_or(Timestamp::MAX)
}

impl Row {
    fn look_ahead(&mut self, queue: &Queue) {
        let outlook = queue.outlook(&Key::new(self.namespace.as_str(), self.name.as_str()));
        self.next_wake_up = outlook.next_due.map(wall);
        if let Some(since) = outlook.queued_since.filter(|_| self.state != State::Running) {
            self.state = State::Queued;
            self.since = wall(since);
        }
    }

    fn new(kind: &'static str, key: &Key) -> Self {
        Self {
            kind,
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            state: State::Queued,
            since: Timestamp::now(),
            waits_for: None,
            last_error: None,
            last_reasons: String::new(),
            next_wake_up: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Debug, State};
    use crate::key::Key;
    use crate::queue::{Queue, Sizes};
    use crate::reason::Reason;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_row_tells_what_the_queue_knows_when_it_is_asked() {
        let (debug, queue, key) =
            (Debug::default(), Queue::new(Sizes { main: 1, heal: 0 }), Key::new("ns", "app"));
        debug.queue("Kustomization", queue.clone());
        debug.state("Kustomization", &key, State::Ready);
        assert!(debug.rows()[0].next_wake_up.is_none());
        queue.push_at(&key, Reason::Interval, Instant::now() + Duration::from_secs(60));
        let row = debug.rows().remove(0);
        assert!(row.state == State::Ready && row.next_wake_up > Some(row.since));
        queue.push(&key, Reason::Wake);
        assert_eq!(debug.rows()[0].state, State::Queued);
        let turn = queue.next().await;
        debug.state("Kustomization", &key, State::Running);
        queue.push(&key, Reason::Wake);
        assert_eq!(debug.rows()[0].state, State::Running);
        drop(turn);
    }
}
