use serde_json::json;

use crate::rig::{Rig, config_map, message};

#[tokio::test]
async fn what_comes_later_stalls_and_applies_nothing() {
    let rig = Rig::start("stall").await.unwrap();
    rig.publish(1, &[("app/cm.yaml", &config_map("cm", "1"))]).await.unwrap();
    rig.apply("app", json!({ "kubeConfig": { "secretRef": { "name": "other" } } })).await.unwrap();
    let stalled = rig.when("app", |object| testkit::condition(object, "Stalled").is_some()).await.unwrap();
    assert!(message(&stalled, "Stalled").contains("spec.kubeConfig is not supported"));
    testkit::check_conditions(&stalled).unwrap();
    assert!(!rig.exists("ConfigMap", "cm").await.unwrap());
}

#[tokio::test]
async fn ciphertext_is_never_applied() {
    let rig = Rig::start("sops").await.unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" },
        "stringData": { "a": "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]" },
        "sops": { "mac": "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]", "version": "3.9.0" },
    });
    rig.publish(1, &[("app/s.yaml", &secret.to_string())]).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let failed = rig.ready("app", "False").await.unwrap();
    assert!(message(&failed, "Ready").contains("SOPS encrypted"), "{}", message(&failed, "Ready"));
    assert_eq!(testkit::condition(&failed, "Ready").unwrap()["reason"], "ReconciliationFailed");
    assert_eq!(failed["status"]["history"][0]["lastReconciledStatus"], "ReconciliationFailed");
    assert!(!rig.exists("Secret", "s").await.unwrap());
}

#[tokio::test]
async fn one_invalid_object_blocks_its_stage_and_is_named() {
    let rig = Rig::start("invalid").await.unwrap();
    let bad = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "bad" },
        "spec": { "ports": [{ "port": 99999 }] },
    });
    let files = [("app/a.yaml", &*config_map("good", "1")), ("app/b.yaml", &*bad.to_string())];
    rig.publish(1, &files).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let failed = rig.ready("app", "False").await.unwrap();
    let text = message(&failed, "Ready");
    assert!(text.starts_with(&format!("Service/{}/bad dry-run failed (Invalid): ", rig.ns.name())), "{text}");
    assert!(!rig.exists("ConfigMap", "good").await.unwrap());
    assert_eq!(failed["status"]["history"][0]["lastReconciledStatus"], "ReconciliationFailed");
    assert!(
        failed["status"]["inventory"].is_null(),
        "nothing was applied: {:#}",
        failed["status"]["inventory"]
    );
}

#[tokio::test]
async fn the_guard_holds_an_empty_build_until_the_annotation_allows_it() {
    let rig = Rig::with_args("guard", &["--prune-guard"]).await.unwrap();
    let first = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "1"))]).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.applied("app", &first).await.unwrap();
    let empty = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n";
    let second = rig.publish(2, &[("app/kustomization.yaml", empty)]).await.unwrap();
    let held = rig.when("app", |object| message(object, "Ready").contains("is held")).await.unwrap();
    let annotation = format!("kustomize.toolkit.fluxcd.io/allow-prune={second}");
    assert!(message(&held, "Ready").contains(&annotation), "{}", message(&held, "Ready"));
    assert!(rig.exists("ConfigMap", "cm").await.unwrap());

    let annotations = json!({ "kustomize.toolkit.fluxcd.io/allow-prune": second });
    let patch = json!({ "metadata": { "annotations": annotations } });
    rig.cluster.patch("Kustomization", rig.ns.name(), "app", patch).await.unwrap();
    rig.cluster.wait_gone(("ConfigMap", rig.ns.name(), "cm"), crate::rig::SOON).await.unwrap();
    rig.applied("app", &second).await.unwrap();
}

#[tokio::test]
async fn the_share_of_the_guard_is_one_of_what_was_there_before() {
    let rig = Rig::with_args("share", &["--prune-guard=50"]).await.unwrap();
    let all = |prefix: &str| {
        (0..6).map(|at| config_map(&format!("{prefix}{at}"), "1") + "\n---\n").collect::<String>()
    };
    let first = rig.publish(1, &[("app/cm.yaml", &all("old"))]).await.unwrap();
    rig.apply("app", json!({ "retryInterval": "1s" })).await.unwrap();
    rig.applied("app", &first).await.unwrap();
    rig.publish(2, &[("app/cm.yaml", &all("new"))]).await.unwrap();
    let is_held = |object: &serde_json::Value| message(object, "Ready").contains("is held");
    let held = rig.when("app", is_held).await.unwrap();
    assert!(message(&held, "Ready").contains("deleting 6 of 6 objects"), "{}", message(&held, "Ready"));
    // The next tries know what was there before the first.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    rig.when("app", is_held).await.unwrap();
    assert!(rig.exists("ConfigMap", "old0").await.unwrap() && rig.exists("ConfigMap", "new5").await.unwrap());
    let third = rig.publish(3, &[("app/cm.yaml", &all("old"))]).await.unwrap();
    rig.applied("app", &third).await.unwrap();
    assert!(!rig.exists("ConfigMap", "new5").await.unwrap());
}

#[tokio::test]
async fn a_service_account_without_rights_applies_nothing() {
    let rig = Rig::start("tenant").await.unwrap();
    rig.publish(1, &[("app/cm.yaml", &config_map("cm", "1"))]).await.unwrap();
    let meta = json!({ "name": "tenant", "namespace": rig.ns.name() });
    rig.cluster
        .apply(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta }))
        .await
        .unwrap();
    rig.apply("app", json!({ "serviceAccountName": "tenant" })).await.unwrap();
    let failed = rig.ready("app", "False").await.unwrap();
    let user = format!("User \"system:serviceaccount:{}:tenant\" cannot patch", rig.ns.name());
    assert!(message(&failed, "Ready").contains(&user), "{}", message(&failed, "Ready"));
    assert!(!rig.exists("ConfigMap", "cm").await.unwrap());
}
