//! The finalizer, and the first look at an object.

use std::sync::Arc;

use api::meta::{FluxObject, FluxStatus, finalizers};
use kill_points::{Point, at as point};
use kube::Resource;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Shared, Shell, TurnError};
use crate::debug::State;
use crate::fence::LostLease;
use crate::key::Key;
use crate::queue::Turn;
use crate::reconciler::{Finalized, Next, Outcome, Reconciler, Verdict};
use crate::run::Run;
use crate::status::Live;

/// Why the finalizer was not put on or taken off.
#[derive(Debug, thiserror::Error)]
pub(super) enum FinalizerError {
    #[error("finalizer of {key} is not written")]
    Fenced {
        key: Key,
        #[source]
        cause: LostLease,
    },
    #[error("{key} is gone")]
    Gone { key: Key },
    #[error("cannot read {key}")]
    Read {
        key: Key,
        #[source]
        cause: Box<kube::Error>,
    },
    #[error("cannot write the finalizer of {key}")]
    Write {
        key: Key,
        #[source]
        cause: Box<kube::Error>,
    },
    #[error("{key} changes faster than its finalizer can be written")]
    Contested { key: Key },
}

/// How often a finalizer is tried against an object that changes meanwhile.
const ATTEMPTS: usize = 5;

impl<R: Reconciler> Shell<R> {
    /// The object as it lives in the cluster, with our finalizer; none when there is nothing (more) to do. An object
    /// seen for the first time is read live once, so that the status we start from is not the watch's.
    pub(super) async fn prepare(
        &self,
        key: &Key,
        object: Arc<R::Kind>,
    ) -> Result<Option<Arc<R::Kind>>, TurnError> {
        let shared = &self.shared;
        let known = shared.base(key).is_some_and(|base| Some(&base.uid) == object.meta().uid.as_ref());
        let object = if known { object } else { self.first_look(key, object).await? };
        if object.meta().deletion_timestamp.is_some() {
            shared.debug.state(shared.kind, key, State::Deleting);
            return Ok(has_finalizer(object.as_ref()).then_some(object));
        }
        let over = object.meta().resource_version.clone();
        let is_behind =
            known && shared.base(key).is_some_and(|base| over.is_some() && base.finalizer_over == over);
        if is_behind || has_finalizer(object.as_ref()) {
            return Ok(Some(object));
        }
        let with = shared.change_finalizer(key, object.as_ref().clone(), true).await?;
        shared.keep_base(key, Live { finalizer_over: over, ..Live::of(&with) });
        Ok(Some(Arc::new(with)))
    }

    async fn first_look(&self, key: &Key, object: Arc<R::Kind>) -> Result<Arc<R::Kind>, TurnError> {
        // Without our finalizer the patch that adds it answers with the live object.
        if !has_finalizer(object.as_ref()) && object.meta().deletion_timestamp.is_none() {
            return Ok(object);
        }
        let live = self.shared.read(key).await?;
        self.shared.keep_base(key, Live::of(&live));
        Ok(Arc::new(live))
    }

    /// The object has no life any more: what it had of one is taken off. A suspended object is left as it is.
    pub(super) async fn retire(
        &self,
        turn: Arc<Turn>,
        key: Key,
        object: Arc<R::Kind>,
    ) -> Result<bool, TurnError> {
        let shared = &self.shared;
        shared.debug.state(shared.kind, &key, State::Ready);
        let has_status = object.status().is_some_and(|status| *status != static_status::<R>());
        if object.suspended() || !(has_finalizer(object.as_ref()) || has_status) {
            return Ok(true);
        }
        let object = Arc::new(shared.read(&key).await?);
        shared.keep_base(&key, Live::of(object.as_ref()));
        let run = self.run_of(turn, key, object);
        match self.reconciler.finalize(&run).await {
            Finalized::Done { events } => {
                self.let_go(&run, events).await?;
                let bare = Live { status: Default::default(), ..run.live().clone() };
                shared.write_status(&run.key, bare).await?;
                Ok(true)
            }
            Finalized::Wait { next, .. } | Finalized::Failed { next, .. } => {
                self.schedule(&run.key, next);
                Ok(false)
            }
        }
    }

