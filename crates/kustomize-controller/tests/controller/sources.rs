use serde_json::json;

use crate::rig::{Rig, config_map, message};

#[tokio::test]
async fn a_source_that_appears_later_wakes_at_once() {
    let rig = Rig::start("later").await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let waiting =
        rig.when("app", |object| message(object, "Ready").contains("artifact not found")).await.unwrap();
    assert_eq!(testkit::condition(&waiting, "Ready").unwrap()["reason"], "ArtifactFailed");
    let revision = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "1"))]).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    assert_eq!(rig.get("ConfigMap", "cm").await.unwrap()["data"]["v"], "1");
}

#[tokio::test]
async fn a_file_that_is_gone_waits_for_the_source_to_name_another() {
    let rig = Rig::start("gone").await.unwrap();
    rig.publish(1, &[("app/cm.yaml", &config_map("cm", "gone"))]).await.unwrap();
    rig.files.remove(&format!("/gitrepository/{}/repo/1.tar.gz", rig.ns.name()));
    rig.apply("app", json!({})).await.unwrap();
    let failed = rig.ready("app", "False").await.unwrap();
    assert_eq!(message(&failed, "Ready"), "Source is not ready, artifact not found, retrying in 1s");
    let revision = rig.publish(2, &[("app/cm.yaml", &config_map("cm", "back"))]).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
}

#[tokio::test]
async fn dependants_follow_in_order_at_each_revision() {
    let rig = Rig::start("depends").await.unwrap();
    rig.apply("last", json!({ "dependsOn": [{ "name": "first" }] })).await.unwrap();
    let missing = rig.when("last", |object| message(object, "Ready").contains("not found")).await.unwrap();
    assert!(testkit::condition(&missing, "Reconciling").is_none());
    rig.apply("first", json!({})).await.unwrap();
    for number in 1..=2 {
        let text = number.to_string();
        let files = [("first/a.yaml", config_map("a", &text)), ("last/b.yaml", config_map("b", &text))];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let revision = rig.publish(number, &files).await.unwrap();
        rig.applied("last", &revision).await.unwrap();
        let first = rig.get("Kustomization", "first").await.unwrap();
        assert_eq!(first["status"]["lastAppliedRevision"], revision.as_str());
        assert_eq!(rig.get("ConfigMap", "b").await.unwrap()["data"]["v"], text.as_str());
    }
    let since_first = rig.requests().unwrap();
    let place =
        |name: &str| since_first.iter().position(|request| request.contains(&format!("/configmaps/{name}")));
    assert!(place("a").unwrap() < place("b").unwrap(), "{since_first:#?}");
}

#[tokio::test]
async fn a_revision_without_a_change_here_is_recorded_and_applies_nothing() {
    let rig = Rig::start("elsewhere").await.unwrap();
    let first = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "1"))]).await.unwrap();
    rig.apply("app", json!({ "wait": true })).await.unwrap();
    rig.applied("app", &first).await.unwrap();
    let writes = |requests: &[String]| requests.iter().filter(|one| one.contains("/configmaps/cm")).count();
    let before = writes(&rig.requests().unwrap());
    let files = [("app/cm.yaml", &*config_map("cm", "1")), ("other/x.yaml", &*config_map("x", "1"))];
    let second = rig.publish(2, &files).await.unwrap();
    let object = rig.applied("app", &second).await.unwrap();
    assert_eq!(writes(&rig.requests().unwrap()), before);
    assert_eq!(message(&object, "Ready"), format!("Applied revision: {second}"));
    assert!(message(&object, "Healthy").starts_with("Health check passed in"));
    assert_eq!(object["status"]["history"][0]["totalReconciliations"], 2);
}

#[tokio::test]
async fn a_dependency_that_the_watch_does_not_show_is_read() {
    let rig = Rig::with_args("shard", &["--watch-label-selector=shard=one"]).await.unwrap();
    let revision = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "1"))]).await.unwrap();
    rig.apply("other", json!({})).await.unwrap();
    rig.apply("app", json!({ "dependsOn": [{ "name": "other" }] })).await.unwrap();
    let labels = json!({ "metadata": { "labels": { "shard": "one" } } });
    rig.cluster.patch("Kustomization", rig.ns.name(), "app", labels).await.unwrap();
    rig.when("app", |object| message(object, "Ready").ends_with("/other' is not ready")).await.unwrap();
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "message": "by another shard",
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    });
    let status = json!({ "observedGeneration": 1, "lastAppliedRevision": revision, "conditions": [ready] });
    rig.cluster.patch_status("Kustomization", rig.ns.name(), "other", status).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    assert!(rig.exists("ConfigMap", "cm").await.unwrap());
}
