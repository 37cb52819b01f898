//! Changes made beside Git: undone within a second, told to whoever looks, and no war with other controllers.
use std::time::Duration;

use e2e::{World, deployment, eventually, service, yaml_list};
use serde_json::{Value, json};

fn secret() -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys" }, "stringData": { "token": "from-git" } })
}

async fn started(prefix: &str, objects: &[Value]) -> World {
    let world = World::start(prefix).await.unwrap();
    let revision = world.push(&[("app/app.yaml", &yaml_list(objects))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    world
}

fn kubectl(world: &World, args: &[&str]) {
    world.plane.kubectl_ok(&[&["-n", world.ns.name()], args].concat()).unwrap();
}

async fn event_tells(world: &World, kind: &str, name: &str, words: &[&str]) {
    eventually(&format!("an event on {kind}/{name} holds {words:?}"), || async {
        let events = world.events_of(kind, name).await?;
        Ok(events.iter().any(|event| words.iter().all(|word| event.contains(word))))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn scaling_and_setting_the_environment_by_hand_is_undone_and_the_event_names_who() {
    let world = started("drift", &[deployment("web", "web:1.0", 2)]).await;
    let revision = world.repo.revision().unwrap();
    kubectl(&world, &["set", "env", "deployment/web", "EXTRA=1"]);
    let env = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    world.until("Deployment", "web", |object| env(object).is_null()).await.unwrap();
    event_tells(&world, "Deployment", "web", &["kubectl-set", "env", &revision]).await;
    kubectl(&world, &["set", "image", "deployment/web", "main=web:9.9"]);
    let image = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    world.until("Deployment", "web", |object| image(object) == "web:1.0").await.unwrap();
}

#[tokio::test]
async fn a_deleted_object_is_back() {
    let world = started("delete", &[service("web")]).await;
    let before = world.get("Service", "web").await.unwrap()["metadata"]["uid"].clone();
    kubectl(&world, &["delete", "service", "web"]);
    world.until("Service", "web", |object| object["metadata"]["uid"] != before).await.unwrap();
}

#[tokio::test]
async fn a_changed_secret_is_restored_and_only_its_key_is_told() {
    let world = started("secret", &[secret()]).await;
    let patch = json!({ "stringData": { "token": "canary-in-the-cluster" } }).to_string();
    kubectl(&world, &["patch", "secret", "keys", "--type=merge", "-p", &patch]);
    world.until("Secret", "keys", |object| object["data"]["token"] == "ZnJvbS1naXQ=").await.unwrap();
    event_tells(&world, "Secret", "keys", &["token"]).await;
    let told = world.events_of("Secret", "keys").await.unwrap().join("\n")
        + &world.kustomize.as_ref().unwrap().process().log();
    for canary in ["canary-in-the-cluster", "from-git", "ZnJvbS1naXQ=", "Y2FuYXJ5LWlu"] {
        assert!(!told.contains(canary), "{canary} was told: {told}");
    }
}

#[tokio::test]
async fn a_rollout_restart_replaces_every_pod_once_and_nothing_undoes_it() {
    let world = started("restart", &[deployment("web", "web:1.0", 3)]).await;
    let generation =
        world.get("Deployment", "web").await.unwrap()["metadata"]["generation"].as_i64().unwrap();
    kubectl(&world, &["rollout", "restart", "deployment/web"]);
    let restarted = |object: &Value| {
        let annotations = &object["spec"]["template"]["metadata"]["annotations"];
        annotations["kubectl.kubernetes.io/restartedAt"].is_string()
    };
    let all_new = |object: &Value| {
        object["status"]["updatedReplicas"] == 3
            && object["status"]["availableReplicas"] == 3
            && object["status"]["replicas"] == 3
            && object["status"]["observedGeneration"] == object["metadata"]["generation"]
    };
    world.until("Deployment", "web", |object| restarted(object) && all_new(object)).await.unwrap();
    // A full pass and a commit that has nothing to do with it must leave it alone.
    world.cluster.request_reconcile("Kustomization", &world.ns, "app").await.unwrap();
    let revision =
        world.push(&[("app/cm.yaml", &World::config_map("unrelated", "1"))], "unrelated").await.unwrap();
    world.applied("app", &revision).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = world.get("Deployment", "web").await.unwrap();
    assert!(restarted(&after), "the restart was undone: {after:#}");
    assert_eq!(
        after["metadata"]["generation"].as_i64().unwrap(),
        generation + 1,
        "pods were replaced more than once"
    );
}

/// A stand-in for the autoscaler, which needs metrics of real pods: the write that it makes, under the name it has.
async fn scale_as_autoscaler(world: &World, replicas: u32) {
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web/scale", world.ns.name());
    let request = http::Request::patch(format!("{path}?fieldManager=kube-controller-manager"))
        .header("content-type", "application/merge-patch+json")
        .body(serde_json::to_vec(&json!({ "spec": { "replicas": replicas } })).unwrap())
        .unwrap();
    world.cluster.client().request_text(request).await.unwrap();
}

#[tokio::test]
async fn an_autoscaler_is_not_fought_over_replicas_that_stand_in_git() {
    let world = started("scaler", &[deployment("web", "web:1.0", 2)]).await;
    let generation =
        world.get("Deployment", "web").await.unwrap()["metadata"]["generation"].as_i64().unwrap();
    for replicas in [4, 5] {
        scale_as_autoscaler(&world, replicas).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let after = world.get("Deployment", "web").await.unwrap();
    assert_eq!(after["spec"]["replicas"], 5, "scaling was fought over between passes");
    assert_eq!(after["metadata"]["generation"].as_i64().unwrap(), generation + 2);
}

#[tokio::test]
async fn nothing_is_healed_while_suspended() {
    let world = started("suspend", &[service("web")]).await;
    world
        .cluster
        .patch("Kustomization", &world.ns, "app", json!({ "spec": { "suspend": true } }))
        .await
        .unwrap();
    world
        .until("Kustomization", "app", |object| {
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
        })
        .await
        .unwrap();
    kubectl(&world, &["delete", "service", "web"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(world.cluster.find("Service", &world.ns, "web").await.unwrap().is_none());
    world
        .cluster
        .patch("Kustomization", &world.ns, "app", json!({ "spec": { "suspend": false } }))
        .await
        .unwrap();
    world.until("Service", "web", |_| true).await.unwrap();
}