    /// The object is being deleted and has our finalizer.
    pub(super) async fn delete(&self, run: &Run<R::Kind>) -> Result<bool, TurnError> {
        if run.object.suspended() && !R::FINALIZE_SUSPENDED {
            return self.let_go(run, Vec::new()).await;
        }
        match self.reconciler.finalize(run).await {
            Finalized::Done { events } => self.let_go(run, events).await,
            Finalized::Wait { status, message, events, next } => {
                let verdict = match message {
                    None => Verdict::Unchanged,
                    Some((reason, message)) => Verdict::Failed { reason, message },
                };
                self.still_deleting(run, status, verdict, events, next).await
            }
            Finalized::Failed { status, reason, message, events, next } => {
                self.still_deleting(run, status, Verdict::Failed { reason, message }, events, next).await
            }
        }
    }

    async fn still_deleting(
        &self,
        run: &Run<R::Kind>,
        status: crate::StatusOf<R>,
        verdict: Verdict,
        events: Vec<crate::Event>,
        next: Next,
    ) -> Result<bool, TurnError> {
        let outcome = Outcome { status, verdict, conditions: Vec::new(), events, next };
        let result = self.record(run, outcome).await;
        self.shared.debug.state(self.shared.kind, &run.key, State::Deleting);
        result
    }

    async fn let_go(&self, run: &Run<R::Kind>, events: Vec<crate::Event>) -> Result<bool, TurnError> {
        for event in events {
            self.shared.emit(&run.object, event);
        }
        self.shared.change_finalizer(&run.key, run.object.as_ref().clone(), false).await?;
        Ok(true)
    }
}

impl<K: FluxObject> Shared<K> {
    async fn read(&self, key: &Key) -> Result<K, FinalizerError> {
        let read = self.api(key).get_opt(&key.name).await;
        let found =
            read.map_err(|cause| FinalizerError::Read { key: key.clone(), cause: Box::new(cause) })?;
        found.ok_or_else(|| FinalizerError::Gone { key: key.clone() })
    }

    /// Puts our finalizer on or takes it off; others' finalizers stay, guarded by the resourceVersion.
    async fn change_finalizer(&self, key: &Key, mut object: K, wanted: bool) -> Result<K, FinalizerError> {
        let params =
            PatchParams { field_manager: Some(self.writer.manager.to_owned()), ..PatchParams::default() };
        for _ in 0..ATTEMPTS {
            if has_finalizer(&object) == wanted {
                return Ok(object);
            }
            self.fence.check().map_err(|cause| FinalizerError::Fenced { key: key.clone(), cause })?;
            let body = finalizer_patch(&object, wanted);
            point(Point::FinalizerBefore);
            let patched = self.api(key).patch(&key.name, &params, &Patch::Merge(body)).await;
            point(Point::FinalizerAfter);
            match patched {
                Ok(patched) => return Ok(patched),
                Err(kube::Error::Api(status)) if status.code == 409 => object = self.read(key).await?,
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    return Err(FinalizerError::Gone { key: key.clone() });
                }
                Err(cause) => return Err(FinalizerError::Write { key: key.clone(), cause: Box::new(cause) }),
            }
        }
        Err(FinalizerError::Contested { key: key.clone() })
    }
}

/// What the API server gives a new object: it is no life.
fn static_status<R: Reconciler>() -> crate::StatusOf<R> {
    let mut status = crate::StatusOf::<R>::default();
    status.set_observed_generation(-1);
    status
}

fn has_finalizer<K: Resource>(object: &K) -> bool {
    object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == finalizers::FLUX)
}

fn finalizer_patch<K: Resource>(object: &K, wanted: bool) -> serde_json::Value {
    let meta = object.meta();
    let mut list: Vec<&str> = meta.finalizers.iter().flatten().map(String::as_str).collect();
    list.retain(|finalizer| *finalizer != finalizers::FLUX);
    if wanted {
        list.push(finalizers::FLUX);
    }
    json!({ "metadata": { "resourceVersion": meta.resource_version, "uid": meta.uid, "finalizers": list } })
}

#[cfg(test)]
mod tests {
    use super::{finalizer_patch, has_finalizer};
    use k8s_openapi::api::core::v1::ConfigMap;

    #[test]
    fn finalizers_of_others_stay() {
        let mut object = ConfigMap::default();
        object.metadata.finalizers = Some(vec!["other".into()]);
        assert!(!has_finalizer(&object));
        let with = finalizer_patch(&object, true);
        assert_eq!(with["metadata"]["finalizers"], serde_json::json!(["other", "finalizers.fluxcd.io"]));
        object.metadata.finalizers = Some(vec!["finalizers.fluxcd.io".into(), "other".into()]);
        let without = finalizer_patch(&object, false);
        assert_eq!(without["metadata"]["finalizers"], serde_json::json!(["other"]));
    }
}
