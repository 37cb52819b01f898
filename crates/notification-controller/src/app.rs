//! What the parts of the process share.

use std::sync::{Arc, Mutex};

use api::notification::v1::Receiver;
use api::notification::v1beta3::{Alert, Provider};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Client, Resource};
use runtime::{Event as Told, Key, ReasonName, Recorder, Store};

use crate::events::dispatch::Dispatcher;
use crate::events::duplicates::Duplicates;
use crate::events::judging::Judging;
use crate::providers::clients::Clients;
use crate::receivers::paths::Paths;

/// What all parts share.
pub(crate) struct App {
    /// The cluster, as the controller itself.
    pub(crate) client: Client,
    /// The Alerts, as the watch shows them.
    pub(crate) alerts: Store<Alert>,
    /// The Providers, as the watch shows them.
    pub(crate) providers: Store<Provider>,
    /// The Receivers, as the watch shows them.
    pub(crate) receivers: Store<Receiver>,
    /// Which Receiver listens at which path.
    pub(crate) paths: Paths,
    /// Tells of what went wrong, on the Alert.
    pub(crate) recorder: Recorder,
    /// The events seen in the interval.
    pub(crate) duplicates: Mutex<Duplicates>,
    /// Which Alerts want an event.
    pub(crate) judging: Judging,
    /// Accepted events on their way.
    pub(crate) dispatcher: Dispatcher,
    /// HTTP clients by their policy.
    pub(crate) clients: Clients,
    /// Refuse sources in other namespaces.
    pub(crate) no_cross_namespace_refs: bool,
    /// The one namespace that is watched, if it is one.
    pub(crate) watched: Option<String>,
}

impl App {
    /// Tells of a failure in an event on the Alert.
    pub(crate) fn warn(&self, alert: &Alert, reason: ReasonName, message: impl Into<String>) {
        self.recorder.send_on(reference(alert), &Told::error(reason, message));
    }

    /// The Alert of a key.
    pub(crate) fn alert(&self, key: &Key) -> Option<Arc<Alert>> {
        self.alerts.get(key)
    }
}

/// How an event names an Alert.
pub(crate) fn reference(alert: &Alert) -> ObjectReference {
    let meta = &alert.metadata;
    ObjectReference {
        api_version: Some(Alert::api_version(&()).into_owned()),
        kind: Some(Alert::kind(&()).into_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        field_path: None,
    }
}
