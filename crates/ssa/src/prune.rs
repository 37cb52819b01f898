use futures::{StreamExt, stream};
use kill_points::{Point, at as point};
use manifest::{Inventory, ObjectId};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    ApiError, Owner, Session,
    discovery::{Lookup, Resource},
    order,
    request::Call,
};

/// How often a delete is tried anew when the object changes between reading and deleting it.
const TRIES: u32 = 5;

/// How objects are deleted.
#[derive(Clone, Copy)]
pub struct PruneOptions<'a> {
    /// Only objects that carry this owner's labels are deleted.
    pub owner: &'a Owner,
    /// Whether another owner claims the object: it is not deleted while it still carries this owner's labels.
    pub claimed: &'a (dyn Fn(&ObjectId) -> bool + Sync),
    /// Stops before the next delete when cancelled; what remains is kept.
    pub cancel: &'a CancellationToken,
    /// Whether writes are still allowed (the leader lease is held).
    pub fence: &'a (dyn Fn() -> bool + Sync),
}

/// What became of each candidate; in the order of deletion, the reverse of the order of apply.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// Deletes that the server accepted.
    pub deleted: Vec<ObjectId>,
    /// Were gone already: no such object, or no such kind any more.
    pub gone: Vec<ObjectId>,
    /// Not ours (any more), or marked to be kept; they leave the inventory.
    pub skipped: Vec<ObjectId>,
    /// Claimed by another owner, and still ours by their labels: they stay in the inventory, because the other may never
    /// take them over, and then nobody else would know of them.
    pub left: Vec<ObjectId>,
    /// Not confirmed: they stay in the inventory.
    pub failed: Vec<(ObjectId, PruneError)>,
}

/// Why an object was not deleted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PruneError {
    /// Reading it, or asking for its kind, failed.
    #[error("{subject} query failed: {source}")]
    Query {
        /// `Kind/namespace/name`.
        subject: String,
        /// Why.
        source: ApiError,
    },
    /// The delete failed.
    #[error("{subject} delete failed: {source}")]
    Delete {
        /// `Kind/namespace/name`.
        subject: String,
        /// Why.
        source: ApiError,
    },
    /// The run ended before its turn.
    #[error("{subject} not deleted: the run ended")]
    Cancelled {
        /// `Kind/namespace/name`.
        subject: String,
    },
}

enum Fate {
    Deleted,
    Gone,
    Skipped,
    Left,
}

impl Session {
    /// Deletes what is ours among the candidates, with background propagation, without waiting for the end.
    /// Each delete names the UID and resourceVersion just read, so that only what was judged is deleted.
    pub async fn prune(&self, candidates: &Inventory, options: &PruneOptions<'_>) -> Pruned {
        let mut ids: Vec<(&ObjectId, &str)> = candidates.iter().collect();
        ids.sort_by(|(a, _), (b, _)| order::compare(b, a));
        let mut pruned = Pruned::default();
        for kinds in ids.chunk_by(|(a, _), (b, _)| a.kind == b.kind && a.group == b.group) {
            let delete = |(id, version): (&ObjectId, &str)| {
                let (id, version) = (id.clone(), version.to_owned());
                async move {
                    let fate = self.delete(&id, &version, options).await;
                    (id, fate)
                }
            };
            let deletes: Vec<_> = kinds.iter().copied().map(delete).collect();
            let fates: Vec<_> =
                stream::iter(deletes).buffered(self.cluster.settings.concurrency.max(1)).collect().await;
            fates.into_iter().for_each(|(id, fate)| pruned.note(id, fate));
        }
        pruned
    }

    /// Which of these objects still exist, or may: an object that cannot be read counts as present.
    pub async fn present(&self, inventory: &Inventory) -> Vec<ObjectId> {
        let read = |(id, version): (&ObjectId, &str)| {
            let (id, version) = (id.clone(), version.to_owned());
            async move {
                let absent = matches!(self.find_live(&id, &version).await, Ok(None));
                (!absent).then_some(id)
            }
        };
        let reads: Vec<_> = inventory.iter().map(read).collect();
        let found: Vec<Option<ObjectId>> =
            stream::iter(reads).buffered(self.cluster.settings.concurrency.max(1)).collect().await;
        found.into_iter().flatten().collect()
    }

    async fn delete(
        &self,
        id: &ObjectId,
        version: &str,
        options: &PruneOptions<'_>,
    ) -> Result<Fate, PruneError> {
        let query = |source| PruneError::Query { subject: id.subject(), source };
        let mut attempt = 1;
        loop {
            let found = self.find_live(id, version).await.map_err(query)?;
            let Some((path, live)) = found else { return Ok(Fate::Gone) };
            if !self.cluster.marks.owned_by(&live, options.owner) || self.cluster.marks.kept(&live) {
                return Ok(Fate::Skipped);
            }
            if (options.claimed)(id) {
                return Ok(Fate::Left);
            }
            if options.cancel.is_cancelled() || !(options.fence)() {
                return Err(PruneError::Cancelled { subject: id.subject() });
            }
            self.cluster.drift.untrack(options.owner, std::slice::from_ref(id));
            point(Point::DeleteBefore);
            let answer = self.send(&Call::delete(&path, &delete_options(&live))).await;
            point(Point::DeleteAfter);
            match answer {
                Ok(_) => return Ok(Fate::Deleted),
                Err(error) if error.is_not_found() => return Ok(Fate::Gone),
                Err(error) if error.is_conflict() && attempt < TRIES => attempt += 1,
                Err(source) => return Err(PruneError::Delete { subject: id.subject(), source }),
            }
        }
    }

    /// An inventoried object and its path; `None` only when it, or its kind, is proven absent.
    async fn find_live(&self, id: &ObjectId, version: &str) -> Result<Option<(String, Value)>, ApiError> {
        for last in [false, true] {
            let Some(resource) = self.place(id, version).await? else { return Ok(None) };
            let path = resource.object_path(&id.namespace, &id.name);
            match self.read(&path).await {
                Ok(live) => return Ok(live.map(|live| (path, live))),
                // The version is not served any more; discovery is asked anew.
                Err(error) if error.is_not_found() && !last => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Where an inventoried object lives now; `None` only when its kind is proven absent.
    async fn place(&self, id: &ObjectId, version: &str) -> Result<Option<Resource>, ApiError> {
        let gvk = id.gvk(version);
        match self.lookup(&gvk).await? {
            Lookup::Found(resource) => Ok(Some(resource)),
            Lookup::NoKind | Lookup::NoGroup => {
                self.cluster.discovery.find_anywhere(&self.cluster.client, &gvk).await
            }
        }
    }
}

fn delete_options(live: &Value) -> Value {
    let metadata = |field: &str| live.pointer(&format!("/metadata/{field}")).cloned().unwrap_or(Value::Null);
    json!({
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": "Background",
        "preconditions": {"uid": metadata("uid"), "resourceVersion": metadata("resourceVersion")},
    })
}

impl Pruned {
    fn note(&mut self, id: ObjectId, fate: Result<Fate, PruneError>) {
        match fate {
            Ok(Fate::Deleted) => self.deleted.push(id),
            Ok(Fate::Gone) => self.gone.push(id),
            Ok(Fate::Skipped) => self.skipped.push(id),
            Ok(Fate::Left) => self.left.push(id),
            Err(error) => self.failed.push((id, error)),
        }
    }
}
