//! Merge keys of the built-in types (`x-kubernetes-patch-strategy`, `-patch-merge-key`, `-list-map-keys` of the
//! OpenAPI description of Kubernetes 1.21, which is what kustomize 5.8 holds). Only what leads to a list that
//! merges is listed; every other list is replaced.

use super::Schema;

/// The fields of a type that lead to a list that merges.
#[derive(Debug)]
pub(crate) struct Type(&'static [Field]);

/// One field.
#[derive(Debug)]
pub(crate) struct Field {
    name: &'static str,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A mapping of this type.
    Map(&'static Type),
    /// A list that merges by these keys; without keys, a list of scalars.
    Merge(&'static [&'static str], Option<&'static Type>),
}

const fn map(name: &'static str, of: &'static Type) -> Field {
    Field { name, place: Place::Map(of) }
}

const fn merge(name: &'static str, keys: &'static [&'static str]) -> Field {
    Field { name, place: Place::Merge(keys, None) }
}

const fn merge_of(name: &'static str, keys: &'static [&'static str], of: &'static Type) -> Field {
    Field { name, place: Place::Merge(keys, Some(of)) }
}

const NAME: &[&str] = &["name"];

static META: Type = Type(&[merge("finalizers", &[]), merge("ownerReferences", &["uid"])]);
static META_ONLY: Type = Type(&[map("metadata", &META)]);
static CONDITIONS: Type = Type(&[merge("conditions", &["type"])]);
static WITH_CONDITIONS: Type = Type(&[map("metadata", &META), map("status", &CONDITIONS)]);
static CONTAINER: Type = Type(&[
    merge("env", NAME),
    merge("ports", &["containerPort", "protocol"]),
    merge("volumeDevices", &["devicePath"]),
    merge("volumeMounts", &["mountPath"]),
]);
static EPHEMERAL_CONTAINER: Type = Type(&[
    merge("env", NAME),
    merge("volumeDevices", &["devicePath"]),
    merge("volumeMounts", &["mountPath"]),
]);
static EPHEMERAL_VOLUME: Type = Type(&[map("volumeClaimTemplate", &META_ONLY)]);
static VOLUME: Type = Type(&[map("ephemeral", &EPHEMERAL_VOLUME)]);
static POD_SPEC: Type = Type(&[
    merge_of("containers", NAME, &CONTAINER),
    merge_of("ephemeralContainers", NAME, &EPHEMERAL_CONTAINER),
    merge("hostAliases", &["ip"]),
    merge("imagePullSecrets", NAME),
    merge_of("initContainers", NAME, &CONTAINER),
    merge("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    merge_of("volumes", NAME, &VOLUME),
]);
static POD_STATUS: Type = Type(&[merge("conditions", &["type"]), merge("podIPs", &["ip"])]);
static POD: Type = Type(&[map("metadata", &META), map("spec", &POD_SPEC), map("status", &POD_STATUS)]);
static TEMPLATE: Type = Type(&[map("metadata", &META), map("spec", &POD_SPEC)]);
static POD_TEMPLATE: Type = Type(&[map("metadata", &META), map("template", &TEMPLATE)]);
static WORKLOAD_SPEC: Type = Type(&[map("template", &TEMPLATE)]);
static WORKLOAD: Type =
    Type(&[map("metadata", &META), map("spec", &WORKLOAD_SPEC), map("status", &CONDITIONS)]);
static JOB_TEMPLATE: Type = Type(&[map("metadata", &META), map("spec", &WORKLOAD_SPEC)]);
static CRON_JOB_SPEC: Type = Type(&[map("jobTemplate", &JOB_TEMPLATE)]);
static CRON_JOB: Type = Type(&[map("metadata", &META), map("spec", &CRON_JOB_SPEC)]);
static NODE_SPEC: Type = Type(&[merge("podCIDRs", &[])]);
static NODE_STATUS: Type = Type(&[merge("addresses", &["type"]), merge("conditions", &["type"])]);
static NODE: Type = Type(&[map("metadata", &META), map("spec", &NODE_SPEC), map("status", &NODE_STATUS)]);
static SERVICE_SPEC: Type = Type(&[merge("ports", &["port", "protocol"])]);
static SERVICE: Type =
    Type(&[map("metadata", &META), map("spec", &SERVICE_SPEC), map("status", &CONDITIONS)]);
static SERVICE_ACCOUNT: Type = Type(&[map("metadata", &META), merge("secrets", NAME)]);
static COMPONENT_STATUS: Type = Type(&[map("metadata", &META), merge("conditions", &["type"])]);
static WEBHOOKS: Type = Type(&[map("metadata", &META), merge("webhooks", NAME)]);
static CSI_NODE_SPEC: Type = Type(&[merge("drivers", NAME)]);
static CSI_NODE: Type = Type(&[map("metadata", &META), map("spec", &CSI_NODE_SPEC)]);
static KUSTOMIZATION: Type = Type(&[merge("configMapGenerator", NAME), merge("secretGenerator", NAME)]);

type Kinds = &'static [(&'static str, &'static Type)];

const WEBHOOK_KINDS: Kinds =
    &[("MutatingWebhookConfiguration", &WEBHOOKS), ("ValidatingWebhookConfiguration", &WEBHOOKS)];
const BUDGET_KINDS: Kinds =
    &[("PodDisruptionBudget", &WITH_CONDITIONS), ("Eviction", &META_ONLY), ("PodSecurityPolicy", &META_ONLY)];
const RBAC_KINDS: Kinds = &[
    ("ClusterRole", &META_ONLY),
    ("ClusterRoleBinding", &META_ONLY),
    ("Role", &META_ONLY),
    ("RoleBinding", &META_ONLY),
];
const STORAGE_KINDS: Kinds = &[
    ("CSINode", &CSI_NODE),
    ("CSIDriver", &META_ONLY),
    ("CSIStorageCapacity", &META_ONLY),
    ("StorageClass", &META_ONLY),
    ("VolumeAttachment", &META_ONLY),
];
const CORE_KINDS: Kinds = &[
    ("Binding", &META_ONLY),
    ("ComponentStatus", &COMPONENT_STATUS),
    ("ConfigMap", &META_ONLY),
    ("Endpoints", &META_ONLY),
    ("Event", &META_ONLY),
    ("LimitRange", &META_ONLY),
    ("Namespace", &WITH_CONDITIONS),
    ("Node", &NODE),
    ("PersistentVolume", &META_ONLY),
    ("PersistentVolumeClaim", &WITH_CONDITIONS),
    ("Pod", &POD),
    ("PodTemplate", &POD_TEMPLATE),
    ("ReplicationController", &WORKLOAD),
    ("ResourceQuota", &META_ONLY),
    ("Secret", &META_ONLY),
    ("Service", &SERVICE),
    ("ServiceAccount", &SERVICE_ACCOUNT),
];

static TYPES: &[(&str, Kinds)] = &[
    ("admissionregistration.k8s.io/v1", WEBHOOK_KINDS),
    ("admissionregistration.k8s.io/v1beta1", WEBHOOK_KINDS),
    ("apiextensions.k8s.io/v1", &[("CustomResourceDefinition", &META_ONLY)]),
    ("apiextensions.k8s.io/v1beta1", &[("CustomResourceDefinition", &META_ONLY)]),
    ("apiregistration.k8s.io/v1", &[("APIService", &WITH_CONDITIONS)]),
    ("apiregistration.k8s.io/v1beta1", &[("APIService", &WITH_CONDITIONS)]),
    (
        "apps/v1",
        &[
            ("ControllerRevision", &META_ONLY),
            ("DaemonSet", &WORKLOAD),
            ("Deployment", &WORKLOAD),
            ("ReplicaSet", &WORKLOAD),
            ("StatefulSet", &WORKLOAD),
        ],
    ),
    ("autoscaling/v1", &[("HorizontalPodAutoscaler", &META_ONLY), ("Scale", &META_ONLY)]),
    ("autoscaling/v2beta1", &[("HorizontalPodAutoscaler", &META_ONLY)]),
    ("autoscaling/v2beta2", &[("HorizontalPodAutoscaler", &META_ONLY)]),
    ("batch/v1", &[("CronJob", &CRON_JOB), ("Job", &WORKLOAD)]),
    ("batch/v1beta1", &[("CronJob", &CRON_JOB)]),
    ("certificates.k8s.io/v1", &[("CertificateSigningRequest", &META_ONLY)]),
    ("certificates.k8s.io/v1beta1", &[("CertificateSigningRequest", &META_ONLY)]),
    ("coordination.k8s.io/v1", &[("Lease", &META_ONLY)]),
    ("coordination.k8s.io/v1beta1", &[("Lease", &META_ONLY)]),
    ("discovery.k8s.io/v1", &[("EndpointSlice", &META_ONLY)]),
    ("discovery.k8s.io/v1beta1", &[("EndpointSlice", &META_ONLY)]),
    ("events.k8s.io/v1", &[("Event", &META_ONLY)]),
    ("events.k8s.io/v1beta1", &[("Event", &META_ONLY)]),
    ("extensions/v1beta1", &[("Ingress", &META_ONLY)]),
    (
        "flowcontrol.apiserver.k8s.io/v1beta1",
        &[("FlowSchema", &META_ONLY), ("PriorityLevelConfiguration", &META_ONLY)],
    ),
    ("kustomize.config.k8s.io/v1beta1", &[("Kustomization", &KUSTOMIZATION)]),
    (
        "networking.k8s.io/v1",
        &[("Ingress", &META_ONLY), ("IngressClass", &META_ONLY), ("NetworkPolicy", &META_ONLY)],
    ),
    ("networking.k8s.io/v1beta1", &[("Ingress", &META_ONLY), ("IngressClass", &META_ONLY)]),
    ("node.k8s.io/v1", &[("RuntimeClass", &META_ONLY)]),
    ("node.k8s.io/v1beta1", &[("RuntimeClass", &META_ONLY)]),
    ("policy/v1", &[("PodDisruptionBudget", &WITH_CONDITIONS)]),
    ("policy/v1beta1", BUDGET_KINDS),
    ("rbac.authorization.k8s.io/v1", RBAC_KINDS),
    ("rbac.authorization.k8s.io/v1beta1", RBAC_KINDS),
    ("scheduling.k8s.io/v1", &[("PriorityClass", &META_ONLY)]),
    ("scheduling.k8s.io/v1beta1", &[("PriorityClass", &META_ONLY)]),
    ("storage.k8s.io/v1", STORAGE_KINDS),
    ("storage.k8s.io/v1beta1", STORAGE_KINDS),
    ("v1", CORE_KINDS),
];

/// The type of an object.
pub(super) fn of(api_version: &str, kind: &str) -> Option<&'static Type> {
    let (_, kinds) = TYPES.iter().find(|(version, _)| *version == api_version)?;
    kinds.iter().find(|(name, _)| *name == kind).map(|(_, of)| *of)
}

impl Type {
    pub(super) fn field(&'static self, name: &str) -> Option<Schema<'static>> {
        let field = self.0.iter().find(|field| field.name == name)?;
        Some(match field.place {
            Place::Map(of) => Schema::Type(of),
            Place::Merge(keys, of) => Schema::List { keys, of },
        })
    }
}
