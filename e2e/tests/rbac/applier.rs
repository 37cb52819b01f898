//! kustomize-controller in the locked-down profile: what it applies, it applies as the tenant.
use std::process::Command;

use e2e::{SOON, git_repository, kustomization, yaml_list};
use serde_json::{Value, json};
use testkit::StaticServer;

use crate::{audit::Request, install::Installed};

const REVISION: &str = "main@sha1:0123456789abcdef0123456789abcdef01234567";

/// One object of each kind that the controller may watch for drift.
pub(crate) fn one_of_each() -> Vec<Value> {
    let named =
        |api: &str, kind: &str| json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "one" } });
    let with = |api: &str, kind: &str, spec: Value| {
        let mut object = named(api, kind);
        object["spec"] = spec;
        object
    };
    let labels = json!({ "app": "one" });
    let pod = json!({ "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "main", "image": "one:1" }] } });
    let once =
        json!({ "spec": { "restartPolicy": "Never", "containers": [{ "name": "main", "image": "one:1" }] } });
    let workload = json!({ "selector": { "matchLabels": labels }, "template": pod });
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "one" });
    let mut role = named("rbac.authorization.k8s.io/v1", "Role");
    role["rules"] = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"] }]);
    let mut binding = named("rbac.authorization.k8s.io/v1", "RoleBinding");
    binding["roleRef"] =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" });
    binding["subjects"] = json!([{ "kind": "ServiceAccount", "name": "one" }]);
    vec![
        named("v1", "ConfigMap"),
        named("v1", "ServiceAccount"),
        with("v1", "Service", json!({ "ports": [{ "port": 80 }] })),
        with("apps/v1", "Deployment", workload.clone()),
        with("apps/v1", "DaemonSet", workload.clone()),
        with("apps/v1", "StatefulSet", workload),
        with("batch/v1", "Job", json!({ "template": once })),
        with(
            "batch/v1",
            "CronJob",
            json!({ "schedule": "0 0 1 1 *", "jobTemplate": { "spec": { "template": once } } }),
        ),
        with(
            "networking.k8s.io/v1",
            "Ingress",
            json!({ "defaultBackend": { "service": { "name": "one", "port": { "number": 80 } } } }),
        ),
        with("networking.k8s.io/v1", "NetworkPolicy", json!({ "podSelector": {} })),
        with(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({ "maxReplicas": 2, "scaleTargetRef": target }),
        ),
        with("policy/v1", "PodDisruptionBudget", json!({ "minAvailable": 0 })),
        role,
        binding,
    ]
}

/// The SHA-256 of bytes in hex, by the real `sha256sum`.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let sum = Command::new("sha256sum").arg(file.path()).output().unwrap();
    String::from_utf8(sum.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// The writes of objects that are neither ours, nor events, nor Leases: those as the tenant, and the others.
pub(crate) fn written(requests: &[Request]) -> (Vec<&Request>, Vec<&Request>) {
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    let ours = [
        "kustomize.toolkit.fluxcd.io",
        "helm.toolkit.fluxcd.io",
        "source.toolkit.fluxcd.io",
        "coordination.k8s.io",
    ];
    let is_workload = |request: &&Request| {
        request.right.as_ref().is_some_and(|right| {
            writes.contains(&right.verb()) && !ours.contains(&right.group()) && right.resource() != "events"
        })
    };
    let tenant = Some("system:serviceaccount:tenant:default");
    requests.iter().filter(is_workload).partition(|request| request.impersonated.as_deref() == tenant)
}

/// A served archive with one of each and the digest of it, made by the real `tar` and `sha256sum`.
fn archive() -> (Vec<u8>, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tree")).unwrap();
    std::fs::write(dir.path().join("tree/app.yaml"), yaml_list(&one_of_each())).unwrap();
    let file = dir.path().join("a.tar.gz");
    let tar =
        Command::new("tar").arg("-czf").arg(&file).arg("-C").arg(dir.path().join("tree")).arg(".").status();
    assert!(tar.unwrap().success());
    let bytes = std::fs::read(&file).unwrap();
    let sum = sha256(&bytes);
    (bytes, sum)
}

/// The status of a GitRepository as a source-controller would write it.
async fn publish(world: &Installed, server: &StaticServer) {
    world.cluster.apply(&git_repository("tenant", "apps", "https://nobody.example/apps")).await.unwrap();
    let (bytes, sum) = archive();
    let size = bytes.len();
    let url = server.put("/hand/made.tar.gz", bytes);
    let artifact = json!({ "revision": REVISION, "digest": format!("sha256:{sum}"), "url": url, "path": "a", "size": size,
        "lastUpdateTime": "2026-01-01T00:00:00Z" });
    let status = json!({ "observedGeneration": 1, "artifact": artifact });
    world.cluster.patch_status("GitRepository", "tenant", "apps", status).await.unwrap();
}

/// A tenant as its cluster's administrator makes one: a namespace whose account `default` may administer it.
pub(crate) async fn tenant(world: &Installed) {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "tenant" } });
    world.cluster.apply(&namespace).await.unwrap();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "tenant", "namespace": "tenant" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" },
        "subjects": [{ "kind": "ServiceAccount", "name": "default", "namespace": "tenant" }],
    });
    world.cluster.apply(&binding).await.unwrap();
}

