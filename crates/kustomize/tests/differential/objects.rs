//! Objects of many kinds, which name each other.

use conformance::random::Dice;
use serde_json::{Value, json};

/// Names that objects of one layer have; several kinds share each.
pub(crate) const NAMES: [&str; 4] = ["web", "api-1", "db", "x.y"];

const TEXTS: [&str; 48] = [
    "x\u{85}y",
    "a \u{85}\u{85} b",
    "0o7",
    "1_000",
    "=",
    "<<",
    "*x",
    "&a b",
    "%d",
    "@x",
    "`x`",
    "!x",
    "? x",
    "'q' \"d\" \\",
    "\n lead",
    "three\n\n\nbreaks\n\n",
    "trail \nx",
    "12:30:45",
    ".inf",
    "-",
    "---",
    "...",
    "nb\u{a0}sp",
    "{a: b}",
    "[x]",
    "a: |\n  b\n",
    "x",
    "1",
    "true",
    "yes",
    "a: b",
    "",
    "2001-01-01",
    "0x1f",
    "two\nlines\n",
    "é",
    "tab\tx",
    "- a",
    " lead",
    "😀",
    "1e3",
    "~",
    "null",
    "012",
    "a#b",
    "web.default.svc:80",
    "two\nlines",
    "a text that goes on and on so that it has to be folded by the printer after column eighty",
];
const IMAGES: [&str; 6] =
    ["nginx", "nginx:1", "reg:5000/app:2", "nginx@sha256:abc", "reg:5000/app:2@sha256:abc", "busybox:1.36"];

pub(crate) fn text(dice: &mut Dice) -> &'static str {
    TEXTS[dice.below(TEXTS.len())]
}

/// A scalar of any type.
fn scalar(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => json!(dice.below(70_000)),
        1 => json!(dice.chance(50)),
        2 => json!(1.5),
        3 => Value::Null,
        _ => json!(text(dice)),
    }
}

pub(crate) const WORKLOADS: [(&str, &str); 5] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
];
const OTHERS: [(&str, &str); 21] = [
    ("v1", "ReplicationController"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "PersistentVolume"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("v1", "Namespace"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("example.com/v1", "Thing"),
];

/// An object of any kind.
pub(crate) fn object(dice: &mut Dice) -> Value {
    let (api_version, kind) = if dice.chance(45) { *dice.pick(&WORKLOADS) } else { *dice.pick(&OTHERS) };
    let name = *dice.pick(&NAMES);
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata(name, dice)});
    if let Some(fields) = body(kind, dice).as_object() {
        for (key, value) in fields {
            object[key] = value.clone();
        }
    }
    object
}

fn metadata(name: &str, dice: &mut Dice) -> Value {
    let mut metadata = json!({"name": name});
    if dice.chance(30) {
        metadata["labels"] = json!({"app": *dice.pick(&NAMES), "tier": "one"});
    }
    if dice.chance(30) {
        metadata["annotations"] = json!({"n": text(dice), "note": *dice.pick(&NAMES)});
    }
    if dice.chance(12) {
        metadata["namespace"] = json!(*dice.pick(&["default", "other"]));
    }
    metadata
}

fn body(kind: &str, dice: &mut Dice) -> Value {
    let other = *dice.pick(&NAMES);
    match kind {
        "ReplicationController" => json!({"spec": {"replicas": dice.below(4), "selector": {"app": other},
            "template": template(dice)}}),
        "ReplicaSet" => workload(true, dice),
        "PersistentVolume" => json!({"spec": {"storageClassName": other, "claimRef": {"name": other}}}),
        "Deployment" | "DaemonSet" => workload(kind == "Deployment", dice),
        "StatefulSet" => stateful(dice),
        "CronJob" => {
            json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template(dice)}}}})
        }
        "Job" => json!({"spec": {"template": template(dice)}}),
        "Pod" => json!({"spec": pod(dice)}),
        "ConfigMap" => config_map(dice),
        "Secret" => json!({"stringData": {"k": text(dice)}, "type": "Opaque"}),
        "Service" => {
            json!({"spec": {"selector": {"app": other}, "ports": [{"port": 80, "targetPort": "http"}]}})
        }
        "PersistentVolumeClaim" => json!({"spec": {"storageClassName": other, "volumeName": other}}),
        "Ingress" => ingress(dice),
        "NetworkPolicy" => json!({"spec": {"podSelector": {"matchLabels": {"app": other}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": other}}}]}]}}),
        "HorizontalPodAutoscaler" => json!({"spec": {"maxReplicas": 3, "scaleTargetRef":
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": other}}}),
        "PodDisruptionBudget" => {
            json!({"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": other}}}})
        }
        "RoleBinding" | "ClusterRoleBinding" => binding(kind, dice),
        "Role" | "ClusterRole" => json!({"rules": [{"apiGroups": [""], "resources": ["secrets"],
            "resourceNames": [other], "verbs": ["get"]}]}),
        "ValidatingWebhookConfiguration" => json!({"webhooks": [{"name": "a.b.c",
            "clientConfig": {"service": {"name": other, "namespace": "default"}}}]}),
        "StorageClass" => json!({"provisioner": "a/b"}),
        "Thing" => thing(dice),
        _ => json!({}),
    }
}

fn workload(replicas: bool, dice: &mut Dice) -> Value {
    let mut spec = json!({"template": template(dice)});
    if replicas && dice.chance(70) {
        spec["replicas"] = json!(dice.below(4));
    }
    if dice.chance(60) {
        spec["selector"] = json!({"matchLabels": {"app": *dice.pick(&NAMES)}});
    }
    json!({"spec": spec})
}

fn stateful(dice: &mut Dice) -> Value {
    let mut whole = workload(true, dice);
    whole["spec"]["serviceName"] = json!(*dice.pick(&NAMES));
    if dice.chance(60) {
        whole["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"},
            "spec": {"storageClassName": *dice.pick(&NAMES)}}]);
    }
    whole
}

