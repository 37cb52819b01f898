use serde_json::json;

use crate::rig::{Rig, config_map, deployment, message};

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

/// A name and a kind from a Secret: whoever tells of the object tells the value.
#[tokio::test]
async fn values_of_secrets_are_told_neither_by_a_wait_nor_by_its_end() {
    let rig = Rig::start("canary").await.unwrap();
    let meta = json!({ "name": "vars", "namespace": rig.ns.name() });
    let values = json!({ "name": "canary-name", "kind": "CanaryKind" });
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": values });
    rig.cluster.apply(&secret).await.unwrap();
    let unknown =
        json!({ "apiVersion": "none.example.com/v1", "kind": "${kind}", "metadata": { "name": "x" } });
    let files = [
        ("late/x.yaml", &*unknown.to_string()),
        ("sick/web.yaml", &*deployment("${name}", "web:does-not-exist")),
    ];
    rig.publish(1, &files).await.unwrap();
    let from = json!({ "substituteFrom": [{ "kind": "Secret", "name": "vars" }] });
    rig.apply("late", json!({ "postBuild": from, "timeout": "5m" })).await.unwrap();
    let wait = json!({ "postBuild": from, "wait": true, "timeout": "5s", "retryInterval": "5m" });
    rig.apply("sick", wait).await.unwrap();
    let late =
        rig.when("late", |o| message(o, "Reconciling").starts_with("Waiting to apply: ")).await.unwrap();
    assert!(message(&late, "Reconciling").contains("no matches for kind \"***\""), "{late:#}");
    let sick = rig.ready("sick", "False").await.unwrap();
    assert!(
        message(&sick, "Ready").contains(&format!("Deployment/{}/*** status", rig.ns.name())),
        "{sick:#}"
    );
    for object in [late, sick] {
        let told = object["status"]["conditions"].to_string().to_lowercase();
        assert!(!told.contains("canary-name") && !told.contains("canarykind"), "{told}");
    }
}

async fn vars(rig: &Rig, value: &str) {
    let labels = json!({ "reconcile.fluxcd.io/watch": "Enabled" });
    let meta = json!({ "name": "vars", "namespace": rig.ns.name(), "labels": labels });
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": { "a": value } });
    rig.cluster.apply(&object).await.unwrap();
}
