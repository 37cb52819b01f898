//! Waits for objects, without a permit (decision D1): the watch of the drift detection wakes the waiter, a slow poll
//! stands in where nothing is watched. A newer revision ends a wait.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kstatus::Status;
use manifest::{Object, ObjectId};
use serde_json::Value;
use ssa::{FIRST_LOOK, ObjectHealth};
use tokio::time::{Instant, sleep, timeout_at};

use crate::work::Work;

/// How often watched objects are looked at without a signal.
const SLOW: Duration = Duration::from_secs(5);
/// How often objects are looked at that nobody watches.
const FAST: Duration = Duration::from_millis(500);
/// Signals of this time are one look.
const COALESCE: Duration = Duration::from_millis(50);

/// Why a wait ended without what it waited for. The texts are Flux's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WaitError {
    /// The time is over.
    #[error("timeout waiting for: [{0}]")]
    Timeout(String),
    /// An object failed for good.
    #[error("failed early due to stalled resources: [{0}]")]
    Failed(String),
    /// Something newer is wanted.
    #[error("superseded by a newer revision")]
    Superseded,
    /// Objects do not go away.
    #[error("{0} termination timeout: context deadline exceeded")]
    Remains(String),
}

/// An object to look at, with the version to ask for.
type Check = (ObjectId, String);

/// Waits until objects of a release are ready; the first that fails ends it. Without `jobs`, Jobs need not complete.
///
/// # Errors
/// See [`WaitError`].
pub(crate) async fn ready(
    work: &Work<'_>,
    objects: &[Object],
    jobs: bool,
    until: Instant,
) -> Result<(), WaitError> {
    let checks = objects.iter().filter(|object| is_awaited(object, jobs));
    let mut pending: Vec<Check> = checks.map(|object| (object.id(), object.gvk().version)).collect();
    let short_lived: Vec<ObjectId> = objects.iter().filter(|o| vanishes(o)).map(Object::id).collect();
    work.look_until(&mut pending, until, &Look::Health { short_lived }).await
}

/// How objects are judged.
enum Look {
    /// By their health; those that vanish when they are done may be gone.
    Health { short_lived: Vec<ObjectId> },
    /// By how their run ended; of those that vanish when they are done, from when on they may be gone.
    Run { short_lived: Vec<(ObjectId, Instant)> },
}

impl Look {
    async fn at(&self, work: &Work<'_>, pending: &[Check]) -> Vec<Seen> {
        match self {
            Self::Health { short_lived } => {
                let healths = work.session.health(pending, &work.owner, &work.rules.exprs).await;
                verdicts(&healths, short_lived)
            }
            Self::Run { short_lived } => runs(work, pending, short_lived).await,
        }
    }
}

async fn runs(work: &Work<'_>, pending: &[Check], short_lived: &[(ObjectId, Instant)]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for (id, version) in pending {
        let live = work.session.get(&id.gvk(version), Some(&id.namespace), &id.name).await;
        let may_be_gone = short_lived.iter().any(|(one, from)| one == id && *from <= Instant::now());
        // What cannot be read is not gone.
        let is_done = may_be_gone && matches!(live, Ok(None));
        seen.push(run_of(id, live.ok().flatten().as_ref(), is_done));
    }
    seen
}

fn is_awaited(object: &Object, jobs: bool) -> bool {
    let paused = object.value().pointer("/spec/paused") == Some(&Value::Bool(true));
    !(object.kind() == "Deployment" && paused) && (jobs || object.kind() != "Job")
}

/// A Job that deletes itself when it is done.
fn vanishes(object: &Object) -> bool {
    lifetime(object).is_some()
}

/// How long a Job stays after its end, in seconds; none for ever.
fn lifetime(object: &Object) -> Option<u64> {
    let ttl = object.value().pointer("/spec/ttlSecondsAfterFinished").filter(|_| object.kind() == "Job")?;
    Some(ttl.as_u64().unwrap_or(0))
}

/// How long it takes at least until a Job, whose run began then, may have deleted itself; none for what stays. One that
/// is gone before was deleted by somebody else, or never made.
pub(crate) fn vanishes_in(object: &Object, started: Option<&str>) -> Option<Duration> {
    let started: Option<Timestamp> = started.and_then(|started| started.parse().ok());
    let age = started.map_or(0, |started| Timestamp::now().as_second() - started.as_second());
    let left = i64::try_from(lifetime(object)?).unwrap_or(i64::MAX) - age;
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

/// What one look shows of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// There is nothing left to wait for.
    Done(ObjectId),
    /// It goes on.
    Going(String),
    /// It failed for good.
    Failed(String),
}

