//! Secrets that wake the Receivers which refer to them.

use api::notification::v1::Receiver;
use k8s_openapi::api::core::v1::Secret;
use runtime::{Context, Handle, Key, Reason, Unlabelled};

/// Watches labelled Secrets. An empty selector watches none.
pub(crate) fn watch_secrets(context: &Context, receivers: Handle<Receiver>) {
    context.watch_configs::<Secret>(Unlabelled::None, move |secret| wake(&receivers, secret));
}

fn wake(receivers: &Handle<Receiver>, secret: &Key) {
    for (key, receiver) in receivers.store.all() {
        let named = receiver.spec.secret_ref.as_ref().is_some_and(|reference| reference.name == secret.name);
        if named && key.namespace == secret.namespace {
            receivers.waker.wake(&key, Reason::Config);
        }
    }
}
