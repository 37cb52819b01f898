use std::sync::Arc;

use api::kustomize::v1::Kustomization;
use api::meta::Artifact;
use runtime::{Change, Context, Key, Reason};
use ssa::{Owner, Signal, What};
use tokio::time::Instant;

use crate::app::App;
use crate::contest::Heal;
use crate::memory::{Memories, Stage};
use crate::sources::SourceKey;
use crate::state::Last;
use crate::wakes::{Edges, Far, far_ends};

/// A Kustomization changed: its edges follow, and those that wait for it wake.
pub(crate) fn peer_changed(app: &App, change: &Change<Kustomization>) {
    match &change.new {
        Some(object) => app.edges.set(&change.key, far_ends(object)),
        None => app.edges.remove(&change.key),
    }
    if applier::speaks_to_dependants(change) {
        for near in app.edges.near(&Far::Dependency(change.key.clone())) {
            let blocked = app.memories.with_known(&near, |memory| memory.blocked).unwrap_or_default();
            if blocked {
                app.waker.wake(&near, Reason::Dependency);
            }
        }
    }
    for near in app.siblings.observe(change) {
        let waits =
            app.memories.with_known(&near, |memory| memory.waits_in(Stage::Siblings)).unwrap_or_default();
        if waits {
            app.waker.wake(&near, Reason::Wake);
        }
    }
}

/// A source has another artifact: those that build from it wake, but for those that have it already.
pub(crate) fn source_changed(
    edges: &Edges,
    memories: &Memories,
    waker: &runtime::Waker,
    source: &SourceKey,
    artifact: Option<&Artifact>,
) {
    let Some(artifact) = artifact else { return };
    let content = (artifact.revision.clone(), artifact.digest.clone());
    for near in edges.near(&Far::Source(source.clone())) {
        let known = memories
            .with_known(&near, |memory| memory.artifact.as_ref() == Some(&content) && memory.took_it());
        if known != Some(true) {
            waker.wake(&near, Reason::NewRevision);
        }
    }
}

/// Listens to the drift watches and to CRDs.
pub(crate) fn listen(context: &Context, app: &Arc<App>) {
    if let Some(mut signals) = app.cluster.drift().subscribe() {
        let app = app.clone();
        context.spawn(async move {
            while let Some(signal) = signals.recv().await {
                take_signal(&app, signal);
            }
        });
    }
    let (app, mut crds) = (app.clone(), app.cluster.crd_changes());
    context.spawn(async move {
        while crds.changed().await.is_ok() {
            for key in app.memories.which(|memory| memory.is(Last::Deferred)) {
                app.waker.wake(&key, Reason::Wake);
            }
        }
    });
}

fn take_signal(app: &App, signal: Signal) {
    let key = Key::new(signal.owner.namespace.clone(), signal.owner.name.clone());
    match signal.what {
        What::Moved => moved(app, &key),
        What::Nominated { manager, fields } => nominated(app, &key, signal.id, &manager, fields),
        What::Gone => nominated(app, &key, signal.id, "", Vec::new()),
    }
}

fn moved(app: &App, key: &Key) {
    let now = Instant::now();
    let at = app.memories.with_known(key, |memory| memory.waits().then(|| memory.wake_at(now)).flatten());
    if let Some(at) = at.flatten() {
        app.waker.wake_at(key, Reason::Wake, at);
    }
}

fn nominated(app: &App, key: &Key, id: manifest::ObjectId, manager: &str, fields: Vec<String>) {
    let left_alone = app
        .peers
        .get(key)
        .is_none_or(|object| object.spec.suspend || object.metadata.deletion_timestamp.is_some());
    if left_alone {
        return;
    }
    let kind = id.kind.clone();
    let now = Instant::now();
    let heal = app.memories.with_known(key, |memory| {
        let heal = memory.contest.nominate(id, manager, fields, now);
        (heal, memory.contest.next_due())
    });
    match heal {
        Some((Heal::At(_), Some(at))) => app.waker.wake_at(key, Reason::Heal, at),
        Some((Heal::AtInterval, _)) => {
            app.metrics.drift(&kind, manager, "contested");
            app.waker.wake(key, Reason::Wake);
        }
        _ => {}
    }
}

/// A Kustomization is gone.
pub(crate) fn forget(app: &App, key: &Key) {
    app.memories.forget(key);
    app.edges.remove(key);
    app.siblings.forget(key);
    app.cluster.drift().forget(&Owner { namespace: key.namespace.clone(), name: key.name.clone() });
}
