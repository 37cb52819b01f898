//! What the two tenancy profiles give away.
use serde_json::Value;

use crate::{
    install::Installed,
    rights::{Right, of_role},
};

/// Every role of the installation, and every binding to the role that may do everything.
async fn given(world: &Installed) -> (Vec<(String, Vec<Right>)>, Vec<String>) {
    let rbac = "rbac.authorization.k8s.io/v1";
    let ours = |object: &Value| object["metadata"]["labels"]["app.kubernetes.io/part-of"] == "flux";
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut roles = Vec::new();
    for kind in ["ClusterRole", "Role"] {
        let all = world.cluster.list(&format!("{rbac}/{kind}"), "").await.unwrap();
        roles.extend(
            all.iter()
                .filter(|role| ours(role))
                .map(|role| (name(role), of_role(role).into_iter().collect())),
        );
    }
    let bindings = world.cluster.list(&format!("{rbac}/ClusterRoleBinding"), "").await.unwrap();
    let all =
        bindings.iter().filter(|binding| ours(binding) && binding["roleRef"]["name"] == "cluster-admin");
    (roles, all.map(name).collect())
}

async fn check(profile: &str, bindings_to_everything: &[&str]) {
    if std::env::var_os("SLUICE_NULL").is_some() {
        return testkit::not_run(profile, "only manifests are looked at, no controller acts");
    }
    let world = Installed::new(&[profile], &[]).await.unwrap();
    let (roles, bindings) = given(&world).await;
    assert!(roles.len() >= 12, "{} roles are installed", roles.len());
    for (role, rights) in &roles {
        let wild: Vec<String> =
            rights.iter().filter(|right| right.is_wildcard()).map(Right::to_string).collect();
        assert!(wild.is_empty(), "{role} of {profile}: {wild:?}");
    }
    assert_eq!(bindings, bindings_to_everything, "{profile}");
}

#[tokio::test]
async fn the_one_binding_of_the_plain_profile_is_all_that_gives_everything() {
    check("all", &["sluice-cluster-reconciler"]).await;
}

#[tokio::test]
async fn the_locked_down_profile_gives_everything_to_nobody() {
    check("all-locked-down", &[]).await;
}
