use crate::rig::{Rig, SOON};
use serde_json::{Value, json};
use testkit::condition;

const CONFIG: &str = "a: 1\n";

async fn stalls(rig: &Rig, spec: Value, field: &str) {
    rig.apply(spec).await.unwrap();
    let stalled = |object: &Value| {
        condition(object, "Stalled").is_some_and(|stalled| {
            stalled["message"].as_str().unwrap_or_default().contains(field)
                && stalled["observedGeneration"] == object["metadata"]["generation"]
        })
    };
    let object = rig.when(stalled).await.unwrap();
    testkit::check_conditions(&object).unwrap();
    assert_eq!(condition(&object, "Ready").unwrap()["status"], "False");
    assert_eq!(object["status"]["observedGeneration"], object["metadata"]["generation"]);
}

#[tokio::test]
async fn what_is_not_built_yet_stalls_by_name_and_leaves_the_artifact() {
    let rig = Rig::start("later").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let artifact = rig.ready("True").await.unwrap()["status"]["artifact"].clone();
    let verify = json!({ "mode": "HEAD", "secretRef": { "name": "keys" } });
    for (spec, field) in [
        (json!({ "verify": verify }), "spec.verify"),
        (json!({ "recurseSubmodules": true }), "spec.recurseSubmodules"),
        (json!({ "include": [{ "repository": { "name": "lib" } }] }), "spec.include"),
    ] {
        stalls(&rig, spec, field).await;
    }
    let object = rig.when(|_| true).await.unwrap();
    assert_eq!(object["status"]["artifact"], artifact);
    rig.events.wait(SOON, |event| event["reason"] == "UnsupportedFeature").await.unwrap();
    rig.apply(json!({})).await.unwrap();
    rig.ready("True").await.unwrap();
}

#[tokio::test]
async fn a_url_that_passes_the_schema_but_is_none_stalls() {
    let rig = Rig::start("url").await.unwrap();
    stalls(&rig, json!({ "url": "http://host with spaces/x.git" }), "failed to parse url").await;
}

#[tokio::test]
async fn a_failed_login_is_told_without_the_password_and_heals_with_the_right_one() {
    let rig = Rig::start("auth").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    let url = rig.repo.url().replace(&rig.git.url(), &rig.git.auth_url());
    rig.apply(json!({ "url": url, "secretRef": { "name": "auth" } })).await.unwrap();
    let failed = |reason: &'static str| {
        move |object: &Value| condition(object, "FetchFailed").is_some_and(|fetch| fetch["reason"] == reason)
    };
    let object = rig.when(failed("AuthenticationFailed")).await.unwrap();
    testkit::check_conditions(&object).unwrap();
    rig.secret("auth", json!({ "username": "git", "password": "canary-wrong" })).await.unwrap();
    let object = rig.when(failed("GitOperationFailed")).await.unwrap();
    testkit::check_conditions(&object).unwrap();
    let ready = condition(&object, "Ready").unwrap();
    assert!(ready["message"].as_str().unwrap().contains("authentication required"), "{ready}");
    rig.secret("auth", json!({ "username": "git", "password": "s3cret" })).await.unwrap();
    let object = rig.ready("True").await.unwrap();
    assert!(condition(&object, "FetchFailed").is_none());
    let told = format!("{:?}{}{object}", rig.events.events(), rig.controller().process().log());
    assert!(!told.contains("canary") && !told.contains("s3cret"));
}

#[tokio::test]
async fn a_missing_branch_keeps_the_last_artifact_and_does_not_write_at_each_retry() {
    let rig = Rig::start("branch").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let artifact = rig.ready("True").await.unwrap()["status"]["artifact"].clone();
    rig.apply(json!({ "ref": { "branch": "none" } })).await.unwrap();
    let object = rig.when(|object| condition(object, "FetchFailed").is_some()).await.unwrap();
    testkit::check_conditions(&object).unwrap();
    assert_eq!(object["status"]["artifact"], artifact);
    assert_eq!(condition(&object, "Reconciling").unwrap()["reason"], "ProgressingWithRetry");
    let asked = rig.git.requests().len();
    let version = object["metadata"]["resourceVersion"].clone();
    rig.asked(asked + 4).await;
    assert_eq!(rig.when(|_| true).await.unwrap()["metadata"]["resourceVersion"], version);
}

#[tokio::test]
async fn a_labelled_secret_that_becomes_right_heals_its_source_at_once() {
    let mut rig = Rig::without_controller("labelled").await.unwrap();
    let builder = rig.builder("").unwrap().arg("--min-retry-delay=10m");
    rig.controller = Some(builder.start().await.unwrap());
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    let url = rig.repo.url().replace(&rig.git.url(), &rig.git.auth_url());
    rig.secret("auth", json!({ "username": "git", "password": "wrong" })).await.unwrap();
    let label = json!({ "metadata": { "labels": { "reconcile.fluxcd.io/watch": "Enabled" } } });
    rig.cluster.patch("Secret", rig.ns.name(), "auth", label).await.unwrap();
    rig.apply(json!({ "url": url, "secretRef": { "name": "auth" } })).await.unwrap();
    rig.when(|object| condition(object, "FetchFailed").is_some()).await.unwrap();
    let right = json!({ "stringData": { "password": "s3cret" } });
    rig.cluster.patch("Secret", rig.ns.name(), "auth", right).await.unwrap();
    let object = rig.ready("True").await.unwrap();
    assert!(object["status"]["artifact"]["digest"].is_string());
}

#[tokio::test]
async fn who_was_only_asked_for_references_is_told_so_and_what_is_stored_is_of_the_new_spec() {
    let rig = Rig::start("listing").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    let nowhere = format!("{}/none.git", rig.git.url());
    rig.apply(json!({ "url": nowhere })).await.unwrap();
    const APP: (&str, &str) = ("GitRepository", "app");
    rig.told(APP, "False", "unable to clone 'http").await.unwrap();
    rig.apply(json!({})).await.unwrap();
    rig.ready("True").await.unwrap();
    rig.apply(json!({ "url": nowhere })).await.unwrap();
    rig.told(APP, "False", "unable to list remote for 'http").await.unwrap();
    rig.apply(json!({})).await.unwrap();
    let object = rig.told(APP, "True", "stored artifact").await.unwrap();
    let stored = condition(&object, "ArtifactInStorage").unwrap();
    assert_eq!(stored["observedGeneration"], object["metadata"]["generation"]);
}