fn verdicts(healths: &[ObjectHealth], short_lived: &[ObjectId]) -> Vec<Seen> {
    healths.iter().map(|health| verdict(health, short_lived)).collect()
}

fn verdict(health: &ObjectHealth, short_lived: &[ObjectId]) -> Seen {
    let line = format!("{} status: '{}'", health.id.subject(), health.health.status);
    match health.health.status {
        Status::Current => Seen::Done(health.id.clone()),
        Status::NotFound if short_lived.contains(&health.id) => Seen::Done(health.id.clone()),
        Status::Failed => Seen::Failed(line),
        _ => Seen::Going(line),
    }
}

/// Waits until a hook whose run began then (RFC 3339) has run to its end: a Job completed, a Pod succeeded, anything else
/// just exists. A Job that deletes itself and is gone in its time has completed.
///
/// # Errors
/// See [`WaitError`].
pub(crate) async fn ran(
    work: &Work<'_>,
    objects: &[Object],
    started: Option<&str>,
    until: Instant,
) -> Result<(), WaitError> {
    let runs = objects.iter().filter(|object| matches!(object.kind(), "Job" | "Pod"));
    let mut pending: Vec<Check> = runs.map(|object| (object.id(), object.gvk().version)).collect();
    let now = Instant::now();
    let vanishes = |object: &Object| Some((object.id(), now.checked_add(vanishes_in(object, started)?)?));
    let short_lived = objects.iter().filter_map(vanishes).collect();
    work.look_until(&mut pending, until, &Look::Run { short_lived }).await
}

fn run_of(id: &ObjectId, live: Option<&Object>, is_done: bool) -> Seen {
    let line = |status: &str| format!("{} status: '{status}'", id.subject());
    match live.map(end_of) {
        None if is_done => Seen::Done(id.clone()),
        None => Seen::Going(line("NotFound")),
        Some(Some(true)) => Seen::Done(id.clone()),
        Some(Some(false)) => Seen::Failed(line("Failed")),
        Some(None) => Seen::Going(line("InProgress")),
    }
}

/// Whether a Job or Pod has ended, and how.
pub(crate) fn end_of(live: &Object) -> Option<bool> {
    if live.kind() == "Pod" {
        return match live.value().pointer("/status/phase").and_then(Value::as_str)? {
            "Succeeded" => Some(true),
            "Failed" => Some(false),
            _ => None,
        };
    }
    let conditions = live.value().pointer("/status/conditions").and_then(Value::as_array)?;
    let holds = |kind: &str| conditions.iter().any(|row| row["type"] == kind && row["status"] == "True");
    if holds("Complete") || holds("SuccessCriteriaMet") {
        return Some(true);
    }
    holds("Failed").then_some(false)
}

/// Waits until objects are gone.
///
/// # Errors
/// When the time is over, or something newer is wanted.
pub(crate) async fn gone(work: &Work<'_>, objects: &[Object], until: Instant) -> Result<(), WaitError> {
    let mut left: Vec<&Object> = objects.iter().collect();
    let mut pause = Duration::from_millis(20);
    work.run.release_permit();
    loop {
        let mut still = Vec::new();
        for object in left {
            let live = work.session.get(&object.gvk(), object.namespace(), object.name()).await;
            let is_gone = match live {
                Ok(live) => live.is_none(),
                Err(ssa::GetError::NoMatch(_)) => true,
                Err(_) => false,
            };
            if !is_gone {
                still.push(object);
            }
        }
        if still.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let names: Vec<String> = still.iter().map(|object| object.id().subject()).collect();
            return Err(WaitError::Remains(names.join(", ")));
        }
        left = still;
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

impl Work<'_> {
    /// Looks at what is pending until nothing is, as often as something moves.
    async fn look_until(
        &self,
        pending: &mut Vec<Check>,
        until: Instant,
        look: &Look,
    ) -> Result<(), WaitError> {
        if pending.is_empty() {
            return Ok(());
        }
        self.run.release_permit();
        let moved = self.app.signals.listen(&self.run.key);
        let drift = self.app.cluster.drift();
        let mut ids = self.listen_for(pending);
        if drift.awaits_move(&self.owner, &ids) && !self.judges(pending) {
            self.next_signal(&moved, until.min(Instant::now() + FIRST_LOOK)).await;
        }
        let result = loop {
            let seen = look.at(self, pending).await;
            let (going, failed) = sorted(&seen, pending);
            if !failed.is_empty() {
                break Err(WaitError::Failed(failed.join(", ")));
            }
            if pending.is_empty() {
                break Ok(());
            }
            if Instant::now() >= until {
                break Err(WaitError::Timeout(going.join(", ")));
            }
            if self.ends(look).await {
                break Err(WaitError::Superseded);
            }
            self.run.note(going.join(", "));
            let poll = if ids.iter().all(|id| drift.watches(id)) { SLOW } else { FAST };
            self.next_signal(&moved, until.min(Instant::now() + poll)).await;
            ids = self.listen_for(pending);
        };
        drift.wait_for(&self.owner, &[]);
        result
    }

    /// Whether something newer ends the wait. A hook that runs (a migration) comes to its end: only a deletion of the
    /// HelmRelease does not wait for it.
    async fn ends(&self, look: &Look) -> bool {
        match look {
            Look::Health { .. } => self.is_superseded().await,
            Look::Run { .. } => self.is_deleted_since(),
        }
    }

    /// Asks to be told of moves of what is pending.
    fn listen_for(&self, pending: &[Check]) -> Vec<ObjectId> {
        let ids: Vec<ObjectId> = pending.iter().map(|(id, _)| id.clone()).collect();
        self.app.cluster.drift().wait_for(&self.owner, &ids);
        ids
    }

    /// Whether an expression judges one of these: it may be healthy without having moved.
    fn judges(&self, pending: &[Check]) -> bool {
        pending.iter().any(|(id, version)| self.rules.exprs.covers(&id.gvk(version)))
    }

    /// Waits for a signal and those right behind it, at most until then.
    async fn next_signal(&self, moved: &tokio::sync::Notify, until: Instant) {
        if timeout_at(until, self.moved_or_cancelled(moved)).await.is_ok() {
            sleep(COALESCE).await;
        }
    }

    async fn moved_or_cancelled(&self, moved: &tokio::sync::Notify) {
        if self.run.cancel.is_cancelled() {
            // Fired already, and not for something newer.
            moved.notified().await;
            return;
        }
        tokio::select! {
            () = moved.notified() => {}
            () = self.run.cancel.cancelled() => {}
        }
    }
}

