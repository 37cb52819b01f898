use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ObjectReference;

use crate::names::ReasonName;

/// How serious an event is, and who hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A Normal event of Kubernetes only; notification-controller does not hear of it.
    Trace,
    /// Normal, posted with severity info.
    Info,
    /// Warning, posted with severity error.
    Error,
}

/// One event about an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// How serious it is.
    pub severity: Severity,
    /// The reason in CamelCase.
    pub reason: ReasonName,
    /// What happened; never a secret.
    pub message: String,
    /// Metadata: a key without `/` gets the object's API group as its prefix, one with `/` is kept.
    pub metadata: BTreeMap<String, String>,
    /// Lines below the message in the event of Kubernetes alone: where the trouble stands, since when, what to run.
    pub detail: Vec<String>,
    /// Another object than the reconciled one, for an event of Kubernetes on it; such an event is not posted.
    pub on: Option<Box<ObjectReference>>,
}

impl Event {
    /// An event of severity info.
    pub fn info(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, reason.into(), message.into())
    }

    /// An event of severity error.
    pub fn error(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, reason.into(), message.into())
    }

    /// An event of Kubernetes only.
    pub fn trace(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self::new(Severity::Trace, reason.into(), message.into())
    }

    fn new(severity: Severity, reason: ReasonName, message: String) -> Self {
        Self { severity, reason, message, metadata: BTreeMap::new(), detail: Vec::new(), on: None }
    }

    /// Adds metadata (`revision`, `digest`, `commit_status` ...).
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Adds lines below the message, for who reads the event in Kubernetes. Receivers do not get them: they may change
    /// with each try, and a receiver must know a repeated event again.
    #[must_use]
    pub fn below(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.detail.extend(lines);
        self
    }

    /// Puts the event on another object.
    #[must_use]
    pub fn on(mut self, object: ObjectReference) -> Self {
        self.on = Some(Box::new(object));
        self
    }
}
