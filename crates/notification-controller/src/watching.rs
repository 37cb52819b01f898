//! Secrets that wake the Receivers which refer to them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use runtime::watch::Selection;
use runtime::{Change, Context, Key, Reason};

use crate::app::App;

/// Watches the metadata of labelled Secrets. An empty selector watches none.
pub(crate) fn watch_secrets(context: &Context, selector: &str, app: &Arc<App>) {
    if selector.is_empty() {
        return;
    }
    let selection = Selection { labels: Some(selector.to_owned()), fields: None };
    let app = app.clone();
    context.mirror::<PartialObjectMeta<Secret>>(&selection, move |change: Change<_>| {
        if !change.initial {
            wake(&app, &change.key);
        }
    });
}

fn wake(app: &App, secret: &Key) {
    for (key, receiver) in app.receivers.all() {
        let named = receiver.spec.secret_ref.as_ref().is_some_and(|reference| reference.name == secret.name);
        if named && key.namespace == secret.namespace {
            app.waker.wake(&key, Reason::Config);
        }
    }
}
