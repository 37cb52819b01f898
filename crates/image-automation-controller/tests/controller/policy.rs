use crate::rig::{Rig, full, message};
use serde_json::json;

#[tokio::test]
async fn a_policy_follows_its_repository_at_once() {
    let rig = Rig::start("follow").await.unwrap();
    rig.policy(json!({})).await.unwrap();
    let object = rig.ready("ImagePolicy", "False").await.unwrap();
    assert!(message(&object).contains("referenced ImageRepository does not exist"), "{object}");
    rig.registry.push_images("app", &["1.0.0", "1.1.0"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    let object = rig.ready("ImagePolicy", "True").await.unwrap();
    let image = rig.image();
    assert_eq!(message(&object), format!("Latest image tag for {image} resolved to 1.1.0"));
    rig.registry.push_images("app", &["1.2.0"]).await.unwrap();
    rig.reconcile("ImageRepository").await.unwrap();
    let latest = |object: &serde_json::Value| object["status"]["latestRef"]["tag"] == "1.2.0";
    let object = rig.when("ImagePolicy", latest).await.unwrap();
    let expected = format!("Latest image tag for {image} resolved to 1.2.0 (previously {image}:1.1.0)");
    assert_eq!(message(&object), expected);
    assert_eq!(object["status"]["observedPreviousRef"]["tag"], "1.1.0");
}

#[tokio::test]
async fn tags_that_the_store_lost_are_scanned_anew_and_the_policy_goes_on() {
    let mut rig = Rig::start("lost").await.unwrap();
    rig.registry.push_images("app", &["1.0.0"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    rig.policy(json!({})).await.unwrap();
    rig.ready("ImagePolicy", "True").await.unwrap();
    let dir = rig.controller().dir().to_owned();
    rig.controller = None;
    std::fs::remove_dir_all(dir.join("storage/imagerepository")).unwrap();
    rig.controller = Some(rig.builder().unwrap().dir(&dir).start().await.unwrap());
    rig.reconcile("ImagePolicy").await.unwrap();
    rig.ready("ImagePolicy", "True").await.unwrap();
}

#[tokio::test]
async fn digests_are_noted_once_or_anew() {
    let rig = Rig::start("digest").await.unwrap();
    let first = rig.registry.push_images("app", &["1.0.0"]).await.unwrap().remove(0);
    rig.repository(json!({})).await.unwrap();
    rig.policy(json!({ "digestReflectionPolicy": "IfNotPresent" })).await.unwrap();
    let object = rig.ready("ImagePolicy", "True").await.unwrap();
    assert_eq!(object["status"]["latestRef"]["digest"], first);
    let other = testkit::OciArtifact::image("something else").unwrap();
    let second = rig.registry.push("app", "1.0.0", &other).await.unwrap();
    let object = rig.reconcile("ImagePolicy").await.unwrap();
    assert_eq!(object["status"]["latestRef"]["digest"], first);
    rig.policy(json!({ "digestReflectionPolicy": "Always", "interval": "1h" })).await.unwrap();
    let moved = |object: &serde_json::Value| object["status"]["latestRef"]["digest"] == second;
    let object = rig.when("ImagePolicy", moved).await.unwrap();
    assert_eq!(object["status"]["observedPreviousRef"]["digest"], first);
}

#[tokio::test]
async fn another_namespaces_repository_needs_its_consent() {
    let rig = Rig::start("consent").await.unwrap();
    let other = rig.plane.namespace("consent-other").await.unwrap();
    let spec = json!({ "image": rig.image(), "interval": "10m", "insecure": true });
    let meta = json!({ "name": "app", "namespace": other.name() });
    let object = json!({
        "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository", "metadata": meta, "spec": spec,
    });
    rig.cluster.apply(&object).await.unwrap();
    rig.policy(json!({ "imageRepositoryRef": { "name": "app", "namespace": other.name() } })).await.unwrap();
    let policy = rig.ready("ImagePolicy", "False").await.unwrap();
    assert_eq!(testkit::condition(&policy, "Ready").unwrap()["reason"], "AccessDenied");
    let expected = format!(
        "failed to get the referred ImageRepository: access denied: '{}/app' can't be accessed due to missing ACL \
         labels on 'accessFrom'",
        other.name()
    );
    assert_eq!(message(&policy), expected);
    let allow = json!({ "spec": { "accessFrom": { "namespaceSelectors": [{ "matchLabels": {} }] } } });
    rig.cluster.patch(&full("ImageRepository"), other.name(), "app", allow).await.unwrap();
    let allowed = |object: &serde_json::Value| message(object).contains("no tags in database");
    rig.when("ImagePolicy", allowed).await.unwrap();
}

#[tokio::test]
async fn another_image_means_nothing_to_a_policy_before_its_tags_are_there() {
    let rig = Rig::start("renamed").await.unwrap();
    rig.registry.push_images("app", &["1.0.0"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    rig.policy(json!({})).await.unwrap();
    rig.ready("ImagePolicy", "True").await.unwrap();
    let other = format!("{}/other", rig.registry.address());
    rig.repository(json!({ "image": other })).await.unwrap();
    let failed = |object: &serde_json::Value| message(object).starts_with("scan failed");
    rig.when("ImageRepository", failed).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let object = rig.ready("ImagePolicy", "True").await.unwrap();
    assert_eq!(object["status"]["latestRef"]["name"], rig.image(), "{object}");
    // Also a policy that is looked at for another reason names no image of which no tag is known.
    rig.policy(json!({ "policy": { "semver": { "range": ">=0.1.0" } } })).await.unwrap();
    let object = rig.ready("ImagePolicy", "False").await.unwrap();
    assert!(message(&object).ends_with("no tags in database"), "{object}");
    assert_eq!(object["status"]["latestRef"]["name"], rig.image(), "{object}");
    rig.registry.push_images("other", &["1.0.0"]).await.unwrap();
    let moved = |object: &serde_json::Value| object["status"]["latestRef"]["name"] == other.as_str();
    let object = rig.when("ImagePolicy", moved).await.unwrap();
    let image = rig.image();
    let expected = format!("Latest image tag for {other} resolved to 1.0.0 (previously {image}:1.0.0)");
    assert_eq!(message(&object), expected, "the same tags of another image are news");
}
