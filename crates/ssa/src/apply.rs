use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{StreamExt, stream};
use kstatus::Status;
use manifest::{Gvk, Object, ObjectId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Applied, ApplyError, Change, Deferred, IgnoreRules, ObjectCause, ObjectError, Owner, Prepared, Session,
    defer,
    order::{self, Stage},
    probe::{Plan, Write},
    stage_wait,
};

/// Which objects of a build are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pass<'a> {
    /// All of them.
    Full,
    /// Those whose build changed since it was last applied.
    Only(&'a HashSet<ObjectId>),
    /// Those that the drift watch nominated, each with the managers whose fields are left to the interval.
    Heal(&'a HashMap<ObjectId, HashSet<String>>),
}

impl Pass<'_> {
    fn sends(&self, id: &ObjectId) -> bool {
        match self {
            Self::Full => true,
            Self::Only(ids) => ids.contains(id),
            Self::Heal(drifted) => drifted.contains_key(id),
        }
    }
}

/// How one build is applied.
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// The owner named in the labels.
    pub owner: &'a Owner,
    /// Recreate objects whose change is refused (`spec.force`).
    pub force: bool,
    /// Fields to leave alone (`spec.ignore`).
    pub ignore: &'a IgnoreRules,
    /// Which objects are sent.
    pub pass: Pass<'a>,
    /// Put objects off that wait for their kind or a webhook, instead of failing.
    pub defer: bool,
    /// Whether the CRD of a (group, kind) stands in the inventory of another owner.
    pub elsewhere: &'a (dyn Fn(&str, &str) -> bool + Sync),
    /// Stops before the next write when cancelled.
    pub cancel: &'a CancellationToken,
    /// Nothing is begun after it.
    pub deadline: Instant,
    /// Whether writes are still allowed (the leader lease is held).
    pub fence: &'a (dyn Fn() -> bool + Sync),
}

/// One apply under way.
pub(crate) struct Run<'a> {
    pub(crate) session: &'a Session,
    pub(crate) options: &'a ApplyOptions<'a>,
    pub(crate) defined: HashSet<(String, String)>,
    /// Set when a CRD was written: kinds may appear that discovery does not know yet.
    pub(crate) new_kinds: AtomicBool,
    /// Kinds that were missing, and since when they are awaited.
    pub(crate) awaited: Mutex<HashMap<Gvk, Instant>>,
    /// When the first object that is recreated was deleted: all of them wait for their end together.
    pub(crate) recreates: OnceLock<Instant>,
}

impl Session {
    /// Applies a build, stage by stage: dry run of all objects of a stage that may have changed, so that one
    /// refused object blocks its stage, then the writes, in waves, up to the concurrency at a time.
    ///
    /// # Errors
    /// With every object that failed in the stage that ended it, and what was done before.
    pub async fn apply(&self, build: &Prepared, options: &ApplyOptions<'_>) -> Result<Applied, ApplyError> {
        let run = Run {
            session: self,
            options,
            defined: build.defined_kinds(),
            new_kinds: AtomicBool::new(false),
            awaited: Mutex::default(),
            recreates: OnceLock::new(),
        };
        self.cluster.drift.acts_as(options.owner, &self.identity);
        let mut applied = Applied::default();
        let mut awaited = None;
        for stage in Stage::ALL {
            let objects: Vec<&Object> = build.stage(stage).filter(|o| options.pass.sends(&o.id())).collect();
            if let Some((id, status)) = &awaited {
                applied.deferred.extend(objects.into_iter().map(|object| awaits(object, id, *status)));
                continue;
            }
            match run.stage(stage, &objects, &mut applied).await {
                Ok(blocker) => awaited = blocker,
                Err(errors) => return Err(ApplyError { applied, errors }),
            }
        }
        Ok(applied)
    }
}

fn awaits(object: &Object, id: &ObjectId, status: Status) -> Deferred {
    let error = ObjectError::new(object, ObjectCause::Awaits(id.clone(), status));
    Deferred { id: object.id(), version: object.gvk().version, error }
}

