//! The verdict on objects of the built-in kinds, and of any other kind.

use kstatus::{Health, Status, compute};
use manifest::Object;
use serde_json::{Value, json};

const NOW: i64 = 1_795_266_000; // 2026-11-21T13:00:00Z

fn object(api_version: &str, kind: &str, rest: Value) -> Object {
    let mut value =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "ns"}});
    merge(&mut value, rest);
    Object::from_value(value).unwrap()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[track_caller]
fn check(api_version: &str, kind: &str, rest: Value, status: Status, message: &str) {
    let health = compute(&object(api_version, kind, rest), NOW).unwrap();
    assert_eq!(health, Health::new(status, message));
}

#[test]
fn an_object_without_status_is_current() {
    check("v1", "Namespace", json!({}), Status::Current, "Resource is current");
    check(
        "example.com/v1",
        "Thing",
        json!({"status": {"conditions": "none"}}),
        Status::Current,
        "Resource is current",
    );
}

#[test]
fn an_object_being_deleted_is_terminating() {
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    check("v1", "ConfigMap", deleted, Status::Terminating, "Resource scheduled for deletion");
}

#[test]
fn a_generation_not_observed_is_in_progress() {
    let behind = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}});
    let message = "Thing generation is 2, but latest observed generation is 1";
    check("example.com/v1", "Thing", behind, Status::InProgress, message);
}

#[test]
fn standard_conditions_decide_for_any_kind() {
    let with = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "reason": "R", "message": "words"}]}});
    check("example.com/v1", "Thing", with("Reconciling", "True"), Status::InProgress, "words");
    check("example.com/v1", "Thing", with("Stalled", "True"), Status::Failed, "words");
    check("example.com/v1", "Thing", with("Stalled", "False"), Status::Current, "Resource is current");
    check("example.com/v1", "Thing", with("Ready", "True"), Status::Current, "Resource is Ready");
    check("example.com/v1", "Thing", with("Ready", "False"), Status::InProgress, "words");
    check("example.com/v1", "Thing", with("Ready", "Unknown"), Status::InProgress, "words");
}

#[test]
fn a_field_of_the_wrong_type_is_an_error() {
    let bad = json!({"metadata": {"generation": 1}, "status": {"observedGeneration": "1"}});
    let error = compute(&object("v1", "ConfigMap", bad), NOW).unwrap_err();
    assert_eq!(error.to_string(), "ConfigMap/ns/x: field status.observedGeneration has the wrong type");
}

fn rolled_out() -> Value {
    json!({"spec": {"replicas": 2, "progressDeadlineSeconds": 600}, "status": {
        "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
        "conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            {"type": "Available", "status": "True"},
        ],
    }})
}

#[test]
fn a_deployment_is_current_once_rolled_out() {
    check("apps/v1", "Deployment", rolled_out(), Status::Current, "Deployment is available. Replicas: 2");
}

#[test]
fn a_deployment_in_each_step_of_its_rollout_is_in_progress() {
    for (field, count, message) in [
        ("replicas", 1, "Replicas: 1/2"),
        ("updatedReplicas", 1, "Updated: 1/2"),
        ("replicas", 3, "Pending termination: 1"),
        ("availableReplicas", 1, "Available: 1/2"),
        ("readyReplicas", 1, "Ready: 1/2"),
    ] {
        let mut value = rolled_out();
        value["status"][field] = json!(count);
        check("apps/v1", "Deployment", value, Status::InProgress, message);
    }
    let mut value = rolled_out();
    value["status"]["conditions"][0]["reason"] = json!("ReplicaSetUpdated");
    check("apps/v1", "Deployment", value.clone(), Status::InProgress, "ReplicaSet not Available");
    value["spec"]["progressDeadlineSeconds"] = json!(i32::MAX);
    value["status"]["conditions"][1]["status"] = json!("False");
    check("apps/v1", "Deployment", value, Status::InProgress, "Deployment not Available");
}

#[test]
fn a_deployment_past_its_deadline_has_failed() {
    let mut value = rolled_out();
    value["status"]["conditions"][0] =
        json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"});
    check("apps/v1", "Deployment", value, Status::Failed, "Progress deadline exceeded");
}

#[test]
fn a_stateful_set_is_current_when_all_pods_have_the_new_revision() {
    let status = json!({"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2,
        "currentRevision": "a", "updateRevision": "a"});
    let set = |status: &Value| json!({"spec": {"replicas": 2}, "status": status});
    check(
        "apps/v1",
        "StatefulSet",
        set(&status),
        Status::Current,
        "All replicas scheduled as expected. Replicas: 2",
    );
    for (field, to, message) in [
        ("replicas", json!(1), "Replicas: 1/2"),
        ("readyReplicas", json!(1), "Ready: 1/2"),
        ("replicas", json!(3), "Pending termination: 1"),
        ("currentReplicas", json!(1), "current: 1/2"),
        ("updateRevision", json!("b"), "Waiting for updated revision to match current"),
    ] {
        let mut status = status.clone();
        status[field] = to;
        check("apps/v1", "StatefulSet", set(&status), Status::InProgress, message);
    }
}

#[test]
fn a_stateful_set_with_a_partition_waits_for_the_pods_above_it() {
    let set = |updated: i64| {
        json!({
            "spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            "status": {"replicas": 3, "readyReplicas": 3, "updatedReplicas": updated},
        })
    };
    check("apps/v1", "StatefulSet", set(1), Status::InProgress, "updated: 1/2");
    check("apps/v1", "StatefulSet", set(2), Status::Current, "Partition rollout complete. updated: 2");
    let manual = json!({"spec": {"updateStrategy": {"type": "OnDelete"}}});
    check(
        "apps/v1",
        "StatefulSet",
        manual,
        Status::Current,
        "StatefulSet is using the ondelete update strategy",
    );
}

