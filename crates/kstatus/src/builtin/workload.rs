//! Sets of Pods: what is asked for against what is there, in the order a rollout goes.

use serde_json::Value;

use crate::{
    field::{at, conditions, int, text},
    status::Health,
};

fn spec(value: &Value, field: &str, default: i64) -> i64 {
    int(value, &["spec", field], default)
}

fn status(value: &Value, field: &str) -> i64 {
    int(value, &["status", field], 0)
}

/// In progress while there is less than wanted.
fn fewer(what: &str, have: i64, want: i64) -> Option<Health> {
    (want > have).then(|| Health::in_progress(format!("{what}: {have}/{want}")))
}

/// In progress while there are Pods left over from before.
fn surplus(have: i64, want: i64) -> Option<Health> {
    (have > want).then(|| Health::in_progress(format!("Pending termination: {}", have - want)))
}

/// The first that applies.
fn first<const N: usize>(steps: [Option<Health>; N]) -> Option<Health> {
    steps.into_iter().flatten().next()
}

pub(crate) fn deployment(value: &Value) -> Health {
    let exceeded =
        |c: &crate::field::Condition<'_>| c.kind == "Progressing" && c.reason == "ProgressDeadlineExceeded";
    if conditions(value).any(|condition| exceeded(&condition)) {
        return Health::failed("Progress deadline exceeded");
    }
    let wanted = spec(value, "replicas", 1);
    let replicas = status(value, "replicas");
    let updated = status(value, "updatedReplicas");
    first([
        fewer("Replicas", replicas, wanted),
        fewer("Updated", updated, wanted),
        surplus(replicas, wanted),
        fewer("Available", status(value, "availableReplicas"), updated),
        fewer("Ready", status(value, "readyReplicas"), wanted),
        (!has_progressed(value)).then(|| Health::in_progress("ReplicaSet not Available")),
        (!conditions(value).any(|condition| condition.is("Available", "True")))
            .then(|| Health::in_progress("Deployment not Available")),
    ])
    .unwrap_or_else(|| Health::current(format!("Deployment is available. Replicas: {replicas}")))
}

/// Without a deadline the controller sets no Progressing condition; the largest int32 stands for none.
fn has_progressed(value: &Value) -> bool {
    let no_deadline = i64::from(i32::MAX);
    spec(value, "progressDeadlineSeconds", no_deadline) == no_deadline
        || conditions(value).any(|c| c.is("Progressing", "True") && c.reason == "NewReplicaSetAvailable")
}

pub(crate) fn replica_set(value: &Value) -> Health {
    if conditions(value).any(|condition| condition.is("ReplicaFailure", "True")) {
        return Health::in_progress("Replica Failure condition. Check Pods");
    }
    let wanted = spec(value, "replicas", 1);
    let replicas = status(value, "replicas");
    first([
        fewer("Labelled", status(value, "fullyLabeledReplicas"), wanted),
        fewer("Available", status(value, "availableReplicas"), wanted),
        fewer("Ready", status(value, "readyReplicas"), wanted),
        surplus(replicas, wanted),
    ])
    .unwrap_or_else(|| Health::current(format!("ReplicaSet is available. Replicas: {replicas}")))
}

pub(crate) fn stateful_set(value: &Value) -> Health {
    if text(value, &["spec", "updateStrategy", "type"], "") == "OnDelete" {
        return Health::current("StatefulSet is using the ondelete update strategy");
    }
    let wanted = spec(value, "replicas", 1);
    let replicas = status(value, "replicas");
    let steps = first([
        fewer("Replicas", replicas, wanted),
        fewer("Ready", status(value, "readyReplicas"), wanted),
        surplus(replicas, wanted),
    ]);
    steps.unwrap_or_else(|| stateful_set_rollout(value, wanted, replicas))
}

/// Pods below the partition keep their revision, so that revisions differ for good when there is one.
fn stateful_set_rollout(value: &Value, wanted: i64, replicas: i64) -> Health {
    let updated = status(value, "updatedReplicas");
    let partition = int(value, &["spec", "updateStrategy", "rollingUpdate", "partition"], -1);
    if partition != -1 {
        return fewer("updated", updated, wanted.saturating_sub(partition))
            .unwrap_or_else(|| Health::current(format!("Partition rollout complete. updated: {updated}")));
    }
    let revision = |field| text(value, &["status", field], "");
    let moved = revision("currentRevision") != revision("updateRevision");
    first([
        fewer("current", status(value, "currentReplicas"), wanted),
        moved.then(|| Health::in_progress("Waiting for updated revision to match current")),
    ])
    .unwrap_or_else(|| Health::current(format!("All replicas scheduled as expected. Replicas: {replicas}")))
}

pub(crate) fn daemon_set(value: &Value) -> Health {
    // For other kinds these fields may be absent; the DaemonSet controller always sets them.
    for (path, name) in [
        (["metadata", "generation"], "metadata.generation"),
        (["status", "observedGeneration"], "status.observedGeneration"),
    ] {
        if at(value, &path).is_none() {
            let kind = text(value, &["kind"], "DaemonSet");
            return Health::in_progress(format!("{kind} {name} not found"));
        }
    }
    let wanted = int(value, &["status", "desiredNumberScheduled"], -1);
    if wanted == -1 {
        return Health::in_progress("Missing .status.desiredNumberScheduled");
    }
    first([
        fewer("Current", status(value, "currentNumberScheduled"), wanted),
        fewer("Updated", status(value, "updatedNumberScheduled"), wanted),
        fewer("Available", status(value, "numberAvailable"), wanted),
        fewer("Ready", status(value, "numberReady"), wanted),
    ])
    .unwrap_or_else(|| Health::current(format!("All replicas scheduled as expected. Replicas: {wanted}")))
}
