//! Looks at what is waited for. Waiting is a state (decision D1): each look is one short run.

use std::time::Duration;

use api::kustomize::v1::{Kustomization, KustomizationStatus};
use api::meta::{ConditionType, NamespacedObjectKindReference, Reason};
use k8s_openapi::jiff::Timestamp;
use kstatus::Status;
use manifest::{Gvk, ObjectId};
use runtime::conditions::find;
use ssa::{Change, ObjectHealth};
use tokio::time::Instant;

use crate::hints;
use crate::memory::{AppliedObject, Target};
use crate::status::{Failure, Phase, short};
use crate::work::Work;

/// An object to look at, with the version to ask for.
pub(crate) type Check = (ObjectId, String);

/// What a pass waits for; `None` when it asks for no health at all.
///
/// `wait` means all applied objects but this Kustomization itself; else `healthChecks` name them.
pub(crate) fn checks(object: &Kustomization, applied: &[AppliedObject]) -> Option<Vec<Check>> {
    let spec = &object.spec;
    let mut checks: Vec<Check> = if spec.wait {
        applied.iter().filter(|one| one.touched).map(|one| (one.id.clone(), one.version.clone())).collect()
    } else {
        spec.health_checks.iter().map(|reference| referenced(object, reference)).collect()
    };
    if checks.is_empty() {
        return None;
    }
    checks.retain(|(id, _)| !is_itself(object, id));
    Some(checks)
}

fn is_itself(object: &Kustomization, id: &ObjectId) -> bool {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    id.kind == "Kustomization"
        && id.group == api::meta::groups::KUSTOMIZE
        && id.name == name
        && id.namespace == namespace
}

fn referenced(object: &Kustomization, reference: &NamespacedObjectKindReference) -> Check {
    let api_version = reference.api_version.as_deref().filter(|text| !text.is_empty());
    let gvk = Gvk::new(api_version.unwrap_or_else(|| default_api_version(&reference.kind)), &reference.kind);
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    let namespace = reference.namespace.as_deref().filter(|text| !text.is_empty()).unwrap_or(own);
    let id = ObjectId {
        namespace: namespace.to_owned(),
        name: reference.name.clone(),
        group: gvk.group,
        kind: gvk.kind,
    };
    (id, gvk.version)
}

/// The API version of a well-known kind that is named without one. Flux asks for `apps/v1` whatever the kind.
fn default_api_version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => "apps/v1",
        "Job" | "CronJob" => "batch/v1",
        "Ingress" => "networking.k8s.io/v1",
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
        "HelmRelease" => "helm.toolkit.fluxcd.io/v2",
        "GitRepository" | "OCIRepository" | "HelmRepository" | "HelmChart" | "Bucket" => {
            "source.toolkit.fluxcd.io/v1"
        }
        _ => "v1",
    }
}

/// What a look came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Objects that are not healthy yet.
    pub pending: Vec<Check>,
    /// What they are doing: `Kind/namespace/name status: 'InProgress'`.
    pub lines: Vec<String>,
    /// Those of them that have failed for good.
    pub failed: Vec<String>,
    /// Causes found in pods: Deployment, pod, container and why.
    pub causes: Vec<String>,
    /// What to run about the first that is not healthy.
    pub run: Option<String>,
    /// Why the first one that cannot be judged cannot: it may not be read, or its expression fails.
    pub why: Option<String>,
}

/// Looks at the objects once, as the Kustomization's identity.
pub(crate) async fn look(work: &Work<'_>, pending: &[Check]) -> Look {
    let healths = work.session.health(pending, &work.owner, &work.rules.exprs).await;
    judge(pending, &healths)
}

/// Waits again for what a heal wrote, when health is waited for.
pub(crate) fn judge_again(work: &Work<'_>, changes: &[Change]) {
    let written =
        |(id, _): &Check| changes.iter().any(|change| change.action.is_change() && change.id == *id);
    work.app.memories.with(&work.run.key, |memory| {
        let checks = checks(work.object(), &memory.applied.objects).unwrap_or_default();
        memory.judge_again(checks.into_iter().filter(written));
    });
}

/// Whether the first look can wait for the first signal: nothing of what was just applied has moved yet, and every
/// move will be told. What an expression judges may be healthy without one.
pub(crate) fn can_wait_for_signal(work: &Work<'_>, pending: &[Check], ids: &[ObjectId]) -> bool {
    let judged = pending.iter().any(|check| is_judged(work, check));
    !judged && work.app.cluster.drift().awaits_move(&work.owner, ids)
}

