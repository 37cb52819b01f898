use serde_json::json;

use crate::charts::{app, small};
use crate::rig::{RELEASE, Rig, SOON, message};

#[tokio::test]
async fn a_release_is_installed_upgraded_and_removed() {
    let rig = Rig::start("life").await.unwrap();
    rig.publish(&app("1.0.0")).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let object = rig.ready("app", "True").await.unwrap();
    let ns = rig.ns.name();
    assert!(
        message(&object, "Ready")
            .starts_with(&format!("Helm install succeeded for release {ns}/app.v1 with chart app@1.0.0+"))
    );
    assert_eq!(rig.storage().unwrap(), ["app.1: deployed"]);
    assert_eq!(object["status"]["history"][0]["status"], "deployed");
    assert_eq!(object["status"]["inventory"]["entries"].as_array().unwrap().len(), 2);
    let config = rig.get("ConfigMap", "app-cfg").await.unwrap();
    assert_eq!(config["data"], json!({ "v": "base", "rev": "1" }));
    assert_eq!(config["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"], "app");

    rig.apply("app", json!({ "values": { "v": "two" } })).await.unwrap();
    rig.says("app", "True", "app.v2").await.unwrap();
    assert_eq!(rig.get("ConfigMap", "app-cfg").await.unwrap()["data"]["v"], "two");
    assert_eq!(rig.storage().unwrap(), ["app.1: superseded", "app.2: deployed"]);
    rig.event("Helm upgrade succeeded").await.unwrap();

    rig.publish(&small("1.1.0")).await.unwrap();
    rig.says("app", "True", "app.v3").await.unwrap();
    assert!(!rig.exists("Deployment", "app").await.unwrap(), "what left the chart is gone");

    rig.cluster.delete(RELEASE, ns, "app").await.unwrap();
    rig.cluster.wait_gone((RELEASE, ns, "app"), SOON).await.unwrap();
    assert!(rig.storage().unwrap().is_empty());
    assert!(!rig.exists("ConfigMap", "app-cfg").await.unwrap());
    rig.event("Helm uninstall succeeded").await.unwrap();
}

#[tokio::test]
async fn a_failed_upgrade_is_rolled_back_and_gives_up_after_its_retries() {
    let rig = Rig::start("rollback").await.unwrap();
    rig.publish(&app("1.0.0")).await.unwrap();
    let spec = |never: bool| json!({ "timeout": "3s", "upgrade": { "remediation": { "retries": 1 } }, "values": { "never": never } });
    rig.apply("app", spec(false)).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.apply("app", spec(true)).await.unwrap();
    let object = rig.when("app", |object| testkit::condition(object, "Stalled").is_some()).await.unwrap();
    assert_eq!(message(&object, "Stalled"), "Failed to upgrade after 2 attempt(s)");
    assert!(
        message(&object, "Ready").starts_with("Helm rollback to previous release"),
        "{}",
        message(&object, "Ready")
    );
    let deployment = rig.get("Deployment", "app").await.unwrap();
    assert!(deployment["spec"]["template"]["spec"]["nodeSelector"].is_null());
    rig.apply("app", spec(false)).await.unwrap();
    rig.ready("app", "True").await.unwrap();
}
