//! What is to be done with one object, found out by reading and dry runs only.
//!
//! One dry run settles an object that is as it should be: the server moves the time of our managedFields
//! entry only when an apply would change something. Only when it would, the live object is read, and what
//! Flux compares is compared.

use manifest::Object;
use serde_json::Value;

use crate::{
    Action, Change, Deferred, DriftReport, ObjectCause, ObjectError, Pass, apply::Run, compare, defer,
    discovery::Resource, drift, fields, ignore, request::Answer,
};

mod known;
mod place;
mod refused;

use known::Seen;
use place::is_stale;

/// What is to be done with an object.
pub(crate) enum Plan {
    /// Nothing.
    Settled(Box<Change>),
    /// To be written.
    Write(Box<Write>),
    /// To be put off.
    Put(Box<Deferred>),
}

/// A write that is due.
pub(crate) struct Write {
    /// What is sent.
    pub(crate) object: Object,
    pub(crate) path: String,
    pub(crate) step: Step,
    /// The live object, where it was read.
    pub(crate) live: Option<Value>,
    /// Its version, where the watch knows it.
    pub(crate) version: u64,
    pub(crate) drift: Option<DriftReport>,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Applied; the dry run has told which of the two it is.
    Apply(Action),
    /// Applied after fields of other managers were taken over.
    TakeOver,
    /// Applied without a dry run: the answer tells what happened.
    Blind,
    /// Deleted and applied anew.
    Recreate,
}

/// An object with its place on the server.
struct Target<'a> {
    object: &'a Object,
    path: String,
    ignored: Vec<&'a str>,
}

