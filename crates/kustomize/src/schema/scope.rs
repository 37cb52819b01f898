use crate::resid::GvkRef;

/// Cluster-scoped kinds, sorted, with their groups and versions, as kustomize knows them. Kinds that are not listed count
/// as namespaced.
const CLUSTER_SCOPED: &[(&str, &[(&str, &str)])] = &[
    ("APIService", &[("apiregistration.k8s.io", "v1"), ("apiregistration.k8s.io", "v1beta1")]),
    ("CSIDriver", &[("storage.k8s.io", "v1"), ("storage.k8s.io", "v1beta1")]),
    ("CSINode", &[("storage.k8s.io", "v1"), ("storage.k8s.io", "v1beta1")]),
    ("CertificateSigningRequest", &[("certificates.k8s.io", "v1"), ("certificates.k8s.io", "v1beta1")]),
    ("ClusterRole", &[("rbac.authorization.k8s.io", "v1"), ("rbac.authorization.k8s.io", "v1beta1")]),
    ("ClusterRoleBinding", &[("rbac.authorization.k8s.io", "v1"), ("rbac.authorization.k8s.io", "v1beta1")]),
    ("ComponentStatus", &[("", "v1")]),
    ("CustomResourceDefinition", &[("apiextensions.k8s.io", "v1"), ("apiextensions.k8s.io", "v1beta1")]),
    ("FlowSchema", &[("flowcontrol.apiserver.k8s.io", "v1beta1")]),
    ("IngressClass", &[("networking.k8s.io", "v1"), ("networking.k8s.io", "v1beta1")]),
    (
        "MutatingWebhookConfiguration",
        &[("admissionregistration.k8s.io", "v1"), ("admissionregistration.k8s.io", "v1beta1")],
    ),
    ("Namespace", &[("", "v1")]),
    ("Node", &[("", "v1")]),
    ("NodeProxyOptions", &[("", "v1")]),
    ("PersistentVolume", &[("", "v1")]),
    ("PodSecurityPolicy", &[("policy", "v1beta1")]),
    ("PriorityClass", &[("scheduling.k8s.io", "v1"), ("scheduling.k8s.io", "v1beta1")]),
    ("PriorityLevelConfiguration", &[("flowcontrol.apiserver.k8s.io", "v1beta1")]),
    ("RuntimeClass", &[("node.k8s.io", "v1"), ("node.k8s.io", "v1beta1")]),
    ("StorageClass", &[("storage.k8s.io", "v1"), ("storage.k8s.io", "v1beta1")]),
    ("ValidatingAdmissionPolicy", &[("admissionregistration.k8s.io", "v1")]),
    ("ValidatingAdmissionPolicyBinding", &[("admissionregistration.k8s.io", "v1")]),
    (
        "ValidatingWebhookConfiguration",
        &[("admissionregistration.k8s.io", "v1"), ("admissionregistration.k8s.io", "v1beta1")],
    ),
    ("VolumeAttachment", &[("storage.k8s.io", "v1"), ("storage.k8s.io", "v1beta1")]),
];

/// Whether a kind is known to have no namespace.
pub(crate) fn is_cluster_scoped(gvk: GvkRef<'_>) -> bool {
    let found = CLUSTER_SCOPED.binary_search_by_key(&gvk.kind, |(kind, _)| kind);
    found.is_ok_and(|at| CLUSTER_SCOPED[at].1.contains(&(gvk.group, gvk.version)))
}

#[cfg(test)]
mod tests {
    use super::CLUSTER_SCOPED;

    #[test]
    fn kinds_are_found_where_their_order_puts_them() {
        assert!(CLUSTER_SCOPED.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