fn template(dice: &mut Dice) -> Value {
    let mut template = json!({"spec": pod(dice)});
    if dice.chance(60) {
        template["metadata"] = json!({"labels": {"app": *dice.pick(&NAMES)}});
    }
    template
}

fn pod(dice: &mut Dice) -> Value {
    let mut containers = vec![container("main", dice)];
    if dice.chance(40) {
        containers.push(container("side", dice));
    }
    let mut pod = json!({"containers": containers});
    if dice.chance(25) {
        pod["initContainers"] = json!([container("init", dice)]);
    }
    if dice.chance(30) {
        pod["serviceAccountName"] = json!(*dice.pick(&NAMES));
    }
    if dice.chance(30) {
        pod["volumes"] = volumes(dice);
    }
    if dice.chance(15) {
        pod["imagePullSecrets"] = json!([{"name": *dice.pick(&NAMES)}]);
    }
    if dice.chance(15) {
        pod["tolerations"] = json!([{"key": "a", "operator": "Exists"}, {"key": "b", "value": text(dice)}]);
    }
    pod
}

fn volumes(dice: &mut Dice) -> Value {
    let name = *dice.pick(&NAMES);
    let projected = json!([{"configMap": {"name": name}}, {"secret": {"name": name}}]);
    json!([{"name": "c", "configMap": {"name": *dice.pick(&["web", "gen", "db"])}},
        {"name": "s", "secret": {"secretName": *dice.pick(&["web", "gen", "db"])}},
        {"name": "p", "persistentVolumeClaim": {"claimName": name}},
        {"name": "all", "projected": {"sources": projected}}])
}

pub(crate) fn container(name: &str, dice: &mut Dice) -> Value {
    let mut container = json!({"name": name, "image": *dice.pick(&IMAGES)});
    if dice.chance(50) {
        container["env"] = json!([{"name": "A", "value": text(dice)}, {"name": "B", "valueFrom":
            {"configMapKeyRef": {"name": *dice.pick(&["gen", "web"]), "key": "k"}}}]);
    }
    if dice.chance(30) {
        container["envFrom"] = json!([{"configMapRef": {"name": "gen"}}, {"secretRef": {"name": "gen"}}]);
    }
    if dice.chance(40) {
        container["ports"] = json!([{"containerPort": 80}, {"containerPort": 443, "protocol": "TCP"}]);
    }
    if dice.chance(30) {
        container["args"] = json!(["--a", text(dice), "$(VAR_A)"]);
    }
    if dice.chance(25) {
        container["volumeMounts"] =
            json!([{"name": "c", "mountPath": "/c"}, {"name": "s", "mountPath": "/s"}]);
    }
    if dice.chance(20) {
        container["resources"] = json!({"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "100m"}});
    }
    container
}

fn config_map(dice: &mut Dice) -> Value {
    if dice.chance(15) {
        return json!({"data": {"nested": "a: 1\nb:\n  c: x\n", "json": "{\"a\": {\"b\": 1}}"}});
    }
    json!({"data": {"k": text(dice), "yes": "no", "host": "web.default.svc:80"}})
}

fn ingress(dice: &mut Dice) -> Value {
    let name = *dice.pick(&NAMES);
    json!({"spec": {"tls": [{"secretName": *dice.pick(&NAMES), "hosts": ["a.example.com"]}],
        "rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": name, "port": {"number": 80}}}}]}}]}})
}

fn binding(kind: &str, dice: &mut Dice) -> Value {
    let role = if kind == "RoleBinding" && dice.chance(50) { "Role" } else { "ClusterRole" };
    let mut subject = json!({"kind": "ServiceAccount", "name": *dice.pick(&["web", "db", "default"])});
    if dice.chance(60) {
        subject["namespace"] = json!("default");
    }
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": *dice.pick(&NAMES)});
    json!({"roleRef": role, "subjects": [subject, {"kind": "User", "name": "jane"}]})
}

/// A kind without a schema.
fn thing(dice: &mut Dice) -> Value {
    json!({"spec": {"containers": [container("main", dice)], "value": scalar(dice), "ref": {"name": *dice.pick(&NAMES)},
        "list": [scalar(dice), scalar(dice), {"a": scalar(dice)}], "deep": {"image": "nginx:2", "a.b/c": scalar(dice)},
        "empty": {}, "none": []}})
}
