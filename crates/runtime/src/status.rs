//! The status patch of decision D9.

mod patch;

use api::meta::{Condition, ConditionType, FluxObject, FluxStatus, Time};
use k8s_openapi::jiff::Timestamp;
use kill_points::{Point, at as point};
use kube::api::{Patch, PatchParams};
use kube::core::{ObjectMeta, PartialObjectMeta};

use crate::conditions::{self, Set};
use crate::fence::{Fence, LostLease};
use crate::key::Key;

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Another replica may be writing by now.
    #[error("status of {key} is not written")]
    Fenced {
        /// The object.
        key: Key,
        /// Why.
        #[source]
        cause: LostLease,
    },
    /// The object is gone, or another one has its name.
    #[error("{key} is gone")]
    Gone {
        /// The object.
        key: Key,
    },
    /// The API server refused or did not answer.
    #[error("cannot write the status of {key}")]
    Api {
        /// The object.
        key: Key,
        /// Why.
        #[source]
        cause: Box<kube::Error>,
    },
}

/// A status as last written, and the object it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Live<S> {
    pub(crate) uid: String,
    pub(crate) status: S,
    /// The message of Reconciling in this run's last progress.
    pub(crate) progress: Option<String>,
    /// The resourceVersion that our finalizer was put on; a watch that still shows it is behind.
    pub(crate) finalizer_over: Option<String>,
    /// The resourceVersion that the status was written or read with, 0 where it is not known.
    pub(crate) version: u64,
}

impl<S: FluxStatus> Live<S> {
    /// What was read from the cluster.
    pub(crate) fn of<K: FluxObject<Status = S>>(object: &K) -> Self {
        let status = object.status().cloned().unwrap_or_default();
        Self {
            uid: object.meta().uid.clone().unwrap_or_default(),
            status,
            progress: None,
            finalizer_over: None,
            version: version(object.meta()),
        }
    }

    /// Somebody else wrote the status after us (a restore, an editor): theirs is what is there.
    pub(crate) fn take_foreign<K: FluxObject<Status = S>>(&mut self, object: &K) -> bool {
        let status = object.status().cloned().unwrap_or_default();
        let newer = self.version > 0 && version(object.meta()) > self.version;
        if !newer || status == self.status {
            return false;
        }
        self.status = status;
        self.version = version(object.meta());
        true
    }

    /// Becomes the next status: fields from `next`, what the shell owns from what was written.
    pub(crate) fn apply(&mut self, mut next: S, sets: &[Set], generation: i64) {
        let mut list = self.status.conditions().to_vec();
        conditions::apply(&mut list, sets, generation, &now());
        if let Some(reconciling) = shown_progress(&list, sets) {
            self.progress = Some(reconciling);
        }
        *next.conditions_mut() = list;
        next.set_observed_generation(self.status.observed_generation());
        if let Some(token) = self.status.last_handled_reconcile_at() {
            next.set_last_handled_reconcile_at(token.to_owned());
        }
        self.status = next;
    }
}

impl<S: FluxStatus> Live<S> {
    /// A final verdict holds for a newer generation too; Ready says so itself where `ready` asks for it.
    pub(crate) fn judge_again(&mut self, generation: i64, ready: bool) {
        let is = |kind, value: &str| {
            conditions::find(self.status.conditions(), kind)
                .is_some_and(|condition| condition.status == value)
        };
        if !is(ConditionType::Ready, "True") && !is(ConditionType::Stalled, "True") {
            return;
        }
        self.status.set_observed_generation(generation);
        let list = self.status.conditions_mut().iter_mut();
        for condition in list.filter(|condition| ready && condition.type_ == ConditionType::Ready.as_str()) {
            condition.observed_generation = Some(generation);
        }
    }
}

fn shown_progress(list: &[Condition], sets: &[Set]) -> Option<String> {
    let kind = ConditionType::Reconciling.into();
    let set = sets.iter().any(|set| matches!(set, Set::Put { kind: put, .. } if *put == kind));
    if !set {
        return None;
    }
    conditions::find(list, ConditionType::Reconciling).map(|condition| condition.message.clone())
}

/// The resourceVersion as a number that grows, which Kubernetes promises for objects of one kind.
fn version(meta: &ObjectMeta) -> u64 {
    meta.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// The time in whole seconds, as conditions carry it.
pub(crate) fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Writes what differs. Nothing is sent when nothing does.
pub(crate) struct Writer {
    pub(crate) client: kube::Client,
    pub(crate) fence: Fence,
    /// The field manager.
    pub(crate) manager: &'static str,
}

impl Writer {
    /// Sends the difference of two statuses of one object. Gives the resourceVersion it got, 0 where that is no number;
    /// none when nothing differs.
    pub(crate) async fn write<K: FluxObject>(
        &self,
        key: &Key,
        uid: &str,
        base: &K::Status,
        next: &K::Status,
    ) -> Result<Option<u64>, StatusError> {
        let Some(body) = patch::between(uid, base, next) else { return Ok(None) };
        self.fence.check().map_err(|cause| StatusError::Fenced { key: key.clone(), cause })?;
        let params = PatchParams { field_manager: Some(self.manager.to_owned()), ..PatchParams::default() };
        let request = kube::core::Request::new(K::url_path(&(), Some(&key.namespace)));
        let request = request
            .patch_subresource("status", &key.name, &params, &Patch::Merge(body))
            .map_err(|error| failed(key, kube::Error::BuildRequest(error)))?;
        // Only metadata is decoded: what the server made of the status is what was sent.
        point(Point::StatusBefore);
        let written: Result<PartialObjectMeta<K>, _> = self.client.request(request).await;
        point(Point::StatusAfter);
        written.map(|written| Some(version(&written.metadata))).map_err(|error| failed(key, error))
    }
}

/// 404: gone. 409: the uid in the patch is not the object's.
fn failed(key: &Key, error: kube::Error) -> StatusError {
    match &error {
        kube::Error::Api(status) if matches!(status.code, 404 | 409) => {
            StatusError::Gone { key: key.clone() }
        }
        _ => StatusError::Api { key: key.clone(), cause: Box::new(error) },
    }
}
