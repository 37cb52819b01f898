use serde_json::json;

use crate::rig::{Rig, config_map, message};

#[tokio::test]
async fn variables_come_in_order_and_a_labelled_change_is_applied_at_once() {
    let rig = Rig::start("vars").await.unwrap();
    let revision =
        rig.publish(1, &[("app/cm.yaml", &config_map("cm", "${a}-${b}-${c:=default}"))]).await.unwrap();
    let from = json!([
        { "kind": "ConfigMap", "name": "vars" }, { "kind": "Secret", "name": "more" },
        { "kind": "ConfigMap", "name": "none", "optional": true },
    ]);
    rig.apply("app", json!({ "postBuild": { "substituteFrom": from, "substitute": { "b": "inline" } } }))
        .await
        .unwrap();
    let failed = rig.ready("app", "False").await.unwrap();
    assert_eq!(testkit::condition(&failed, "Ready").unwrap()["reason"], "BuildFailed");
    assert!(
        message(&failed, "Ready").contains("configmaps \"vars\" not found"),
        "{}",
        message(&failed, "Ready")
    );

    vars(&rig, "one").await;
    let meta = json!({ "name": "more", "namespace": rig.ns.name() });
    let secret =
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": { "b": "secret" } });
    rig.cluster.apply(&secret).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    assert_eq!(rig.get("ConfigMap", "cm").await.unwrap()["data"]["v"], "one-inline-default");

    vars(&rig, "two").await;
    let key = ("ConfigMap", rig.ns.name(), "cm");
    let changed = |object: &serde_json::Value| object["data"]["v"] == "two-inline-default";
    rig.cluster.wait(key, crate::rig::SOON, changed).await.unwrap();
}

async fn vars(rig: &Rig, value: &str) {
    let labels = json!({ "reconcile.fluxcd.io/watch": "Enabled" });
    let meta = json!({ "name": "vars", "namespace": rig.ns.name(), "labels": labels });
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": { "a": value } });
    rig.cluster.apply(&object).await.unwrap();
}
