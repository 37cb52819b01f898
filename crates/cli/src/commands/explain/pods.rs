use kstatus::{PodCause, pod_cause};
use manifest::Object;
use serde_json::Value;

use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::logs::PODS,
    value::{at, namespace, text},
};

/// The pods of a workload; a pod is its own.
pub(super) async fn pods_of(cluster: &Cluster, workload: &Value) -> Result<Vec<Value>, CommandError> {
    if text(workload, &["kind"]) == "Pod" {
        return Ok(vec![workload.clone()]);
    }
    let labels = at(workload, &["spec", "selector", "matchLabels"]).and_then(Value::as_object);
    let Some(labels) = labels.filter(|labels| !labels.is_empty()) else { return Ok(Vec::new()) };
    let pairs = labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    let select = Select::labels(pairs.collect::<Vec<_>>().join(","));
    cluster.list(&PODS, Some(namespace(workload)), &select).await
}

/// Why a pod does not run; nothing when it does.
pub(super) fn failing(pod: &Value) -> Option<PodCause> {
    pod_cause(&Object::from_value(pod.clone()).ok()?)
}