fn judge(pending: &[Check], healths: &[ObjectHealth]) -> Look {
    let mut look = Look::default();
    for health in healths.iter().filter(|health| health.health.status != Status::Current) {
        let line = format!("{} status: '{}'{}", health.id.subject(), health.health.status, unserved(health));
        if health.health.status == Status::Failed {
            look.failed.push(line.clone());
        }
        look.lines.push(line);
        if look.run.is_none() || (look.causes.is_empty() && health.cause.is_some()) {
            look.run = Some(hints::unhealthy(&health.id, health.cause.as_ref()));
        }
        if look.why.is_none() {
            look.why = health.error.as_ref().map(|error| unjudged(health, error));
        }
        look.causes.extend(cause(health));
        look.pending.extend(pending.iter().find(|(id, _)| *id == health.id).cloned());
    }
    look
}

/// Flux tells of a kind that is not served in the line itself.
fn unserved(health: &ObjectHealth) -> String {
    let is_unserved = health.error.as_ref().is_some_and(|error| error.contains("no matches for kind"));
    match is_unserved {
        true => format!(": no matches for kind \"{}\" in group \"{}\"", health.id.kind, health.id.group),
        false => String::new(),
    }
}

/// Characters of the reason why an object cannot be judged.
const MOST_OF_WHY: usize = 200;

fn unjudged(health: &ObjectHealth, error: &str) -> String {
    let error: String = error.chars().take(MOST_OF_WHY).collect();
    format!("Why: {}: {error}", health.id.subject())
}

/// `Deployment/ns/web: pod web-1: container app: ImagePullBackOff: …`.
fn cause(health: &ObjectHealth) -> Option<String> {
    health.cause.as_ref().map(|cause| format!("{}: {cause}", health.id.subject()))
}

/// Whether a health expression judges this kind, and the rules do not.
pub(crate) fn is_judged(work: &Work<'_>, (id, version): &Check) -> bool {
    work.rules.exprs.covers(&id.gvk(version))
}

/// When to look again if no watch tells of a move: soon while a kind is not watched, seldom when all are.
pub(crate) fn look_again(work: &Work<'_>, pending: &[Check], until: Instant) -> Instant {
    let pause = if is_watched(work, pending) { WATCHED } else { UNWATCHED };
    until.min(Instant::now() + pause)
}

/// Whether every move of these objects is told.
pub(crate) fn is_watched(work: &Work<'_>, pending: &[Check]) -> bool {
    let drift = work.app.cluster.drift();
    let tracked = |id: &ObjectId| work.app.memories.with(&work.run.key, |memory| memory.knows(id));
    pending.iter().all(|(id, _)| drift.is_watching(&id.group, &id.kind) && tracked(id))
}

/// Looks at watched objects that are nothing but a safety net.
const WATCHED: Duration = Duration::from_secs(30);
/// Looks at objects whose moves nobody tells.
const UNWATCHED: Duration = Duration::from_secs(2);

/// When a wait for this target that is in the status began, for one that a process before this one began.
pub(crate) fn begun_before(status: &KustomizationStatus, target: &Target) -> Option<Instant> {
    let healthy = find(&status.conditions, ConditionType::Healthy)?;
    let same = healthy.observed_generation == Some(target.generation)
        && status.last_attempted_revision.as_deref() == Some(&*target.revision);
    if healthy.status != "Unknown" || !same {
        return None;
    }
    let age = Timestamp::now().duration_since(healthy.last_transition_time.0);
    Instant::now().checked_sub(Duration::try_from(age).ok()?)
}

/// How a health check ended badly.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum HealthError {
    /// The time is up. The text begins as Flux's.
    #[error("timeout waiting for: [{}]{}", .lines.join(", "), tail(.causes))]
    Timeout {
        /// What was waited for.
        lines: Vec<String>,
        /// Why, as pods tell it.
        causes: Vec<String>,
    },
    /// An object has failed for good. The text begins as Flux's.
    #[error("failed early due to stalled resources: [{}]{}", .lines.join(", "), tail(.causes))]
    Failed {
        /// What has failed.
        lines: Vec<String>,
        /// Why, as pods tell it.
        causes: Vec<String>,
    },
}

fn tail(causes: &[String]) -> String {
    if causes.is_empty() { String::new() } else { format!(" ({})", causes.join("; ")) }
}

impl HealthError {
    /// Whether a look ends the wait, and how.
    pub(crate) fn of(look: &Look, fail_fast: bool, time_is_up: bool) -> Option<Self> {
        let causes = look.causes.clone();
        if fail_fast && !look.failed.is_empty() {
            return Some(Self::Failed { lines: look.failed.clone(), causes });
        }
        time_is_up.then(|| Self::Timeout { lines: look.lines.clone(), causes })
    }

