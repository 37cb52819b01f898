//! The watch of one kind.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

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
    drift_watch::{Shared, Signal, What, lock, table::Meaning},
    fields, managed,
};

/// Pause before a kind is looked for again that is absent or may not be watched.
const AGAIN: Duration = Duration::from_secs(300);
/// Pause after an answer that says the way of listing is not supported, and after other failures at once.
const SOON: Duration = Duration::from_secs(1);
/// Fields named in a guess.
const MAX_FIELDS: usize = 4;

type Meta = PartialObjectMeta<DynamicObject>;

/// Watches a kind until the cluster is dropped.
pub(super) async fn watch(shared: Weak<Shared>, gvk: Gvk) {
    let mut way = Way { streaming: true, told: false };
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let found = strong.discovery.find_anywhere(&strong.client, &gvk).await;
        let pause = match found {
            Ok(Some(resource)) if resource.watchable => {
                let api = Api::<Meta>::all_with(
                    strong.client.clone(),
                    &ApiResource {
                        group: resource.gvk.group.clone(),
                        version: resource.gvk.version.clone(),
                        api_version: resource.gvk.api_version(),
                        kind: resource.gvk.kind.clone(),
                        plural: resource.plural.clone(),
                    },
                );
                let config = watcher::Config::default().labels(&strong.marks.owner_name);
                drop(strong);
                follow(&shared, &gvk, api, config, &mut way).await
            }
            Ok(_) => AGAIN,
            Err(_) => SOON,
        };
        sleep(pause).await;
    }
}

/// How a kind is watched.
struct Way {
    /// The first list comes as events, which needs no memory for pages.
    streaming: bool,
    /// That it cannot be watched has been said.
    told: bool,
}

/// Follows one stream to its end; gives the pause before the next.
async fn follow(
    shared: &Weak<Shared>,
    gvk: &Gvk,
    api: Api<Meta>,
    config: watcher::Config,
    way: &mut Way,
) -> Duration {
    let config = if way.streaming { config.streaming_lists() } else { config };
    let mut stream = watcher(api, config).default_backoff().boxed();
    while let Some(event) = stream.next().await {
        let Some(shared) = shared.upgrade() else { return AGAIN };
        match event {
            Ok(event) => shared.note(gvk, event).await,
            Err(error) => {
                lock(&shared.table).lost(&gvk.group, &gvk.kind);
                match code(&error) {
                    Some(400 | 422) if way.streaming => {
                        way.streaming = false;
                        return SOON;
                    }
                    Some(code @ (401 | 403 | 404 | 405)) => {
                        if !std::mem::replace(&mut way.told, true) {
                            tracing::info!(
                                kind = gvk.kind,
                                group = gvk.group,
                                code,
                                "drift is found at the interval only: {error}"
                            );
                        }
                        return AGAIN;
                    }
                    _ => tracing::debug!(
                        kind = gvk.kind,
                        group = gvk.group,
                        "drift watch interrupted: {error}"
                    ),
                }
            }
        }
    }
    SOON
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
    async fn note(self: &Arc<Self>, gvk: &Gvk, event: Event<Meta>) {
        let (group, kind) = (&gvk.group, &gvk.kind);
        match event {
            Event::Init => lock(&self.table).list_begins(group, kind),
            Event::InitApply(meta) => self.seen(gvk, &meta).await,
            Event::Apply(meta) => {
                lock(&self.table).back(group, kind);
                self.seen(gvk, &meta).await;
            }
            Event::Delete(meta) => {
                lock(&self.table).back(group, kind);
                self.deleted(gvk, &meta).await;
            }
            Event::InitDone => {
                let gone = lock(&self.table).list_ends(group, kind);
                for (id, owner) in gone {
                    self.signal(Signal { owner, id, what: What::Gone }).await;
                }
            }
        }
    }

    async fn seen(&self, gvk: &Gvk, meta: &Meta) {
        let object = json!({ "metadata": meta.metadata });
        let id = id(gvk, meta);
        let live = Fingerprint::of(&object, &self.takeover, &self.marks);
        let meaning = {
            let mut table = lock(&self.table);
            table.seen(id.clone(), live)
        };
        let (owner, what) = match meaning {
            Meaning::Drift(owner) => (owner, self.guess(gvk, &object)),
            Meaning::Moved(owner) => (owner, What::Moved),
            Meaning::Gone(owner) => (owner, What::Gone),
            Meaning::Nothing => return,
        };
        self.signal(Signal { owner, id, what }).await;
    }

    async fn deleted(&self, gvk: &Gvk, meta: &Meta) {
        let id = id(gvk, meta);
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
    fn guess(&self, gvk: &Gvk, object: &Value) -> What {
        let others = managed::entries(object).filter(|entry| {
            entry.subresource() != Some("status")
                && !(entry.is_apply() && entry.manager() == self.takeover.field_manager)
        });
        let newest = others.max_by_key(|entry| entry.time().unwrap_or_default());
        let fields = newest.map(|entry| fields::paths(entry.fields(), MAX_FIELDS, gvk.kind != "Secret"));
        What::Nominated {
            manager: newest.map(|entry| entry.manager().to_owned()).unwrap_or_default(),
            fields: fields.unwrap_or_default(),
        }
    }
}

fn id(gvk: &Gvk, meta: &Meta) -> ObjectId {
    ObjectId {
        namespace: meta.metadata.namespace.clone().unwrap_or_default(),
        name: meta.metadata.name.clone().unwrap_or_default(),
        group: gvk.group.clone(),
        kind: gvk.kind.clone(),
    }
}
