use std::time::Duration;

use kill_points::{Point, at as point};
use manifest::Object;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    Action, ApiError, Change, DriftReport, ObjectCause, ObjectError,
    apply::Run,
    compare, health,
    probe::{Plan, Step, Write},
    request::{APPLY_PATCH, Answer, Call, JSON_PATCH},
    takeover,
};

/// How often a takeover is tried anew when the object changes meanwhile: a Deployment in the middle of a rollout is
/// written ten times in half a second.
const TAKEOVER_TRIES: u32 = 9;
/// The pause before the second try; it doubles, so that all tries together last a bit more than a second.
const TAKEOVER_PAUSE: Duration = Duration::from_millis(5);
/// How long an object that is recreated may take to go away where nothing can be put off.
const RECREATE_WAIT: Duration = Duration::from_secs(60);
/// How long all objects that are recreated are waited for where what takes longer is put off.
const RECREATE_INLINE: Duration = Duration::from_secs(3);
/// How long each of them is waited for at least: without a finalizer it is gone in less.
const RECREATE_LEAST: Duration = Duration::from_millis(200);

impl Run<'_> {
    /// Writes one object. Gives with the change what the answer says of its health, for the stage wait; with
    /// an error the version of the object.
    pub(crate) async fn write(
        &self,
        write: Write,
    ) -> Result<(Change, kstatus::Status), (ObjectError, String)> {
        let owner = self.options.owner;
        let drift = &self.session.cluster.drift;
        let (id, version) = (write.object.id(), write.object.gvk().version);
        drift.write_begins(owner, &id);
        let mut written = self.write_once(&write).await;
        if let Err(error) = &written
            && write.step == Step::Blind
            && is_refusal(error)
        {
            written = self.write_planned(&write).await;
        }
        drift.write_ends(
            owner,
            &id,
            written.as_ref().ok().and_then(|(change, _)| change.fingerprint.clone()),
        );
        written.map_err(|error| (error, version))
    }

    async fn write_once(&self, write: &Write) -> Result<(Change, kstatus::Status), ObjectError> {
        match write.step {
            Step::Apply(_) | Step::Blind => {}
            Step::TakeOver => self.take_over(write).await?,
            Step::Recreate => self.remove(write).await?,
        }
        let answer = self.send_apply(write).await?;
        let status = status(&answer.value);
        let change = Change {
            id: write.object.id(),
            version: write.object.gvk().version,
            action: self.action(write, &answer),
            fingerprint: Some(self.fold(&answer.value)),
            drift: self.drift(write, &answer),
            healthy: status == kstatus::Status::Current,
        };
        self.note_definition(&change);
        Ok((change, status))
    }

    /// An object that was sent without a dry run and refused is planned with one: fields may have to be
    /// dropped, or the object recreated.
    async fn write_planned(&self, write: &Write) -> Result<(Change, kstatus::Status), ObjectError> {
        match self.plan_again(write).await? {
            Plan::Write(planned) => self.write_once(&planned).await,
            Plan::Settled(change) => Ok((*change, kstatus::Status::Unknown)),
            Plan::Put(deferred) => Err(deferred.error),
        }
    }

    async fn send_apply(&self, write: &Write) -> Result<Answer, ObjectError> {
        self.may_write(&write.object)?;
        let call = Call::patch(self.apply_path(&write.path, false), APPLY_PATCH, write.object.value());
        point(Point::ApplyBefore);
        let answer = self.session.send(&call).await;
        point(Point::ApplyAfter);
        answer.map_err(|error| {
            // What was sent without a dry run is refused with the text of one. Without an answer it may have
            // been written, and after one that tells of the server's own trouble (a time-out of etcd) too.
            let refused =
                write.step == Step::Blind && error.failure().is_some_and(|failure| failure.code < 500);
            let cause = if refused { ObjectCause::DryRun } else { ObjectCause::Apply };
            ObjectError::new(&write.object, cause(error))
        })
    }

    fn action(&self, write: &Write, answer: &Answer) -> Action {
        match (write.step, &write.live) {
            (Step::Apply(action), _) => action,
            (Step::Recreate, _) => Action::Created,
            _ if answer.code == 201 => Action::Created,
            (Step::TakeOver, _) => Action::Configured,
            (Step::Blind, Some(live)) if !compare::differs(live, &answer.value, &[]) => Action::Unchanged,
            // Nothing was written when the version is the one the watch had.
            (Step::Blind, _)
                if write.version != 0 && write.version == self.fold(&answer.value).resource_version =>
            {
                Action::Unchanged
            }
            (Step::Blind, _) => Action::Configured,
        }
    }

    fn drift(&self, write: &Write, answer: &Answer) -> Option<DriftReport> {
        if let Some(known) = &write.drift {
            return Some(known.clone());
        }
        let live = write.live.as_ref().filter(|_| write.step != Step::Recreate)?;
        self.drift_report(live, &answer.value)
    }

    /// Makes fields of other managers ours, so that the apply after it removes those not in the source.
    async fn take_over(&self, write: &Write) -> Result<(), ObjectError> {
        let fail = |error| ObjectError::new(&write.object, ObjectCause::Takeover(error));
        let mut live = write.live.clone();
        for attempt in 1..=TAKEOVER_TRIES {
            let due = live.as_ref().filter(|live| self.takes_over(&write.object, live));
            let Some(patch) = due.and_then(|live| takeover::patch(live, &self.session.cluster.takeover))
            else {
                return Ok(());
            };
            self.may_write(&write.object)?;
            let manager = crate::discovery::segment(&self.session.cluster.settings.field_manager);
            let call = Call::patch(format!("{}?fieldManager={manager}", write.path), JSON_PATCH, &patch);
            point(Point::TakeoverBefore);
            let answer = self.session.send(&call).await;
            point(Point::TakeoverAfter);
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if error.is_not_found() => return Ok(()),
                // The test of the resourceVersion fails as 422, a lost race of the server as 409.
                Err(error) if attempt < TAKEOVER_TRIES && is_race(&error) => {
                    self.may_go_on(&write.object)?;
                    sleep(TAKEOVER_PAUSE * (1 << (attempt - 1))).await;
                    live = self.session.read(&write.path).await.map_err(fail)?;
                }
                Err(error) => return Err(fail(error)),
            }
        }
        Ok(())
    }

    /// Deletes an object and waits until it is gone.
    async fn remove(&self, write: &Write) -> Result<(), ObjectError> {
        self.may_write(&write.object)?;
        let uid = write.live.as_ref().and_then(|live| live.pointer("/metadata/uid")).cloned();
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
            "preconditions": {"uid": uid}});
        point(Point::RecreateBefore);
        let answer = self.session.send(&Call::delete(&write.path, &options)).await;
        point(Point::RecreateAfter);
        match answer {
            Ok(_) => self.until_gone(write, uid.as_ref()).await,
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(ObjectError::new(&write.object, ObjectCause::Delete(error))),
        }
    }

    fn recreate_until(&self, now: Instant) -> Instant {
        let until = if self.options.defer {
            let first = *self.recreates.get_or_init(|| now);
            (first + RECREATE_INLINE).max(now + RECREATE_LEAST)
        } else {
            now + RECREATE_WAIT
        };
        until.min(self.options.deadline)
    }

    async fn until_gone(&self, write: &Write, uid: Option<&Value>) -> Result<(), ObjectError> {
        let until = self.recreate_until(Instant::now());
        let mut pause = Duration::from_millis(10);
        loop {
            let live = self.session.read(&write.path).await;
            let live = live.map_err(|e| ObjectError::new(&write.object, ObjectCause::Query(e)))?;
            if live.as_ref().and_then(|live| live.pointer("/metadata/uid")) != uid {
                return Ok(());
            }
            self.may_go_on(&write.object)?;
            if Instant::now() + pause >= until {
                return Err(ObjectError::new(&write.object, ObjectCause::StillThere));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

/// Whether the server refused the object itself, not us and not now.
fn is_refusal(error: &ObjectError) -> bool {
    let failure = error.api().and_then(ApiError::failure);
    failure.is_some_and(|failure| !matches!(failure.code, 401 | 403 | 404 | 429 | 503))
}

fn is_race(error: &ApiError) -> bool {
    error.failure().is_some_and(|failure| matches!(failure.code, 409 | 422))
}

/// What the answer of an apply says of the object's health, by the rules alone.
pub(crate) fn status(value: &Value) -> kstatus::Status {
    Object::from_value(value.clone()).map_or(kstatus::Status::Unknown, |object| health::status(&object))
}