/// Takes what is done out of `pending`; lines of what goes on and of what failed.
fn sorted(seen: &[Seen], pending: &mut Vec<Check>) -> (Vec<String>, Vec<String>) {
    let (mut going, mut failed) = (Vec::new(), Vec::new());
    for one in seen {
        match one {
            Seen::Done(id) => pending.retain(|(pending, _)| pending != id),
            Seen::Going(line) => going.push(line.clone()),
            Seen::Failed(line) => failed.push(line.clone()),
        }
    }
    (going, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::object;
    use serde_json::json;

    fn ended(kind: &str, status: Value) -> Option<bool> {
        end_of(&object(
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "status": status}),
        ))
    }

    fn job(ttl: Value) -> Object {
        object(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"},
            "spec": {"ttlSecondsAfterFinished": ttl}}))
    }

    #[test]
    fn a_job_that_deletes_itself_is_done_when_it_is_gone_in_its_time() {
        let ago = |seconds: i64| {
            Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap().to_string()
        };
        assert_eq!(vanishes_in(&job(json!(60)), Some(&ago(90))), Some(Duration::ZERO));
        assert!(vanishes_in(&job(json!(3600)), Some(&ago(90))).unwrap() > Duration::from_secs(3400));
        assert_eq!(vanishes_in(&job(json!(0)), None), Some(Duration::ZERO));
        let plain = object(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}}));
        assert_eq!(vanishes_in(&plain, Some(&ago(90))), None);
        let id = plain.id();
        assert_eq!(run_of(&id, None, true), Seen::Done(id.clone()));
        assert_eq!(run_of(&id, None, false), Seen::Going(format!("{} status: 'NotFound'", id.subject())));
        assert!(matches!(run_of(&id, Some(&plain), true), Seen::Going(_)), "it is there");
    }

    #[test]
    fn jobs_end_by_condition_and_pods_by_phase() {
        let condition = |kind: &str, status: &str| json!({"conditions": [{"type": kind, "status": status}]});
        assert_eq!(ended("Job", condition("Complete", "True")), Some(true));
        assert_eq!(ended("Job", condition("Failed", "True")), Some(false));
        assert_eq!(ended("Job", condition("Failed", "False")), None);
        assert_eq!(ended("Pod", json!({"phase": "Succeeded"})), Some(true));
        assert_eq!(ended("Pod", json!({"phase": "Running"})), None);
        assert_eq!(ended("Pod", json!({})), None);
    }

    #[test]
    fn paused_deployments_are_not_awaited_and_jobs_only_on_demand() {
        let deployment = |paused: bool| {
            object(
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"paused": paused}}),
            )
        };
        assert!(!is_awaited(&deployment(true), true) && is_awaited(&deployment(false), false));
        let job = object(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}}));
        assert!(is_awaited(&job, true) && !is_awaited(&job, false));
    }
}
