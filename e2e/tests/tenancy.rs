//! Tenants: what one of them may not do, it cannot do through Sluice either, and learns nothing about it.
use std::collections::BTreeSet;

use e2e::{World, eventually, stuck::shows};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use testkit::{TestNamespace, condition};

/// Locked as `docs/install.md` says for tenants.
async fn locked(prefix: &str) -> World {
    let world = World::builder(prefix)
        .kustomize_arg("--no-cross-namespace-refs=true")
        .kustomize_arg("--default-service-account=tenant")
        .start()
        .await
        .unwrap();
    world.apply_source().await.unwrap();
    world
}

/// ServiceAccount `tenant`, which may do everything with ConfigMaps of its namespace and nothing else.
async fn tenant(world: &World) -> String {
    tenant_of(world, world.ns.name()).await
}

async fn tenant_of(world: &World, ns: &str) -> String {
    let rbac = "rbac.authorization.k8s.io";
    let metadata = json!({ "name": "tenant", "namespace": ns });
    let objects = [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": metadata,
            "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": rbac, "kind": "Role", "name": "tenant" },
            "subjects": [{ "kind": "ServiceAccount", "name": "tenant", "namespace": ns }],
        }),
    ];
    for object in &objects {
        world.cluster.apply(object).await.unwrap();
    }
    format!("system:serviceaccount:{ns}:tenant")
}

fn message(object: &Value) -> String {
    condition(object, "Ready").unwrap()["message"].as_str().unwrap_or_default().to_owned()
}

fn is(object: &Value, reason: &str) -> bool {
    condition(object, "Ready").is_some_and(|ready| ready["status"] == "False" && ready["reason"] == reason)
}

/// A namespace with a source and a Secret, of which the tenant knows the names.
async fn others(world: &World) -> TestNamespace {
    let other = world.plane.namespace("other").await.unwrap();
    world.cluster.apply(&e2e::git_repository(&other, "present", world.repo.url())).await.unwrap();
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "present", "namespace": other.name() } });
    world.cluster.apply(&secret).await.unwrap();
    other
}

#[tokio::test]
async fn a_tenant_reaches_no_other_namespace_and_learns_nothing_of_it() {
    let world = locked("lock").await;
    tenant(&world).await;
    world.push(&[("app/cm.yaml", &World::config_map("settings", "1"))], "start").await.unwrap();
    let other = others(&world).await;
    let (mut sources, mut healths) = (BTreeSet::new(), BTreeSet::new());
    for name in ["present", "missing"] {
        let source =
            json!({ "sourceRef": { "kind": "GitRepository", "name": name, "namespace": other.name() } });
        world.apply_kustomization(&format!("source-{name}"), "./app", source).await.unwrap();
        let check = json!({ "kind": "Secret", "name": name, "namespace": other.name() });
        let spec = json!({ "timeout": "3s", "healthChecks": [check] });
        world.apply_kustomization(&format!("health-{name}"), "./app", spec).await.unwrap();
    }
    for name in ["present", "missing"] {
        let object =
            world.until("Kustomization", &format!("source-{name}"), |o| is(o, "AccessDenied")).await.unwrap();
        assert!(condition(&object, "Stalled").is_some(), "{object:#}");
        sources.insert(message(&object).replace(name, "NAME"));
        let object = world
            .until("Kustomization", &format!("health-{name}"), |o| is(o, "HealthCheckFailed"))
            .await
            .unwrap();
        let text = message(&object).replace(name, "NAME");
        healths.insert(text.split_once(": timeout").map_or(text.clone(), |(_, rest)| rest.to_owned()));
    }
    assert_eq!(sources.len(), 1, "whether a source exists shows: {sources:?}");
    assert_eq!(healths.len(), 1, "whether a Secret exists shows: {healths:?}");
}

