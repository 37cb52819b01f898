use serde_json::Value;

use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::{install::CLUSTER_ROLE_BINDINGS, logs::PODS, version::PART_OF},
    resource::Resource,
    value::{at, text},
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Kinds of an installation that have a namespace, beside Deployments.
pub(super) static NAMESPACED_KINDS: &[Resource] = &[
    Resource::fixed("", "v1", "services", "Service"),
    Resource::fixed("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    Resource::fixed("", "v1", "resourcequotas", "ResourceQuota"),
    Resource::fixed(RBAC, "v1", "rolebindings", "RoleBinding"),
    Resource::fixed(RBAC, "v1", "roles", "Role"),
    Resource::fixed("", "v1", "serviceaccounts", "ServiceAccount"),
];

/// Kinds of an installation that have none.
pub(super) static CLUSTER_KINDS: &[Resource] =
    &[CLUSTER_ROLE_BINDINGS, Resource::of_cluster(RBAC, "v1", "clusterroles", "ClusterRole")];

/// What belongs to the installation in this namespace.
pub(super) trait OfInstallation {
    /// Its objects of a kind.
    async fn of_installation(&self, kind: &Resource) -> Result<Vec<Value>, CommandError>;
}

impl OfInstallation for Cluster {
    async fn of_installation(&self, kind: &Resource) -> Result<Vec<Value>, CommandError> {
        let labels = format!("{PART_OF},app.kubernetes.io/instance={}", self.namespace);
        let place = kind.namespaced.then_some(self.namespace.as_str());
        self.list(kind, place, &Select::labels(labels)).await
    }
}

/// The pods of these Deployments.
pub(super) async fn pods(cluster: &Cluster, deployments: &[Value]) -> Result<Vec<Value>, CommandError> {
    let mut found = Vec::new();
    for deployment in deployments {
        let labels = at(deployment, &["spec", "selector", "matchLabels"]).and_then(Value::as_object);
        let pair = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
        let labels: Vec<String> = labels.into_iter().flatten().map(pair).collect();
        let place = text(deployment, &["metadata", "namespace"]);
        if !labels.is_empty() {
            found.extend(cluster.list(&PODS, Some(place), &Select::labels(labels.join(","))).await?);
        }
    }
    Ok(found)
}
