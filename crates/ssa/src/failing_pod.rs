use manifest::Object;
use serde_json::Value;

use crate::{Session, discovery::segment, health::FailingPod, request::Call};

/// Pods read to find the one that says why.
const MAX_PODS: usize = 50;

/// The first pod of a workload, by name, that does not run, and why. A question that fails is no answer:
/// the health of the workload itself is already known.
pub(crate) async fn find(session: &Session, workload: &Object) -> Option<FailingPod> {
    let selector = selector(workload)?;
    let namespace = segment(workload.namespace()?);
    let path =
        format!("/api/v1/namespaces/{namespace}/pods?limit={MAX_PODS}&labelSelector={}", segment(&selector));
    let list = session.send(&Call::list(path)).await.ok()?.value;
    let pods = list.get("items")?.as_array()?;
    let mut failing: Vec<FailingPod> = pods.iter().filter_map(failing).collect();
    failing.sort_by(|a, b| a.pod.cmp(&b.pod));
    failing.into_iter().next().or_else(|| uncreated(workload))
}

/// Why a Deployment has no pods: a quota or a webhook that refuses them.
fn uncreated(workload: &Object) -> Option<FailingPod> {
    let conditions = workload.value().pointer("/status/conditions")?.as_array()?;
    let text = |condition: &Value, field: &str| Some(condition.get(field)?.as_str()?.to_owned());
    let failure = conditions.iter().find(|condition| {
        text(condition, "type").as_deref() == Some("ReplicaFailure")
            && text(condition, "status").as_deref() == Some("True")
    })?;
    let message = text(failure, "message")?.chars().take(MAX_MESSAGE).collect();
    let cause = kstatus::PodCause { container: None, reason: text(failure, "reason")?, message };
    Some(FailingPod { pod: String::new(), cause })
}

/// Characters of a condition's message that are told.
const MAX_MESSAGE: usize = 300;

fn failing(item: &Value) -> Option<FailingPod> {
    let mut item = item.clone();
    let map = item.as_object_mut()?;
    map.insert("apiVersion".into(), "v1".into());
    map.insert("kind".into(), "Pod".into());
    let pod = Object::from_value(item).ok()?;
    let cause = kstatus::pod_cause(&pod)?;
    Some(FailingPod { pod: pod.name().to_owned(), cause })
}

/// The selector of the workload's pods as text; `None` for kinds without pods of their own.
pub(crate) fn selector(workload: &Object) -> Option<String> {
    let gvk = workload.gvk();
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {}
        _ => return None,
    }
    let selector = workload.value().get("spec")?.get("selector")?;
    let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let mut parts: Vec<String> =
        labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    parts.extend(expressions.filter_map(expression));
    (!parts.is_empty()).then(|| parts.join(","))
}

fn expression(expression: &Value) -> Option<String> {
    let key = expression.get("key")?.as_str()?;
    let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
    let values = values.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    Some(match expression.get("operator")?.as_str()? {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} notin ({values})"),
        "Exists" => key.to_owned(),
        "DoesNotExist" => format!("!{key}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(api_version: &str, kind: &str, spec: Value, expect: Option<&str>) {
        let object =
            Object::from_value(json!({"apiVersion": api_version, "kind": kind, "spec": spec})).unwrap();
        assert_eq!(selector(&object).as_deref(), expect);
    }

    #[test]
    fn pods_are_found_by_the_selector_of_the_workload() {
        let spec = json!({"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "Exists"}, {"key": "y", "operator": "?"}]}});
        check("apps/v1", "Deployment", spec.clone(), Some("app=web,tier in (a,b),x"));
        check("v1", "Service", spec, None);
    }

    #[test]
    fn an_empty_or_foreign_selector_selects_no_pods() {
        for spec in [json!({}), json!({"selector": {}}), json!({"selector": "x"}), json!(3)] {
            check("apps/v1", "Deployment", spec, None);
        }
    }
}
