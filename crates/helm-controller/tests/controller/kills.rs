//! SIGKILL in each phase of an action: the next process goes on there, and no hook runs twice.

use serde_json::{Value, json};

use crate::charts::{CONFIG, chart};
use crate::rig::{RELEASE, Rig, SOON, message};

/// A hook; one that is held ends when a node is labelled so that its pod may be scheduled.
fn hook(name: &str, event: &str, held: Option<&str>) -> String {
    let held = held.map(|by| format!("      nodeSelector: {{held-{name}: {by}}}\n")).unwrap_or_default();
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{helm.sh/hook: {event}}}\nspec:\n  \
         backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n{held}      containers: [{{name: c, image: a}}]\n"
    )
}

async fn uid(rig: &Rig, kind: &str, name: &str) -> Value {
    rig.get(kind, name).await.unwrap()["metadata"]["uid"].clone()
}

/// Lets a held hook run.
fn complete(rig: &Rig, name: &str) {
    let label = format!("held-{name}={}", rig.ns.name());
    rig.plane.kubectl_ok(&["label", "nodes", "--all", "--overwrite", &label]).unwrap();
}

#[tokio::test]
async fn a_kill_while_a_hook_runs_neither_repeats_it_nor_the_ones_before() {
    let mut rig = Rig::start("killhook").await.unwrap();
    let (first, second) =
        (hook("a-first", "pre-install", None), hook("b-second", "pre-install", Some(rig.ns.name())));
    let files = [
        ("values.yaml", "v: base\n"),
        ("templates/a.yaml", &first),
        ("templates/b.yaml", &second),
        ("templates/cm.yaml", CONFIG),
    ];
    rig.publish(&chart("1.0.0", &files)).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let key = ("Job", rig.ns.name(), "b-second");
    rig.cluster.wait(key, SOON, |job| !job["metadata"]["uid"].is_null()).await.unwrap();
    let before = (uid(&rig, "Job", "a-first").await, uid(&rig, "Job", "b-second").await);
    assert_eq!(rig.storage().unwrap(), ["app.1: pending-install"]);
    assert!(!rig.exists("ConfigMap", "app-cfg").await.unwrap());

    rig.restart().await.unwrap();
    complete(&rig, "b-second");
    let object = rig.ready("app", "True").await.unwrap();
    assert!(message(&object, "Ready").contains("app.v1"), "{}", message(&object, "Ready"));
    assert_eq!(rig.storage().unwrap(), ["app.1: deployed"]);
    assert_eq!((uid(&rig, "Job", "a-first").await, uid(&rig, "Job", "b-second").await), before);
    assert!(rig.exists("ConfigMap", "app-cfg").await.unwrap());
}

