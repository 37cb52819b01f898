//! source-controller: every kind of source is fetched once, with credentials where it takes any.
use e2e::{SOON, git_repository};
use serde_json::{Value, json};
use testkit::{GitServer, HelmRepo, OciArtifact, Registry};

use crate::install::{Installed, object, secret};

/// Kind and plural of each; a Bucket says that it is not supported, which takes the same rights.
const KINDS: [(&str, &str); 5] = [
    ("GitRepository", "gitrepositories"),
    ("OCIRepository", "ocirepositories"),
    ("HelmRepository", "helmrepositories"),
    ("HelmChart", "helmcharts"),
    ("Bucket", "buckets"),
];

fn sources(git: &str, registry: &str, charts: &str) -> Vec<Value> {
    let source = |kind: &str, spec| object("default", "source.toolkit.fluxcd.io/v1", kind, "apps", spec);
    let mut repository = git_repository("default", "apps", git);
    repository["spec"]["secretRef"] = json!({ "name": "git" });
    vec![
        repository,
        source(
            "OCIRepository",
            json!({ "interval": "10m", "insecure": true, "url": format!("oci://{registry}/apps"),
                "serviceAccountName": "puller" }),
        ),
        source("HelmRepository", json!({ "interval": "10m", "url": charts })),
        source(
            "HelmChart",
            json!({ "interval": "10m", "chart": "web", "version": "*",
                "sourceRef": { "kind": "HelmRepository", "name": "apps" } }),
        ),
        source(
            "Bucket",
            json!({ "interval": "10m", "bucketName": "apps", "endpoint": "127.0.0.1:1", "provider": "generic" }),
        ),
    ]
}

#[tokio::test]
async fn source_controller_uses_every_right_it_holds_and_is_refused_none() {
    let world = Installed::new(&["namespace", "crd", "source-controller"], &[]).await.unwrap();
    let controller = world.run("source-controller", &[]).await.unwrap();
    let git = GitServer::start().unwrap();
    let repo = git.repo("apps").unwrap();
    repo.commit(&[("a.yaml", "kind: Any\n")], "first").unwrap();
    let registry = Registry::start().await.unwrap();
    registry.push("apps", "latest", &OciArtifact::flux(&[("a.yaml", "kind: Any\n")]).unwrap()).await.unwrap();
    let charts = HelmRepo::start().unwrap();
    let chart = [("Chart.yaml".to_owned(), "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned())].into();
    charts.publish("", &[chart]).unwrap();

    world.cluster.apply(&secret("git", json!({ "username": "git", "password": "secret" }))).await.unwrap();
    let puller = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "puller", "namespace": "default" } });
    world.cluster.apply(&puller).await.unwrap();
    let sources = sources(repo.url(), registry.address(), &charts.url());
    for source in &sources {
        world.cluster.apply(source).await.unwrap();
    }
    for (kind, _) in KINDS {
        let status = if kind == "Bucket" { "False" } else { "True" };
        let kind = format!("source.toolkit.fluxcd.io/v1/{kind}");
        world.cluster.wait_ready((&kind, "default", "apps"), status, SOON).await.unwrap();
        world.cluster.delete(&kind, "default", "apps").await.unwrap();
        world.cluster.wait_gone((&kind, "default", "apps"), SOON).await.unwrap();
    }
    for ((_, plural), source) in KINDS.iter().zip(&sources) {
        world.conflict("source-controller", source, plural).await.unwrap();
    }
    world.end(&controller).await.unwrap();
    world.judge("source-controller").await.unwrap();
}
