//! notification-controller: an event is told, and a webhook wakes an object of every kind, by name and by label.
use e2e::SOON;
use serde_json::{Value, json};
use testkit::FakeForge;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::install::{Installed, object, secret};

const RECEIVER: &str = "notification.toolkit.fluxcd.io/v1/Receiver";

/// What a Receiver may wake: apiVersion, kind, and a spec that the API server takes.
fn wakeable() -> Vec<(&'static str, &'static str, Value)> {
    let source = "source.toolkit.fluxcd.io/v1";
    let image = "image.toolkit.fluxcd.io/v1";
    let reference = json!({ "kind": "GitRepository", "name": "one" });
    vec![
        (source, "GitRepository", json!({ "interval": "1h", "url": "https://nobody.example/x" })),
        (source, "OCIRepository", json!({ "interval": "1h", "url": "oci://nobody.example/x" })),
        (source, "HelmRepository", json!({ "interval": "1h", "url": "https://nobody.example/x" })),
        (
            source,
            "HelmChart",
            json!({ "interval": "1h", "chart": "x", "sourceRef": { "kind": "HelmRepository", "name": "one" } }),
        ),
        (source, "Bucket", json!({ "interval": "1h", "bucketName": "x", "endpoint": "nobody.example" })),
        (
            source,
            "ExternalArtifact",
            json!({ "sourceRef": { "apiVersion": "v1", "kind": "Any", "name": "x" } }),
        ),
        (
            "source.extensions.fluxcd.io/v1beta1",
            "ArtifactGenerator",
            json!({ "sources": [{ "alias": "a", "kind": "GitRepository", "name": "one" }],
                "artifacts": [{ "name": "x", "copy": [{ "from": "@a/**", "to": "@artifact/" }] }] }),
        ),
        (
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            json!({ "interval": "1h", "prune": true, "sourceRef": reference }),
        ),
        (
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            json!({ "interval": "1h", "chartRef": { "kind": "OCIRepository", "name": "one" } }),
        ),
        (image, "ImageRepository", json!({ "interval": "1h", "image": "nobody.example/x" })),
        (
            image,
            "ImagePolicy",
            json!({ "imageRepositoryRef": { "name": "one" }, "policy": { "alphabetical": {} } }),
        ),
        (
            image,
            "ImageUpdateAutomation",
            json!({ "interval": "1h", "sourceRef": reference, "git": { "commit": { "author": { "email": "a@b.c" } } } }),
        ),
    ]
}

fn receiver(name: &str, resources: &[Value]) -> Value {
    let spec = json!({ "type": "github", "secretRef": { "name": "token" }, "resources": resources });
    object("default", "notification.toolkit.fluxcd.io/v1", "Receiver", name, spec)
}

/// As an earlier version of Flux left it; the finalizer is taken off.
fn finalized(mut object: Value) -> Value {
    object["metadata"]["finalizers"] = json!(["finalizers.fluxcd.io"]);
    object
}

/// An event as any controller posts it.
async fn post(url: &str, event: &Value) {
    let host = url.trim_start_matches("http://");
    let body = event.to_string();
    let head =
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n");
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
}

fn event() -> Value {
    json!({
        "involvedObject": { "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "namespace": "default", "name": "one" },
        "severity": "info", "timestamp": "2026-01-01T00:00:00Z", "message": "hello", "reason": "Succeeded",
        "reportingController": "source-controller",
    })
}

#[tokio::test]
async fn notification_controller_uses_every_right_it_holds_and_is_refused_none() {
    let world = Installed::new(&["namespace", "crd", "notification-controller"], &[]).await.unwrap();
    let controller = world.run("notification-controller", &[]).await.unwrap();
    let forge = FakeForge::start().unwrap();
    world.cluster.apply(&secret("token", json!({ "token": "shared" }))).await.unwrap();
    let (mut by_name, mut by_label) = (Vec::new(), Vec::new());
    for (api_version, kind, spec) in wakeable() {
        let mut one = object("default", api_version, kind, "one", spec);
        one["metadata"]["labels"] = json!({ "team": "a" });
        world.cluster.apply(&one).await.unwrap();
        by_name.push(json!({ "apiVersion": api_version, "kind": kind, "name": "one" }));
        by_label.push(
            json!({ "apiVersion": api_version, "kind": kind, "name": "*", "matchLabels": { "team": "a" } }),
        );
    }
    let v1beta3 = "notification.toolkit.fluxcd.io/v1beta3";
    let provider = json!({ "type": "generic", "address": format!("{}/chat", forge.url()), "secretRef": { "name": "token" } });
    world.cluster.apply(&finalized(object("default", v1beta3, "Provider", "chat", provider))).await.unwrap();
    let sources = json!([{ "kind": "GitRepository", "name": "*", "matchLabels": { "team": "a" } }]);
    let alert = json!({ "providerRef": { "name": "chat" }, "eventSources": sources });
    world.cluster.apply(&finalized(object("default", v1beta3, "Alert", "chat", alert))).await.unwrap();
    let receivers = [receiver("name", &by_name), receiver("label", &by_label)];
    for receiver in &receivers {
        world.cluster.apply(receiver).await.unwrap();
        let name = receiver["metadata"]["name"].as_str().unwrap();
        let ready = world.cluster.wait_ready((RECEIVER, "default", name), "True", SOON).await.unwrap();
        let path = ready["status"]["webhookPath"].as_str().unwrap();
        let hook = format!("{}{path}", controller.receiver_url());
        forge.tell(&hook, "shared", "push", &json!({ "by": name })).await.unwrap();
    }
    for (api_version, kind, _) in wakeable() {
        let asked =
            |object: &Value| object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].is_string();
        let kind = format!("{api_version}/{kind}");
        world.cluster.wait((&kind, "default", "one"), SOON, asked).await.unwrap();
    }
    post(&controller.service_url(), &event()).await;
    forge.wait(SOON, |posted| posted.path.starts_with("/chat")).await.unwrap();
    for name in ["name", "label"] {
        world.cluster.delete(RECEIVER, "default", name).await.unwrap();
        world.cluster.wait_gone((RECEIVER, "default", name), SOON).await.unwrap();
    }
    world.conflict("notification-controller", &receivers[0], "receivers").await.unwrap();
    world.end(&controller).await.unwrap();
    world.judge("notification-controller").await.unwrap();
}