/// A ConfigMap and a Secret `values` that controllers watch.
pub(crate) async fn values(world: &Installed, key: &str, text: &str) {
    for (kind, data) in [("ConfigMap", "data"), ("Secret", "stringData")] {
        let labels = json!({ "reconcile.fluxcd.io/watch": "Enabled" });
        let mut values = json!({ "apiVersion": "v1", "kind": kind,
            "metadata": { "name": "values", "namespace": "tenant", "labels": labels } });
        values[data] = json!({ key: text });
        world.cluster.apply(&values).await.unwrap();
    }
}

/// What the watch does not show is asked for.
async fn missing_sources(world: &Installed) {
    for kind in ["GitRepository", "OCIRepository", "Bucket", "ExternalArtifact"] {
        let name = format!("without-{}", kind.to_lowercase());
        let source = json!({ "sourceRef": { "kind": kind, "name": "missing" } });
        world.cluster.apply(&kustomization("tenant", &name, "missing", "./", source)).await.unwrap();
        world.cluster.wait_ready(("Kustomization", "tenant", &name), "False", SOON).await.unwrap();
    }
}

#[tokio::test]
async fn the_locked_down_applier_uses_every_right_it_holds_and_writes_workloads_as_the_tenant() {
    let parts = ["namespace", "crd", "kustomize-controller"];
    let world = Installed::new(&parts, &["tenancy/locked-down"]).await.unwrap();
    tenant(&world).await;
    let controller =
        world.run("kustomize-controller", &["--feature-gates=ExternalArtifact=true"]).await.unwrap();
    let server = StaticServer::start().unwrap();
    values(&world, "v", "1").await;
    publish(&world, &server).await;
    let variables =
        json!([{ "kind": "ConfigMap", "name": "values" }, { "kind": "Secret", "name": "values" }]);
    let more = json!({ "postBuild": { "substituteFrom": variables } });
    let app = kustomization("tenant", "app", "apps", "./", more);
    world.cluster.apply(&app).await.unwrap();
    let key = ("Kustomization", "tenant", "app");
    world
        .cluster
        .wait(key, SOON, |object| object["status"]["lastAppliedRevision"] == REVISION)
        .await
        .unwrap();
    world.cluster.wait_ready(key, "True", SOON).await.unwrap();
    missing_sources(&world).await;
    world.used_all("kustomize-controller", "ClusterRole sluice-impersonator").await.unwrap();
    world.cluster.delete("Kustomization", "tenant", "app").await.unwrap();
    world.cluster.wait_gone(key, SOON).await.unwrap();
    world.conflict("kustomize-controller", &app, "kustomizations").await.unwrap();
    world.end(&controller).await.unwrap();

    let requests = world.requests("kustomize-controller").unwrap();
    let (as_tenant, otherwise) = written(&requests);
    assert!(otherwise.is_empty(), "not as the tenant: {otherwise:#?}");
    assert!(as_tenant.len() >= 2 * one_of_each().len(), "each is applied and deleted: {as_tenant:#?}");
    world.judge("kustomize-controller").await.unwrap();
}
