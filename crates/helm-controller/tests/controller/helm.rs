//! The real helm reads, changes and removes our releases, and we go on from its own.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::charts::small;
use crate::rig::{RELEASE, Rig, SOON, message};

fn helm(rig: &Rig, args: &[&str]) -> Result<String> {
    let home = tempfile::tempdir()?;
    let done = Command::new(testkit::program("helm")?)
        .args(args)
        .args(["--namespace", rig.ns.name()])
        .env("KUBECONFIG", rig.plane.kubeconfig())
        .env("HOME", home.path())
        .output()
        .context("running helm")?;
    ensure!(done.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}

#[tokio::test]
async fn helm_lists_rolls_back_and_removes_what_we_released() {
    let rig = Rig::start("helm").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "values": { "v": "one" } })).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.apply("app", json!({ "values": { "v": "two" } })).await.unwrap();
    rig.says("app", "True", "app.v2").await.unwrap();

    let list: Value = serde_json::from_str(&helm(&rig, &["list", "-o", "json"]).unwrap()).unwrap();
    assert_eq!(
        (&list[0]["name"], &list[0]["revision"], &list[0]["status"]),
        (&json!("app"), &json!("2"), &json!("deployed"))
    );
    assert_eq!(list[0]["chart"].as_str().unwrap().split('+').next(), Some("app-1.0.0"));
    let history: Value =
        serde_json::from_str(&helm(&rig, &["history", "app", "-o", "json"]).unwrap()).unwrap();
    let words: Vec<&str> =
        history.as_array().unwrap().iter().filter_map(|row| row["status"].as_str()).collect();
    assert_eq!(words, ["superseded", "deployed"]);
    assert_eq!(helm(&rig, &["get", "values", "app", "-o", "json"]).unwrap().trim(), r#"{"v":"two"}"#);
    assert!(helm(&rig, &["get", "all", "app"]).unwrap().contains("v: two"));

    helm(&rig, &["rollback", "app", "1", "--force-conflicts"]).unwrap();
    assert_eq!(rig.get("ConfigMap", "app-cfg").await.unwrap()["data"]["v"], "one");
    rig.cluster.request_reconcile(RELEASE, rig.ns.name(), "app").await.unwrap();
    rig.says("app", "True", "app.v4").await.unwrap();
    assert_eq!(
        rig.get("ConfigMap", "app-cfg").await.unwrap()["data"]["v"],
        "two",
        "we go on from helm's release"
    );

    helm(&rig, &["uninstall", "app"]).unwrap();
    assert!(!rig.exists("ConfigMap", "app-cfg").await.unwrap());
    rig.cluster.request_reconcile(RELEASE, rig.ns.name(), "app").await.unwrap();
    let key = ("ConfigMap", rig.ns.name(), "app-cfg");
    rig.cluster.wait(key, SOON, |object| object["data"]["v"] == "two").await.unwrap();
    let object = rig.says("app", "True", "install succeeded").await.unwrap();
    assert!(message(&object, "Ready").contains("app.v1"));
}

#[tokio::test]
async fn a_release_that_helm_made_is_taken_over_as_an_upgrade() {
    let rig = Rig::start("takeover").await.unwrap();
    let chart = small("1.0.0");
    let file = tempfile::Builder::new().suffix(".tgz").tempfile().unwrap();
    std::fs::write(file.path(), testkit::chart_archive(&chart).unwrap()).unwrap();
    helm(&rig, &["install", "app", &file.path().display().to_string()]).unwrap();
    rig.publish(&chart).await.unwrap();
    rig.apply("app", json!({ "values": { "v": "ours" } })).await.unwrap();
    rig.says("app", "True", "Helm upgrade succeeded").await.unwrap();
    assert_eq!(rig.storage().unwrap(), ["app.1: superseded", "app.2: deployed"]);
    assert_eq!(rig.get("ConfigMap", "app-cfg").await.unwrap()["data"]["v"], "ours");
}

#[tokio::test]
async fn a_release_that_helm_made_and_we_did_not_touch_stays_when_its_helm_release_goes() {
    let rig = Rig::start("foreign").await.unwrap();
    let file = tempfile::Builder::new().suffix(".tgz").tempfile().unwrap();
    std::fs::write(file.path(), testkit::chart_archive(&small("1.0.0")).unwrap()).unwrap();
    helm(&rig, &["install", "app", &file.path().display().to_string()]).unwrap();
    let mut broken = small("1.0.1");
    broken.insert("templates/broken.yaml".into(), "{{ fail \"not today\" }}".into());
    rig.publish(&broken).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let object = rig.says("app", "False", "not today").await.unwrap();
    assert!(object["status"]["history"][0].is_null() && object["status"]["storageNamespace"].is_string());
    rig.cluster.delete(RELEASE, rig.ns.name(), "app").await.unwrap();
    rig.cluster.wait_gone((RELEASE, rig.ns.name(), "app"), SOON).await.unwrap();
    assert_eq!(rig.storage().unwrap(), ["app.1: deployed"]);
    assert!(rig.exists("ConfigMap", "app-cfg").await.unwrap());
}
