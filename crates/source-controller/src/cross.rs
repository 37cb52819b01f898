//! Charts are woken by their sources (decision D5): a new revision there is a run here, at once.

use std::sync::{Arc, OnceLock};

use api::meta::Artifact;
use api::source::v1::HelmChart;
use runtime::{Change, Handle, Reason};

use crate::source::SourceObject;

/// Wakes the charts of a source. Charts are registered last, so that the handle comes later.
#[derive(Clone, Default)]
pub(crate) struct ChartWaker {
    charts: Arc<OnceLock<Handle<HelmChart>>>,
}

impl ChartWaker {
    /// From now on charts are woken.
    pub(crate) fn set(&self, charts: Handle<HelmChart>) {
        // It is set once, where the kinds are registered.
        let _ = self.charts.set(charts);
    }

    /// A source changed: charts that have not seen its revision, or wait for it to be there, are woken.
    pub(crate) fn source_changed<K: SourceObject>(&self, change: &Change<K>) {
        let Some(charts) = self.charts.get() else { return };
        let revision = |object: &Option<Arc<K>>| {
            let object = object.as_ref()?;
            Some((object.meta().generation, object.status().and_then(K::artifact).map(revision_of)))
        };
        let (old, new) = (revision(&change.old), revision(&change.new));
        if change.initial || new.is_none() || old == new {
            return;
        }
        for (key, chart) in charts.store.all() {
            let source = &chart.spec.source_ref;
            let refers = source.kind.to_string() == K::KIND && source.name == change.key.name;
            if refers && key.namespace == change.key.namespace {
                charts.waker.wake(&key, Reason::NewRevision);
            }
        }
    }
}

/// With its place: a chart waits for the artifact of a source whose status still names another object's.
fn revision_of(artifact: &Artifact) -> [String; 3] {
    [&artifact.revision, &artifact.digest, &artifact.path].map(String::clone)
}
