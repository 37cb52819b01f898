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
use tokio::{sync::watch, time::sleep};

use crate::{Cluster, cluster::Inner, settings::WATCH_LASTS};

/// Pause before the watch is begun anew when it ends.
const AGAIN: Duration = Duration::from_secs(5);

impl Cluster {
    /// A counter that grows with each change of a CRD: the kind somebody waits for may be there. The first
    /// call begins the watch; must be called inside a Tokio runtime.
    #[must_use]
    pub fn crd_changes(&self) -> watch::Receiver<u64> {
        self.0.crd_watch.get_or_init(|| {
            tokio::spawn(follow(std::sync::Arc::downgrade(&self.0)));
        });
        self.0.crds.subscribe()
    }
}

async fn follow(cluster: Weak<Inner>) {
    let crd = ApiResource {
        group: "apiextensions.k8s.io".into(),
        version: "v1".into(),
        api_version: "apiextensions.k8s.io/v1".into(),
        kind: "CustomResourceDefinition".into(),
        plural: "customresourcedefinitions".into(),
    };
    while let Some(client) = cluster.upgrade().map(|cluster| cluster.client.clone()) {
        let api = Api::<PartialObjectMeta<DynamicObject>>::all_with(client, &crd);
        let mut stream =
            watcher(api, watcher::Config::default().timeout(WATCH_LASTS)).default_backoff().boxed();
        while let Some(event) = stream.next().await {
            let Some(cluster) = cluster.upgrade() else { return };
            if let Ok(Event::Apply(_) | Event::Delete(_) | Event::InitDone) = event {
                cluster.discovery.invalidate();
                cluster.crds.send_modify(|count| *count += 1);
            }
        }
        sleep(AGAIN).await;
    }
}
