//! What is to be done with one object, found out by reading and dry runs only.
//!
//! One dry run settles an object that is as it should be: the server moves the time of our managedFields
//! entry only when an apply would change something. Only when it would, the live object is read, and what
//! Flux compares is compared.

use std::{sync::atomic::Ordering, time::Duration};

use manifest::{Gvk, Object};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    Action, ApiError, Change, Deferred, DriftReport, Fingerprint, ObjectCause, ObjectError, Pass,
    apply::Run,
    compare,
    defer::{self, Expected},
    discovery::{Lookup, Resource},
    drift, ignore,
    immutable::is_immutable,
    managed,
    request::{APPLY_PATCH, Answer, Call, JSON_PATCH},
    takeover, unknown_fields,
};

/// Waits for a kind that is about to be served, in milliseconds; together about two seconds.
const KIND_WAITS: [u64; 8] = [10, 20, 50, 100, 200, 400, 600, 600];

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
            return Ok(skipped(target.object, Some(self.fold(&live))));
        }
        if matches!(self.options.pass, Pass::Heal(_)) && may_be_scaled(&live) {
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
            return Ok(skipped(target.object, Some(self.fold(live))));
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
            return Ok(skipped(target.object, Some(self.fold(result))));
        }
        let due = self.takes_over(target.object, result);
        if !due && !compare::moved(&answer, &self.session.cluster.settings.field_manager) {
            return Ok(settled(target.object, Action::Unchanged, Some(self.fold(result)), None));
        }
        if !due && target.ignored.is_empty() && self.surely_moved(target.object, result) {
            return Ok(target.write(Step::Apply(Action::Configured), None, None));
        }
        match self.live(target).await? {
            None => Ok(target.write(Step::Apply(Action::Created), None, self.deletion_report())),
            Some(live) if self.is_skipped(target.object, &live) => {
                Ok(skipped(target.object, Some(self.fold(&live))))
            }
            Some(live) => Ok(self.compared(target, live, result)),
        }
    }

    /// Flux's comparison of the live object with the result of the dry run.
    fn compared(&self, target: &Target<'_>, live: Value, result: &Value) -> Plan {
        let rules = &self.session.cluster.takeover;
        let due = self.takes_over(target.object, &live);
        if !due && !compare::differs(&live, result, &target.ignored) {
            return settled(target.object, Action::Unchanged, Some(self.fold(&live)), None);
        }
        let drift = self.drift_report(&live, result);
        let lost = drift::lost_fields(&live, result, rules);
        let heal = matches!(self.options.pass, Pass::Heal(_));
        if heal && !due && managed::held_by_subresource(&live, &lost) {
            return settled(target.object, Action::Left, Some(self.fold(&live)), drift);
        }
        let mut object = target.object.clone();
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

    async fn plan_refused(&self, target: &Target<'_>, error: ApiError) -> Result<Plan, ObjectError> {
        if error.is_not_found() || error.is_transient() {
            return Err(ObjectError::new(target.object, ObjectCause::DryRun(error)));
        }
        let live = self.live(target).await.unwrap_or(None);
        if let Some(live) = live.as_ref().filter(|live| self.is_skipped(target.object, live)) {
            return Ok(skipped(target.object, Some(self.fold(live))));
        }
        self.recover(target, error, live).await
    }

    /// What can be done after a dry run that the server refused.
    async fn recover(
        &self,
        target: &Target<'_>,
        error: ApiError,
        live: Option<Value>,
    ) -> Result<Plan, ObjectError> {
        match self.migrated(target, &error, live.as_ref()).await {
            Some(answer) => self.plan_by_result(target, answer).await,
            None => self.refused(target, error, live),
        }
    }

    /// The result of a dry run after the live object's managedFields were brought to the version that is
    /// applied, where that was what it failed for.
    async fn migrated(&self, target: &Target<'_>, error: &ApiError, live: Option<&Value>) -> Option<Answer> {
        let failure = error.failure().filter(|failure| unknown_fields::is_undeclared(&failure.message));
        let patch = takeover::migration(live.filter(|_| failure.is_some())?, target.object.api_version())?;
        self.may_write(target.object).ok()?;
        let manager = crate::discovery::segment(&self.session.cluster.settings.field_manager);
        let call = Call::patch(format!("{}?fieldManager={manager}", target.path), JSON_PATCH, &patch);
        self.session.send(&call).await.ok()?;
        self.dry_run(target).await.ok().map(|(answer, _)| answer)
    }

    fn refused(
        &self,
        target: &Target<'_>,
        error: ApiError,
        live: Option<Value>,
    ) -> Result<Plan, ObjectError> {
        match live {
            Some(live) if is_immutable(&error) && self.is_forced(target.object, &live) => {
                Ok(target.write(Step::Recreate, Some(live), None))
            }
            _ => Err(ObjectError::new(target.object, ObjectCause::DryRun(error))),
        }
    }

    /// A dry run; with it the object that was sent, when fields the server does not know were dropped.
    async fn dry_run(&self, target: &Target<'_>) -> Result<(Answer, Option<Object>), ApiError> {
        let path = self.apply_path(&target.path, true);
        let mut stripped: Option<Object> = None;
        for _ in 0..unknown_fields::ROUNDS {
            let object = stripped.as_ref().unwrap_or(target.object);
            match self.session.send(&Call::patch(&path, APPLY_PATCH, object.value())).await {
                Ok(answer) => return Ok((answer, stripped)),
                Err(error) => match unknown_fields::without(object, &error) {
                    Some(object) => stripped = Some(object),
                    None => return Err(error),
                },
            }
        }
        let object = stripped.as_ref().unwrap_or(target.object);
        let answer = self.session.send(&Call::patch(&path, APPLY_PATCH, object.value())).await?;
        Ok((answer, stripped))
    }

    pub(crate) fn apply_path(&self, path: &str, dry_run: bool) -> String {
        let manager = crate::discovery::segment(&self.session.cluster.settings.field_manager);
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        format!("{path}?fieldManager={manager}&force=true{dry_run}")
    }

    async fn live(&self, target: &Target<'_>) -> Result<Option<Value>, ObjectError> {
        let read = self.session.read(&target.path).await;
        read.map_err(|error| ObjectError::new(target.object, ObjectCause::Query(error)))
    }

    /// The kind's place on the server, or what its absence means.
    async fn resource(&self, object: &Object) -> Result<Result<Resource, Absent>, ObjectError> {
        let gvk = object.gvk();
        let defined = self.defined.contains(&(gvk.group.clone(), gvk.kind.clone()));
        let mut waited = 0;
        loop {
            let found = self.session.lookup(&gvk).await;
            let group_unknown = match found.map_err(|e| ObjectError::new(object, ObjectCause::DryRun(e)))? {
                Lookup::Found(resource) => return Ok(Ok(resource)),
                Lookup::NoKind => false,
                Lookup::NoGroup => true,
            };
            let Some(wait) = self.kind_waits(&gvk, defined, group_unknown).get(waited) else {
                let defined = defined || (self.options.elsewhere)(&gvk.group, &gvk.kind);
                return Ok(Err(Absent(Expected { group_unknown, defined })));
            };
            sleep(Duration::from_millis(*wait)).await;
            self.session.cluster.discovery.invalidate();
            waited += 1;
        }
    }

    /// How long a kind may be awaited here: when this apply has defined it, or when its group is served
    /// without it, as is the case for a moment after somebody else has.
    fn kind_waits(&self, gvk: &Gvk, defined: bool, group_unknown: bool) -> &'static [u64] {
        let custom = gvk.group.contains('.') && !gvk.group.ends_with(".k8s.io");
        if defined && self.new_kinds.load(Ordering::Relaxed) {
            &KIND_WAITS
        } else if custom && !defined && !group_unknown {
            &KIND_WAITS[..5]
        } else {
            &[]
        }
    }

    fn put_or_fail(&self, object: &Object, Absent(expected): Absent) -> Result<Plan, ObjectError> {
        let error = ObjectError::new(object, ObjectCause::NoMatch(object.gvk()));
        if self.options.defer && defer::awaits_kind(&expected) { Ok(put(object, error)) } else { Err(error) }
    }

    fn is_skipped(&self, object: &Object, live: &Value) -> bool {
        self.marks().excluded(live) || self.marks().only_if_absent(object.value())
    }

    fn is_forced(&self, object: &Object, live: &Value) -> bool {
        self.options.force || self.marks().forced(object.value()) || self.marks().forced(live)
    }

    pub(crate) fn takes_over(&self, object: &Object, live: &Value) -> bool {
        let merges = self.marks().merges(object.value()) || self.marks().merges(live);
        !merges && takeover::is_due(live, &self.session.cluster.takeover)
    }

    fn in_sync(&self, object: &Object) -> Option<Fingerprint> {
        self.session.cluster.drift.in_sync(self.options.owner, &object.id())
    }

    /// Whether the dry run began where our last apply ended, and moved the time of our entry: the change is
    /// the source's, and there is nothing to learn from the live object.
    fn surely_moved(&self, object: &Object, result: &Value) -> bool {
        let result = self.fold(result);
        self.in_sync(object).is_some_and(|live| {
            live.resource_version == result.resource_version && live.applied_at < result.applied_at
        })
    }

    pub(crate) fn fold(&self, object: &Value) -> Fingerprint {
        Fingerprint::of(object, &self.session.cluster.takeover, self.marks())
    }

    pub(crate) fn marks(&self) -> &crate::marks::Marks {
        &self.session.cluster.marks
    }

    /// Who changed the live object. An object that was not ours before has not drifted. A field that is ours
    /// after and not before, and nobody else's, was removed by somebody, or is new in the source: told only
    /// when the source is known not to have changed our fields.
    pub(crate) fn drift_report(&self, live: &Value, result: &Value) -> Option<DriftReport> {
        let rules = &self.session.cluster.takeover;
        managed::own(live, &rules.field_manager)?;
        let report = DriftReport::of(live, result, rules);
        let told = !report.manager.is_empty() || self.same_fields(live, result);
        (!report.fields.is_empty() && told).then_some(report)
    }

    fn same_fields(&self, live: &Value, result: &Value) -> bool {
        let Ok(object) = Object::from_value(live.clone()) else { return false };
        let drift = &self.session.cluster.drift;
        let heal = matches!(self.options.pass, Pass::Heal(_));
        heal || drift.applied_fields(self.options.owner, &object.id()) == Some(self.fold(result).entry)
    }

    /// In a heal, an object that is absent has been deleted.
    fn deletion_report(&self) -> Option<DriftReport> {
        matches!(self.options.pass, Pass::Heal(_)).then(DriftReport::of_deletion)
    }
}

