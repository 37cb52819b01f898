//! Takes our finalizer off Alerts and Providers that have one from earlier versions of Flux: nothing is done at their end.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Duration;

use api::meta::finalizers;
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use runtime::{Change, Key};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// First and longest pause before an object is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// An object that has our finalizer.
pub(crate) struct Held {
    key: Key,
    /// The finalizers that it keeps.
    left: Vec<String>,
    /// The version that was seen.
    version: String,
}

/// Objects that have our finalizer, as a watch shows them.
pub(crate) type Finalized = mpsc::UnboundedReceiver<Held>;

/// What a watch tells its changes to, and what comes out of it.
pub(crate) fn finalized<K: kube::Resource>() -> (impl FnMut(Change<K>) + Send + 'static, Finalized) {
    let (found, waiting) = mpsc::unbounded_channel();
    let follow = move |change: Change<K>| {
        let Some(object) = &change.new else { return };
        let all = object.meta().finalizers.clone().unwrap_or_default();
        let left: Vec<_> = all.iter().filter(|name| *name != finalizers::FLUX).cloned().collect();
        if left.len() < all.len() {
            let version = object.meta().resource_version.clone().unwrap_or_default();
            // The receiver lives as long as the process.
            let _ = found.send(Held { key: change.key, left, version });
        }
    };
    (follow, waiting)
}

/// Takes the finalizer off all that come.
pub(crate) async fn bare<K>(client: Client, manager: &'static str, mut waiting: Finalized)
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let mut again: VecDeque<(Instant, Duration, Held)> = VecDeque::new();
    loop {
        let due = again.front().map(|(due, ..)| *due);
        let (held, pause) = tokio::select! {
            held = waiting.recv() => match held {
                Some(held) => (held, PAUSES.0),
                None => return,
            },
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => match again.pop_front() {
                Some((_, pause, held)) => (held, pause),
                None => continue,
            },
        };
        if take_off::<K>(&client, manager, &held).await {
            continue;
        }
        let due = Instant::now() + pause;
        let place = again.partition_point(|(other, ..)| *other <= due);
        again.insert(place, (due, (pause * 2).min(PAUSES.1), held));
    }
}

/// False where it is to be tried again. An object that changed meanwhile comes again by the watch.
async fn take_off<K>(client: &Client, manager: &'static str, held: &Held) -> bool
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &held.key.namespace);
    let metadata = json!({ "finalizers": held.left, "resourceVersion": held.version });
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    match api.patch_metadata(&held.key.name, &params, &patch).await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => true,
        Err(error) => {
            let (name, namespace) = (&held.key.name, &held.key.namespace);
            tracing::warn!(name, namespace, error = %error, "finalizer is not removed, will be tried again");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bare, finalized};
    use api::notification::v1beta3::Alert;
    use http::{Request, Response};
    use kube::client::Body;
    use runtime::{Change, Key};
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tower::{BoxError, service_fn};

    /// How often a fake API server is asked that answers so.
    async fn asked(codes: &'static [u16]) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let server = service_fn(move |request: Request<Body>| {
            assert_eq!(request.uri().path().rsplit('/').next(), Some("a"));
            let code = codes[counted.fetch_add(1, Ordering::SeqCst)];
            let body = match code {
                200 => {
                    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "a"}})
                }
                _ => {
                    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "", "reason": ""})
                }
            };
            async move {
                Ok::<_, BoxError>(
                    Response::builder().status(code).body(Body::from(body.to_string().into_bytes()))?,
                )
            }
        });
        let (mut follow, waiting) = finalized::<Alert>();
        let object = json!({"metadata": {"name": "a", "namespace": "ns", "finalizers": ["finalizers.fluxcd.io"]}, "spec": {}});
        let new = Some(Arc::new(serde_json::from_value(object).unwrap()));
        follow(Change { key: Key::new("ns", "a"), old: None, new, initial: true });
        let ends = bare::<Alert>(kube::Client::new(server, "ns"), "test", waiting);
        let _ = tokio::time::timeout(Duration::from_secs(300), ends).await;
        count.load(Ordering::SeqCst)
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again() {
        assert_eq!(asked(&[500, 503, 200]).await, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_changed_or_went_is_left_to_the_watch() {
        assert_eq!(asked(&[409]).await, 1);
        assert_eq!(asked(&[404]).await, 1);
    }
}
