use std::cmp::Ordering;

use manifest::{Object, ObjectId};

/// Kinds applied before all others, in this order (Flux: `ReconcileOrder.First`).
const FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
/// Kinds applied after all others: they could refuse what comes after them.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
/// Index in `FIRST` of the first kind that runs something and so needs what stands before it.
const WORKLOADS: usize = 19;

/// A part of an apply that is finished, and where said ready, before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// CRDs, Namespaces and ClusterRoles; waited for.
    Definitions,
    /// Kinds whose name ends in `Class`; waited for.
    Classes,
    /// `--custom-apply-stage-kinds`.
    Custom,
    /// Everything else.
    Rest,
}

impl Stage {
    pub(crate) const ALL: [Self; 4] = [Self::Definitions, Self::Classes, Self::Custom, Self::Rest];

    /// The stage of an object. Flux compares these kinds without case, and Namespace only in `v1`.
    pub(crate) fn of(object: &Object, custom: &[(String, String)]) -> Self {
        let gvk = object.gvk();
        let is = |group: &str, kind: &str| gvk.group == group && gvk.kind.eq_ignore_ascii_case(kind);
        if is("apiextensions.k8s.io", "CustomResourceDefinition")
            || is("", "Namespace")
            || is("rbac.authorization.k8s.io", "ClusterRole")
        {
            Self::Definitions
        } else if gvk.kind.ends_with("Class") {
            Self::Classes
        } else if custom.iter().any(|(group, kind)| *group == gvk.group && *kind == gvk.kind) {
            Self::Custom
        } else {
            Self::Rest
        }
    }

    /// Whether the next stage begins only when this one's objects are ready.
    pub(crate) fn is_waited_for(self) -> bool {
        matches!(self, Self::Definitions | Self::Classes)
    }
}

/// Flux's order: kinds by the table, then by group and kind; within a kind by namespace and name.
pub(crate) fn compare(a: &ObjectId, b: &ObjectId) -> Ordering {
    rank(&a.kind)
        .cmp(&rank(&b.kind))
        .then_with(|| a.group.cmp(&b.group))
        .then_with(|| a.kind.cmp(&b.kind))
        .then_with(|| a.namespace.cmp(&b.namespace))
        .then_with(|| a.name.cmp(&b.name))
}

fn rank(kind: &str) -> usize {
    let last = || LAST.iter().position(|last| *last == kind).map(|at| FIRST.len() + 1 + at);
    FIRST.iter().position(|first| *first == kind).or_else(last).unwrap_or(FIRST.len())
}

/// Objects of one wave are written at the same time; a later wave may need an earlier one: definitions and
/// classes, configuration and rights, what runs, webhooks.
pub(crate) fn wave(kind: &str) -> u8 {
    match rank(kind) {
        rank if rank > FIRST.len() => 3,
        rank if rank >= WORKLOADS => 2,
        rank if rank > 1 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id(kind: &str, name: &str) -> ObjectId {
        ObjectId { namespace: "ns".into(), name: name.into(), group: String::new(), kind: kind.into() }
    }

    #[test]
    fn webhooks_come_last_and_unknown_kinds_after_the_table() {
        let mut ids = [
            id("ValidatingWebhookConfiguration", "v"),
            id("Zebra", "z"),
            id("Deployment", "d"),
            id("Service", "b"),
            id("Service", "a"),
            id("Namespace", "n"),
        ];
        ids.sort_by(compare);
        let names: Vec<_> = ids.iter().map(|id| id.name.as_str()).collect();
        assert_eq!(names, ["n", "a", "b", "d", "z", "v"]);
    }

    #[test]
    fn waves_follow_the_order_of_kinds() {
        assert_eq!(FIRST[WORKLOADS], "Deployment");
        let kinds = ["Namespace", "ServiceAccount", "ConfigMap", "Deployment", "Ingress", LAST[0]];
        assert_eq!(kinds.map(wave), [0, 1, 1, 2, 2, 3]);
    }

    fn stage(api_version: &str, kind: &str) -> Stage {
        let object = Object::from_value(json!({"apiVersion": api_version, "kind": kind})).unwrap();
        Stage::of(&object, &[("cert-manager.io".into(), "Issuer".into())])
    }

    #[test]
    fn stages_are_told_by_group_and_kind() {
        assert_eq!(stage("v1", "Namespace"), Stage::Definitions);
        assert_eq!(stage("example.com/v1", "Namespace"), Stage::Rest);
        assert_eq!(stage("gateway.networking.k8s.io/v1", "GatewayClass"), Stage::Classes);
        assert_eq!(stage("cert-manager.io/v1", "Issuer"), Stage::Custom);
        assert_eq!(stage("apps/v1", "Deployment"), Stage::Rest);
        assert!(Stage::Classes.is_waited_for() && !Stage::Custom.is_waited_for());
    }
}
