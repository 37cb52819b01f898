use std::{collections::HashMap, fmt};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kstatus::{HealthExprs, PodCause, Status};
use manifest::{Gvk, Object, ObjectId};
use serde_json::Value;

use crate::{
    ApiError, GetError, Owner, Session,
    discovery::{Lookup, Resource, segment},
    failing_pod, fingerprint, managed,
    request::Call,
};

/// More objects of one kind than this are read by one list instead of one by one.
const LIST_ABOVE: usize = 8;
/// Objects in one page of a list.
const PAGE: usize = 500;
/// Seconds after an apply before pods are asked why their workload is not there.
const PATIENCE: i64 = 5;
/// Pages read at most; what is not on them is read one by one.
const MAX_PAGES: usize = 20;

/// An object's health, read live.
#[derive(Clone, Debug)]
pub struct ObjectHealth {
    /// Which object.
    pub id: ObjectId,
    /// The verdict; [`Status::Unknown`] with the reason when the object could not be read or judged.
    pub health: kstatus::Health,
    /// Whether the verdict could not be reached: the object could not be read, or an expression failed.
    pub error: Option<String>,
    /// For a workload that is not there yet: the first pod that says why.
    pub cause: Option<FailingPod>,
}

/// A pod that keeps a workload from being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingPod {
    /// Name of the pod; empty when the workload has none because none may be created.
    pub pod: String,
    /// Container, reason and message.
    pub cause: PodCause,
}

impl fmt::Display for FailingPod {
    /// `pod web-1: container app: ImagePullBackOff: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pod.is_empty() {
            return write!(f, "{}", self.cause);
        }
        write!(f, "pod {}: {}", self.pod, self.cause)
    }
}

/// A verdict, and the version of the object that was judged; 0 when it was not read.
type Judged = (ObjectHealth, u64);

impl ObjectHealth {
    /// Of an object that did not move since it was found healthy.
    fn known(id: &ObjectId) -> Self {
        let health = kstatus::Health::new(Status::Current, "unchanged since it was found healthy");
        Self { id: id.clone(), health, error: None, cause: None }
    }
}

impl fmt::Display for ObjectHealth {
    /// `Kind/ns/name status: 'InProgress'` as in Flux, then the pod that says why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} status: '{}'", self.id.subject(), self.health.status)?;
        if let Some(cause) = &self.cause {
            write!(f, " ({cause})")?;
        }
        Ok(())
    }
}

impl Session {
    /// Judges objects live, in the order given: one GET each, or for more than 8 of a kind a list by owner
    /// label, and none for what the watch still shows as it was when it was found healthy. Never fails as a whole:
    /// what cannot be read is [`Status::Unknown`].
    pub async fn health(
        &self,
        ids: &[(ObjectId, String)],
        owner: &Owner,
        exprs: &HealthExprs,
    ) -> Vec<ObjectHealth> {
        let known: Vec<_> = ids.iter().map(|check| self.known(check, owner, exprs)).collect();
        let looks = ids.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<_> = looks.map(|(check, _)| check.clone()).collect();
        let listed = self.list_large_kinds(&unknown, owner).await;
        let checks: Vec<_> =
            unknown.iter().map(|(id, version)| self.check(id, version, &listed, exprs)).collect();
        let concurrency = self.cluster.settings.concurrency.max(1);
        let judged: Vec<Judged> = stream::iter(checks).buffered(concurrency).collect().await;
        for (object, version) in judged.iter().filter(|(object, _)| object.health.status == Status::Current) {
            self.cluster.drift.note_healthy(owner, &object.id, *version);
        }
        let mut judged = judged.into_iter().map(|(object, _)| object);
        known.into_iter().filter_map(|known| known.or_else(|| judged.next())).collect()
    }

    /// What the watch knows without a look. What an expression judges is always looked at.
    fn known(
        &self,
        (id, version): &(ObjectId, String),
        owner: &Owner,
        exprs: &HealthExprs,
    ) -> Option<ObjectHealth> {
        let known = !exprs.covers(&id.gvk(version)) && self.cluster.drift.is_healthy(owner, id);
        known.then(|| ObjectHealth::known(id))
    }

