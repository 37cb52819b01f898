use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::key::Key;

/// What the controller knows of each object, for `GET /debug/objects`. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Debug {
    rows: Arc<Mutex<BTreeMap<(&'static str, Key), Row>>>,
}

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

    pub(crate) fn rows(&self) -> Vec<Row> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(&'static str, Key), Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
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
