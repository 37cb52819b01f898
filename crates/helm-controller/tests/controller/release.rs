use serde_json::json;

use crate::charts::{app, chart, small};
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

#[tokio::test]
async fn an_account_that_may_not_read_the_storage_is_told_in_helms_words() {
    let rig = Rig::start("poor").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "serviceAccountName": "poor" })).await.unwrap();
    let (ns, refused) = (rig.ns.name(), "Could not determine release state: ");
    let object = rig.says("app", "False", refused).await.unwrap();
    let expected = format!(
        "{refused}failed to retrieve last release from storage: query: failed to query with labels: secrets is \
         forbidden: User \"system:serviceaccount:{ns}:poor\" cannot list resource \"secrets\" in API group \"\" in the \
         namespace \"{ns}\""
    );
    assert_eq!(message(&object, "Ready"), expected);
    assert!(rig.storage().unwrap().is_empty());
    // Nor does the end of the HelmRelease wait for a right that it never had.
    let about = json!({ "name": "poor", "namespace": ns });
    rig.cluster
        .apply(&json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": about }))
        .await
        .unwrap();
    rig.cluster.delete(RELEASE, ns, "app").await.unwrap();
    rig.cluster.wait_gone((RELEASE, ns, "app"), SOON).await.unwrap();
}

#[tokio::test]
async fn a_release_that_is_suspended_from_the_start_notes_its_generation_and_nothing_else() {
    let rig = Rig::start("asleep").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "suspend": true })).await.unwrap();
    let object = rig.when("app", |object| object["status"]["observedGeneration"] == 1).await.unwrap();
    assert!(object["status"]["conditions"].is_null(), "{}", object["status"]);
    assert_eq!(object["metadata"]["finalizers"], json!(["finalizers.fluxcd.io"]));
}

#[tokio::test]
async fn an_account_that_may_not_read_the_objects_fails_before_a_release_is_stored() {
    let rig = Rig::start("blind").await.unwrap();
    let ns = rig.ns.name();
    let group = "rbac.authorization.k8s.io";
    let about = json!({ "name": "half", "namespace": ns });
    let secrets = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["*"] }]);
    let role =
        json!({ "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": about, "rules": secrets });
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": about,
        "roleRef": { "apiGroup": group, "kind": "Role", "name": "half" },
        "subjects": [{ "kind": "ServiceAccount", "name": "half", "namespace": ns }],
    });
    rig.cluster.apply(&role).await.unwrap();
    rig.cluster.apply(&binding).await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "serviceAccountName": "half" })).await.unwrap();
    let object = rig.says("app", "False", "unable to continue with install: ").await.unwrap();
    let expected = format!(
        "could not get information about the resource ConfigMap \"app-cfg\" in namespace \"{ns}\": configmaps \
         \"app-cfg\" is forbidden: User \"system:serviceaccount:{ns}:half\" cannot get resource"
    );
    assert!(message(&object, "Ready").contains(&expected), "{}", message(&object, "Ready"));
    assert!(rig.storage().unwrap().is_empty(), "nothing is stored");
}

#[tokio::test]
async fn what_never_became_a_release_has_no_inventory() {
    let rig = Rig::start("nothing").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "releaseName": "Bad_Name" })).await.unwrap();
    let refused =
        "release name check failed: release name \"Bad_Name\": invalid release name, must match regex";
    let object = rig.says("app", "False", refused).await.unwrap();
    assert!(object["status"]["inventory"].is_null(), "{object}");
    rig.apply("app", json!({ "storageNamespace": "nowhere-at-all" })).await.unwrap();
    let object = rig.says("app", "False", "\"nowhere-at-all\" not found").await.unwrap();
    assert!(object["status"]["inventory"].is_null(), "{object}");
    assert!(!rig.exists("ConfigMap", "app-cfg").await.unwrap());
}

