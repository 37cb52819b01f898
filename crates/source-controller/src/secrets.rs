use std::sync::Arc;

use api::meta::LocalObjectReference;
use api::source::v1::{GitRepository, HelmRepository, OCIRepository};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use runtime::watch::Selection;
use runtime::{Change, Context, Handle, Key, Reason};

/// A kind whose objects refer to Secrets of their namespace.
trait Referring {
    /// The references of its spec.
    fn references(&self) -> [&Option<LocalObjectReference>; 3];
}

impl Referring for GitRepository {
    fn references(&self) -> [&Option<LocalObjectReference>; 3] {
        [&self.spec.secret_ref, &self.spec.proxy_secret_ref, &None]
    }
}

impl Referring for OCIRepository {
    fn references(&self) -> [&Option<LocalObjectReference>; 3] {
        [&self.spec.secret_ref, &self.spec.proxy_secret_ref, &self.spec.cert_secret_ref]
    }
}

impl Referring for HelmRepository {
    fn references(&self) -> [&Option<LocalObjectReference>; 3] {
        [&self.spec.secret_ref, &self.spec.cert_secret_ref, &None]
    }
}

/// Who is woken by a Secret.
pub(crate) struct Woken {
    pub(crate) git: Handle<GitRepository>,
    pub(crate) oci: Handle<OCIRepository>,
    pub(crate) helm: Handle<HelmRepository>,
}

/// Watches the metadata of labelled Secrets: a change wakes the sources of the namespace that refer to the Secret.
pub(crate) fn watch(context: &Context, woken: Woken) {
    let selector = context.args.watch_configs_label_selector.clone();
    if selector.is_empty() {
        return;
    }
    let selection = Selection { labels: Some(selector), fields: None };
    context.mirror::<PartialObjectMeta<Secret>>(&selection, move |change| {
        if is_news(&change) {
            wake(&woken.git, &change.key);
            wake(&woken.oci, &change.key);
            wake(&woken.helm, &change.key);
        }
    });
}

fn is_news(change: &Change<PartialObjectMeta<Secret>>) -> bool {
    let version = |object: &Option<Arc<PartialObjectMeta<Secret>>>| {
        object.as_ref().and_then(|object| object.metadata.resource_version.clone())
    };
    !change.initial && version(&change.old) != version(&change.new)
}

fn wake<K: Referring>(handle: &Handle<K>, secret: &Key) {
    let all = handle.store.all().into_iter();
    for (key, object) in all.filter(|(key, _)| key.namespace == secret.namespace) {
        let refers = object.references().into_iter().flatten().any(|reference| reference.name == secret.name);
        if refers {
            handle.waker.wake(&key, Reason::Config);
        }
    }
}
