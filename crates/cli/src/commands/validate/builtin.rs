//! The kinds of Kubernetes itself: decoded by their types; what a type does not keep is a field that it does not have.
use k8s_openapi::{
    Resource,
    api::{
        admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling,
        batch::v1 as batch, core::v1 as core, discovery::v1 as discovery, networking::v1 as networking,
        node::v1 as node, policy::v1 as policy, rbac::v1 as rbac, scheduling::v1 as scheduling,
        storage::v1 as storage,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1 as extensions,
    kube_aggregator::pkg::apis::apiregistration::v1 as registration,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::schema::Problem;
use crate::value::text;

/// Reads an object as one type.
type Check = fn(&Value) -> Vec<Problem>;

/// API version, kind and check of each.
macro_rules! kinds {
    ($($kind:ty),+ $(,)?) => {
        &[$((<$kind as Resource>::API_VERSION, <$kind as Resource>::KIND, decoded::<$kind> as Check)),+]
    };
}

static KINDS: &[(&str, &str, Check)] = kinds![
    admission::MutatingWebhookConfiguration,
    admission::ValidatingAdmissionPolicy,
    admission::ValidatingAdmissionPolicyBinding,
    admission::ValidatingWebhookConfiguration,
    apps::DaemonSet,
    apps::Deployment,
    apps::ReplicaSet,
    apps::StatefulSet,
    autoscaling::HorizontalPodAutoscaler,
    batch::CronJob,
    batch::Job,
    core::ConfigMap,
    core::Endpoints,
    core::LimitRange,
    core::Namespace,
    core::PersistentVolume,
    core::PersistentVolumeClaim,
    core::Pod,
    core::ReplicationController,
    core::ResourceQuota,
    core::Secret,
    core::Service,
    core::ServiceAccount,
    discovery::EndpointSlice,
    extensions::CustomResourceDefinition,
    networking::Ingress,
    networking::IngressClass,
    networking::NetworkPolicy,
    node::RuntimeClass,
    policy::PodDisruptionBudget,
    rbac::ClusterRole,
    rbac::ClusterRoleBinding,
    rbac::Role,
    rbac::RoleBinding,
    registration::APIService,
    scheduling::PriorityClass,
    storage::CSIDriver,
    storage::StorageClass,
];

/// Keys of objects whose values are quantities, which may be written as numbers.
const QUANTITIES: [&str; 12] = [
    "limits",
    "requests",
    "hard",
    "capacity",
    "allocatable",
    "podFixed",
    "min",
    "max",
    "default",
    "defaultRequest",
    "maxLimitRequestRatio",
    "used",
];
/// Keys whose value is one quantity.
const QUANTITY: [&str; 4] = ["sizeLimit", "averageValue", "divisor", "value"];

/// What is wrong with an object; nothing when it is of another kind.
pub(super) fn check(object: &Value) -> Option<Vec<Problem>> {
    let (version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
    if let Some((.., check)) = KINDS.iter().find(|known| (known.0, known.1) == (version, kind)) {
        return Some(check(object));
    }
    let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let same = KINDS.iter().filter(|known| known.1 == kind);
    let served = same.clone().find(|known| group(known.0) == group(version) || is_former(&group(version)))?;
    let message = format!("{kind} is not served in version '{version}': '{}' is", served.0);
    Some(vec![Problem { path: vec!["apiVersion".into()], message }])
}

/// Groups whose kinds have moved.
fn is_former(group: &str) -> bool {
    group == "extensions"
}

fn decoded<K: DeserializeOwned + Serialize>(object: &Value) -> Vec<Problem> {
    let mut object = object.clone();
    quantities(&mut object, "");
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    match serde_path_to_error::deserialize::<_, K>(&object) {
        Err(error) => {
            let path = error.path().iter().filter_map(|part| match part {
                serde_path_to_error::Segment::Seq { index } => Some(index.to_string()),
                serde_path_to_error::Segment::Map { key } => Some(key.clone()),
                _ => None,
            });
            vec![Problem { path: path.collect(), message: error.inner().to_string() }]
        }
        Ok(typed) => {
            let mut found = Vec::new();
            let kept = serde_json::to_value(typed).unwrap_or_default();
            unknown(&object, &kept, &mut Vec::new(), &mut found);
            found
        }
    }
}

/// Numbers where a quantity is meant, as the API server reads them.
fn quantities(value: &mut Value, under: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| quantities(item, under)),
        Value::Object(fields) => {
            let all = QUANTITIES.contains(&under);
            for (key, inner) in fields {
                if inner.is_number() && (all || QUANTITY.contains(&key.as_str()) && under != "data") {
                    *inner = plain_value(key, under, inner);
                } else {
                    quantities(inner, key);
                }
            }
        }
        _ => {}
    }
}

/// `value` of a PriorityClass or a toleration is no quantity; only that of a metric's target is.
fn plain_value(key: &str, under: &str, value: &Value) -> Value {
    if key == "value" && under != "target" { value.clone() } else { Value::String(value.to_string()) }
}

fn unknown(given: &Value, kept: &Value, path: &mut Vec<String>, found: &mut Vec<Problem>) {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (key, inner) in given {
                path.push(key.clone());
                match kept.get(key) {
                    Some(kept) => unknown(inner, kept, path, found),
                    None if inner.is_null() => {}
                    None => {
                        found.push(Problem { path: path.clone(), message: format!("unknown field '{key}'") })
                    }
                }
                path.pop();
            }
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (at, (given, kept)) in given.iter().zip(kept).enumerate() {
                path.push(at.to_string());
                unknown(given, kept, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::check;

    fn deployment(spec: &Value) -> Value {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" }, "spec": {
            "selector": { "matchLabels": { "a": "b" } },
            "template": { "metadata": { "labels": { "a": "b" } }, "spec": spec },
        }})
    }

    fn told(object: &Value) -> Vec<String> {
        let found = check(object).expect("the kind is known");
        found.into_iter().map(|problem| format!("{}: {}", problem.path.join("."), problem.message)).collect()
    }

    #[test]
    fn good_objects_have_no_problem_and_numbers_are_quantities() {
        let spec = json!({ "containers": [{ "name": "a", "image": "b",
            "resources": { "limits": { "cpu": 1, "memory": "1Gi" } }, "env": [{ "name": "A", "value": "1" }] }] });
        assert_eq!(told(&deployment(&spec)), Vec::<String>::new());
        let class = json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "a" }, "value": 7 });
        assert_eq!(told(&class), Vec::<String>::new());
    }

    #[test]
    fn a_field_of_another_type_and_one_that_is_unknown_have_their_place() {
        let wrong =
            deployment(&json!({ "containers": [{ "name": "a", "ports": [{ "containerPort": "http" }] }] }));
        let found = told(&wrong);
        assert!(
            found[0]
                .starts_with("spec.template.spec.containers.0.ports.0.containerPort: invalid type: string"),
            "{found:?}"
        );
        let unknown = deployment(&json!({ "containers": [{ "name": "a", "imagePullPolice": "Always" }] }));
        assert_eq!(
            told(&unknown),
            ["spec.template.spec.containers.0.imagePullPolice: unknown field 'imagePullPolice'"]
        );
    }

    #[test]
    fn versions_that_are_gone_are_told_with_the_one_that_is_served() {
        let old =
            json!({ "apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": { "name": "a" } });
        assert_eq!(
            told(&old),
            ["apiVersion: Ingress is not served in version 'extensions/v1beta1': 'networking.k8s.io/v1' is"]
        );
        let other = json!({ "apiVersion": "example.com/v1", "kind": "Ingress", "metadata": { "name": "a" } });
        assert!(check(&other).is_none());
    }
}
