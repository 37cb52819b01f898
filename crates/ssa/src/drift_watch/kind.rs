//! The watch of one kind.

use std::{sync::Weak, time::Duration};

use futures::StreamExt;
use kube::{
    Api,
    api::{DynamicObject, PartialObjectMeta},
    core::ApiResource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use manifest::{Gvk, ObjectId};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    Fingerprint,
    discovery::Resource,
    drift_watch::{
        Shared, Signal, What, lock,
        table::{Meaning, Scope},
        tenants,
    },
    fields, managed,
    settings::WATCH_LASTS,
};

/// Pause before a kind is looked for again that is absent or may not be watched.
const AGAIN: Duration = Duration::from_secs(60);
/// Pause after an answer that says the way of listing is not supported, and after other failures at once.
const SOON: Duration = Duration::from_secs(1);
/// Fields named in a guess.
const MAX_FIELDS: usize = 4;

pub(super) type Meta = PartialObjectMeta<DynamicObject>;

/// Watches a kind until the cluster is dropped: in all namespaces, or, where the controller may not, in those
/// of its tenants.
pub(super) async fn watch(shared: Weak<Shared>, gvk: Gvk) {
    let scope = Scope { group: gvk.group.clone(), kind: gvk.kind.clone(), namespace: None };
    // An abort does not stop what is running: its last event may come after the kind was dropped.
    let _ended = tenants::Ended(shared.clone(), scope.clone());
    let mut way = Way::default();
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let found = strong.discovery.find_anywhere(&strong.client, &gvk).await;
        let resource = found.map(|found| found.filter(|resource| resource.watchable));
        let end = match &resource {
            Ok(Some(resource)) => {
                let api = Api::<Meta>::all_with(strong.client.clone(), &api_resource(resource));
                let config = config(&strong);
                drop(strong);
                follow(&shared, &scope, api, config, &mut way).await
            }
            Ok(None) => End::Absent,
            Err(_) => End::Broken,
        };
        match (end, resource) {
            (End::Refused, Ok(Some(resource))) => tenants::watch(&shared, &resource, AGAIN).await,
            (End::Broken, _) => sleep(SOON).await,
            _ => sleep(AGAIN).await,
        }
    }
}

/// How objects of all owners are watched.
pub(super) fn config(shared: &Shared) -> watcher::Config {
    watcher::Config::default().timeout(WATCH_LASTS).labels(&shared.marks.owner_name)
}

pub(super) fn api_resource(resource: &Resource) -> ApiResource {
    ApiResource {
        group: resource.gvk.group.clone(),
        version: resource.gvk.version.clone(),
        api_version: resource.gvk.api_version(),
        kind: resource.gvk.kind.clone(),
        plural: resource.plural.clone(),
    }
}

/// How a kind is watched.
#[derive(Default)]
pub(super) struct Way {
    /// The first list comes in pages instead of events, which need no memory for them.
    in_pages: bool,
    /// That it cannot be watched has been said.
    told: bool,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// We may not watch.
    Refused,
    /// The kind is not there.
    Absent,
    /// Anything else.
    Broken,
}

/// Follows one stream to its end.
pub(super) async fn follow(
    shared: &Weak<Shared>,
    scope: &Scope,
    api: Api<Meta>,
    config: watcher::Config,
    way: &mut Way,
) -> End {
    let config = if way.in_pages { config } else { config.streaming_lists() };
    let mut stream = watcher(api, config).default_backoff().boxed();
    while let Some(event) = stream.next().await {
        let Some(shared) = shared.upgrade() else { return End::Broken };
        match event {
            Ok(event) => shared.note(scope, event).await,
            Err(error) => {
                lock(&shared.table).lost(scope);
                if let Some(end) = end(scope, &error, way) {
                    return end;
                }
            }
        }
    }
    End::Broken
}

/// Whether an error ends the stream; others are retried by the watcher itself.
fn end(scope: &Scope, error: &watcher::Error, way: &mut Way) -> Option<End> {
    let (kind, group) = (&scope.kind, &scope.group);
    let end = match code(error) {
        Some(400 | 422) if !way.in_pages => {
            way.in_pages = true;
            return Some(End::Broken);
        }
        Some(401 | 403) => End::Refused,
        Some(404 | 405) => End::Absent,
        _ => {
            tracing::debug!(kind, group, "drift watch interrupted: {error}");
            return None;
        }
    };
    if !std::mem::replace(&mut way.told, true) {
        let namespace = scope.namespace.as_deref().unwrap_or("all");
        tracing::info!(kind, group, namespace, "drift is found at the interval only: {error}");
    }
    Some(end)
}

fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.code),
        _ => None,
    }
}

impl Shared {
    async fn note(&self, scope: &Scope, event: Event<Meta>) {
        match event {
            Event::Init => lock(&self.table).list_begins(scope),
            Event::InitApply(meta) => self.seen(scope, &meta).await,
            Event::Apply(meta) => {
                lock(&self.table).back(scope);
                self.seen(scope, &meta).await;
            }
            Event::Delete(meta) => {
                lock(&self.table).back(scope);
                self.deleted(scope, &meta).await;
            }
            Event::InitDone => {
                let gone = lock(&self.table).list_ends(scope);
                for (id, owner) in gone {
                    self.signal(Signal { owner, id, what: What::Gone }).await;
                }
            }
        }
    }

    async fn seen(&self, scope: &Scope, meta: &Meta) {
        let object = json!({ "metadata": meta.metadata });
        let id = id(scope, meta);
        let live = Fingerprint::of(&object, &self.takeover, &self.marks);
        let meaning = {
            let mut table = lock(&self.table);
            table.seen(id.clone(), live)
        };
        let (owner, what) = match meaning {
            Meaning::Drift(owner) => (owner, self.guess(scope, &object)),
            Meaning::Moved(owner) => (owner, What::Moved),
            Meaning::Gone(owner) => (owner, What::Gone),
            Meaning::Nothing => return,
        };
        self.signal(Signal { owner, id, what }).await;
    }

    async fn deleted(&self, scope: &Scope, meta: &Meta) {
        let id = id(scope, meta);
        let version = meta.metadata.resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0);
        let meaning = lock(&self.table).deleted(&id, version);
        if let Meaning::Gone(owner) = meaning {
            self.signal(Signal { owner, id, what: What::Gone }).await;
        }
    }

    async fn signal(&self, signal: Signal) {
        tracing::debug!(object = signal.id.subject(), owner = signal.owner.name, what = ?signal.what, "drift watch");
        // Fails only when nobody listens any more.
        let _ = self.signals.send(signal).await;
    }

    /// Who changed the object last, for the log.
    fn guess(&self, scope: &Scope, object: &Value) -> What {
        let others = managed::entries(object).filter(|entry| {
            entry.subresource() != Some("status")
                && !(entry.is_apply() && entry.manager() == self.takeover.field_manager)
        });
        let newest = others.max_by_key(|entry| entry.time().unwrap_or_default());
        let fields = newest.map(|entry| fields::paths(entry.fields(), MAX_FIELDS, scope.kind != "Secret"));
        What::Nominated {
            manager: newest.map(|entry| entry.manager().to_owned()).unwrap_or_default(),
            fields: fields.unwrap_or_default(),
        }
    }
}

fn id(scope: &Scope, meta: &Meta) -> ObjectId {
    ObjectId {
        namespace: meta.metadata.namespace.clone().unwrap_or_default(),
        name: meta.metadata.name.clone().unwrap_or_default(),
        group: scope.group.clone(),
        kind: scope.kind.clone(),
    }
}
