use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;

use crate::key::Key;

/// Field managers that have series of their own: whoever writes an object chooses the name, and a name is never dropped.
#[derive(Debug, Default)]
pub(super) struct Managers(Mutex<BTreeSet<String>>);

impl Managers {
    const MOST: usize = 64;

    /// The name, or `other` where there are too many.
    pub(super) fn known(&self, manager: &str) -> String {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(manager) || (known.len() < Self::MOST && known.insert(manager.to_owned())) {
            return manager.to_owned();
        }
        "other".to_owned()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ObjectLabels {
    kind: &'static str,
    name: String,
    namespace: String,
}

impl ObjectLabels {
    pub(super) fn of(kind: &'static str, key: &Key) -> Self {
        Self { kind, name: key.name.clone(), namespace: key.namespace.clone() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct InfoLabels {
    pub(super) kind: &'static str,
    pub(super) exported_namespace: String,
    pub(super) name: String,
    pub(super) ready: String,
    pub(super) reason: String,
    pub(super) suspended: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DriftLabels {
    pub(super) kind: String,
    pub(super) manager: String,
    pub(super) action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ManagerLabels {
    pub(super) manager: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ChangeLabels {
    pub(super) origin: &'static str,
    pub(super) signed: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ControllerLabels {
    controller: String,
}

impl ControllerLabels {
    pub(super) fn of(kind: &'static str) -> Self {
        Self { controller: kind.to_lowercase() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResultLabels {
    controller: String,
    result: &'static str,
}

impl ResultLabels {
    pub(super) fn of(kind: &'static str, result: &'static str) -> Self {
        Self { controller: kind.to_lowercase(), result }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct NameLabels {
    pub(super) name: String,
}

impl NameLabels {
    /// Queues are named by their kind in lower case.
    pub(super) fn queue(kind: &'static str) -> Self {
        Self { name: kind.to_lowercase() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) code: u16,
    pub(super) method: String,
}