#[tokio::test]
async fn a_kill_while_objects_are_awaited_resumes_the_wait_with_its_deadline() {
    let mut rig = Rig::start("killwait").await.unwrap();
    rig.publish(&crate::charts::app("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "timeout": "8s", "values": { "never": true } })).await.unwrap();
    let key = ("Deployment", rig.ns.name(), "app");
    rig.cluster.wait(key, SOON, |object| !object["metadata"]["uid"].is_null()).await.unwrap();
    rig.restart().await.unwrap();
    let object = rig.ready("app", "False").await.unwrap();
    assert!(message(&object, "Released").contains("timeout waiting for: [Deployment/"), "{object}");
    assert_eq!(rig.storage().unwrap(), ["app.1: failed"]);
    assert_eq!(object["status"]["installFailures"], 1);
}

#[tokio::test]
async fn a_kill_after_the_objects_runs_only_the_hooks_that_are_left() {
    let mut rig = Rig::start("killpost").await.unwrap();
    let (pre, post) = (hook("pre", "pre-install", None), hook("post", "post-install", Some(rig.ns.name())));
    let files = [
        ("values.yaml", "v: base\n"),
        ("templates/a.yaml", &pre),
        ("templates/b.yaml", &post),
        ("templates/cm.yaml", CONFIG),
    ];
    rig.publish(&chart("1.0.0", &files)).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let key = ("Job", rig.ns.name(), "post");
    rig.cluster.wait(key, SOON, |job| !job["metadata"]["uid"].is_null()).await.unwrap();
    let before = (uid(&rig, "Job", "pre").await, uid(&rig, "ConfigMap", "app-cfg").await);
    rig.restart().await.unwrap();
    complete(&rig, "post");
    rig.ready("app", "True").await.unwrap();
    assert_eq!((uid(&rig, "Job", "pre").await, uid(&rig, "ConfigMap", "app-cfg").await), before);
    assert_eq!(rig.storage().unwrap(), ["app.1: deployed"]);
}

#[tokio::test]
async fn a_kill_while_a_release_is_removed_ends_in_its_removal() {
    let mut rig = Rig::start("killdel").await.unwrap();
    let del = hook("del", "pre-delete", Some(rig.ns.name()));
    let files = [("values.yaml", "v: base\n"), ("templates/d.yaml", &del), ("templates/cm.yaml", CONFIG)];
    rig.publish(&chart("1.0.0", &files)).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.cluster.delete(RELEASE, rig.ns.name(), "app").await.unwrap();
    let key = ("Job", rig.ns.name(), "del");
    rig.cluster.wait(key, SOON, |job| !job["metadata"]["uid"].is_null()).await.unwrap();
    let before = uid(&rig, "Job", "del").await;
    rig.restart().await.unwrap();
    complete(&rig, "del");
    rig.cluster.wait_gone((RELEASE, rig.ns.name(), "app"), SOON).await.unwrap();
    assert!(rig.storage().unwrap().is_empty());
    assert!(!rig.exists("ConfigMap", "app-cfg").await.unwrap());
    assert_eq!(uid(&rig, "Job", "del").await, before, "the hook did not run twice");
}

#[tokio::test]
async fn a_hook_that_runs_comes_to_its_end_before_something_newer_begins() {
    let rig = Rig::start("newerhook").await.unwrap();
    let held = hook("migrate", "pre-install", Some(rig.ns.name()));
    let files = [("values.yaml", "v: base\n"), ("templates/a.yaml", &held), ("templates/cm.yaml", CONFIG)];
    rig.publish(&chart("1.0.0", &files)).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let key = ("Job", rig.ns.name(), "migrate");
    rig.cluster.wait(key, SOON, |job| !job["metadata"]["uid"].is_null()).await.unwrap();
    let before = uid(&rig, "Job", "migrate").await;
    rig.apply("app", json!({ "values": { "v": "newer" } })).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(uid(&rig, "Job", "migrate").await, before);
    assert_eq!(rig.storage().unwrap(), ["app.1: pending-install"]);

    complete(&rig, "migrate");
    rig.when("app", |object| object["status"]["observedGeneration"] == 2).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    assert_eq!(uid(&rig, "Job", "migrate").await, before);
    assert_eq!(rig.storage().unwrap(), ["app.1: superseded", "app.2: deployed"]);
}

/// An installation that waits for its Deployment until something newer comes, seen by the controller or by the next one.
async fn given_up(prefix: &str, killed: bool) {
    let mut rig = Rig::start(prefix).await.unwrap();
    let hooks = [("pre", "pre-install"), ("post", "post-install"), ("both", "\"post-install,pre-upgrade\"")];
    let mut files = crate::charts::app("1.0.0");
    for (name, event) in hooks {
        files.insert(format!("templates/{name}.yaml"), hook(name, event, None));
    }
    rig.publish(&files).await.unwrap();
    rig.apply("app", json!({ "values": { "never": true } })).await.unwrap();
    let key = ("Deployment", rig.ns.name(), "app");
    rig.cluster.wait(key, SOON, |object| !object["metadata"]["uid"].is_null()).await.unwrap();
    let pre = uid(&rig, "Job", "pre").await;
    if killed {
        rig.kill();
    }
    rig.apply("app", json!({ "values": { "never": false } })).await.unwrap();
    if killed {
        rig.restart().await.unwrap();
    }
    rig.says("app", "True", "app.v2").await.unwrap();
    assert_eq!(rig.storage().unwrap(), ["app.1: superseded", "app.2: deployed"]);
    assert_eq!(uid(&rig, "Job", "pre").await, pre, "what succeeded did not run twice");
    let (post, both) = (uid(&rig, "Job", "post").await, uid(&rig, "Job", "both").await);

    rig.apply("app", json!({ "values": { "v": "next" } })).await.unwrap();
    rig.says("app", "True", "app.v3").await.unwrap();
    assert_eq!(uid(&rig, "Job", "post").await, post, "later upgrades run their own hooks");
    assert_ne!(uid(&rig, "Job", "both").await, both);
}

#[tokio::test]
async fn what_ends_an_installation_early_runs_its_hooks() {
    given_up("givenup", false).await;
}

#[tokio::test]
async fn what_ends_an_installation_early_runs_its_hooks_after_a_kill() {
    given_up("givenupkill", true).await;
}

#[tokio::test]
async fn a_kill_before_the_status_tells_of_a_release_does_not_leave_it_behind() {
    let mut rig = Rig::start("killuntold").await.unwrap();
    rig.publish(&crate::charts::app("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "values": { "never": true } })).await.unwrap();
    let key = ("Deployment", rig.ns.name(), "app");
    rig.cluster.wait(key, SOON, |object| !object["metadata"]["uid"].is_null()).await.unwrap();
    rig.kill();
    assert!(rig.get(RELEASE, "app").await.unwrap()["status"]["history"][0].is_null());
    assert_eq!(rig.storage().unwrap(), ["app.1: pending-install"]);
    rig.cluster.delete(RELEASE, rig.ns.name(), "app").await.unwrap();
    rig.restart().await.unwrap();
    rig.cluster.wait_gone((RELEASE, rig.ns.name(), "app"), SOON).await.unwrap();
    assert!(rig.storage().unwrap().is_empty());
    assert!(!rig.exists("ConfigMap", "app-cfg").await.unwrap());
}

#[tokio::test]
async fn a_kill_in_an_upgrade_resumes_it_as_it_was_asked_for() {
    let mut rig = Rig::start("killasked").await.unwrap();
    let held = hook("pre", "pre-upgrade", Some(rig.ns.name()));
    let files = [("values.yaml", "v: base\n"), ("templates/a.yaml", &*held), ("templates/cm.yaml", CONFIG)];
    rig.publish(&chart("1.0.0", &files)).await.unwrap();
    let install = json!({ "serverSideApply": false });
    rig.apply("app", json!({ "install": install, "values": { "v": "one" } })).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    let theirs = json!({ "data": { "theirs": "x" } });
    rig.cluster.patch("ConfigMap", rig.ns.name(), "app-cfg", theirs).await.unwrap();
    let upgrade = json!({ "preserveValues": true, "force": true });
    rig.apply("app", json!({ "install": install, "upgrade": upgrade, "values": { "other": "two" } }))
        .await
        .unwrap();
    let key = ("Job", rig.ns.name(), "pre");
    rig.cluster.wait(key, SOON, |job| !job["metadata"]["uid"].is_null()).await.unwrap();
    rig.restart().await.unwrap();
    complete(&rig, "pre");
    rig.says("app", "True", "Helm upgrade succeeded").await.unwrap();
    assert_eq!(rig.storage().unwrap(), ["app.1: superseded", "app.2: deployed"], "it was not started anew");
    let data = &rig.get("ConfigMap", "app-cfg").await.unwrap()["data"];
    assert_eq!(*data, json!({ "v": "one", "rev": "2" }), "the object was replaced");
}