#[tokio::test]
async fn a_namespace_made_for_a_release_is_owned_as_helm_owns_it() {
    let rig = Rig::start("makes").await.unwrap();
    let made = format!("{}-made", rig.ns.name());
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "targetNamespace": made, "install": { "createNamespace": true } }))
        .await
        .unwrap();
    rig.ready("app", "True").await.unwrap();
    let args = ["get", "namespace", &made, "-o", "json", "--show-managed-fields"];
    let object: serde_json::Value = serde_json::from_str(&rig.plane.kubectl_ok(&args).unwrap()).unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let ours = entries.iter().find(|entry| entry["manager"] == "helm-controller").unwrap();
    let expected = json!({ "f:metadata": { "f:labels": { "f:name": {} } }, "f:spec": {} });
    assert_eq!((&ours["operation"], &ours["fieldsV1"]), (&json!("Apply"), &expected));
    rig.plane.kubectl_ok(&["delete", "namespace", &made, "--wait=false"]).unwrap();
}

#[tokio::test]
async fn preserved_values_are_upgraded_to_once() {
    let rig = Rig::start("preserve").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    let spec = |values: serde_json::Value| json!({ "values": values, "upgrade": { "preserveValues": true } });
    rig.apply("app", spec(json!({ "v": "one" }))).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.apply("app", spec(json!({ "other": "two" }))).await.unwrap();
    let object = rig.says("app", "True", "app.v2").await.unwrap();
    assert!(testkit::condition(&object, "Reconciling").is_none(), "{object}");
    let token = rig.cluster.request_reconcile(RELEASE, rig.ns.name(), "app").await.unwrap();
    rig.when("app", |object| object["status"]["lastHandledReconcileAt"] == token.as_str()).await.unwrap();
    assert_eq!(rig.storage().unwrap(), ["app.1: superseded", "app.2: deployed"]);
    assert_eq!(rig.get("ConfigMap", "app-cfg").await.unwrap()["data"]["v"], "one");
}

#[tokio::test]
async fn the_same_object_twice_in_a_chart_is_refused() {
    let rig = Rig::start("twice").await.unwrap();
    let again = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-cfg}\ndata: {z: z}\n";
    let mut twice = small("1.0.0");
    twice.insert("templates/twice.yaml".into(), again.into());
    rig.publish(&twice).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let told = "error while running post render on files: may not add resource with an already registered id: \
                ConfigMap.v1.[noGrp]/app-cfg.[noNs]";
    rig.says("app", "False", told).await.unwrap();
    assert!(rig.storage().unwrap().is_empty(), "nothing is stored");
    assert!(!rig.exists("ConfigMap", "app-cfg").await.unwrap());
}

#[tokio::test]
async fn an_object_that_does_not_go_away_is_told_and_holds_the_deletion_once() {
    let rig = Rig::start("heldback").await.unwrap();
    let ns = rig.ns.name();
    let held = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/held]}\n";
    rig.publish(&chart("1.0.0", &[("templates/held.yaml", held)])).await.unwrap();
    rig.apply("app", json!({ "uninstall": { "timeout": "2s" } })).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.cluster.delete(RELEASE, ns, "app").await.unwrap();
    let told = format!(
        "uninstallation completed with 1 error(s): ConfigMap/{ns}/held termination timeout: context deadline exceeded"
    );
    rig.event(&told).await.unwrap();
    rig.cluster.wait_gone((RELEASE, ns, "app"), SOON).await.unwrap();
    assert!(rig.storage().unwrap().is_empty(), "nothing is left of the release");
    assert!(rig.exists("ConfigMap", "held").await.unwrap());
    let free = json!({ "metadata": { "finalizers": null } });
    rig.cluster.patch("ConfigMap", ns, "held", free).await.unwrap();
}

#[tokio::test]
async fn words_that_were_booleans_once_are_texts() {
    let rig = Rig::start("words").await.unwrap();
    let words = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata:\n  n: x\n  on: q\n  a: yes\n  b: off\n";
    rig.publish(&chart("1.0.0", &[("templates/words.yaml", words)])).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    let config = rig.get("ConfigMap", "words").await.unwrap();
    assert_eq!(config["data"], json!({ "n": "x", "on": "q", "a": "yes", "b": "off" }));
}
