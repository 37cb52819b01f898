use std::sync::Arc;

use api::source::v1::{GitRepository, GitRepositorySpec};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use runtime::watch::Selection;
use runtime::{Change, Context, Handle, Key, Reason};

/// Watches the metadata of labelled Secrets: a change wakes the sources of the namespace that refer to the Secret.
pub(crate) fn watch(context: &Context, handle: Handle<GitRepository>) {
    let selector = context.args.watch_configs_label_selector.clone();
    if selector.is_empty() {
        return;
    }
    let selection = Selection { labels: Some(selector), fields: None };
    context.mirror::<PartialObjectMeta<Secret>>(&selection, move |change| {
        if is_news(&change) {
            wake(&handle, &change.key);
        }
    });
}

fn is_news(change: &Change<PartialObjectMeta<Secret>>) -> bool {
    let version = |object: &Option<Arc<PartialObjectMeta<Secret>>>| {
        object.as_ref().and_then(|object| object.metadata.resource_version.clone())
    };
    !change.initial && version(&change.old) != version(&change.new)
}

fn wake(handle: &Handle<GitRepository>, secret: &Key) {
    let all = handle.store.all().into_iter();
    for (key, object) in all.filter(|(key, _)| key.namespace == secret.namespace) {
        if refers(&object.spec, &secret.name) {
            handle.waker.wake(&key, Reason::Config);
        }
    }
}

fn refers(spec: &GitRepositorySpec, name: &str) -> bool {
    let references = [&spec.secret_ref, &spec.proxy_secret_ref];
    references.into_iter().flatten().any(|reference| reference.name == name)
}