    /// What it means for the pass.
    pub(crate) fn failure(&self, took: Duration) -> Failure {
        let message = format!("health check failed after {}: {self}", short(took));
        let failure = Failure::in_phase(Phase::Checking, Reason::HealthCheckFailed, message);
        Failure { unhealthy: Some(self.to_string()), ..failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kustomization(spec: serde_json::Value) -> Kustomization {
        serde_json::from_value(json!({"metadata": {"name": "app", "namespace": "ns"}, "spec": spec})).unwrap()
    }

    fn applied(id: &str, touched: bool) -> AppliedObject {
        AppliedObject { id: ObjectId::parse(id).unwrap(), version: "v1".into(), hash: 0, touched }
    }

    #[test]
    fn wait_means_all_that_was_applied_but_itself() {
        let objects = [
            applied("ns_a_apps_Deployment", true),
            applied("ns_b__ConfigMap", false),
            applied("ns_app_kustomize.toolkit.fluxcd.io_Kustomization", true),
        ];
        let checks = checks(
            &kustomization(json!({"wait": true, "healthChecks": [{"kind": "Job", "name": "x"}]})),
            &objects,
        );
        assert_eq!(checks.unwrap(), [(objects[0].id.clone(), "v1".to_owned())]);
    }

    #[test]
    fn health_checks_default_to_the_version_of_their_kind_and_the_own_namespace() {
        let object = kustomization(json!({"healthChecks": [{"kind": "Deployment", "name": "web"}]}));
        let checks = checks(&object, &[]).unwrap();
        assert_eq!(checks[0].0.to_string(), "ns_web_apps_Deployment");
    }

    #[test]
    fn no_wait_and_no_checks_ask_for_nothing() {
        assert_eq!(checks(&kustomization(json!({})), &[applied("n_a__Secret", true)]), None);
    }

    #[test]
    fn the_deadline_of_a_wait_outlives_the_process_but_not_the_target() {
        let begun = Timestamp::now() - k8s_openapi::jiff::SignedDuration::from_secs(20);
        let status: KustomizationStatus = serde_json::from_value(json!({
            "lastAttemptedRevision": "r1",
            "conditions": [{"type": "Healthy", "status": "Unknown", "reason": "Progressing", "message": "",
                "observedGeneration": 3, "lastTransitionTime": begun.to_string()}]
        }))
        .unwrap();
        let target = |generation, revision: &str| Target { generation, revision: revision.into() };
        let since = begun_before(&status, &target(3, "r1")).unwrap();
        assert!((19..=22).contains(&since.elapsed().as_secs()));
        assert!(begun_before(&status, &target(4, "r1")).is_none());
        assert!(begun_before(&status, &target(3, "r2")).is_none());
    }

    #[test]
    fn a_kind_that_is_not_served_is_told_in_the_line() {
        let health = |error: Option<&str>| ObjectHealth {
            id: ObjectId::parse("ns_x_foo.io_Bar").unwrap(),
            health: kstatus::Health::new(Status::Unknown, String::new()),
            error: error.map(str::to_owned),
            cause: None,
        };
        let pending = [];
        let line = |error| judge(&pending, &[health(error)]).lines[0].clone();
        let unserved = line(Some("no matches for kind \"Bar\" in version \"foo.io/v1\""));
        assert_eq!(unserved, "Bar/ns/x status: 'Unknown': no matches for kind \"Bar\" in group \"foo.io\"");
        assert_eq!(line(Some("forbidden")), "Bar/ns/x status: 'Unknown'");
    }

    #[test]
    fn a_failed_object_ends_the_wait_only_with_fail_fast() {
        let failed = vec!["Job/ns/bad status: 'Failed'".to_owned()];
        let look = Look { lines: failed.clone(), failed, ..Look::default() };
        let error = HealthError::of(&look, true, false).unwrap();
        assert_eq!(
            error.failure(Duration::from_millis(1500)).message,
            "health check failed after 1.5s: failed early due to stalled resources: [Job/ns/bad status: 'Failed']"
        );
        assert!(HealthError::of(&look, false, false).is_none());
    }

    #[test]
    fn a_timeout_names_pod_container_and_cause_behind_the_words_of_flux() {
        let look = Look {
            lines: vec!["Deployment/ns/web status: 'InProgress'".into()],
            causes: vec!["Deployment/ns/web: pod web-1: container app: ImagePullBackOff".into()],
            ..Look::default()
        };
        assert_eq!(
            HealthError::of(&look, true, true).unwrap().to_string(),
            "timeout waiting for: [Deployment/ns/web status: 'InProgress'] (Deployment/ns/web: pod web-1: container \
             app: ImagePullBackOff)"
        );
    }
}