    async fn check(
        &self,
        id: &ObjectId,
        version: &str,
        listed: &HashMap<ObjectId, Object>,
        exprs: &HealthExprs,
    ) -> Judged {
        let live = match listed.get(id) {
            Some(live) => Ok(Some(live.clone())),
            None => self.get(&id.gvk(version), Some(&id.namespace), &id.name).await,
        };
        let (health, error) = judge(live.as_ref(), exprs);
        let read = live.as_ref().ok().and_then(Option::as_ref);
        let resource_version = read.map_or(0, |live| fingerprint::version_of(live.value()));
        let cause = match live {
            Ok(Some(live)) if error.is_none() && self.is_stuck(&live, health.status) => {
                failing_pod::find(self, &live).await
            }
            _ => None,
        };
        (ObjectHealth { id: id.clone(), health, error, cause }, resource_version)
    }

    /// Whether it is time to ask the pods: at once after a failure, else when the object was applied (or,
    /// where we did not, created) some seconds ago. A rollout that goes well costs no list.
    fn is_stuck(&self, live: &Object, status: Status) -> bool {
        let own = managed::own(live.value(), &self.cluster.settings.field_manager);
        let created =
            || live.value().pointer("/metadata/creationTimestamp")?.as_str()?.parse::<Timestamp>().ok();
        let since = own.and_then(managed::Entry::seconds).or_else(|| Some(created()?.as_second()));
        let old = since.is_none_or(|since| Timestamp::now().as_second() - since >= PATIENCE);
        status == Status::Failed || (status == Status::InProgress && old)
    }

    async fn list_large_kinds(&self, ids: &[(ObjectId, String)], owner: &Owner) -> HashMap<ObjectId, Object> {
        let mut kinds: HashMap<Gvk, Vec<&ObjectId>> = HashMap::new();
        for (id, version) in ids {
            kinds.entry(id.gvk(version)).or_default().push(id);
        }
        let mut found = HashMap::new();
        for (gvk, ids) in kinds.into_iter().filter(|(_, ids)| ids.len() > LIST_ABOVE) {
            if let Ok(Lookup::Found(resource)) = self.lookup(&gvk).await {
                // A list that is refused is no error: the objects are read one by one.
                let _ = self.list_owned(&resource, &ids, owner, &mut found).await;
            }
        }
        found
    }

    async fn list_owned(
        &self,
        resource: &Resource,
        ids: &[&ObjectId],
        owner: &Owner,
        found: &mut HashMap<ObjectId, Object>,
    ) -> Result<(), ApiError> {
        let marks = &self.cluster.marks;
        let selector =
            format!("{}={},{}={}", marks.owner_name, owner.name, marks.owner_namespace, owner.namespace);
        let one = ids.iter().all(|id| id.namespace == ids[0].namespace);
        let namespace = if one { ids[0].namespace.as_str() } else { "" };
        let base =
            format!("{}?limit={PAGE}&labelSelector={}", resource.list_path(namespace), segment(&selector));
        let mut path = base.clone();
        for _ in 0..MAX_PAGES {
            let mut page = self.send(&Call::list(&path)).await?.value;
            let next =
                page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_owned();
            let items = page.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
            for object in items.unwrap_or_default().into_iter().filter_map(|item| typed(item, &resource.gvk))
            {
                found.insert(object.id(), object);
            }
            if next.is_empty() {
                break;
            }
            path = format!("{base}&continue={}", segment(&next));
        }
        Ok(())
    }
}

/// Items of a list lack `apiVersion` and `kind`.
fn typed(mut item: Value, gvk: &Gvk) -> Option<Object> {
    let map = item.as_object_mut()?;
    map.insert("apiVersion".into(), gvk.api_version().into());
    map.insert("kind".into(), gvk.kind.clone().into());
    Object::from_value(item).ok()
}

/// How an object is, by the rules alone; [`Status::Unknown`] when they cannot tell.
pub(crate) fn status(object: &Object) -> Status {
    kstatus::compute(object, Timestamp::now().as_second()).map_or(Status::Unknown, |health| health.status)
}

fn judge(live: Result<&Option<Object>, &GetError>, exprs: &HealthExprs) -> (kstatus::Health, Option<String>) {
    let unknown = |error: String| (kstatus::Health::new(Status::Unknown, error.clone()), Some(error));
    match live {
        Err(error) => unknown(error.to_string()),
        Ok(None) => (kstatus::Health::not_found(), None),
        Ok(Some(object)) => match exprs.health(object, Timestamp::now().as_second()) {
            Ok(health) => (health, None),
            Err(error) => unknown(error.to_string()),
        },
    }
}
