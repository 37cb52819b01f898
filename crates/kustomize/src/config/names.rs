use super::{FieldSpec, NameReferences};
use crate::resid::Gvk;

/// Version, kind and the path of the pod spec. ConfigMaps and Secrets are looked for here.
const DATA_PODS: &[(&str, &str, &str)] = &[
    ("v1", "Pod", "spec"),
    ("", "PodTemplate", "template/spec"),
    ("", "Deployment", "spec/template/spec"),
    ("", "ReplicaSet", "spec/template/spec"),
    ("", "DaemonSet", "spec/template/spec"),
    ("", "StatefulSet", "spec/template/spec"),
    ("", "Job", "spec/template/spec"),
    ("", "CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// The same for service accounts, claims and priority classes.
const OTHER_PODS: &[(&str, &str, &str)] = &[
    ("", "Pod", "spec"),
    ("", "StatefulSet", "spec/template/spec"),
    ("", "Deployment", "spec/template/spec"),
    ("", "ReplicationController", "spec/template/spec"),
    ("", "CronJob", "spec/jobTemplate/spec/template/spec"),
    ("", "Job", "spec/template/spec"),
    ("", "DaemonSet", "spec/template/spec"),
];

const CONFIG_MAP_FIELDS: &[&str] = &[
    "volumes/configMap/name",
    "containers/env/valueFrom/configMapKeyRef/name",
    "initContainers/env/valueFrom/configMapKeyRef/name",
    "containers/envFrom/configMapRef/name",
    "initContainers/envFrom/configMapRef/name",
    "volumes/projected/sources/configMap/name",
];

const SECRET_FIELDS: &[&str] = &[
    "volumes/secret/secretName",
    "containers/env/valueFrom/secretKeyRef/name",
    "initContainers/env/valueFrom/secretKeyRef/name",
    "containers/envFrom/secretRef/name",
    "initContainers/envFrom/secretRef/name",
    "imagePullSecrets/name",
    "volumes/projected/sources/secret/name",
];

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Group, kind and path of a field; the version is given where it matters.
type Row = (&'static str, &'static str, &'static str);

const CONFIG_MAP: &[Row] = &[
    ("", "Node", "spec/configSource/configMap"),
    ("", "Role", "rules/resourceNames"),
    ("", "ClusterRole", "rules/resourceNames"),
    ("", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap"),
];

const SECRET: &[Row] = &[
    ("", "Ingress", "spec/tls/secretName"),
    ("", "Ingress", r"metadata/annotations/ingress.kubernetes.io\/auth-secret"),
    ("", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret"),
    ("", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret"),
    ("", "ServiceAccount", "imagePullSecrets/name"),
    ("", "StorageClass", "parameters/secretName"),
    ("", "StorageClass", "parameters/adminSecretName"),
    ("", "StorageClass", "parameters/userSecretName"),
    ("", "StorageClass", "parameters/secretRef"),
    ("", "Role", "rules/resourceNames"),
    ("", "ClusterRole", "rules/resourceNames"),
    ("", "PersistentVolume", "spec/azureFile/secretName"),
];

const SERVICE: &[Row] = &[
    ("apps", "StatefulSet", "spec/serviceName"),
    ("", "Ingress", "spec/rules/http/paths/backend/serviceName"),
    ("", "Ingress", "spec/backend/serviceName"),
    ("", "Ingress", "spec/rules/http/paths/backend/service/name"),
    ("", "Ingress", "spec/defaultBackend/service/name"),
    ("apiregistration.k8s.io", "APIService", "spec/service/name"),
    (ADMISSION, "ValidatingWebhookConfiguration", "webhooks/clientConfig/service"),
    (ADMISSION, "MutatingWebhookConfiguration", "webhooks/clientConfig/service"),
];

const SCALED: &[Row] = &[("", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")];

/// Group, version and kind of what is named, and the fields that name it.
const OTHERS: &[(&str, &str, &str, &[Row])] = &[
    ("", "", "Deployment", SCALED),
    ("", "", "ReplicationController", SCALED),
    ("", "", "ReplicaSet", SCALED),
    ("", "", "StatefulSet", SCALED),
    ("", "v1", "Service", SERVICE),
    (RBAC, "", "Role", &[(RBAC, "RoleBinding", "roleRef/name")]),
    (
        RBAC,
        "",
        "ClusterRole",
        &[(RBAC, "RoleBinding", "roleRef/name"), (RBAC, "ClusterRoleBinding", "roleRef/name")],
    ),
    (
        "",
        "v1",
        "PersistentVolume",
        &[("", "PersistentVolumeClaim", "spec/volumeName"), ("", "ClusterRole", "rules/resourceNames")],
    ),
    (
        "storage.k8s.io",
        "v1",
        "StorageClass",
        &[
            ("", "PersistentVolume", "spec/storageClassName"),
            ("", "PersistentVolumeClaim", "spec/storageClassName"),
            ("", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
        ],
    ),
    // The group is written with its version in the reference tool's table, so that it matches nothing there either.
    ("networking.k8s.io/v1", "v1", "IngressClass", &[("", "Ingress", "spec/ingressClassName")]),
    (
        ADMISSION,
        "",
        "ValidatingAdmissionPolicy",
        &[(ADMISSION, "ValidatingAdmissionPolicyBinding", "spec/policyName")],
    ),
];

/// Every built-in field that holds the name of another object.
pub(super) fn name_references() -> Vec<NameReferences> {
    let mut all: Vec<_> = OTHERS
        .iter()
        .map(|(group, version, kind, fields)| {
            NameReferences::new(Gvk::new(group, version, kind), rows(fields))
        })
        .collect();
    all.push(core("ConfigMap", pods(DATA_PODS, CONFIG_MAP_FIELDS), CONFIG_MAP));
    all.push(core("Secret", secret_pods(), SECRET));
    let subjects = [(RBAC, "RoleBinding", "subjects"), (RBAC, "ClusterRoleBinding", "subjects")];
    all.push(core("ServiceAccount", pods(OTHER_PODS, &["serviceAccountName"]), &subjects));
    all.push(core(
        "PersistentVolumeClaim",
        pods(OTHER_PODS, &["volumes/persistentVolumeClaim/claimName"]),
        &[],
    ));
    let priority = Gvk::new("scheduling.k8s.io", "v1", "PriorityClass");
    all.push(NameReferences::new(priority, pods(OTHER_PODS, &["priorityClassName"])));
    all
}

fn core(kind: &str, mut specs: Vec<FieldSpec>, more: &[Row]) -> NameReferences {
    specs.extend(rows(more));
    NameReferences::new(Gvk::new("", "v1", kind), specs)
}

fn secret_pods() -> Vec<FieldSpec> {
    let mut specs = pods(DATA_PODS, SECRET_FIELDS);
    let path = "spec/template/spec/containers/env/valueFrom/secretKeyRef/name";
    specs.push(FieldSpec::new(("serving.knative.dev", "v1", "Service"), path, false));
    specs
}

fn pods(pods: &[(&str, &str, &str)], fields: &[&str]) -> Vec<FieldSpec> {
    let each = |(version, kind, pod): &(&str, &str, &str)| {
        let make = |field: &&str| FieldSpec::new(("", version, kind), format!("{pod}/{field}"), false);
        fields.iter().map(make).collect::<Vec<_>>()
    };
    pods.iter().flat_map(each).collect()
}

fn rows(rows: &[Row]) -> Vec<FieldSpec> {
    rows.iter().map(|(group, kind, path)| FieldSpec::new((group, "", kind), *path, false)).collect()
}