impl Run<'_> {
    /// One stage. Gives the object that the next stages must wait for, if any.
    async fn stage(
        &self,
        stage: Stage,
        objects: &[&Object],
        applied: &mut Applied,
    ) -> Result<Option<(ObjectId, Status)>, Vec<ObjectError>> {
        let writes = self.probe_all(objects, applied).await?;
        let written = self.write_all(writes, applied).await;
        applied.changes.sort_by(|a, b| order::compare(&a.id, &b.id));
        let written = written?;
        if !stage.is_waited_for() {
            return Ok(None);
        }
        let late = stage_wait::until_ready(self, objects, written).await;
        if !self.options.defer && !late.is_empty() {
            return Err(late.into_iter().map(|deferred| deferred.error).collect());
        }
        let blocker = late.first().and_then(|deferred| match deferred.error.cause {
            ObjectCause::NotReady(status) => Some((deferred.id.clone(), status)),
            _ => None,
        });
        applied.deferred.extend(late);
        Ok(blocker)
    }

    /// Finds out what is to be written; nothing is written unless every object passes.
    async fn probe_all(
        &self,
        objects: &[&Object],
        applied: &mut Applied,
    ) -> Result<Vec<Write>, Vec<ObjectError>> {
        let alone = objects.len() == 1;
        // Made before they are streamed: a closure in the stream would tie its Send to lifetimes.
        let probes: Vec<_> = objects.iter().map(|object| self.probe(object, alone)).collect();
        let plans: Vec<_> = stream::iter(probes).buffered(self.concurrency()).collect().await;
        let (mut writes, mut errors) = (Vec::new(), Vec::new());
        for plan in plans {
            match plan {
                Ok(Plan::Settled(change)) => applied.changes.push(*change),
                Ok(Plan::Write(write)) => writes.push(*write),
                Ok(Plan::Put(deferred)) => applied.deferred.push(*deferred),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(writes) } else { Err(errors) }
    }

    /// Writes wave by wave; a wave with a failure is the last one.
    async fn write_all(
        &self,
        writes: Vec<Write>,
        applied: &mut Applied,
    ) -> Result<Vec<(ObjectId, Status)>, Vec<ObjectError>> {
        let mut written = Vec::new();
        let mut waves: [Vec<Write>; 4] = Default::default();
        for write in writes {
            waves[usize::from(order::wave(write.object.kind())).min(3)].push(write);
        }
        for wave in waves {
            let writes: Vec<_> = wave.into_iter().map(|write| self.write(write)).collect();
            let results: Vec<_> = stream::iter(writes).buffered(self.concurrency()).collect().await;
            let mut errors = Vec::new();
            for result in results {
                match result {
                    Ok((change, status)) => {
                        written.push((change.id.clone(), status));
                        applied.changes.push(change);
                    }
                    Err(error) => self.put_off(error, &mut errors, applied),
                }
            }
            if !errors.is_empty() {
                return Err(errors);
            }
        }
        Ok(written)
    }

    fn put_off(
        &self,
        (error, version): (ObjectError, String),
        errors: &mut Vec<ObjectError>,
        applied: &mut Applied,
    ) {
        if self.options.defer && defer::awaits(&error.cause) {
            applied.deferred.push(Deferred { id: error.id.clone(), version, error });
        } else {
            errors.push(error);
        }
    }

    /// Whether the run may go on at all.
    pub(crate) fn may_go_on(&self, object: &Object) -> Result<(), ObjectError> {
        let stop = self.options.cancel.is_cancelled() || Instant::now() >= self.options.deadline;
        if stop { Err(ObjectError::new(object, ObjectCause::Cancelled)) } else { Ok(()) }
    }

    /// Whether a write may be made now.
    pub(crate) fn may_write(&self, object: &Object) -> Result<(), ObjectError> {
        self.may_go_on(object)?;
        if (self.options.fence)() { Ok(()) } else { Err(ObjectError::new(object, ObjectCause::LostLease)) }
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.session.cluster.settings.concurrency.max(1)
    }

    /// Notes that a CRD was written.
    pub(crate) fn note_definition(&self, change: &Change) {
        if change.id.kind == "CustomResourceDefinition" && change.action.is_change() {
            self.session.cluster.discovery.invalidate();
            self.new_kinds.store(true, Ordering::Relaxed);
        }
    }
}
