use base64::{Engine, engine::general_purpose::STANDARD};
use manifest::Object;
use serde_json::{Map, Value, json};

/// Metadata that belongs to the server; in Git it comes from a committed `kubectl get -o yaml`.
const SERVER_METADATA: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// Fields that only an object read from a cluster has; controllers' generators write the others of
/// [`SERVER_METADATA`] too, empty.
const READ_FROM_A_CLUSTER: [&str; 3] = ["managedFields", "resourceVersion", "uid"];

/// Fields of the server in an object that was read from a cluster and committed; empty for all others.
pub(crate) fn server_fields(object: &Object) -> Vec<String> {
    let has = |path: &str| object.value().pointer(path).is_some_and(|value| !value.is_null());
    if !READ_FROM_A_CLUSTER.iter().any(|field| has(&format!("/metadata/{field}"))) {
        return Vec::new();
    }
    let metadata = SERVER_METADATA.iter().filter(|field| has(&format!("/metadata/{field}")));
    let status = has("/status").then(|| "status".to_owned());
    metadata.map(|field| format!("metadata.{field}")).chain(status).collect()
}

/// Brings an object into the form that is sent: what Flux gets by a round trip through the Go types of
/// known kinds, as far as the API server can tell the difference, and without fields of the server.
pub(crate) fn normalize(object: &mut Object) {
    let gvk = object.gvk();
    let metadata = object.metadata_mut();
    for field in SERVER_METADATA {
        metadata.shift_remove(field);
    }
    for field in ["labels", "annotations"] {
        if metadata.get(field).is_some_and(Value::is_null) {
            metadata.shift_remove(field);
        }
    }
    let crd = gvk.group == "apiextensions.k8s.io" && gvk.kind == "CustomResourceDefinition";
    let root = object.value_mut();
    if crd {
        drop_bad_ca_bundle(root);
    }
    if let Value::Object(map) = root {
        map.shift_remove("status");
    }
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Secret") => fold_string_data(root),
        ("", "Service") => default_service_ports(root),
        _ => {
            if let Some(pod) = pod_path(&gvk.group, &gvk.kind) {
                default_pod(root, pod);
            }
        }
    }
    if matches!((gvk.group.as_str(), gvk.kind.as_str()), ("apps", "Deployment")) {
        fill(root, "/spec", "strategy");
    }
    if matches!((gvk.group.as_str(), gvk.kind.as_str()), ("apps", "StatefulSet" | "DaemonSet")) {
        fill(root, "/spec", "updateStrategy");
    }
}

fn pod_path(group: &str, kind: &str) -> Option<&'static str> {
    match (group, kind) {
        ("", "Pod") => Some("/spec"),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
            Some("/spec/template/spec")
        }
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    }
}

/// `stringData` becomes `data`. Where the Go types would refuse the Secret it is left as it is, so that the
/// API server says what is wrong.
fn fold_string_data(root: &mut Value) {
    let Some(encoded) = encoded_string_data(root) else { return };
    let Value::Object(map) = root else { return };
    map.shift_remove("stringData");
    let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    if let Value::Object(data) = data {
        data.extend(encoded);
    }
}

fn encoded_string_data(root: &Value) -> Option<Vec<(String, Value)>> {
    let texts = root.get("stringData")?.as_object()?;
    let readable = match root.get("data") {
        None | Some(Value::Null) => true,
        Some(Value::Object(data)) => data.values().all(is_base64),
        Some(_) => false,
    };
    let encode = |(key, value): (&String, &Value)| {
        let text = if value.is_null() { "" } else { value.as_str()? };
        Some((key.clone(), Value::String(STANDARD.encode(text))))
    };
    if readable { texts.iter().map(encode).collect() } else { None }
}

fn is_base64(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| STANDARD.decode(text).is_ok())
}

/// The protocol is a merge key of ports: without it the API server mixes ports up
/// (kubernetes/kubernetes#98576). `targetPort` 0 is what the Go type prints; it reads as "the port".
fn default_service_ports(root: &mut Value) {
    let ports = root.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        default_protocol(port);
        port.entry("targetPort").or_insert_with(|| json!(0));
    }
}

fn default_pod(root: &mut Value, path: &str) {
    let Some(pod) = root.pointer_mut(path) else { return };
    for list in ["containers", "initContainers"] {
        let containers = pod.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
            default_container(container, list == "containers");
        }
    }
}

fn default_container(container: &mut Map<String, Value>, ports: bool) {
    container.entry("resources").or_insert_with(|| json!({}));
    let list = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in list.into_iter().flatten().filter_map(Value::as_object_mut).filter(|_| ports) {
        default_protocol(port);
    }
}

