//! Rights that an earlier installation gave the appliers, ours of the plain profile or Flux's.
use serde_json::Value;

use crate::{
    CommandError,
    cluster::{Cluster, Dry, Select},
    resource::Resource,
    say,
    value::{list, name, text},
};

pub(crate) const CLUSTER_ROLE_BINDINGS: Resource =
    Resource::of_cluster("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding");
/// The accounts that apply what others wrote.
const APPLIERS: [&str; 2] = ["kustomize-controller", "helm-controller"];

/// Takes `cluster-admin` from the appliers: an apply only adds, so that what an earlier installation bound stays. Bindings
/// that no installation makes have other owners: they are told.
///
/// # Errors
/// When the bindings cannot be read or deleted.
pub(crate) async fn take_all_rights_back(cluster: &Cluster) -> Result<(), CommandError> {
    let place = cluster.namespace.as_str();
    let ours = ["sluice-cluster-reconciler".to_owned(), format!("cluster-reconciler-{place}")];
    let all = cluster.list(&CLUSTER_ROLE_BINDINGS, None, &Select::default()).await?;
    for binding in all.iter().filter(|binding| gives_all_rights(binding, place)).map(name) {
        if ours.iter().any(|one| one == binding) {
            cluster.delete(&CLUSTER_ROLE_BINDINGS, "", binding, Dry::Run).await?;
            say::note(&format!("ClusterRoleBinding/{binding} deleted"));
        } else {
            say::warning(&format!(
                "ClusterRoleBinding/{binding} binds appliers to cluster-admin: they are not locked down while it is there"
            ));
        }
    }
    Ok(())
}

fn gives_all_rights(binding: &Value, place: &str) -> bool {
    let is_applier = |subject: &Value| {
        text(subject, &["kind"]) == "ServiceAccount"
            && text(subject, &["namespace"]) == place
            && APPLIERS.contains(&text(subject, &["name"]))
    };
    text(binding, &["roleRef", "name"]) == "cluster-admin"
        && list(binding, &["subjects"]).iter().any(is_applier)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::gives_all_rights;

    fn binding(role: &str, account: &str, namespace: &str) -> Value {
        json!({
            "roleRef": { "kind": "ClusterRole", "name": role },
            "subjects": [
                { "kind": "Group", "name": "admins" },
                { "kind": "ServiceAccount", "name": account, "namespace": namespace },
            ],
        })
    }

    #[test]
    fn only_cluster_admin_of_an_applier_of_this_namespace_counts() {
        let gives = |role, account, namespace| gives_all_rights(&binding(role, account, namespace), "here");
        assert!(gives("cluster-admin", "helm-controller", "here"));
        assert!(!gives("cluster-admin", "helm-controller", "there"));
        assert!(!gives("cluster-admin", "platform", "here"));
        assert!(!gives("view", "kustomize-controller", "here"));
        assert!(!gives_all_rights(&json!({ "roleRef": { "name": "cluster-admin" } }), "here"));
    }
}
