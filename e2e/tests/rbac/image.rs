//! image-automation-controller: a scan, a policy, a commit.
use e2e::{SOON, git_repository};
use serde_json::{Value, json};
use testkit::{GitServer, Registry};

use crate::install::{Installed, object, secret};

/// Kind and plural of each.
const KINDS: [(&str, &str); 3] = [
    ("ImageUpdateAutomation", "imageupdateautomations"),
    ("ImagePolicy", "imagepolicies"),
    ("ImageRepository", "imagerepositories"),
];

fn objects(registry: &str) -> Vec<Value> {
    let image = |kind: &str, spec| object("default", "image.toolkit.fluxcd.io/v1", kind, "app", spec);
    let commit = json!({
        "checkout": { "ref": { "branch": "main" } },
        "commit": { "author": { "name": "bot", "email": "bot@example.com" } },
        "push": { "branch": "main" },
    });
    let team = json!([{ "matchLabels": { "team": "a" } }]);
    vec![
        image(
            "ImageUpdateAutomation",
            json!({ "interval": "10m", "sourceRef": { "kind": "GitRepository", "name": "apps" }, "git": commit,
                "update": { "path": "./", "strategy": "Setters" } }),
        ),
        image(
            "ImagePolicy",
            json!({ "imageRepositoryRef": { "name": "app" }, "policy": { "semver": { "range": "*" } } }),
        ),
        image(
            "ImageRepository",
            json!({ "image": format!("{registry}/app"), "interval": "10m", "insecure": true,
                "serviceAccountName": "puller", "accessFrom": { "namespaceSelectors": team } }),
        ),
    ]
}

/// A policy of another namespace, so that the labels of that namespace are asked for.
async fn guest(world: &Installed) {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "guest", "labels": { "team": "a" } } });
    world.cluster.apply(&namespace).await.unwrap();
    let spec = json!({ "imageRepositoryRef": { "name": "app", "namespace": "default" },
        "policy": { "semver": { "range": "*" } } });
    let policy = object("guest", "image.toolkit.fluxcd.io/v1", "ImagePolicy", "app", spec);
    world.cluster.apply(&policy).await.unwrap();
    world
        .cluster
        .wait_ready(("image.toolkit.fluxcd.io/v1/ImagePolicy", "guest", "app"), "True", SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn image_automation_controller_uses_every_right_it_holds_and_is_refused_none() {
    let world = Installed::new(&["namespace", "crd", "image-automation-controller"], &[]).await.unwrap();
    let controller = world.run("image-automation-controller", &[]).await.unwrap();
    let git = GitServer::start().unwrap();
    let repo = git.repo("apps").unwrap();
    let registry = Registry::start().await.unwrap();
    registry.push_images("app", &["1.0.0"]).await.unwrap();
    let marked = format!("image: {}/app:0.9.0 # {{\"$imagepolicy\": \"default:app\"}}\n", registry.address());
    repo.commit(&[("app.yaml", marked)], "first").unwrap();

    world.cluster.apply(&secret("git", json!({ "username": "git", "password": "secret" }))).await.unwrap();
    let puller = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "puller", "namespace": "default" } });
    world.cluster.apply(&puller).await.unwrap();
    let mut source = git_repository("default", "apps", repo.url());
    source["spec"]["secretRef"] = json!({ "name": "git" });
    world.cluster.apply(&source).await.unwrap();
    let objects = objects(registry.address());
    for object in objects.iter().rev() {
        world.cluster.apply(object).await.unwrap();
    }
    for (kind, _) in KINDS {
        let kind = format!("image.toolkit.fluxcd.io/v1/{kind}");
        world.cluster.wait_ready((&kind, "default", "app"), "True", SOON).await.unwrap();
    }
    guest(&world).await;
    for (kind, _) in KINDS {
        let kind = format!("image.toolkit.fluxcd.io/v1/{kind}");
        world.cluster.delete(&kind, "default", "app").await.unwrap();
        world.cluster.wait_gone((&kind, "default", "app"), SOON).await.unwrap();
    }
    for ((_, plural), object) in KINDS.iter().zip(&objects) {
        world.conflict("image-automation-controller", object, plural).await.unwrap();
    }
    world.end(&controller).await.unwrap();
    world.judge("image-automation-controller").await.unwrap();
}
