//! Waiting costs nothing: unhealthy objects hold no permit, and a fix is not kept waiting by what it mends.
use std::time::Duration;

use e2e::{SOON, World, deployment, yaml_list};
use serde_json::{Value, json};

#[tokio::test]
async fn a_fix_goes_live_at_once_while_its_predecessor_waits() {
    let world = World::start("fix").await.unwrap();
    let app = |image: &str| yaml_list(&[deployment("web", image, 1)]);
    world.push(&[("app/app.yaml", &app("web:does-not-exist"))], "cannot start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true, "timeout": "10m" })).await.unwrap();
    let waits = |object: &Value| {
        let reconciling = testkit::condition(object, "Reconciling");
        reconciling
            .is_some_and(|c| c["message"].as_str().is_some_and(|text| text.contains("Running health checks")))
    };
    let waiting = world.until("Kustomization", "app", waits).await.unwrap();
    testkit::check_conditions(&waiting).unwrap();
    assert_eq!(testkit::condition(&waiting, "Ready").unwrap()["status"], "Unknown");
    assert!(waiting["status"]["lastAppliedRevision"].is_null(), "{waiting:#}");

    let fixed = world.push(&[("app/app.yaml", &app("web:1.0"))], "fixed").await.unwrap();
    world.applied("app", &fixed).await.unwrap();
}

#[tokio::test]
async fn an_unhealthy_object_is_named_with_its_pod_container_and_cause() {
    let world = World::start("cause").await.unwrap();
    let app = yaml_list(&[deployment("web", "web:does-not-exist", 1)]);
    world.push(&[("app/app.yaml", &app)], "cannot start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true, "timeout": "30s" })).await.unwrap();
    let failed = world.failed("app", "Deployment/").await.unwrap();
    let message = testkit::condition(&failed, "Ready").unwrap()["message"].as_str().unwrap().to_owned();
    for word in [&format!("Deployment/{}/web", world.ns.name()), "web-", "main", "ImagePullBackOff"] {
        assert!(message.contains(word), "{word} is missing in: {message}");
    }
}

#[tokio::test]
async fn ten_that_never_become_healthy_are_not_noticed_by_ninety_neighbours() {
    let world = World::builder("ninety").kustomize_arg("--concurrent=4").start().await.unwrap();
    let mut files =
        vec![("sick/app.yaml".to_owned(), yaml_list(&[deployment("sick", "web:does-not-exist", 1)]))];
    for number in 0..90 {
        files.push((format!("well-{number}/cm.yaml"), World::config_map(&format!("well-{number}"), "1")));
    }
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.push(&borrowed, "a hundred").await.unwrap();
    world.apply_source().await.unwrap();
    for number in 0..10 {
        let spec = json!({ "wait": true, "timeout": "10m", "nameSuffix": format!("-{number}") });
        world.apply_kustomization(&format!("sick-{number}"), "./sick", spec).await.unwrap();
    }
    for number in 0..90 {
        let name = format!("well-{number}");
        world.apply_kustomization(&name, &format!("./{name}"), json!({ "wait": true })).await.unwrap();
    }
    let revision = world.repo.revision().unwrap();
    for number in 0..90 {
        world.applied(&format!("well-{number}"), &revision).await.unwrap();
    }
    // All permits are free although ten wait: a change of each neighbour is applied within a generous ceiling.
    let changes: Vec<(String, String)> = (0..90)
        .map(|n| (format!("well-{n}/cm.yaml"), World::config_map(&format!("well-{n}"), "2")))
        .collect();
    let borrowed: Vec<(&str, &str)> =
        changes.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let changed = world.push(&borrowed, "all neighbours change").await.unwrap();
    for number in 0..90 {
        world.applied(&format!("well-{number}"), &changed).await.unwrap();
    }
    let sick = world.get("Kustomization", "sick-3").await.unwrap();
    assert_eq!(testkit::condition(&sick, "Ready").unwrap()["status"], "Unknown");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let busy = world.kustomize.as_ref().unwrap().debug_objects().await.unwrap();
    let waits = busy.to_string().matches("sick-").count();
    assert!(waits >= 10, "the debug page does not tell what the ten wait for: {busy:#}");
    for number in 0..10 {
        world
            .cluster
            .patch(
                "Kustomization",
                &world.ns,
                &format!("sick-{number}"),
                json!({ "spec": { "suspend": true } }),
            )
            .await
            .unwrap();
    }
    let key = ("Kustomization", world.ns.name(), "well-0");
    world.cluster.wait_ready(key, "True", SOON).await.unwrap();
}