fn default_protocol(port: &mut Map<String, Value>) {
    let unset = |value: &Value| value.is_null() || value.as_str() == Some("");
    if port.get("protocol").is_none_or(unset) {
        port.insert("protocol".into(), "TCP".into());
    }
}

/// Sets an empty mapping where the Go type prints one.
fn fill(root: &mut Value, path: &str, field: &str) {
    if let Some(map) = root.pointer_mut(path).and_then(Value::as_object_mut) {
        map.entry(field).or_insert_with(|| json!({}));
    }
}

/// A `caBundle` that is no PEM certificate is refused by API servers since 1.31; injectors fill it in later.
fn drop_bad_ca_bundle(root: &mut Value) {
    let config = root.pointer_mut("/spec/conversion/webhook/clientConfig").and_then(Value::as_object_mut);
    let Some(config) = config else { return };
    let bad = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty() && !is_certificate(text));
    if config.get("caBundle").is_some_and(bad) {
        config.shift_remove("caBundle");
    }
}

fn is_certificate(text: &str) -> bool {
    let pem = STANDARD.decode(text).unwrap_or_default();
    let pem = String::from_utf8_lossy(&pem);
    let body = pem
        .split_once("-----BEGIN CERTIFICATE-----")
        .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"));
    let der = body.map(|(body, _)| body.split_whitespace().collect::<String>());
    // 0x30 opens the ASN.1 sequence that every certificate is.
    der.and_then(|der| STANDARD.decode(der).ok())
        .is_some_and(|der| der.first() == Some(&0x30) && der.len() > 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: Value, expect: Value) {
        let mut object = Object::from_value(input).unwrap();
        normalize(&mut object);
        assert_eq!(object.into_value(), expect);
    }

    #[test]
    fn a_committed_kubectl_get_is_known_by_what_only_a_cluster_gives() {
        let object = |metadata: Value| {
            Object::from_value(
                json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "status": {"x": 1}}),
            )
            .unwrap()
        };
        let fields = server_fields(&object(json!({"name": "x", "uid": "u", "creationTimestamp": "t"})));
        assert_eq!(fields, ["metadata.creationTimestamp", "metadata.uid", "status"]);
        assert!(server_fields(&object(json!({"name": "x", "creationTimestamp": null}))).is_empty());
    }

    #[test]
    fn fields_of_the_server_are_dropped() {
        check(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "uid": "u", "resourceVersion": "1",
                "managedFields": [{}], "creationTimestamp": null, "selfLink": "/x", "generation": 2, "labels": null}, "status": {}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        );
    }

    #[test]
    fn string_data_becomes_data_and_wins() {
        check(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": {"a": "b"}, "data": {"a": "eA==", "c": "eA=="}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {"a": "Yg==", "c": "eA=="}}),
        );
    }

    #[test]
    fn a_secret_the_server_must_refuse_is_left_alone() {
        for secret in [
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": {"a": [1]}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": {"a": "b"}, "data": {"c": "not base64 !"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "stringData": "x"}),
        ] {
            check(secret.clone(), secret);
        }
    }

    #[test]
    fn ports_get_their_protocol() {
        check(
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "targetPort": "dns"}]}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {"ports": [
                {"port": 80, "protocol": "TCP", "targetPort": 0}, {"port": 53, "protocol": "UDP", "targetPort": "dns"}]}}),
        );
        check(
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 1}]}]}}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": [
                {"name": "c", "ports": [{"containerPort": 1, "protocol": "TCP"}], "resources": {}}]}}),
        );
    }

    #[test]
    fn foreign_shapes_pass_unchanged() {
        for spec in [
            json!(null),
            json!([]),
            json!("x"),
            json!({"ports": "x", "template": 3}),
            json!({"template": {"spec": {"containers": [7, null]}}}),
        ] {
            for kind in ["Service", "Pod", "Secret"] {
                let mut object = Object::from_value(
                    json!({"apiVersion": "v1", "kind": kind, "spec": spec, "metadata": 7}),
                )
                .unwrap();
                normalize(&mut object);
                assert_eq!(object.value()["spec"], spec);
            }
        }
    }

    #[test]
    fn a_ca_bundle_that_is_no_certificate_is_dropped() {
        let crd = |config: Value| {
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {},
            "spec": {"conversion": {"webhook": {"clientConfig": config}}}})
        };
        check(crd(json!({"caBundle": "Cg==", "url": "u"})), crd(json!({"url": "u"})));
        check(crd(json!({"caBundle": "", "url": "u"})), crd(json!({"caBundle": "", "url": "u"})));
    }
}
