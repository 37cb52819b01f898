//! The kinds of Kubernetes itself: decoded by their types; what a type does not keep is a field that it does not have.
use k8s_openapi::{
    Resource,
    api::{
        admissionregistration::v1 as admission, apps::v1 as apps, autoscaling, batch::v1 as batch,
        core::v1 as core, discovery::v1 as discovery, networking::v1 as networking, node::v1 as node,
        policy::v1 as policy, rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
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
    // The newest first: it is the one that is named.
    autoscaling::v2::HorizontalPodAutoscaler,
    autoscaling::v1::HorizontalPodAutoscaler,
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

/// Versions that no Kubernetes of today serves; others that are not in the list above may be switched on.
const REMOVED: [&str; 19] = [
    "admissionregistration.k8s.io/v1alpha1",
    "apiextensions.k8s.io/v1beta1",
    "apiregistration.k8s.io/v1beta1",
    "apps/v1beta1",
    "apps/v1beta2",
    "autoscaling/v2beta1",
    "autoscaling/v2beta2",
    "batch/v1beta1",
    "batch/v2alpha1",
    "discovery.k8s.io/v1beta1",
    "extensions/v1beta1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "rbac.authorization.k8s.io/v1beta1",
    "scheduling.k8s.io/v1beta1",
    "storage.k8s.io/v1beta1",
];

/// What is wrong with an object; nothing when it is of another kind.
pub(super) fn check(object: &Value) -> Option<Vec<Problem>> {
    let (version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
    if let Some((.., check)) = KINDS.iter().find(|known| (known.0, known.1) == (version, kind)) {
        return Some(check(object));
    }
    let is_stable = !version.contains("alpha") && !version.contains("beta");
    if !is_stable && !REMOVED.contains(&version) {
        return None;
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
            compare(&object, &kept, &mut Vec::new(), &mut found);
            found
        }
    }
}

/// Fields that a type has to have, and that the API server fills in or takes for nothing: under what, and which.
const FILLED_IN: [(&str, &str); 6] = [
    ("", "endpoints"),
    ("", "metadata"),
    ("", "status"),
    ("", "value"),
    ("iscsi", "lun"),
    ("roleRef", "apiGroup"),
];

/// Fields that are given and unknown, and fields that are needed and not given: only these are written where they are absent.
fn compare(given: &Value, kept: &Value, path: &mut Vec<String>, found: &mut Vec<Problem>) {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (key, inner) in given {
                path.push(key.clone());
                match kept.get(key) {
                    Some(kept) => compare(inner, kept, path, found),
                    None if inner.is_null() => {}
                    None => {
                        found.push(Problem { path: path.clone(), message: format!("unknown field '{key}'") })
                    }
                }
                path.pop();
            }
            let under = path.last().map_or("", String::as_str);
            let absent = kept
                .keys()
                .filter(|key| !given.contains_key(*key) && !FILLED_IN.contains(&(under, key.as_str())));
            let problem = |key: &String| Problem {
                path: path.iter().chain([key]).cloned().collect(),
                message: "is required".into(),
            };
            found.extend(absent.map(problem));
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (at, (given, kept)) in given.iter().zip(kept).enumerate() {
                path.push(at.to_string());
                compare(given, kept, path, found);
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
    fn a_definition_may_have_fields_that_are_called_as_quantities_are() {
        let schema =
            json!({ "type": "object", "properties": { "max": { "type": "integer", "minimum": 1 } } });
        let definition = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": "as.b.c" }, "spec": { "group": "b.c", "scope": "Cluster",
                "names": { "kind": "A", "plural": "as" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }] } });
        assert_eq!(told(&definition), Vec::<String>::new());
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
    fn a_field_that_is_needed_is_missed() {
        let bare = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" },
            "spec": { "template": { "spec": { "containers": [{ "image": "b" }] } } } });
        let found = told(&bare);
        assert_eq!(
            found,
            ["spec.template.spec.containers.0.name: is required", "spec.selector: is required"]
        );
        let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "a" }, "roleRef": { "kind": "Role", "name": "a" } });
        assert_eq!(told(&binding), Vec::<String>::new());
    }

    #[test]
    fn versions_that_are_gone_are_told_with_the_one_that_is_served() {
        let old =
            json!({ "apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": { "name": "a" } });
        assert_eq!(
            told(&old),
            ["apiVersion: Ingress is not served in version 'extensions/v1beta1': 'networking.k8s.io/v1' is"]
        );
        let earlier = json!({ "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "a" },
            "spec": { "maxReplicas": 2, "scaleTargetRef": { "kind": "Deployment", "name": "a" } } });
        assert_eq!(told(&earlier), Vec::<String>::new());
        let removed = json!({ "apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler" });
        assert!(told(&removed)[0].ends_with("'autoscaling/v2' is"), "{:?}", told(&removed));
        let beta = json!({ "apiVersion": "admissionregistration.k8s.io/v1beta1", "kind": "ValidatingAdmissionPolicy" });
        assert!(check(&beta).is_none(), "a beta may be switched on");
        let other = json!({ "apiVersion": "example.com/v1", "kind": "Ingress", "metadata": { "name": "a" } });
        assert!(check(&other).is_none());
    }
}
