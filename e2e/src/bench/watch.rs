//! One watch, one clock: waits for live objects without asking.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use kube::{
    Api, Client,
    api::{DynamicObject, WatchEvent, WatchParams},
    discovery::ApiResource,
};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle};

/// Watch events of one kind in all namespaces, each with the moment it arrived.
pub(crate) struct Watch {
    events: mpsc::UnboundedReceiver<(Instant, Value)>,
    task: JoinHandle<Option<()>>,
}

impl Watch {
    /// Watches from now on.
    pub(crate) async fn start(client: &Client, api_version: &str, kind: &str, plural: &str) -> Result<Watch> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let resource = ApiResource {
            group: group.into(),
            version: version.into(),
            api_version: api_version.into(),
            kind: kind.into(),
            plural: plural.into(),
        };
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let list = api.list(&kube::api::ListParams::default().limit(1)).await?;
        let from = list.metadata.resource_version.unwrap_or_default();
        let (send, events) = mpsc::unbounded_channel();
        Ok(Watch { events, task: tokio::spawn(follow(api, from, send)) })
    }

    /// The moment at which `count` different objects have been seen as `wanted`.
    pub(crate) async fn until(
        &mut self,
        count: usize,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Instant> {
        let mut seen = std::collections::HashSet::new();
        let deadline = Instant::now() + limit;
        loop {
            let next = tokio::time::timeout_at(deadline.into(), self.events.recv()).await;
            let Ok(event) = next else { bail!("{} of {count} objects after {limit:?}", seen.len()) };
            let (at, object) = event.context("the watch has ended")?;
            if wanted(&object) {
                seen.insert(object["metadata"]["uid"].to_string());
            }
            if seen.len() >= count {
                return Ok(at);
            }
        }
    }
}

/// The API server ends each watch after minutes; the next one goes on where it ended.
async fn follow(
    api: Api<DynamicObject>,
    mut from: String,
    events: mpsc::UnboundedSender<(Instant, Value)>,
) -> Option<()> {
    loop {
        let mut stream = api.watch(&WatchParams::default().timeout(290), &from).await.ok()?.boxed();
        while let Ok(Some(event)) = stream.try_next().await {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    from = object.metadata.resource_version.clone().unwrap_or(from);
                    let value = serde_json::to_value(&object).unwrap_or_default();
                    events.send((Instant::now(), value)).ok()?;
                }
                WatchEvent::Deleted(object) => from = object.metadata.resource_version.unwrap_or(from),
                WatchEvent::Bookmark(mark) => from = mark.metadata.resource_version,
                WatchEvent::Error(_) => return None,
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches all Kustomizations from now on.
pub(crate) async fn kustomizations(client: &Client) -> Result<Watch> {
    Watch::start(client, "kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations").await
}

/// Ready=True at the present generation, with this revision applied.
pub(crate) fn applied(object: &Value, revision: &str) -> bool {
    let ready = testkit::condition(object, "Ready");
    object["status"]["lastAppliedRevision"] == revision
        && ready.is_some_and(|condition| {
            condition["status"] == "True"
                && condition["observedGeneration"] == object["metadata"]["generation"]
        })
}
