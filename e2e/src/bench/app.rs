//! The application that every row deploys: Deployment without replicas, Service, ServiceAccount, generated ConfigMap.
use serde_json::{Value, json};

use crate::{deployment, service};

/// The namespace of application `number`; each has its own.
pub(crate) fn namespace(prefix: &str, number: usize) -> String {
    format!("{prefix}-{number:04}")
}

/// The files of the folder of one application; `version` stands in its ConfigMap and in the Deployment.
pub(crate) fn files(number: usize, version: &str) -> Vec<(String, String)> {
    let folder = format!("apps/{number:04}");
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["deployment.yaml", "service.yaml", "account.yaml"],
        "configMapGenerator": [{
            "name": "settings",
            "literals": [format!("version={version}")],
            "options": { "disableNameSuffixHash": true },
        }],
    });
    let file = |name: &str, object: Value| (format!("{folder}/{name}"), format!("{object:#}\n"));
    vec![
        file("deployment.yaml", versioned(version, 0)),
        file("service.yaml", service("app")),
        file("account.yaml", account()),
        file("kustomization.yaml", kustomization),
    ]
}

/// The objects of one application as a bare client sends them.
pub(crate) fn objects(namespace: &str, version: &str, replicas: u32) -> Vec<Value> {
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" }, "data": { "version": version },
    });
    let mut objects = vec![versioned(version, replicas), service("app"), account(), settings];
    for object in &mut objects {
        object["metadata"]["namespace"] = namespace.into();
    }
    objects
}

fn account() -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "app" } })
}

fn versioned(version: &str, replicas: u32) -> Value {
    let mut object = deployment("app", "app:1.0", replicas);
    object["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{ "name": "VERSION", "value": version }]);
    object
}

/// A namespace as an object.
pub(crate) fn namespace_object(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}
