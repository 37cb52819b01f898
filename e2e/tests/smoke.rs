//! A push becomes live: the shortest way through both controllers.
use e2e::{World, deployment, service, yaml_list};
use serde_json::json;

#[tokio::test]
async fn a_push_becomes_live_and_a_second_push_replaces_it() {
    let world = World::start("push").await.unwrap();
    let first = world.push(&[("app/cm.yaml", &World::config_map("settings", "one"))], "first").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &first).await.unwrap();
    assert_eq!(world.get("ConfigMap", "settings").await.unwrap()["data"]["v"], "one");

    let second =
        world.push(&[("app/cm.yaml", &World::config_map("settings", "two"))], "second").await.unwrap();
    world.applied("app", &second).await.unwrap();
    assert_eq!(world.get("ConfigMap", "settings").await.unwrap()["data"]["v"], "two");
}

#[tokio::test]
async fn an_object_removed_from_git_is_pruned_and_the_rest_stays() {
    let world = World::start("prune").await.unwrap();
    let files =
        [("app/a.yaml", &*World::config_map("stays", "1")), ("app/b.yaml", &*World::config_map("goes", "1"))];
    let first = world.push(&files, "two objects").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &first).await.unwrap();
    world.get("ConfigMap", "goes").await.unwrap();
    let uid = world.get("ConfigMap", "stays").await.unwrap()["metadata"]["uid"].clone();

    world.repo.remove(&["app/b.yaml"], "one goes").unwrap();
    world.tell_source().await.unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    world.gone("ConfigMap", "goes").await.unwrap();
    assert_eq!(world.get("ConfigMap", "stays").await.unwrap()["metadata"]["uid"], uid);
}

#[tokio::test]
async fn with_wait_ready_comes_only_after_the_deployment_is_available() {
    let world = World::start("wait").await.unwrap();
    let app = yaml_list(&[deployment("web", "web:1.0", 2), service("web")]);
    let first = world.push(&[("app/app.yaml", &app)], "healthy").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &first).await.unwrap();
    assert_eq!(world.get("Deployment", "web").await.unwrap()["status"]["availableReplicas"], 2);

    let broken = yaml_list(&[deployment("web", "web:does-not-exist", 2), service("web")]);
    world.push(&[("app/app.yaml", &broken)], "cannot start").await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true, "timeout": "3s" })).await.unwrap();
    let failed = world.failed("app", "web").await.unwrap();
    assert_eq!(failed["status"]["lastAppliedRevision"], first);
}

#[tokio::test]
async fn deleting_a_kustomization_removes_its_objects() {
    let world = World::start("delete").await.unwrap();
    let first = world.push(&[("app/a.yaml", &World::config_map("a", "1"))], "one object").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &first).await.unwrap();
    world.get("ConfigMap", "a").await.unwrap();
    world.cluster.delete("Kustomization", &world.ns, "app").await.unwrap();
    world.gone("Kustomization", "app").await.unwrap();
    assert!(world.cluster.find("ConfigMap", &world.ns, "a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_dependant_is_applied_only_after_its_dependency() {
    let world = World::start("order").await.unwrap();
    let files = [
        ("first/cm.yaml", &*World::config_map("first", "1")),
        ("second/cm.yaml", &*World::config_map("second", "1")),
    ];
    let revision = world.push(&files, "two folders").await.unwrap();
    world
        .apply_kustomization("second", "./second", json!({ "dependsOn": [{ "name": "first" }] }))
        .await
        .unwrap();
    world.apply_source().await.unwrap();
    world.failed("second", "first").await.unwrap();
    assert!(world.cluster.find("ConfigMap", &world.ns, "second").await.unwrap().is_none());
    world.apply_kustomization("first", "./first", json!({})).await.unwrap();
    world.applied("second", &revision).await.unwrap();
    world.get("ConfigMap", "first").await.unwrap();
    world.get("ConfigMap", "second").await.unwrap();
}
