//! The objects that tests write again and again.
use serde_json::{Value, json};

/// An object with a spec.
pub(crate) fn object(namespace: &str, api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": { "name": name, "namespace": namespace },
        "spec": spec,
    })
}

/// A Secret of text.
pub(crate) fn secret(namespace: &str, name: &str, data: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "namespace": namespace },
        "stringData": data,
    })
}

/// A GitRepository of branch `main`, interval 10 minutes: nothing happens but for a cause.
pub fn git_repository(namespace: &str, name: &str, url: &str) -> Value {
    let spec = json!({ "interval": "10m", "url": url, "ref": { "branch": "main" } });
    object(namespace, "source.toolkit.fluxcd.io/v1", "GitRepository", name, spec)
}

/// A Kustomization of GitRepository `source`, path `path`, that prunes; `more` is merged over its spec, field by field.
pub fn kustomization(namespace: &str, name: &str, source: &str, path: &str, more: Value) -> Value {
    let mut spec = json!({
        "interval": "10m",
        "prune": true,
        "path": path,
        "sourceRef": { "kind": "GitRepository", "name": source },
        "targetNamespace": namespace,
        "timeout": "1m",
    });
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        for (key, value) in more {
            spec.insert(key.clone(), value.clone());
        }
    }
    object(namespace, "kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, spec)
}

/// A Deployment of one container `main`, with selector `app: NAME`.
pub fn deployment(name: &str, image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "main", "image": image }] },
            },
        },
    })
}

/// A Service on port 80 of `app: NAME`.
pub fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name },
        "spec": { "selector": { "app": name }, "ports": [{ "port": 80, "protocol": "TCP" }] },
    })
}

/// Objects as the text of one YAML file: JSON documents between `---` lines.
pub fn yaml_list(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{object:#}\n")).collect()
}