#[tokio::test]
async fn what_a_tenant_may_not_apply_is_refused_naming_kind_namespace_and_account() {
    let world = locked("refuse").await;
    let account = tenant(&world).await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": format!("everything-{}", world.ns.name()) },
        "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }],
    });
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "mine" }, "spec": { "hard": { "pods": "1000" } } });
    let files = [("role/r.yaml", &*role.to_string()), ("quota/q.yaml", &quota.to_string())];
    let revision = world.push(&files, "more rights").await.unwrap();
    for name in ["role", "quota"] {
        world.apply_kustomization(name, &format!("./{name}"), json!({})).await.unwrap();
    }
    let command = format!("Run: kubectl -n {} auth can-i --list --as={account}", world.ns.name());
    let place = format!("in quota/q.yaml, at {revision}");
    shows(&world, "kustomization", "role", &["ClusterRole/", "forbidden", &account, "clusterroles"])
        .await
        .unwrap();
    let words =
        [&*format!("ResourceQuota/{}/mine", world.ns.name()), "forbidden", &account, &place, &command];
    shows(&world, "kustomization", "quota", &words).await.unwrap();
    let name = role["metadata"]["name"].as_str().unwrap();
    assert!(world.cluster.find("ClusterRole", "", name).await.unwrap().is_none());
    assert!(world.cluster.find("v1/ResourceQuota", &world.ns, "mine").await.unwrap().is_none());
}

#[tokio::test]
async fn a_tenant_without_an_account_has_no_rights_at_all() {
    let world = locked("nobody").await;
    world.push(&[("app/cm.yaml", &World::config_map("settings", "1"))], "start").await.unwrap();
    world.apply_kustomization("default", "./app", json!({})).await.unwrap();
    world.apply_kustomization("absent", "./app", json!({ "serviceAccountName": "absent" })).await.unwrap();
    world.apply_kustomization("empty", "./app", json!({ "serviceAccountName": "" })).await.unwrap();
    for (name, account) in [("default", "tenant"), ("absent", "absent"), ("empty", "tenant")] {
        let account = format!("system:serviceaccount:{}:{account}", world.ns.name());
        world.failed(name, &account).await.unwrap();
    }
    assert!(world.cluster.find("ConfigMap", &world.ns, "settings").await.unwrap().is_none());
}

/// In whose name kustomize-controller wrote objects of a resource in the namespace: from the audit log.
fn writers(world: &World, resource: &str) -> anyhow::Result<BTreeSet<String>> {
    let user = world.user("kustomize-controller");
    let log = std::fs::read_to_string(world.plane.dir().join("audit.log"))?;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = events.filter(|event| {
        let verb = event["verb"].as_str().unwrap_or_default();
        event["user"]["username"] == *user
            && event["objectRef"]["resource"] == resource
            && event["objectRef"]["namespace"] == world.ns.name()
            && ["create", "patch", "update", "delete"].contains(&verb)
    });
    Ok(ours
        .map(|event| event["impersonatedUser"]["username"].as_str().unwrap_or("nobody").to_owned())
        .collect())
}

#[tokio::test]
async fn every_write_to_a_tenants_objects_is_made_as_the_tenant() {
    let world = locked("audit").await;
    let account = tenant(&world).await;
    let files = [("app/a.yaml", &*World::config_map("a", "1")), ("app/b.yaml", &World::config_map("b", "1"))];
    let revision = world.push(&files, "both").await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    // Made, healed, made anew, pruned, and all of it taken away.
    world
        .plane
        .kubectl_ok(&[
            "-n",
            world.ns.name(),
            "patch",
            "configmap",
            "a",
            "--type=merge",
            "-p",
            r#"{"data":{"v":"9"}}"#,
        ])
        .unwrap();
    world.until("ConfigMap", "a", |o| o["data"]["v"] == "1").await.unwrap();
    world.plane.kubectl_ok(&["-n", world.ns.name(), "delete", "configmap", "a"]).unwrap();
    world.until("ConfigMap", "a", |_| true).await.unwrap();
    world.repo.remove(&["app/b.yaml"], "less").unwrap();
    world.tell_source().await.unwrap();
    world.gone("ConfigMap", "b").await.unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    world.cluster.delete("Kustomization", &world.ns, "app").await.unwrap();
    world.gone("ConfigMap", "a").await.unwrap();
    assert_eq!(writers(&world, "configmaps").unwrap(), BTreeSet::from([account]));
}

