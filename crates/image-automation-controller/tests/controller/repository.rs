use crate::rig::{Rig, SOON, full, message};
use serde_json::json;
use testkit::RegistryOptions;

#[tokio::test]
async fn the_tags_of_an_image_are_scanned_and_kept_on_disk() {
    let rig = Rig::start("scan").await.unwrap();
    rig.registry.push_images("app", &["1.0.0", "1.1.0", "latest", "x.sig"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    let object = rig.ready("ImageRepository", "True").await.unwrap();
    let status = &object["status"];
    assert_eq!(message(&object), "successful scan: found 3 tags with checksum 1612056133");
    assert_eq!(status["canonicalImageName"], rig.image());
    assert_eq!(status["lastScanResult"]["latestTags"], json!(["latest", "1.1.0", "1.0.0"]));
    assert_eq!(status["observedExclusionList"], json!(["^.*\\.sig$"]));
    let file = rig.controller().dir().join("storage/imagerepository").join(rig.ns.name()).join("app.json");
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"1.1.0\""));
    rig.cluster.delete(&full("ImageRepository"), rig.ns.name(), "app").await.unwrap();
    rig.cluster.wait_gone((&full("ImageRepository"), rig.ns.name(), "app"), SOON).await.unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn many_pages_of_tags_are_read_and_an_unchanged_scan_is_one_write() {
    let rig = Rig::start("pages").await.unwrap();
    rig.registry.push_images("app", &["1.0.0"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    rig.ready("ImageRepository", "True").await.unwrap();
    let before = rig.writes("imagerepositories").unwrap();
    let object = rig.reconcile("ImageRepository").await.unwrap();
    assert_eq!(object["status"]["lastScanResult"]["tagCount"], 1);
    let after = rig.writes("imagerepositories").unwrap();
    assert!(after - before <= 1, "{before} {after}");
}

#[tokio::test]
async fn what_cannot_be_an_image_stalls_and_a_missing_one_is_tried_again() {
    let rig = Rig::start("invalid").await.unwrap();
    rig.repository(json!({ "image": "https://ghcr.io/org/app" })).await.unwrap();
    let object = rig.ready("ImageRepository", "False").await.unwrap();
    let expected = "image 'https://ghcr.io/org/app' should not include URL scheme; remove 'https://'";
    assert_eq!(message(&object), expected);
    assert_eq!(testkit::condition(&object, "Stalled").unwrap()["reason"], "ImageURLInvalid");
    rig.repository(json!({})).await.unwrap();
    let failed = |object: &serde_json::Value| message(object).starts_with("scan failed: GET http://");
    rig.when("ImageRepository", failed).await.unwrap();
    rig.registry.push_images("app", &["1.0.0"]).await.unwrap();
    rig.ready("ImageRepository", "True").await.unwrap();
}

#[tokio::test]
async fn credentials_come_from_a_secret_or_a_service_account_and_are_never_shown() {
    let basic = Some(("robot", "canary-secret"));
    let rig = Rig::start_with("login", RegistryOptions { basic, ..Default::default() }).await.unwrap();
    rig.registry.push_images("app", &["1.0.0"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    let object = rig.ready("ImageRepository", "False").await.unwrap();
    assert_eq!(testkit::condition(&object, "Ready").unwrap()["reason"], "ReadOperationFailed");
    let login =
        json!({ "auths": { rig.registry.address(): { "username": "robot", "password": "canary-secret" } } });
    let data = json!({ ".dockerconfigjson": login.to_string() });
    rig.secret("login", "kubernetes.io/dockerconfigjson", data).await.unwrap();
    rig.repository(json!({ "secretRef": { "name": "login" } })).await.unwrap();
    rig.ready("ImageRepository", "True").await.unwrap();
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "puller", "namespace": rig.ns.name() },
        "imagePullSecrets": [{ "name": "login" }],
    });
    rig.cluster.apply(&account).await.unwrap();
    rig.repository(json!({ "serviceAccountName": "puller" })).await.unwrap();
    rig.ready("ImageRepository", "True").await.unwrap();
    let wrong =
        json!({ "auths": { rig.registry.address(): { "username": "robot", "password": "canary-wrong" } } });
    let data = json!({ ".dockerconfigjson": wrong.to_string() });
    rig.secret("wrong", "kubernetes.io/dockerconfigjson", data).await.unwrap();
    rig.repository(json!({ "secretRef": { "name": "wrong" }, "interval": "11m" })).await.unwrap();
    rig.cluster.request_reconcile(&full("ImageRepository"), rig.ns.name(), "app").await.unwrap();
    let object = rig.ready("ImageRepository", "False").await.unwrap();
    assert!(!object.to_string().contains("canary"));
    assert!(!format!("{:?}", rig.events.events()).contains("canary"));
    assert!(!rig.controller().process().log().contains("canary"));
}

#[tokio::test]
async fn a_cloud_identity_is_said_to_be_missing() {
    let rig = Rig::start("cloud").await.unwrap();
    rig.repository(json!({ "provider": "aws" })).await.unwrap();
    let object = rig.ready("ImageRepository", "False").await.unwrap();
    assert!(message(&object).starts_with("spec.provider 'aws' is not supported"), "{object}");
    assert_eq!(testkit::condition(&object, "Stalled").unwrap()["reason"], "UnsupportedFeature");
}

#[tokio::test]
async fn an_empty_list_of_exclusions_leaves_signatures_out() {
    let rig = Rig::start("noexclusion").await.unwrap();
    rig.registry.push_images("app", &["1.0.0", "x.sig"]).await.unwrap();
    rig.repository(json!({ "exclusionList": [] })).await.unwrap();
    let object = rig.ready("ImageRepository", "True").await.unwrap();
    assert_eq!(object["status"]["lastScanResult"]["latestTags"], json!(["1.0.0"]));
    assert_eq!(object["status"]["observedExclusionList"], json!(["^.*\\.sig$"]));
}

#[tokio::test]
async fn a_secret_for_certificates_without_any_is_refused() {
    let rig = Rig::start("nocert").await.unwrap();
    rig.registry.push_images("app", &["1.0.0"]).await.unwrap();
    rig.secret("cert", "Opaque", json!({ "other": "x" })).await.unwrap();
    rig.repository(json!({ "certSecretRef": { "name": "cert" } })).await.unwrap();
    let object = rig.ready("ImageRepository", "False").await.unwrap();
    let expected = format!(
        "failed to configure authentication options: secret '{}/cert' must contain either 'ca.crt' or both 'tls.crt' \
         and 'tls.key'",
        rig.ns.name()
    );
    assert_eq!(message(&object), expected);
}
