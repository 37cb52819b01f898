//! What happens elsewhere and wakes HelmReleases.

use std::sync::Arc;

use api::helm::v2::HelmRelease;
use runtime::{Change, Context, Key, Reason, Waker};
use ssa::{Owner, Signal, What};
use tokio::time::Instant;

use crate::app::App;
use crate::sources::SourceKey;
use crate::spec::{DriftMode, Spec};
use crate::wakes::{Edges, Far, far_ends};

/// A HelmRelease changed: its edges follow, and those that wait for it wake.
pub(crate) fn peer_changed(app: &App, change: &Change<HelmRelease>) {
    match &change.new {
        Some(object) => app.edges.set(&change.key, far_ends(object)),
        None => app.edges.remove(&change.key),
    }
    if !applier::speaks_to_dependants(change) {
        return;
    }
    for near in app.edges.near(&Far::Dependency(change.key.clone())) {
        if app.memories.with_known(&near, |memory| memory.blocked).unwrap_or_default() {
            app.waker.wake(&near, Reason::Dependency);
        }
    }
}

/// A source has another artifact, or became ready: those that release from it wake.
pub(crate) fn source_changed(edges: &Edges, waker: &Waker, source: &SourceKey) {
    edges.wake(waker, &Far::Source(source.clone()), Reason::NewRevision);
}

/// Listens to the drift watches.
pub(crate) fn listen(context: &Context, app: &Arc<App>) {
    if let Some(mut signals) = app.cluster.drift().subscribe() {
        let app = app.clone();
        context.spawn(async move {
            while let Some(signal) = signals.recv().await {
                take_signal(&app, signal);
            }
        });
    }
}

fn take_signal(app: &App, signal: Signal) {
    let key = Key::new(signal.owner.namespace.clone(), signal.owner.name.clone());
    // Whoever waits looks again, whatever happened to the object.
    if app.signals.moved(&key) {
        return;
    }
    match signal.what {
        What::Moved => {}
        What::Nominated { manager, .. } => nominated(app, &key, &signal.id, &manager),
        What::Gone => nominated(app, &key, &signal.id, ""),
    }
}

fn nominated(app: &App, key: &Key, id: &manifest::ObjectId, manager: &str) {
    let Some(object) = app.peers.get(key) else { return };
    let spec = Spec::new(&object, app.options.defaults);
    if object.spec.suspend || object.metadata.deletion_timestamp.is_some() || spec.drift() == DriftMode::Off {
        return;
    }
    let at = app.memories.with(key, |memory| memory.nominate(id, manager, Instant::now()));
    match at {
        Some(at) => app.waker.wake_at(key, Reason::Heal, at),
        None => app.metrics.drift(&id.kind, manager, "contested"),
    }
}

/// A HelmRelease is gone.
pub(crate) fn forget(app: &App, key: &Key) {
    app.memories.forget(key);
    app.edges.remove(key);
    app.cluster.drift().forget(&Owner { namespace: key.namespace.clone(), name: key.name.clone() });
}
