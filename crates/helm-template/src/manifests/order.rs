//! The order of kinds at install and uninstall.
use super::Manifest;
use crate::capabilities::HelmMajor;

/// Kinds in the order they are installed.
const INSTALL: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Kinds in the order they are uninstalled; not quite the other way round: Services go early.
const UNINSTALL: [&str; 38] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// Sorts manifests as they are installed; kinds not listed come last, by name.
pub fn install_order(manifests: &mut [Manifest]) {
    sort_by_kind(manifests, HelmMajor::Four, |manifest| &manifest.kind);
}

/// Sorts objects, told by their kinds, as they are uninstalled; kinds not listed come last, by name.
pub fn uninstall_order<T>(objects: &mut [T], kind: impl Fn(&T) -> &str) {
    objects.sort_by(|a, b| rank(&UNINSTALL, kind(a)).cmp(&rank(&UNINSTALL, kind(b))));
}

/// Helm 3 does not know the last two kinds.
pub(super) fn sort_by_kind<T>(items: &mut [T], helm: HelmMajor, kind: impl Fn(&T) -> &str) {
    let known = if helm == HelmMajor::Three { &INSTALL[..INSTALL.len() - 2] } else { &INSTALL[..] };
    items.sort_by(|a, b| rank(known, kind(a)).cmp(&rank(known, kind(b))));
}

/// Place in the list, then the name for kinds behind it.
fn rank<'a>(order: &[&str], kind: &'a str) -> (usize, &'a str) {
    order.iter().position(|known| *known == kind).map_or((order.len(), kind), |at| (at, ""))
}

#[cfg(test)]
mod tests {
    use super::{INSTALL, UNINSTALL, uninstall_order};

    #[test]
    fn both_orders_name_the_same_kinds() {
        let (mut install, mut uninstall) = (INSTALL, UNINSTALL);
        install.sort_unstable();
        uninstall.sort_unstable();
        assert_eq!(install, uninstall);
    }

    #[test]
    fn what_uses_others_goes_before_them_and_unknown_kinds_last() {
        let mut kinds = ["Zebra", "Secret", "Ape", "Deployment", "Service"];
        uninstall_order(&mut kinds, |kind| kind);
        assert_eq!(kinds, ["Service", "Deployment", "Secret", "Ape", "Zebra"]);
    }
}
