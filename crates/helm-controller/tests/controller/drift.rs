use std::time::Duration;

use serde_json::json;

use crate::charts::small;
use crate::rig::{Rig, SOON, message};

#[tokio::test]
async fn drift_is_undone_at_once_when_that_is_asked_for() {
    let rig = Rig::start("drift").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "driftDetection": { "mode": "enabled" } })).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.cluster
        .patch("ConfigMap", rig.ns.name(), "app-cfg", json!({ "data": { "v": "by hand" } }))
        .await
        .unwrap();
    let key = ("ConfigMap", rig.ns.name(), "app-cfg");
    rig.cluster.wait(key, SOON, |object| object["data"]["v"] == "base").await.unwrap();
    rig.event("ConfigMap/").await.unwrap();
    let told = rig.event("has been corrected").await.unwrap();
    assert_eq!(told["reason"], "DriftCorrected");
    rig.cluster.delete("ConfigMap", rig.ns.name(), "app-cfg").await.unwrap();
    rig.cluster.wait(key, SOON, |object| object["data"]["v"] == "base").await.unwrap();
    rig.event("app-cfg removed").await.unwrap();
}

#[tokio::test]
async fn drift_is_told_and_left_in_mode_warn_but_for_ignored_fields() {
    let rig = Rig::start("warn").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    let ignore = json!([{ "paths": ["/data/rev"], "target": { "kind": "ConfigMap" } }]);
    rig.apply("app", json!({ "driftDetection": { "mode": "warn", "ignore": ignore } })).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    let patch = |key: &str| json!({ "data": { key: "by hand" } });
    rig.cluster.patch("ConfigMap", rig.ns.name(), "app-cfg", patch("rev")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let object = rig.get(crate::rig::RELEASE, "app").await.unwrap();
    assert_eq!(message(&object, "Drifted"), "No drift detected against the cluster state");
    rig.cluster.patch("ConfigMap", rig.ns.name(), "app-cfg", patch("v")).await.unwrap();
    let drifted = |object: &serde_json::Value| {
        testkit::condition(object, "Drifted").is_some_and(|condition| condition["status"] == "True")
    };
    let object = rig.when("app", drifted).await.unwrap();
    assert!(message(&object, "Drifted").ends_with("app-cfg changed (0 additions, 1 changes, 0 removals)"));
    assert_eq!(rig.get("ConfigMap", "app-cfg").await.unwrap()["data"]["v"], "by hand");
}