impl Run<'_> {
    /// Finds out what is to be done. `alone`: the object is the only one of its stage, so that a dry run
    /// would protect nobody.
    pub(crate) async fn probe(&self, object: &Object, alone: bool) -> Result<Plan, ObjectError> {
        self.may_go_on(object)?;
        if self.marks().excluded(object.value()) {
            return Ok(skipped(object, None));
        }
        match self.probe_placed(object, alone).await {
            Err(error) if is_stale(&error) => {
                self.session.cluster.discovery.invalidate();
                self.probe_placed(object, alone).await
            }
            planned => planned,
        }
    }

    async fn probe_placed(&self, object: &Object, alone: bool) -> Result<Plan, ObjectError> {
        match self.resource(object).await? {
            Ok(resource) => self.probe_served(object, &resource, alone).await,
            Err(error) => self.put_or_fail(object, error),
        }
    }

    async fn probe_served(
        &self,
        object: &Object,
        resource: &Resource,
        alone: bool,
    ) -> Result<Plan, ObjectError> {
        let namespace = object.namespace().unwrap_or_default();
        if resource.namespaced && namespace.is_empty() {
            return Err(ObjectError::new(object, ObjectCause::NoNamespace));
        }
        let path = resource.object_path(namespace, object.name());
        let target = Target { object, path, ignored: self.options.ignore.paths(object.value()) };
        let planned = if alone && !matches!(self.options.pass, Pass::Full) && target.ignored.is_empty() {
            self.plan_alone(&target).await
        } else {
            self.plan(&target).await
        };
        planned.or_else(|error| {
            if self.options.defer && defer::awaits_webhook(&error.cause) {
                Ok(put(object, error))
            } else {
                Err(error)
            }
        })
    }

    /// The way without a dry run: one GET, or none when the watch knows that the object is as we left it.
    async fn plan_alone(&self, target: &Target<'_>) -> Result<Plan, ObjectError> {
        let known = self.in_sync(target.object).filter(|_| matches!(self.options.pass, Pass::Only(_)));
        if let Some(live) = known.filter(|_| !self.marks().any(target.object.value())) {
            let (object, path) = (target.object.clone(), target.path.clone());
            let version = live.resource_version;
            let write = Write { object, path, step: Step::Blind, live: None, version, drift: None };
            return Ok(Plan::Write(Box::new(write)));
        }
        let Some(live) = self.live(target).await? else {
            return Ok(target.write(Step::Blind, None, self.deletion_report()));
        };
        if self.is_skipped(target.object, &live) {
            return Ok(skipped(target.object, Some(self.seen(&live))));
        }
        if self.may_leave_fields(target.object, &live) {
            return self.plan(target).await;
        }
        let step = if self.takes_over(target.object, &live) { Step::TakeOver } else { Step::Blind };
        Ok(target.write(step, Some(live), None))
    }

    /// Plans an object anew, with a dry run.
    pub(crate) async fn plan_again(&self, write: &Write) -> Result<Plan, ObjectError> {
        let ignored = self.options.ignore.paths(write.object.value());
        self.plan(&Target { object: &write.object, path: write.path.clone(), ignored }).await
    }

    async fn plan(&self, target: &Target<'_>) -> Result<Plan, ObjectError> {
        if self.marks().any(target.object.value()) {
            return self.plan_marked(target).await;
        }
        match self.dry_run(target).await {
            Err(error) => self.plan_refused(target, error).await,
            Ok((answer, object)) => {
                let target = Target { object: object.as_ref().unwrap_or(target.object), ..target.clone() };
                self.plan_by_result(&target, answer).await
            }
        }
    }

    /// The object says itself how it wants to be applied: the live one is read first, as in Flux.
    async fn plan_marked(&self, target: &Target<'_>) -> Result<Plan, ObjectError> {
        let live = self.live(target).await?;
        if let Some(live) = live.as_ref().filter(|live| self.is_skipped(target.object, live)) {
            return Ok(skipped(target.object, Some(self.seen(live))));
        }
        match (self.dry_run(target).await, live) {
            (Err(error), live) => self.recover(target, error, live).await,
            (Ok(_), None) => Ok(target.write(Step::Apply(Action::Created), None, self.deletion_report())),
            (Ok((answer, object)), Some(live)) => {
                let target = Target { object: object.as_ref().unwrap_or(target.object), ..target.clone() };
                Ok(self.compared(&target, live, &answer.value))
            }
        }
    }

    async fn plan_by_result(&self, target: &Target<'_>, answer: Answer) -> Result<Plan, ObjectError> {
        let result = &answer.value;
        if creates(&answer) {
            return Ok(target.write(Step::Apply(Action::Created), None, self.deletion_report()));
        }
        if self.marks().excluded(result) {
            return Ok(skipped(target.object, Some(self.seen(result))));
        }
        let due = self.takes_over(target.object, result);
        if !due && !compare::moved(&answer, &self.session.cluster.settings.field_manager) {
            return Ok(settled(target.object, Action::Unchanged, Some(self.seen(result)), None));
        }
        let is_heal = matches!(self.options.pass, Pass::Heal(_));
        if !due && !is_heal && target.ignored.is_empty() && self.surely_moved(target.object, result) {
            return Ok(target.write(Step::Apply(Action::Configured), None, None));
        }
        match self.live(target).await? {
            None => Ok(target.write(Step::Apply(Action::Created), None, self.deletion_report())),
            Some(live) if self.is_skipped(target.object, &live) => {
                Ok(skipped(target.object, Some(self.seen(&live))))
            }
            Some(live) => Ok(self.compared(target, live, result)),
        }
    }

    /// Flux's comparison of the live object with the result of the dry run.
    fn compared(&self, target: &Target<'_>, live: Value, result: &Value) -> Plan {
        let rules = &self.session.cluster.takeover;
        let due = self.takes_over(target.object, &live);
        if !due && !compare::differs(&live, result, &target.ignored) {
            return settled(target.object, Action::Unchanged, Some(self.seen(&live)), None);
        }
        let lost = drift::lost_fields(&live, result, rules);
        let left = self.left_alone(target.object, &live, &lost);
        let undone = fields::minus(&lost, &left);
        if !due && !fields::is_empty(&left) && fields::is_empty(&undone) {
            let drift = self.drift_of(&live, result, &left);
            return settled(target.object, Action::Left, Some(self.seen(&live)), drift);
        }
        let drift = self.drift_of(&live, result, &undone);
        let mut object = target.object.clone();
        fields::take_out(object.value_mut(), &left);
        ignore::adapt(&mut object, &live, result, &target.ignored, &rules.field_manager);
        let step = if due { Step::TakeOver } else { Step::Apply(Action::Configured) };
        Plan::Write(Box::new(Write {
            object,
            path: target.path.clone(),
            step,
            live: Some(live),
            version: 0,
            drift,
        }))
    }
}

impl Clone for Target<'_> {
    fn clone(&self) -> Self {
        Self { object: self.object, path: self.path.clone(), ignored: self.ignored.clone() }
    }
}

impl Target<'_> {
    fn write(&self, step: Step, live: Option<Value>, drift: Option<DriftReport>) -> Plan {
        Plan::Write(Box::new(Write {
            object: self.object.clone(),
            path: self.path.clone(),
            step,
            live,
            version: 0,
            drift,
        }))
    }
}

fn creates(answer: &Answer) -> bool {
    let version = answer.value.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    answer.code == 201 || version.is_none_or(str::is_empty)
}

fn put(object: &Object, error: ObjectError) -> Plan {
    Plan::Put(Box::new(Deferred { id: object.id(), version: object.gvk().version, error }))
}

fn skipped(object: &Object, seen: Option<Seen>) -> Plan {
    settled(object, Action::Skipped, seen, None)
}

fn settled(object: &Object, action: Action, seen: Option<Seen>, drift: Option<DriftReport>) -> Plan {
    let healthy = seen.as_ref().is_some_and(|seen| seen.healthy);
    Plan::Settled(Box::new(Change {
        id: object.id(),
        version: object.gvk().version,
        action,
        fingerprint: seen.map(|seen| seen.fingerprint),
        drift,
        healthy,
    }))
}
