use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use crate::rig::Rig;

#[tokio::test]
async fn accepted_events_survive_a_sigkill() {
    let mut rig = Rig::start("spool").await.unwrap();
    // A listener that never answers stands for a provider that is down.
    let down = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", down.local_addr().unwrap());
    rig.provider("hook", json!({"type": "generic", "address": address, "timeout": "60s"})).await.unwrap();
    for number in 0..5 {
        assert_eq!(rig.post("app", &format!("message {number}")).await.unwrap(), 202);
    }
    assert_eq!(rig.spooled().unwrap(), 5);
    rig.kill();
    rig.provider("hook", json!({"type": "generic", "address": rig.address("hook")})).await.unwrap();
    rig.run().await.unwrap();
    let messages = rig.arrived("/hook", 5).await.unwrap();
    rig.wait_spool_empty().await.unwrap();
    assert_eq!(messages, ["message 0", "message 1", "message 2", "message 3", "message 4"]);
    assert_eq!(rig.arrived("/hook", 5).await.unwrap().len(), 5, "nothing arrives twice");
}

#[tokio::test]
async fn deliveries_that_are_left_at_the_end_are_told() {
    let mut rig = Rig::start("left").await.unwrap();
    let down = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", down.local_addr().unwrap());
    rig.provider("hook", json!({"type": "generic", "address": address, "timeout": "60s"})).await.unwrap();
    for number in 0..3 {
        assert_eq!(rig.post("app", &format!("message {number}")).await.unwrap(), 202);
    }
    let controller = rig.controller.take().unwrap();
    controller.process().terminate(testkit::patience(crate::rig::SOON)).unwrap();
    let log = rig.log().unwrap();
    let told =
        log.lines().find(|line| line.contains("ended before all was delivered")).expect("no such line");
    assert!(told.contains("\"deliveries\":3"), "{told}");
}

#[tokio::test]
async fn a_provider_that_is_down_holds_up_no_other() {
    let rig = Rig::start("lanes").await.unwrap();
    let down = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", down.local_addr().unwrap());
    rig.provider("down", json!({"type": "generic", "address": address, "timeout": "30s"})).await.unwrap();
    rig.provider("up", json!({"type": "generic", "address": rig.address("up")})).await.unwrap();
    let started = tokio::time::Instant::now();
    for number in 0..30 {
        assert_eq!(
            rig.post(&format!("app-{}", number % 15), &format!("message {number}")).await.unwrap(),
            202
        );
    }
    let mut messages = rig.arrived("/up", 30).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(25), "the other provider was waited for");
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 30);
    assert_eq!(rig.spooled().unwrap(), 30, "they wait for the one that is down");
}

#[tokio::test]
async fn what_one_object_says_arrives_in_order() {
    let rig = Rig::start("order").await.unwrap();
    rig.provider("hook", json!({"type": "generic", "address": rig.address("hook")})).await.unwrap();
    for number in 10..30 {
        rig.post("app", &format!("message {number}")).await.unwrap();
    }
    let messages = rig.arrived("/hook", 20).await.unwrap();
    let mut sorted = messages.clone();
    sorted.sort();
    assert_eq!(messages, sorted);
}

#[tokio::test]
async fn a_full_spool_refuses_and_the_repeated_event_is_no_duplicate() {
    let rig = Rig::with_args("full", &["--event-spool-max-events=1"]).await.unwrap();
    let down = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", down.local_addr().unwrap());
    rig.provider("hook", json!({"type": "generic", "address": address, "timeout": "3s"})).await.unwrap();
    assert_eq!(rig.post("app", "one").await.unwrap(), 202);
    assert_eq!(rig.post("app", "two").await.unwrap(), 503);
    rig.warned("hook", "context deadline exceeded").await.unwrap();
    rig.wait_spool_empty().await.unwrap();
    assert_eq!(rig.post("app", "two").await.unwrap(), 202);
    assert_eq!(rig.post("app", "two").await.unwrap(), 429);
}

#[tokio::test]
async fn an_event_that_was_not_written_is_no_duplicate_also_when_its_sender_hung_up() {
    let rig = Rig::start("hang-up").await.unwrap();
    rig.provider("hook", json!({"type": "generic", "address": rig.address("hook")})).await.unwrap();
    assert_eq!(rig.post("app", "one").await.unwrap(), 202);
    rig.wait_spool_empty().await.unwrap();
    // A pipe in the place of the second file stands for a slow disk: to open it waits for a reader. It cannot be synced.
    let pipe = rig.spool().join("00000000000000000002.part");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    rig.post_and_hang_up("app", "two").await.unwrap();
    let _reader = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let end = tokio::time::Instant::now() + testkit::patience(crate::rig::SOON);
    while rig.post("app", "two").await.unwrap() != 202 {
        assert!(tokio::time::Instant::now() < end, "the event is nowhere, and its repetition a duplicate");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(rig.arrived("/hook", 2).await.unwrap(), ["one", "two"]);
}

#[tokio::test]
async fn sources_of_other_namespaces_are_refused_where_that_is_asked_for() {
    let rig = Rig::with_args("cross", &["--no-cross-namespace-refs"]).await.unwrap();
    rig.provider("hook", json!({"type": "generic", "address": rig.address("hook")})).await.unwrap();
    let sources = json!([{"kind": "Kustomization", "name": "*", "namespace": "elsewhere"},
        {"kind": "Kustomization", "name": "*"}]);
    let alert = "notification.toolkit.fluxcd.io/v1beta3/Alert";
    rig.cluster
        .patch(alert, rig.ns.name(), "hook", json!({"spec": {"eventSources": sources}}))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let event = json!({"involvedObject": {"kind": "Kustomization", "namespace": "elsewhere", "name": "app",
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1"}, "severity": "info", "message": "m"});
    let url = rig.controller.as_ref().unwrap().service_url();
    assert_eq!(rig.send(&url, &[], event.to_string()).await.unwrap(), 202);
    let warning = rig.warned("hook", "access denied to cross-namespace sources").await.unwrap();
    assert!(warning["message"].as_str().unwrap().ends_with("cross-namespace references have been blocked"));
    rig.post("app", "own").await.unwrap();
    assert_eq!(rig.arrived("/hook", 1).await.unwrap(), ["own"]);
}

#[tokio::test]
async fn the_finalizer_of_earlier_versions_is_taken_off_alerts_and_providers() {
    let rig = Rig::start("finalizer").await.unwrap();
    rig.provider("hook", json!({"type": "generic", "address": rig.address("hook")})).await.unwrap();
    for kind in ["Alert", "Provider"] {
        let kind = format!("notification.toolkit.fluxcd.io/v1beta3/{kind}");
        let patch = json!({"metadata": {"finalizers": ["finalizers.fluxcd.io", "example.org/other"]}});
        rig.cluster.patch(&kind, rig.ns.name(), "hook", patch).await.unwrap();
        let wanted = json!(["example.org/other"]);
        let object = (kind.as_str(), rig.ns.name(), "hook");
        rig.cluster
            .wait(object, crate::rig::SOON, |object| object["metadata"]["finalizers"] == wanted)
            .await
            .unwrap();
        let patch = json!({"metadata": {"finalizers": null}});
        rig.cluster.patch(&kind, rig.ns.name(), "hook", patch).await.unwrap();
    }
}