#[test]
fn a_daemon_set_is_current_on_all_nodes() {
    let set = |available: i64| {
        json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 1,
        "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "updatedNumberScheduled": 2,
        "numberAvailable": available, "numberReady": 2}})
    };
    check("apps/v1", "DaemonSet", set(2), Status::Current, "All replicas scheduled as expected. Replicas: 2");
    check("apps/v1", "DaemonSet", set(1), Status::InProgress, "Available: 1/2");
    check("apps/v1", "DaemonSet", json!({}), Status::InProgress, "DaemonSet metadata.generation not found");
}

#[test]
fn a_replica_set_reports_its_failures_as_progress() {
    let failing = json!({"status": {"conditions": [{"type": "ReplicaFailure", "status": "True"}]}});
    check("apps/v1", "ReplicaSet", failing, Status::InProgress, "Replica Failure condition. Check Pods");
    let ready = json!({"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "fullyLabeledReplicas": 1}});
    check("apps/v1", "ReplicaSet", ready, Status::Current, "ReplicaSet is available. Replicas: 1");
}

#[test]
fn a_job_is_waited_for_until_it_completes() {
    let job = |status: Value| json!({"spec": {"completions": 2}, "status": status});
    let ended = |kind: &str| json!({"startTime": "t", "succeeded": 2, "failed": 1, "conditions": [{"type": kind, "status": "True"}]});
    check("batch/v1", "Job", job(json!({})), Status::InProgress, "Job not started. active: 0/1");
    let running = json!({"startTime": "t", "active": 1});
    check(
        "batch/v1",
        "Job",
        job(running),
        Status::InProgress,
        "Job in progress. success:0, active: 1, failed: 0",
    );
    check("batch/v1", "Job", job(ended("Complete")), Status::Current, "Job Completed. succeeded: 2/2");
    check("batch/v1", "Job", job(ended("Failed")), Status::Failed, "Job Failed. failed: 1/2");
    check("batch/v1", "Job", json!({"spec": {"suspend": true}}), Status::Current, "Job is suspended");
}

#[test]
fn a_pod_is_current_when_ready_or_done() {
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    check("v1", "Pod", ready, Status::Current, "Pod is Ready");
    check(
        "v1",
        "Pod",
        json!({"status": {"phase": "Succeeded"}}),
        Status::Current,
        "Pod has completed successfully",
    );
    check(
        "v1",
        "Pod",
        json!({"status": {"phase": "Failed"}}),
        Status::Current,
        "Pod has completed, but not successfully",
    );
    check("v1", "Pod", json!({}), Status::InProgress, "Pod phase not available");
}

#[test]
fn a_crash_looping_pod_has_failed() {
    let waiting = |name: &str| json!({"name": name, "state": {"waiting": {"reason": "CrashLoopBackOff"}}});
    let pod = json!({"status": {"phase": "Running", "containerStatuses": [waiting("a"), {"name": "ok"}, waiting("b")]}});
    check("v1", "Pod", pod, Status::Failed, "Containers in CrashLoop state: a,b");
}

#[test]
fn an_unschedulable_pod_gets_fifteen_seconds() {
    let pod = |created: &str| {
        json!({"metadata": {"creationTimestamp": created}, "status": {"phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}})
    };
    check("v1", "Pod", pod("2026-11-21T12:59:50Z"), Status::InProgress, "Pod has not been scheduled");
    check("v1", "Pod", pod("2026-11-21T12:59:40Z"), Status::Failed, "Pod could not be scheduled");
    check(
        "v1",
        "Pod",
        json!({"status": {"phase": "Pending"}}),
        Status::InProgress,
        "Pod is in the Pending phase",
    );
}

#[test]
fn other_built_in_kinds_have_their_own_rules() {
    check("v1", "Secret", json!({}), Status::Current, "Resource is always ready");
    check("batch/v1", "CronJob", json!({}), Status::Current, "Resource is always ready");
    check("v1", "Service", json!({}), Status::Current, "Service is ready");
    let balanced = json!({"spec": {"type": "LoadBalancer"}});
    check("v1", "Service", balanced, Status::InProgress, "ClusterIP not set. Service type: LoadBalancer");
    check("v1", "PersistentVolumeClaim", json!({}), Status::InProgress, "PVC is not Bound. phase: unknown");
    check(
        "v1",
        "PersistentVolumeClaim",
        json!({"status": {"phase": "Bound"}}),
        Status::Current,
        "PVC is Bound",
    );
    let budget = "AllowedDisruptions has been computed.";
    check("policy/v1", "PodDisruptionBudget", json!({}), Status::Current, budget);
}

#[test]
fn a_definition_is_current_once_established() {
    let with = |kind: &str, status: &str, reason: &str| {
        json!({"status": {"conditions": [
        {"type": kind, "status": status, "reason": reason, "message": "words"}]}})
    };
    let check = |rest, status, message: &str| {
        check("apiextensions.k8s.io/v1", "CustomResourceDefinition", rest, status, message);
    };
    check(json!({}), Status::InProgress, "Install in progress");
    check(with("Established", "True", ""), Status::Current, "CRD is established");
    check(with("Established", "False", "Installing"), Status::InProgress, "Install in progress");
    check(with("NamesAccepted", "False", "Conflict"), Status::Failed, "words");
}
