//! Objects whose shape, names or times nobody foresaw.
use std::time::Duration;

use e2e::{World, eventually, git_repository};
use serde_json::{Value, json};
use testkit::condition;

use crate::{controller, ready_is};

/// A source with one ConfigMap, and its revision.
async fn with_settings(prefix: &str) -> (World, String) {
    let world = World::start(prefix).await.unwrap();
    let revision =
        world.push(&[("app/cm.yaml", &World::config_map("settings", "1"))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    (world, revision)
}

/// Objects whose shape nobody foresaw must not stop the watch for the others.
#[tokio::test]
async fn an_object_of_foreign_shape_stops_no_watch() {
    let (world, revision) = with_settings("shapes").await;
    let mut loud = e2e::kustomization(&world.ns, "loud", "apps", "./app", json!({ "suspend": true }));
    loud["metadata"]["annotations"] = json!({
        "big": "x".repeat(250 << 10), "reconcile.fluxcd.io/requestedAt": "\u{2028}\n\u{feff}",
        "event.toolkit.fluxcd.io/x": "", "kustomize.toolkit.fluxcd.io/allow-prune": "%s%n${x}",
    });
    world.cluster.apply(&loud).await.unwrap();
    let odd = json!({ "inventory": { "entries": [{ "id": "___", "v": "" }, { "id": "no-fields", "v": "x" }] }, "lastAttemptedRevision": "@@@" });
    world.cluster.patch_status("Kustomization", &world.ns, "loud", odd).await.unwrap();
    world.apply_kustomization("after", "./app", json!({})).await.unwrap();
    world.applied("after", &revision).await.unwrap();
    world.get("ConfigMap", "settings").await.unwrap();
    let wake = json!({ "spec": { "suspend": false } });
    world.cluster.patch("Kustomization", &world.ns, "loud", wake).await.unwrap();
    let judged = |o: &Value| condition(o, "Ready").is_some_and(|ready| ready["status"] != "Unknown");
    world.until("Kustomization", "loud", judged).await.unwrap();
    assert!(controller(&world).process().exit_status().is_none());
}

/// More objects than there are workers, each with a reference whose name is a watch: nobody waits for them.
#[tokio::test]
async fn names_that_are_requests_hold_no_worker() {
    const MANY: usize = 12;
    let (world, revision) = with_settings("requests").await;
    for number in 0..MANY {
        let name = format!("hangs-{number}");
        let mut source = git_repository(&world.ns, &name, world.repo.url());
        source["spec"]["secretRef"] = json!({ "name": "?watch=true" });
        world.cluster.apply(&source).await.unwrap();
        let variables = json!({ "substituteFrom": [{ "kind": "Secret", "name": "?watch=true" }] });
        world.apply_kustomization(&name, "./app", json!({ "postBuild": variables })).await.unwrap();
    }
    world.cluster.apply(&git_repository(&world.ns, "neighbour", world.repo.url())).await.unwrap();
    world.apply_kustomization("neighbour", "./app", json!({})).await.unwrap();
    world.until("GitRepository", "neighbour", |object| ready_is(object, "True", None)).await.unwrap();
    world.applied("neighbour", &revision).await.unwrap();
    let told = |object: &Value| {
        let message = condition(object, "Ready").and_then(|ready| ready["message"].as_str());
        ready_is(object, "False", None) && message.is_some_and(|text| text.contains("invalid resource name"))
    };
    for number in 0..MANY {
        for kind in ["GitRepository", "Kustomization"] {
            world.until(kind, &format!("hangs-{number}"), told).await.unwrap();
        }
    }
}

/// A megabyte is more than an object of the cluster may have in annotations: whoever tries hears it from the API server.
#[tokio::test]
async fn a_megabyte_of_annotations_is_refused_and_a_quarter_is_carried() {
    let (world, revision) = with_settings("annotations").await;
    let mut object = e2e::kustomization(&world.ns, "large", "apps", "./app", json!({}));
    object["metadata"]["annotations"] = json!({ "large": "x".repeat(1 << 20) });
    let error = format!("{:#}", world.cluster.apply(&object).await.unwrap_err());
    assert!(error.contains("Too long"), "{error}");
    object["metadata"]["annotations"] = json!({ "large": "x".repeat(250 << 10) });
    world.cluster.apply(&object).await.unwrap();
    world.applied("large", &revision).await.unwrap();
    world.get("ConfigMap", "settings").await.unwrap();
    // What was said of an object is not repeated in what is said about it.
    let all = controller(&world).process().log() + &Value::from(world.events.events()).to_string();
    assert!(!all.contains(&"x".repeat(1000)), "the annotation was told");
    let peak = controller(&world).usage().unwrap().peak_rss;
    assert!(peak < crate::MOST_MEMORY, "{} MiB", peak >> 20);
}

fn role(name: &str) -> Value {
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": name } })
}

/// The parts of an id stand between underscores, and a Role may have them in its name too. Two of them are a colon: a name
/// with two underscores in a row is lost, as in Flux, whose format this is.
#[tokio::test]
async fn names_with_underscores_and_colons_are_pruned_and_others_stay() {
    const GONE: [&str; 5] = ["a_b", "a:b", "_", "a_rbac.authorization.k8s.io_Role", "system::x_y"];
    let world = World::start("ids").await.unwrap();
    let all: Vec<Value> = GONE.iter().chain(&["stays_b"]).map(|name| role(name)).collect();
    let revision = world.push(&[("app/roles.yaml", &e2e::yaml_list(&all))], "roles").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    let live = || async {
        let roles = world.cluster.list("rbac.authorization.k8s.io/v1/Role", &world.ns).await.unwrap();
        roles.iter().map(|role| role["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(live().await.len(), GONE.len() + 1);
    let revision =
        world.push(&[("app/roles.yaml", &e2e::yaml_list(&[role("stays_b")]))], "less").await.unwrap();
    world.applied("app", &revision).await.unwrap();
    assert_eq!(live().await, ["stays_b"]);
    assert!(controller(&world).process().exit_status().is_none());
}

const TOMORROW: &str = "2999-01-01T00:00:00Z";

/// A status as a controller leaves it whose clock is a thousand years ahead.
fn of_tomorrow(revision: &str) -> Value {
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "Progressing", "message": "said tomorrow",
            "lastTransitionTime": TOMORROW, "observedGeneration": 1,
        })
    };
    let history = json!([{
        "digest": format!("sha256:{:064}", 1), "firstReconciled": TOMORROW, "lastReconciled": TOMORROW,
        "lastReconciledDuration": "1s", "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 7,
    }]);
    json!({
        "observedGeneration": 1, "lastHandledReconcileAt": TOMORROW, "lastAttemptedRevision": revision,
        "conditions": [condition("Healthy", "Unknown"), condition("Ready", "Unknown"), condition("Reconciling", "True")],
        "history": history,
    })
}

#[tokio::test]
async fn a_status_with_times_of_tomorrow_holds_up_nothing() {
    let (world, revision) = with_settings("tomorrow").await;
    let ready = |o: &Value| ready_is(o, "True", None) && o["status"]["artifact"]["revision"] == *revision;
    world.until("GitRepository", "apps", ready).await.unwrap();
    let spec = json!({ "suspend": true, "wait": true, "timeout": "20s" });
    world.apply_kustomization("app", "./app", spec).await.unwrap();
    world.cluster.patch_status("Kustomization", &world.ns, "app", of_tomorrow(&revision)).await.unwrap();
    let artifact = json!({ "artifact": { "lastUpdateTime": TOMORROW } });
    world.cluster.patch_status("GitRepository", &world.ns, "apps", artifact).await.unwrap();
    let wake = json!({ "spec": { "suspend": false } });
    world.cluster.patch("Kustomization", &world.ns, "app", wake).await.unwrap();
    let object = world.applied("app", &revision).await.unwrap();
    let at = condition(&object, "Ready").unwrap()["lastTransitionTime"].as_str().unwrap().to_owned();
    assert!(at.as_str() < TOMORROW, "Ready since {at}");
    // What is asked for is handled, and what the interval alone brings comes.
    let token = world.cluster.request_reconcile("Kustomization", &world.ns, "app").await.unwrap();
    world.until("Kustomization", "app", |o| o["status"]["lastHandledReconcileAt"] == *token).await.unwrap();
    let often = json!({ "spec": { "interval": "1s" } });
    world.cluster.patch("GitRepository", &world.ns, "apps", often).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.repo.commit(&[("app/cm.yaml", World::config_map("settings", "2"))], "nobody tells of it").unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    eventually("the second commit is live", || async {
        Ok(world.get("ConfigMap", "settings").await?["data"]["v"] == "2")
    })
    .await
    .unwrap();
}
