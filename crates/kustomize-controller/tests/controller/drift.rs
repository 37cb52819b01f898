use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{Rig, SOON, config_map, message};

/// Changes the ConfigMap as another manager does.
async fn take(rig: &Rig, value: &str) {
    rig.cluster.patch("ConfigMap", rig.ns.name(), "cm", json!({ "data": { "v": value } })).await.unwrap();
}

fn is(value: &'static str) -> impl Fn(&Value) -> bool {
    move |object| object["data"]["v"] == value
}

#[tokio::test]
async fn a_manager_that_insists_is_told_and_left_to_the_interval() {
    let rig = Rig::start("contest").await.unwrap();
    let revision = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "git"))]).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    let key = ("ConfigMap", rig.ns.name(), "cm");

    take(&rig, "first").await;
    rig.cluster.wait(key, SOON, is("git")).await.unwrap();
    take(&rig, "second").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(is("second")(&rig.get("ConfigMap", "cm").await.unwrap()), "the second heal waits ten seconds");
    rig.cluster.wait(key, SOON, is("git")).await.unwrap();
    let metrics = rig.controller.metrics().await.unwrap();
    assert_eq!(metrics.sum("sluice_drift_total", &[("kind", "ConfigMap"), ("action", "healed")]), 2.0);
}

#[tokio::test]
async fn a_request_undoes_what_a_delayed_heal_waits_for() {
    let rig = Rig::start("asked").await.unwrap();
    let revision = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "git"))]).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    let key = ("ConfigMap", rig.ns.name(), "cm");
    take(&rig, "first").await;
    rig.cluster.wait(key, SOON, is("git")).await.unwrap();
    take(&rig, "second").await;
    let object = rig.reconcile("app").await.unwrap();
    assert!(is("git")(&rig.get("ConfigMap", "cm").await.unwrap()));
    assert_eq!(message(&object, "Ready"), format!("Applied revision: {revision}"));
}

#[tokio::test]
async fn without_watches_the_next_pass_undoes_drift() {
    let rig = Rig::with_args("interval", &["--drift-detection=interval"]).await.unwrap();
    let revision = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "git"))]).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    take(&rig, "by hand").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(is("by hand")(&rig.get("ConfigMap", "cm").await.unwrap()));
    rig.reconcile("app").await.unwrap();
    assert!(is("git")(&rig.get("ConfigMap", "cm").await.unwrap()));
    rig.event("cm configured").await.unwrap();
}

#[tokio::test]
async fn drift_under_a_revision_that_does_not_build_is_no_busy_loop() {
    let rig = Rig::start("loop").await.unwrap();
    let revision = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "git"))]).await.unwrap();
    rig.apply("app", json!({ "retryInterval": "1m" })).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    rig.publish(2, &[("app/cm.yaml", "kind: [")]).await.unwrap();
    rig.ready("app", "False").await.unwrap();
    take(&rig, "by hand").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let metrics = rig.controller.metrics().await.unwrap();
    let runs = metrics.sum("gotk_reconcile_duration_seconds_count", &[("name", "app")]);
    assert!((2.0..20.0).contains(&runs), "{runs} runs");
}
