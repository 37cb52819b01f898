use serde_json::{Value, json};

use crate::rig::{Rig, SOON};

const KIND: &str = "notification.toolkit.fluxcd.io/v1/Receiver";

async fn receiver(rig: &Rig, name: &str, spec: Value) -> Value {
    let object = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
        "metadata": {"name": name, "namespace": rig.ns.name()}, "spec": spec});
    rig.cluster.apply(&object).await.unwrap();
    rig.cluster.wait_ready((KIND, rig.ns.name(), name), "True", SOON).await.unwrap()
}

async fn source(rig: &Rig, name: &str) {
    let object = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": name, "namespace": rig.ns.name(), "labels": {"team": "a"}},
        "spec": {"url": "https://nobody.example/repo", "interval": "1h"}});
    rig.cluster.apply(&object).await.unwrap();
}

fn path(receiver: &Value) -> &str {
    receiver["status"]["webhookPath"].as_str().unwrap()
}

#[tokio::test]
async fn a_changed_token_moves_the_webhook() {
    let rig = Rig::start("token").await.unwrap();
    source(&rig, "repo").await;
    rig.secret("token", json!({"token": "one"})).await.unwrap();
    let spec = json!({"type": "generic", "secretRef": {"name": "token"},
        "resources": [{"kind": "GitRepository", "name": "repo"}]});
    let before = receiver(&rig, "hook", spec).await;
    testkit::check_conditions(&before).unwrap();
    rig.secret("token", json!({"token": "two"})).await.unwrap();
    let moved = |object: &Value| object["status"]["webhookPath"] != before["status"]["webhookPath"];
    let after = rig.cluster.wait((KIND, rig.ns.name(), "hook"), SOON, moved).await.unwrap();
    let base = rig.controller.as_ref().unwrap().receiver_url();
    assert_eq!(rig.send(&format!("{base}{}", path(&before)), &[], "{}".into()).await.unwrap(), 404);
    assert_eq!(rig.send(&format!("{base}{}", path(&after)), &[], "{}".into()).await.unwrap(), 200);
}

#[tokio::test]
async fn a_call_asks_labelled_objects_to_reconcile_under_our_field_manager() {
    let rig = Rig::start("labels").await.unwrap();
    for name in ["one", "two"] {
        source(&rig, name).await;
    }
    rig.secret("token", json!({"token": "t"})).await.unwrap();
    let spec = json!({"type": "generic", "secretRef": {"name": "token"},
        "resources": [{"kind": "GitRepository", "name": "*", "matchLabels": {"team": "a"}}]});
    let hook = receiver(&rig, "hook", spec).await;
    let base = rig.controller.as_ref().unwrap().receiver_url();
    assert_eq!(rig.send(&format!("{base}{}", path(&hook)), &[], String::new()).await.unwrap(), 200);
    for name in ["one", "two"] {
        let object = rig.cluster.get("GitRepository", rig.ns.name(), name).await.unwrap();
        assert!(object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].is_string());
        let managers = object["metadata"]["managedFields"].as_array().unwrap();
        assert!(managers.iter().any(|entry| entry["manager"] == "notification-controller"), "{managers:?}");
    }
}

#[tokio::test]
async fn resources_of_other_namespaces_are_refused_where_that_is_asked_for() {
    let rig = Rig::with_args("foreign", &["--no-cross-namespace-refs", "--watch-all-namespaces=true"])
        .await
        .unwrap();
    rig.secret("token", json!({"token": "t"})).await.unwrap();
    let spec = json!({"type": "generic", "secretRef": {"name": "token"},
        "resources": [{"kind": "GitRepository", "name": "repo", "namespace": "default"}]});
    let hook = receiver(&rig, "hook", spec).await;
    let base = rig.controller.as_ref().unwrap().receiver_url();
    assert_eq!(rig.send(&format!("{base}{}", path(&hook)), &[], String::new()).await.unwrap(), 500);
    assert!(rig.log().unwrap().contains("cross-namespace references are not allowed"));
}

