//! Where the controller itself may not watch a kind: the same watch in each namespace of its tenants, as them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request};
use kube::{Api, Client, client::Body};
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Identity,
    discovery::Resource,
    drift_watch::{
        Shared,
        kind::{Meta, Way, api_resource, config, follow},
        lock,
        table::Scope,
    },
};

/// How often it is looked which tenants have objects of the kind.
const LOOK: Duration = Duration::from_secs(2);

/// Watches for so long, then the controller tries again itself.
pub(super) async fn watch(shared: &Weak<Shared>, resource: &Resource, time: Duration) {
    let until = Instant::now() + time;
    let mut watches: HashMap<(Identity, String), (AbortOnDropHandle<()>, Counted)> = HashMap::new();
    while Instant::now() < until {
        let Some(strong) = shared.upgrade() else { return };
        let wanted = lock(&strong.table).tenants(&resource.gvk.group, &resource.gvk.kind);
        watches.retain(|tenant, _| wanted.contains(tenant));
        for tenant in wanted {
            if watches.contains_key(&tenant) {
                continue;
            }
            let (Some(client), Some(counted)) = (client_as(&strong.client, &tenant.0), Counted::new(&strong))
            else {
                continue;
            };
            let task = tenant_watch(shared.clone(), resource.clone(), client, tenant.1.clone());
            watches.insert(tenant, (AbortOnDropHandle::new(tokio::spawn(task)), counted));
        }
        drop(strong);
        sleep(LOOK).await;
    }
}

async fn tenant_watch(shared: Weak<Shared>, resource: Resource, client: Client, namespace: String) {
    let ended = Ended(shared.clone(), scope(&resource, &namespace));
    let mut way = Way::default();
    while let Some(strong) = shared.upgrade() {
        let config = config(&strong);
        drop(strong);
        let kind = api_resource(&resource);
        let api = if resource.namespaced {
            Api::<Meta>::namespaced_with(client.clone(), &namespace, &kind)
        } else {
            Api::<Meta>::all_with(client.clone(), &kind)
        };
        follow(&shared, &ended.1, api, config, &mut way).await;
        sleep(LOOK * 5).await;
    }
}

fn scope(resource: &Resource, namespace: &str) -> Scope {
    let namespace = Some(namespace.to_owned());
    Scope { group: resource.gvk.group.clone(), kind: resource.gvk.kind.clone(), namespace }
}

/// The client, acting as somebody else; `None` for a name that is no header.
fn client_as(client: &Client, identity: &Identity) -> Option<Client> {
    let user = HeaderValue::from_str(&identity.user()?).ok()?;
    let namespace = client.default_namespace().to_owned();
    let client = client.clone();
    let service = tower::service_fn(move |mut request: Request<Body>| {
        request.headers_mut().insert("Impersonate-User", user.clone());
        let client = client.clone();
        async move { client.send(request).await }
    });
    Some(Client::new(service, namespace))
}

/// One watch among those allowed.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(shared: &Shared) -> Option<Self> {
        let kinds = lock(&shared.kinds).len();
        let before = shared.tenant_watches.fetch_add(1, Ordering::Relaxed);
        let counted = Self(shared.tenant_watches.clone());
        (kinds + before < shared.max_watches).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes the scope back when the watch ends, however it ends.
pub(super) struct Ended(pub(super) Weak<Shared>, pub(super) Scope);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            lock(&shared.table).lost(&self.1);
        }
    }
}