struct Absent(Expected);

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

/// Whether something other than a person writes the object through a subresource that is not its status.
fn may_be_scaled(live: &Value) -> bool {
    managed::entries(live).any(|entry| {
        entry.subresource().is_some_and(|s| s != "status") && !managed::is_by_hand(entry.manager())
    })
}

/// Whether the path, not the object, is unknown to the server: discovery was out of date.
fn is_stale(error: &ObjectError) -> bool {
    error.api().is_some_and(|error| error.is_not_found() && !error.is_absent_object())
}

fn creates(answer: &Answer) -> bool {
    let version = answer.value.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    answer.code == 201 || version.is_none_or(str::is_empty)
}

fn put(object: &Object, error: ObjectError) -> Plan {
    Plan::Put(Box::new(Deferred { id: object.id(), version: object.gvk().version, error }))
}

fn skipped(object: &Object, fingerprint: Option<Fingerprint>) -> Plan {
    settled(object, Action::Skipped, fingerprint, None)
}

fn settled(
    object: &Object,
    action: Action,
    fingerprint: Option<Fingerprint>,
    drift: Option<DriftReport>,
) -> Plan {
    Plan::Settled(Box::new(Change {
        id: object.id(),
        version: object.gvk().version,
        action,
        fingerprint,
        drift,
    }))
}