#[tokio::test]
async fn what_a_receiver_names_does_not_lead_into_another_namespace() {
    let rig =
        Rig::with_args("lead", &["--no-cross-namespace-refs", "--watch-all-namespaces=true"]).await.unwrap();
    let victim = rig.plane.namespace("victim").await.unwrap();
    let object = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "app", "namespace": victim.name()},
        "spec": {"url": "https://nobody.example/repo", "interval": "1h"}});
    rig.cluster.apply(&object).await.unwrap();
    rig.secret("token", json!({"token": "t"})).await.unwrap();
    let spec =
        |resource: Value| json!({"type": "generic", "secretRef": {"name": "token"}, "resources": [resource]});
    let hook = receiver(&rig, "hook", spec(json!({"kind": "GitRepository", "name": "repo"}))).await;
    let base = rig.controller.as_ref().unwrap().receiver_url();
    for (version, name) in [
        (format!("source.toolkit.fluxcd.io/v1/namespaces/{}/gitrepositories/app?x=", victim.name()), "obj"),
        (format!("v1%2Fnamespaces%2F{}%2Fsecrets%2Fdb?x=", victim.name()), "obj"),
        ("source.toolkit.fluxcd.io/v1".to_owned(), &*format!("../../{}/gitrepositories/app", victim.name())),
        ("source.toolkit.fluxcd.io/v1".to_owned(), "?watch=true"),
    ] {
        let resource = json!({"apiVersion": version, "kind": "GitRepository", "name": name});
        let object = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
            "metadata": {"name": "hook", "namespace": rig.ns.name()}, "spec": spec(resource)});
        let applied = rig.cluster.apply(&object).await.unwrap();
        let seen = |now: &Value| now["status"]["observedGeneration"] == applied["metadata"]["generation"];
        rig.cluster.wait((KIND, rig.ns.name(), "hook"), SOON, seen).await.unwrap();
        let status = rig.send(&format!("{base}{}", path(&hook)), &[], String::new()).await.unwrap();
        assert!(matches!(status, 500 | 503), "{version} {name}: {status}");
    }
    let app = rig.cluster.get("GitRepository", victim.name(), "app").await.unwrap();
    assert!(app["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].is_null(), "{app}");
}

#[tokio::test]
async fn a_forged_path_takes_nothing_from_its_owner() {
    let rig = Rig::start("forged").await.unwrap();
    for name in ["own", "stolen"] {
        source(&rig, name).await;
    }
    rig.secret("token", json!({"token": "t"})).await.unwrap();
    rig.secret("other", json!({"token": "u"})).await.unwrap();
    let spec = |secret: &str, name: &str| json!({"type": "generic", "secretRef": {"name": secret}, "resources": [{"kind": "GitRepository", "name": name}]});
    let own = receiver(&rig, "hook", spec("token", "own")).await;
    // The first in the alphabet, so that an order by name would help it.
    let forger = receiver(&rig, "a-forger", spec("other", "stolen")).await;
    let url = format!("{}{}", rig.controller.as_ref().unwrap().receiver_url(), path(&own));
    for forged in [path(&own), path(&forger)] {
        rig.forge("a-forger", forged).await.unwrap();
        assert_eq!(rig.send(&url, &[], String::new()).await.unwrap(), 200);
        let requested = async |name: &str| {
            let object = rig.cluster.get("GitRepository", rig.ns.name(), name).await.unwrap();
            object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].clone()
        };
        assert!(requested("own").await.is_string() && requested("stolen").await.is_null());
    }
}

#[tokio::test]
async fn a_deleted_receiver_is_gone_and_its_path_too() {
    let rig = Rig::start("gone").await.unwrap();
    rig.secret("token", json!({"token": "t"})).await.unwrap();
    let hook =
        receiver(&rig, "hook", json!({"type": "generic", "secretRef": {"name": "token"}, "resources": []}))
            .await;
    rig.cluster.delete(KIND, rig.ns.name(), "hook").await.unwrap();
    rig.cluster.wait_gone((KIND, rig.ns.name(), "hook"), SOON).await.unwrap();
    let base = rig.controller.as_ref().unwrap().receiver_url();
    assert_eq!(rig.send(&format!("{base}{}", path(&hook)), &[], String::new()).await.unwrap(), 404);
}

#[tokio::test]
async fn a_replica_that_waits_for_the_lease_takes_events_and_calls() {
    let rig = Rig::with_args("replicas", &["--enable-leader-election"]).await.unwrap();
    source(&rig, "repo").await;
    rig.secret("token", json!({"token": "t"})).await.unwrap();
    rig.provider("hook", json!({"type": "generic", "address": rig.address("hook")})).await.unwrap();
    let spec = json!({"type": "generic", "secretRef": {"name": "token"},
        "resources": [{"kind": "GitRepository", "name": "repo"}]});
    // Only a replica that leads writes the status: the Lease is taken when it is there.
    let hook = receiver(&rig, "hook", spec).await;

    let waiting = rig.plane.controller("notification-controller").namespace(rig.ns.name());
    let waiting = waiting.arg("--enable-leader-election").start().await.unwrap();
    let event = rig.event("app", "told to the one that waits");
    assert_eq!(rig.send(&waiting.service_url(), &[], event).await.unwrap(), 202);
    assert_eq!(rig.arrived("/hook", 1).await.unwrap(), ["told to the one that waits"]);
    let call = format!("{}{}", waiting.receiver_url(), path(&hook));
    assert_eq!(rig.send(&call, &[], String::new()).await.unwrap(), 200);
    let woken = rig.cluster.get("GitRepository", rig.ns.name(), "repo").await.unwrap();
    assert!(woken["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].is_string());
    let metrics = waiting.metrics().await.unwrap();
    assert_eq!(metrics.sum("leader_election_master_status", &[]), 0.0);
    waiting.process().terminate(testkit::patience(SOON)).unwrap();
}
