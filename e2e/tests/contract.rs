//! Each side of `docs/contract.md`, driven without the other: a consumer from a status object written by hand and a plain
//! static file server, a producer judged by its status and the file behind it.
use std::process::Command;

use e2e::{World, git_repository};
use serde_json::{Value, json};
use testkit::StaticServer;

/// The folder as a tar archive, made by the real `tar`, and its sha256 by the real `sha256sum`.
fn archive(files: &[(&str, &str)]) -> (Vec<u8>, String) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    for (path, text) in files {
        let path = tree.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let file = dir.path().join("a.tar.gz");
    let done = Command::new("tar").arg("-czf").arg(&file).arg("-C").arg(&tree).arg(".").status().unwrap();
    assert!(done.success());
    let bytes = std::fs::read(&file).unwrap();
    (bytes, sha256(&file))
}

fn sha256(file: &std::path::Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// Writes the status of GitRepository `apps` as any producer would.
async fn publish(world: &World, url: &str, revision: &str, digest: &str, size: usize) {
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "Succeeded", "observedGeneration": 1,
        "message": format!("stored artifact for revision '{revision}'"),
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let artifact = json!({
        "revision": revision, "digest": format!("sha256:{digest}"), "url": url, "path": "hand/made.tar.gz",
        "size": size, "lastUpdateTime": "2026-01-01T00:00:00Z",
    });
    let status = json!({ "observedGeneration": 1, "conditions": [ready], "artifact": artifact });
    world.cluster.patch_status("GitRepository", &world.ns, "apps", status).await.unwrap();
}

async fn consumer(prefix: &str) -> (World, StaticServer) {
    let world = World::builder(prefix).without_source().start().await.unwrap();
    world.cluster.apply(&git_repository(&world.ns, "apps", "https://nobody.example/apps")).await.unwrap();
    (world, StaticServer::start().unwrap())
}

#[tokio::test]
async fn kustomize_controller_follows_a_status_written_by_hand() {
    let (world, server) = consumer("consume").await;
    let revision = format!("main@sha1:{}", "a".repeat(40));
    let (bytes, digest) = archive(&[("app/cm.yaml", &World::config_map("settings", "by hand"))]);
    let size = bytes.len();
    let url = server.put("/hand/made.tar.gz", bytes);
    publish(&world, &url, &revision, &digest, size).await;
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    assert_eq!(world.get("ConfigMap", "settings").await.unwrap()["data"]["v"], "by hand");
}

#[tokio::test]
async fn kustomize_controller_applies_nothing_of_an_archive_with_another_digest() {
    let (world, server) = consumer("digest").await;
    let revision = format!("main@sha1:{}", "b".repeat(40));
    let (bytes, _) = archive(&[("app/cm.yaml", &World::config_map("settings", "1"))]);
    let size = bytes.len();
    let url = server.put("/hand/made.tar.gz", bytes);
    publish(&world, &url, &revision, &"0".repeat(64), size).await;
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.failed("app", "digest").await.unwrap();
    assert!(world.cluster.find("ConfigMap", &world.ns, "settings").await.unwrap().is_none());
}

#[tokio::test]
async fn kustomize_controller_goes_on_with_the_artifact_of_a_source_that_is_not_ready() {
    let (world, server) = consumer("not-ready").await;
    let revision = format!("main@sha1:{}", "c".repeat(40));
    let (bytes, digest) = archive(&[("app/cm.yaml", &World::config_map("settings", "1"))]);
    let size = bytes.len();
    let url = server.put("/hand/made.tar.gz", bytes);
    publish(&world, &url, &revision, &digest, size).await;
    let failing = json!({ "conditions": [{
        "type": "Ready", "status": "False", "reason": "GitOperationFailed", "observedGeneration": 1,
        "message": "the server is down", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }] });
    world.cluster.patch_status("GitRepository", &world.ns, "apps", failing).await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    assert_eq!(world.get("ConfigMap", "settings").await.unwrap()["data"]["v"], "1");
}

#[tokio::test]
async fn source_controller_serves_the_file_that_its_status_names() {
    let world = World::builder("produce").without_kustomize().start().await.unwrap();
    let revision = world.push(&[("app/cm.yaml", "kind: Any\n"), ("photo.png", "x")], "first").await.unwrap();
    world.apply_source().await.unwrap();
    let stored = |object: &Value| object["status"]["artifact"]["revision"] == revision.as_str();
    let source = world.until("GitRepository", "apps", stored).await.unwrap();
    world.cluster.wait_ready(("GitRepository", world.ns.name(), "apps"), "True", e2e::SOON).await.unwrap();

    let artifact = &source["status"]["artifact"];
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.tar.gz");
    let controller = world.source.as_ref().unwrap();
    let stored = controller.dir().join("storage").join(artifact["path"].as_str().unwrap());
    let served = http_get(artifact["url"].as_str().unwrap()).await;
    std::fs::write(&file, &served).unwrap();
    assert_eq!(served, std::fs::read(stored).unwrap());
    assert_eq!(artifact["digest"], format!("sha256:{}", sha256(&file)));
    assert_eq!(artifact["size"], served.len());
    let list = Command::new("tar").arg("-tzf").arg(&file).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(list.contains("app/cm.yaml") && !list.contains("photo.png") && !list.contains(".git"), "{list}");
}

/// GET of a plain HTTP address.
async fn http_get(url: &str) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let at = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..at]));
    answer.split_off(at + 4)
}
