use api::meta::LocalObjectReference;
use api::source::v1::{GitRepository, HelmRepository, OCIRepository};
use k8s_openapi::api::core::v1::Secret;
use runtime::{Context, Handle, Key, Reason, Unlabelled};

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
    context.watch_configs::<Secret>(Unlabelled::None, move |secret| {
        wake(&woken.git, secret);
        wake(&woken.oci, secret);
        wake(&woken.helm, secret);
    });
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
