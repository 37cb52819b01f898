//! The HelmChart made from `spec.chart`; the test says what source-controller would say of it.

use serde_json::{Value, json};

use crate::charts::small;
use crate::rig::{RELEASE, Rig, SOON};

const CHART: &str = "source.toolkit.fluxcd.io/v1/HelmChart";

async fn apply(rig: &Rig, version: &str, value: &str) {
    let source = json!({ "kind": "HelmRepository", "name": "charts" });
    let template = json!({ "spec": { "chart": "app", "version": version, "sourceRef": source } });
    let object = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": { "name": "app", "namespace": rig.ns.name() },
        "spec": { "interval": "10m", "chart": template, "values": { "v": value } },
    });
    rig.cluster.apply(&object).await.unwrap();
}

/// Waits until the HelmChart asks for this version; its generation.
async fn asks_for(rig: &Rig, name: &str, version: &str, after: i64) -> i64 {
    let generation = |object: &Value| object["metadata"]["generation"].as_i64().unwrap_or_default();
    let wanted = |object: &Value| object["spec"]["version"] == version && generation(object) > after;
    generation(&rig.cluster.wait((CHART, rig.ns.name(), name), SOON, wanted).await.unwrap())
}

#[tokio::test]
async fn a_helm_chart_is_put_back_and_its_artifact_waited_for() {
    let rig = Rig::start("template").await.unwrap();
    let name = format!("{}-app", rig.ns.name());
    apply(&rig, "1.0.0", "one").await;
    let generation = asks_for(&rig, &name, "1.0.0", 0).await;
    rig.publish_as(CHART, &name, generation, &small("1.0.0")).await.unwrap();
    rig.ready("app", "True").await.unwrap();

    let by_hand = json!({ "spec": { "version": "9.9.9" } });
    rig.cluster.patch(CHART, rig.ns.name(), &name, by_hand).await.unwrap();
    let generation = asks_for(&rig, &name, "1.0.0", generation + 1).await;
    rig.publish_as(CHART, &name, generation, &small("1.0.0")).await.unwrap();
    rig.ready("app", "True").await.unwrap();

    apply(&rig, "2.0.0", "two").await;
    let generation = asks_for(&rig, &name, "2.0.0", generation).await;
    rig.says("app", "False", "latest generation of object has not been reconciled").await.unwrap();
    rig.publish_as(CHART, &name, generation, &small("2.0.0")).await.unwrap();
    rig.says("app", "True", "app@2.0.0").await.unwrap();
    assert_eq!(rig.storage().unwrap(), ["app.1: superseded", "app.2: deployed"]);
    rig.cluster.delete(RELEASE, rig.ns.name(), "app").await.unwrap();
    rig.cluster.wait_gone((CHART, rig.ns.name(), &name), SOON).await.unwrap();
}

/// A HelmChart that was not made for `app`; its UID.
async fn of_others(rig: &Rig, namespace: &str) -> Value {
    let labels =
        json!({ "helm.toolkit.fluxcd.io/name": "other", "helm.toolkit.fluxcd.io/namespace": namespace });
    let chart = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart",
        "metadata": { "name": "others", "namespace": namespace, "labels": labels },
        "spec": { "chart": "app", "interval": "10m", "sourceRef": { "kind": "HelmRepository", "name": "charts" } },
    });
    rig.cluster.apply(&chart).await.unwrap()["metadata"]["uid"].clone()
}

async fn a_forged_status_deletes_nothing(prefix: &str, args: &[&str]) {
    let rig = Rig::with_args(prefix, args).await.unwrap();
    let victim = rig.plane.namespace("victim").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    for namespace in [victim.name(), rig.ns.name()] {
        let uid = of_others(&rig, namespace).await;
        let status = json!({ "helmChart": format!("{namespace}/others") });
        rig.cluster.patch_status(RELEASE, rig.ns.name(), "app", status).await.unwrap();
        let ask = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": namespace } } });
        rig.cluster.patch(RELEASE, rig.ns.name(), "app", ask).await.unwrap();
        let object = rig.when("app", |object| object["status"]["lastHandledReconcileAt"] == namespace).await;
        assert!(object.unwrap()["status"]["helmChart"].is_null());
        let live = rig.cluster.get(CHART, namespace, "others").await.unwrap();
        assert_eq!((&live["metadata"]["uid"], &live["metadata"]["deletionTimestamp"]), (&uid, &Value::Null));
    }
}

#[tokio::test]
async fn a_forged_status_deletes_no_helm_chart_of_others() {
    a_forged_status_deletes_nothing("forgedchart", &[]).await;
}

#[tokio::test]
async fn a_forged_status_deletes_no_helm_chart_of_others_in_a_locked_down_cluster() {
    a_forged_status_deletes_nothing("forgedlocked", &["--no-cross-namespace-refs=true"]).await;
}
