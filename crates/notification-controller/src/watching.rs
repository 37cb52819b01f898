//! Secrets that wake the Receivers which refer to them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use runtime::{Context, Key, Reason, Unlabelled};

use crate::app::App;

/// Watches labelled Secrets. An empty selector watches none.
pub(crate) fn watch_secrets(context: &Context, app: &Arc<App>) {
    let app = app.clone();
    context.watch_configs::<Secret>(Unlabelled::None, move |secret| wake(&app, secret));
}

fn wake(app: &App, secret: &Key) {
    for (key, receiver) in app.receivers.all() {
        let named = receiver.spec.secret_ref.as_ref().is_some_and(|reference| reference.name == secret.name);
        if named && key.namespace == secret.namespace {
            app.waker.wake(&key, Reason::Config);
        }
    }
}