/// One of another namespace lists an object as his own, without touching it, and waits for ever.
#[tokio::test]
async fn what_another_tenant_claims_goes_with_its_kustomization() {
    let labels = json!({ "claims.example.com/of": "tenancy" });
    let world = World::builder("claimed")
        .kustomize_arg("--default-service-account=tenant")
        .kustomize_arg("--watch-all-namespaces=true")
        .kustomize_arg("--watch-label-selector=claims.example.com/of=tenancy")
        .start()
        .await
        .unwrap();
    world.apply_source().await.unwrap();
    tenant(&world).await;
    let other = world.plane.namespace("claimant").await.unwrap();
    tenant_of(&world, other.name()).await;
    let ours = World::config_map("wanted", "1");
    let mut theirs: Value = serde_json::from_str(&ours).unwrap();
    theirs["metadata"]["annotations"] = json!({ "kustomize.toolkit.fluxcd.io/reconcile": "disabled" });
    world.push(&[("ours/cm.yaml", &ours), ("theirs/cm.yaml", &theirs.to_string())], "both").await.unwrap();

    let apply = async |ns: &str, path: &str, more: Value| {
        let mut object = e2e::kustomization(ns, "app", "apps", path, more);
        object["metadata"]["labels"] = labels.clone();
        world.cluster.apply(&object).await.unwrap();
    };
    apply(world.ns.name(), "./ours", json!({})).await;
    world
        .until("Kustomization", "app", |o| {
            condition(o, "Ready").is_some_and(|ready| ready["status"] == "True")
        })
        .await
        .unwrap();
    let never = json!({ "kind": "ConfigMap", "name": "never", "namespace": other.name() });
    let claim = json!({
        "sourceRef": { "kind": "GitRepository", "name": "apps", "namespace": world.ns.name() },
        "targetNamespace": world.ns.name(), "healthChecks": [never], "timeout": "1h",
    });
    apply(other.name(), "./theirs", claim).await;
    eventually("the other one claims it and waits", || async {
        let found = world.cluster.find("Kustomization", &other, "app").await?.unwrap_or_default();
        let waits = condition(&found, "Ready").is_some_and(|ready| ready["status"] == "Unknown");
        Ok(waits && found["status"]["inventory"].to_string().contains("_wanted_"))
    })
    .await
    .unwrap();

    world.cluster.delete("Kustomization", &world.ns, "app").await.unwrap();
    world.gone("Kustomization", "app").await.unwrap();
    world.gone("ConfigMap", "wanted").await.unwrap();
    world.cluster.delete("Kustomization", &other, "app").await.unwrap();
}

/// As many as the list of abuse asks for.
const FORGED: usize = 10_000;

#[tokio::test]
async fn objects_with_a_forged_owner_cause_no_pass_and_are_not_deleted() {
    let world = World::start("forged").await.unwrap();
    let revision = world.push(&[("app/cm.yaml", &World::config_map("real", "1"))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    world.until("ConfigMap", "real", |object| object["data"]["v"] == "1").await.unwrap();
    let labels = json!({
        "kustomize.toolkit.fluxcd.io/name": "app",
        "kustomize.toolkit.fluxcd.io/namespace": world.ns.name(),
    });
    let forge = |number: usize| {
        let metadata =
            json!({ "name": format!("forged-{number}"), "namespace": world.ns.name(), "labels": labels });
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata });
        let cluster = &world.cluster;
        async move { cluster.create(&object).await.map(drop) }
    };
    let passes = |world: &World| {
        let requests = world.requests("kustomize-controller").unwrap();
        requests
            .iter()
            .filter(|request| request.contains("/configmaps/") || request.contains("/kustomizations/"))
            .count()
    };
    let before = passes(&world);
    let begun = std::time::Instant::now();
    let made: Vec<anyhow::Result<()>> =
        stream::iter(0..FORGED).map(forge).buffer_unordered(64).collect().await;
    println!("{FORGED} forged in {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!(made.into_iter().filter_map(Result::ok).count(), FORGED);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(passes(&world), before, "forged labels cost requests");
    world.repo.remove(&["app/cm.yaml"], "empty").unwrap();
    world.repo.commit(&[("app/other.yaml", World::config_map("other", "1"))], "other").unwrap();
    world.tell_source().await.unwrap();
    world.gone("ConfigMap", "real").await.unwrap();
    world.cluster.delete("Kustomization", &world.ns, "app").await.unwrap();
    world.gone("Kustomization", "app").await.unwrap();
    eventually("all forged objects are still there", || async {
        let all = world.cluster.list("ConfigMap", &world.ns).await?;
        let forged = |object: &&Value| {
            object["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("forged-"))
        };
        Ok(all.iter().filter(forged).count() == FORGED)
    })
    .await
    .unwrap();
}
