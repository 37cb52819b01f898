//! Rules of the kinds Kubernetes itself brings.

use manifest::Object;
use serde_json::Value;

use crate::{
    compute::ComputeError,
    field::{conditions, text},
    status::Health,
};

pub(crate) mod job;
mod pods;
mod workload;

/// The verdict of the object's kind; `None` for kinds without rules.
pub(crate) fn judge(object: &Object, now: i64) -> Option<Result<Health, ComputeError>> {
    let gvk = object.gvk();
    let value = object.value();
    Some(Ok(match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Pod") => return Some(pods::judge(object, now)),
        ("", "Secret" | "ConfigMap") | ("batch", "CronJob") => Health::current("Resource is always ready"),
        ("", "Service") => service(value),
        ("", "PersistentVolumeClaim") => claim(value),
        ("apps", "StatefulSet") => workload::stateful_set(value),
        ("apps" | "extensions", "DaemonSet") => workload::daemon_set(value),
        ("apps" | "extensions", "Deployment") => workload::deployment(value),
        ("apps" | "extensions", "ReplicaSet") => workload::replica_set(value),
        ("policy", "PodDisruptionBudget") => Health::current("AllowedDisruptions has been computed."),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(value),
        _ => return None,
    }))
}

fn service(value: &Value) -> Health {
    let balanced = text(value, &["spec", "type"], "ClusterIP") == "LoadBalancer";
    if balanced && text(value, &["spec", "clusterIP"], "").is_empty() {
        return Health::in_progress("ClusterIP not set. Service type: LoadBalancer");
    }
    Health::current("Service is ready")
}

fn claim(value: &Value) -> Health {
    match text(value, &["status", "phase"], "unknown") {
        "Bound" => Health::current("PVC is Bound"),
        phase => Health::in_progress(format!("PVC is not Bound. phase: {phase}")),
    }
}

fn definition(value: &Value) -> Health {
    for condition in conditions(value) {
        if condition.is("NamesAccepted", "False") {
            return Health::failed(condition.message);
        }
        if condition.is("Established", "False") && condition.reason != "Installing" {
            return Health::failed(condition.message);
        }
        if condition.is("Established", "True") {
            return Health::current("CRD is established");
        }
    }
    Health::in_progress("Install in progress")
}
