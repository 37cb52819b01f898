use serde_json::json;

use crate::rig::{Rig, SOON};

/// In tokens, headers, passwords and addresses; must stand nowhere else.
const CANARY: &str = "c4n4ry-7f3e";

#[tokio::test]
async fn no_secret_reaches_a_log_or_an_event() {
    let rig = Rig::start("canary").await.unwrap();
    let secret = json!({
        "address": format!("http://127.0.0.1:1/services/{CANARY}/key?token={CANARY}"),
        "token": CANARY, "headers": format!("X-Key: {CANARY}\n"),
    });
    rig.secret("slack", secret.clone()).await.unwrap();
    for kind in ["slack", "generic-hmac", "telegram", "msteams"] {
        let spec = json!({"type": kind, "channel": "c", "secretRef": {"name": "slack"}, "timeout": "3s"});
        rig.provider(kind, spec).await.unwrap();
    }
    rig.secret(
        "login",
        json!({"username": "u", "password": CANARY, "address": format!("no address {CANARY}")}),
    )
    .await
    .unwrap();
    rig.provider("login", json!({"type": "generic", "secretRef": {"name": "login"}, "timeout": "3s"}))
        .await
        .unwrap();
    rig.secret("hook", json!({"token": CANARY})).await.unwrap();
    let receiver = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
        "metadata": {"name": "hook", "namespace": rig.ns.name()},
        "spec": {"type": "gitlab", "secretRef": {"name": "hook"}, "resources": []}});
    rig.cluster.apply(&receiver).await.unwrap();
    let kind = "notification.toolkit.fluxcd.io/v1/Receiver";
    let ready = rig.cluster.wait_ready((kind, rig.ns.name(), "hook"), "True", SOON).await.unwrap();
    assert_eq!(rig.post("app", "message").await.unwrap(), 202);
    for alert in ["slack", "generic-hmac", "msteams", "login"] {
        rig.warned(alert, "failed to").await.unwrap();
    }
    let base = rig.controller.as_ref().unwrap().receiver_url();
    let url = format!("{base}{}", ready["status"]["webhookPath"].as_str().unwrap());
    assert_eq!(rig.send(&url, &[("x-gitlab-token", "wrong")], CANARY.into()).await.unwrap(), 400);
    let events = rig.cluster.list("Event", rig.ns.name()).await.unwrap();
    let log = rig.log().unwrap();
    assert!(log.contains("failed to send notification"), "the failures are in the log");
    assert!(!log.contains(CANARY), "{:?}", log.lines().find(|line| line.contains(CANARY)));
    for event in events {
        assert!(!event.to_string().contains(CANARY), "{event}");
    }
}
