use serde_json::json;

use crate::rig::{Rig, SOON, config_map, deployment, message};

#[tokio::test]
async fn an_expression_tells_health_and_its_change_ends_the_wait() {
    let rig = Rig::start("exprs").await.unwrap();
    let revision = rig.publish(1, &[("app/cm.yaml", &config_map("cm", "1"))]).await.unwrap();
    let check = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "current": "has(metadata.annotations) && metadata.annotations['state'] == 'ok'",
    });
    rig.apply("app", json!({ "wait": true, "timeout": "5m", "healthCheckExprs": [check] })).await.unwrap();
    let waiting = rig.when("app", |object| message(object, "Healthy").starts_with("Running")).await.unwrap();
    assert_eq!(testkit::condition(&waiting, "Ready").unwrap()["status"], "Unknown");
    assert!(waiting["status"]["lastAppliedRevision"].is_null());
    testkit::check_conditions(&waiting).unwrap();
    let patch = json!({ "metadata": { "annotations": { "state": "ok" } } });
    rig.cluster.patch("ConfigMap", rig.ns.name(), "cm", patch).await.unwrap();
    let object = rig.applied("app", &revision).await.unwrap();
    assert!(message(&object, "Healthy").starts_with("Health check passed in"));
    rig.event("Health check passed in").await.unwrap();
}

/// How often the controller has read a ConfigMap.
fn reads(rig: &Rig, name: &str) -> usize {
    let requests = rig.requests().unwrap();
    requests
        .iter()
        .filter(|one| one.starts_with("get") && one.contains(&format!("/configmaps/{name}")))
        .count()
}

/// Annotates a ConfigMap, and waits until the controller has looked at `seen` after it.
async fn annotate(rig: &Rig, name: &str, state: &str, seen: &str) {
    let before = reads(rig, seen);
    let patch = json!({ "metadata": { "annotations": { "state": state } } });
    rig.cluster.patch("ConfigMap", rig.ns.name(), name, patch).await.unwrap();
    let until = std::time::Instant::now() + SOON;
    while reads(rig, seen) == before {
        assert!(std::time::Instant::now() < until, "{seen} is not looked at after {name} changed");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_is_healed_during_a_wait_is_judged_again() {
    let rig = Rig::start("again").await.unwrap();
    let files = [("app/a.yaml", &*config_map("a", "1")), ("app/b.yaml", &*config_map("b", "1"))];
    let revision = rig.publish(1, &files).await.unwrap();
    let check = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "current": "has(metadata.annotations) && metadata.annotations['state'] == 'ok'",
    });
    rig.apply("app", json!({ "wait": true, "timeout": "5m", "healthCheckExprs": [check] })).await.unwrap();
    rig.when("app", |object| message(object, "Healthy").starts_with("Running")).await.unwrap();
    annotate(&rig, "a", "ok", "a").await;
    loop {
        // A look that asks for `b` alone has seen that `a` is healthy.
        let before = reads(&rig, "a");
        annotate(&rig, "b", "no", "b").await;
        annotate(&rig, "b", "not yet", "b").await;
        if reads(&rig, "a") == before {
            break;
        }
    }
    let uid = rig.get("ConfigMap", "a").await.unwrap()["metadata"]["uid"].clone();
    rig.cluster.delete("ConfigMap", rig.ns.name(), "a").await.unwrap();
    let key = ("ConfigMap", rig.ns.name(), "a");
    rig.cluster.wait(key, SOON, |object| object["metadata"]["uid"] != uid).await.unwrap();
    annotate(&rig, "b", "ok", "a").await;
    let waiting = rig.get("Kustomization", "app").await.unwrap();
    assert!(waiting["status"]["lastAppliedRevision"].is_null(), "the new one is not healthy: {waiting:#}");
    annotate(&rig, "a", "ok", "a").await;
    rig.applied("app", &revision).await.unwrap();
}

#[tokio::test]
async fn a_failed_job_ends_the_wait_early() {
    let rig = Rig::start("job").await.unwrap();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "bad" },
        "spec": { "backoffLimit": 0, "activeDeadlineSeconds": 1, "template": { "spec": {
            "restartPolicy": "Never", "nodeSelector": { "no": "node" },
            "containers": [{ "name": "c", "image": "x" }] } } },
    });
    rig.publish(1, &[("app/job.yaml", &job.to_string())]).await.unwrap();
    rig.apply("app", json!({ "wait": true, "timeout": "5m" })).await.unwrap();
    let failed = rig.ready("app", "False").await.unwrap();
    assert_eq!(testkit::condition(&failed, "Healthy").unwrap()["status"], "False");
    let early =
        format!("failed early due to stalled resources: [Job/{}/bad status: 'Failed']", rig.ns.name());
    assert!(message(&failed, "Healthy").starts_with(&early), "{}", message(&failed, "Healthy"));
}

#[tokio::test]
async fn objects_that_left_are_deleted_while_the_rest_is_waited_for() {
    let rig = Rig::start("left").await.unwrap();
    let (web, sick) = (deployment("web", "web:1.0"), deployment("web", "web:does-not-exist"));
    let files = [("app/a.yaml", web.as_str()), ("app/b.yaml", &*config_map("old", "1"))];
    let first = rig.publish(1, &files).await.unwrap();
    rig.apply("app", json!({ "wait": true, "timeout": "5m" })).await.unwrap();
    rig.applied("app", &first).await.unwrap();
    rig.publish(2, &[("app/a.yaml", sick.as_str())]).await.unwrap();
    rig.cluster.wait_gone(("ConfigMap", rig.ns.name(), "old"), SOON).await.unwrap();
    let waiting = rig.when("app", |object| message(object, "Healthy").starts_with("Running")).await.unwrap();
    assert_eq!(waiting["status"]["lastAppliedRevision"], first.as_str());
    let entries = waiting["status"]["inventory"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{entries:#?}");
}

#[tokio::test]
async fn deletion_waits_for_termination_without_a_permit() {
    let rig = Rig::with_args("terminate", &["--concurrent=1"]).await.unwrap();
    let held = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "held", "finalizers": ["example.com/held"] }, "data": { "v": "1" },
    });
    let files = [("app/a.yaml", &*held.to_string()), ("other/b.yaml", &*config_map("b", "1"))];
    let revision = rig.publish(1, &files).await.unwrap();
    rig.apply("app", json!({ "deletionPolicy": "WaitForTermination", "timeout": "5m" })).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    rig.cluster.delete("Kustomization", rig.ns.name(), "app").await.unwrap();
    rig.event("held deleted").await.unwrap();
    rig.apply("other", json!({})).await.unwrap();
    rig.applied("other", &revision).await.unwrap();
    assert!(rig.exists("Kustomization", "app").await.unwrap(), "it waits for the held object");
    let patch = json!({ "metadata": { "finalizers": null } });
    rig.cluster.patch("ConfigMap", rig.ns.name(), "held", patch).await.unwrap();
    rig.cluster.wait_gone(("Kustomization", rig.ns.name(), "app"), SOON).await.unwrap();
}
