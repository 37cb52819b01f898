//! Addresses and references that lead where no source is.
use std::{
    collections::BTreeMap,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use e2e::{World, git_repository};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{StaticServer, condition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    all_told, apply, good, is_calm, neighbour, nothing_escaped, page, publish, ready_is,
    tarball::{self, Entry, gzip, tar},
};

#[tokio::test]
async fn artifacts_that_are_swapped_or_lead_to_the_metadata_service_are_not_used() {
    let world = World::builder("swapped").without_source().start().await.unwrap();
    let server = StaticServer::start().unwrap();
    let archive = gzip(&tar(&[good()]));
    let digest = format!("sha256:{}", tarball::sha256(&archive));
    let url = server.put("/a.tar.gz", gzip(&tar(&[Entry::file(b"app/other", b"x")])));
    publish(&world, "a7-swapped", &url, &digest).await;
    publish(&world, "a31-metadata", "http://169.254.169.254/latest/meta-data/", &digest).await;
    publish(&world, "a31-file", "file:///etc/passwd", &digest).await;
    let mut told = BTreeMap::new();
    for name in ["a7-swapped", "a31-metadata", "a31-file"] {
        apply(&world, name, json!({ "timeout": "5s" })).await;
        let object = world
            .until("Kustomization", name, |o| ready_is(o, "False", Some("ArtifactFailed")))
            .await
            .unwrap();
        let text = condition(&object, "Ready").unwrap()["message"].as_str().unwrap();
        told.insert(name.to_owned(), page::masked(text, world.ns.name()));
    }
    assert!(told["a31-metadata"].contains("not allowed"), "it was asked: {}", told["a31-metadata"]);
    page::keep("artifacts", &told);
}

/// Name, URL and reference of GitRepositories: options, other schemes, names that no server has.
fn git_rows(url: &str) -> Vec<(&'static str, String, Value)> {
    let main = json!({ "branch": "main" });
    let elsewhere = |name, url: &str| (name, url.to_owned(), main.clone());
    let here = |name, reference| (name, url.to_owned(), reference);
    vec![
        elsewhere("a9-option", "ssh://-oProxyCommand=touch%20escaped/x"),
        elsewhere("a9-user", "ssh://-oProxyCommand=x@127.0.0.1:1/x"),
        elsewhere("a9-ext", "ext::sh -c touch% escaped"),
        elsewhere("a9-file", "file:///etc"),
        elsewhere("a9-userinfo", "http://user:canary-in-url@127.0.0.1:1/x.git"),
        here("a10-dots", json!({ "branch": "../../config" })),
        here("a10-shell", json!({ "branch": "main;touch escaped" })),
        here("a10-substitution", json!({ "branch": "$(touch escaped)`touch escaped`" })),
        here("a10-line", json!({ "tag": "a\nb" })),
        here("a10-nul", json!({ "tag": "a\0b" })),
        here("a10-long", json!({ "branch": "x".repeat(4096) })),
        here("a10-long-name", json!({ "name": format!("refs/heads/{}", "x".repeat(4096)) })),
        here("a10-long-range", json!({ "semver": format!(">={}", "1".repeat(4096)) })),
        here("a10-commit", json!({ "commit": "--upload-pack=touch" })),
        elsewhere("a12-metadata", "http://169.254.169.254/x.git"),
        elsewhere("a12-metadata-number", "http://2852039166/x.git"),
        elsewhere("a12-metadata-hex", "http://0xa9.0xfea9fe/x.git"),
        elsewhere("a12-metadata-mapped", "http://[::ffff:169.254.169.254]/x.git"),
        elsewhere("a12-metadata-translated", "http://[64:ff9b::169.254.169.254]/x.git"),
        // No address to a parser of URLs, a name that the resolver of the system makes the same address of.
        elsewhere("a12-metadata-name", "ssh://git@2852039166/x.git"),
    ]
}

/// Sources of other kinds at the metadata service.
fn other_rows(world: &World) -> Vec<Value> {
    let source = |kind: &str, name: &str, url: &str| {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
            "metadata": { "name": name, "namespace": world.ns.name() },
            "spec": { "interval": "10m", "timeout": "3s", "url": url },
        })
    };
    let mut registry = source("OCIRepository", "a12-oci", "oci://169.254.169.254/org/app");
    registry["spec"]["insecure"] = true.into();
    vec![registry, source("HelmRepository", "a12-charts", "http://169.254.169.254/charts")]
}

/// A key, and a line of `known_hosts` for any host.
async fn ssh_secret(world: &World) {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let data =
        json!({ "identity": std::fs::read_to_string(&key).unwrap(), "known_hosts": format!("* {public}") });
    world.cluster.apply(&secret(world, "ssh", data)).await.unwrap();
}

fn secret(world: &World, name: &str, data: Value) -> Value {
    let metadata = json!({ "name": name, "namespace": world.ns.name() });
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data })
}

fn git_object(world: &World, (name, url, reference): &(&str, String, Value)) -> Value {
    let mut object = git_repository(&world.ns, name, url);
    object["spec"]["ref"] = reference.clone();
    object["spec"]["timeout"] = "3s".into();
    if url.starts_with("ssh://git@") {
        object["spec"]["secretRef"] = json!({ "name": "ssh" });
    }
    object
}

#[tokio::test]
async fn urls_and_references_of_an_enemy_are_refused() {
    let world = World::builder("urls").without_kustomize().start().await.unwrap();
    world.push(&[("app/cm.yaml", "{}")], "start").await.unwrap();
    ssh_secret(&world).await;
    world.cluster.apply(&git_repository(&world.ns, "neighbour", world.repo.url())).await.unwrap();
    let (pid, stop) = (world.source.as_ref().unwrap().process().pid(), AtomicBool::new(false));
    let mut objects: Vec<Value> =
        git_rows(world.repo.url()).iter().map(|row| git_object(&world, row)).collect();
    objects.extend(other_rows(&world));
    let abuse = async {
        let told = join_all(objects.iter().map(|object| refused(&world, object))).await;
        stop.store(true, Ordering::Relaxed);
        told
    };
    let (told, longest) = tokio::join!(abuse, neighbour(&world, "GitRepository", &stop));
    let told = all_told(told);
    for (name, text) in told.iter().filter(|(name, _)| name.starts_with("a12")) {
        assert!(text.contains("not allowed"), "{name} was asked: {text}");
    }
    let source = world.source.as_ref().unwrap();
    is_calm(source, pid, longest);
    nothing_escaped(source);
    let all = format!("{told:?}{}", source.process().log());
    assert!(!all.contains("canary-in-url"), "the password of a URL was told");
    page::keep("urls", &told);
}

/// Applies it, and gives what it says: Ready=False, or the schema's refusal.
async fn refused(world: &World, object: &Value) -> Result<(String, String), String> {
    let (kind, name) = (object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
    if let Err(error) = world.cluster.apply(object).await {
        let text = format!("{error:#}");
        let by_schema = text.contains("Invalid value") || text.contains("Too long");
        return match by_schema {
            true => Ok((name.to_owned(), "refused by the API server: the schema".to_owned())),
            false => Err(format!("{name}: {text}")),
        };
    }
    let object = world.until(kind, name, |o| ready_is(o, "False", None)).await;
    let object = object.map_err(|error| format!("{name}: {error:#}"))?;
    let text = condition(&object, "Ready").unwrap()["message"].as_str().unwrap_or_default();
    match text.len() < 2000 && object["status"]["artifact"].is_null() {
        true => Ok((name.to_owned(), page::masked(text, world.ns.name()))),
        false => Err(format!("{name}: an artifact, or {} bytes of message", text.len())),
    }
}

/// Redirects for ever, to the metadata service, and with credentials to another host.
#[tokio::test]
async fn redirects_end_and_take_no_password_along() {
    let world = World::builder("redirects").without_kustomize().start().await.unwrap();
    let other = StaticServer::start().unwrap();
    let base = redirecting(format!("{}/taken", other.url(""))).await;
    let login = secret(&world, "login", json!({ "username": "git", "password": "canary-redirected" }));
    world.cluster.apply(&login).await.unwrap();
    let mut told = BTreeMap::new();
    for (name, path) in [
        ("a12-loop", "loop"),
        ("a12-inward", "metadata"),
        ("a12-inward-mapped", "mapped"),
        ("a12-file", "file"),
        ("a12-other-host", "other"),
    ] {
        let mut object = git_repository(&world.ns, name, &format!("{base}/{path}.git"));
        object["spec"]["timeout"] = "5s".into();
        object["spec"]["secretRef"] = json!({ "name": "login" });
        world.cluster.apply(&object).await.unwrap();
        let object = world.until("GitRepository", name, |o| ready_is(o, "False", None)).await.unwrap();
        let text = condition(&object, "Ready").unwrap()["message"].as_str().unwrap().to_owned();
        told.insert(name.to_owned(), page::masked(&text, world.ns.name()));
    }
    let text = format!("{:?}{}{told:?}", other.requests(), world.source.as_ref().unwrap().process().log());
    assert!(!text.contains("canary-redirected") && !text.contains("Z2l0OmNhbmFyeS1yZWRpcmVjdGVk"), "{text}");
    page::keep("redirects", &told);
}

/// A server that sends everybody somewhere else.
async fn redirecting(other: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let here = base.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 8192];
            let read = stream.read(&mut asked).await.unwrap_or_default();
            let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or("/").to_owned();
            let to = match &*path {
                path if path.starts_with("/metadata") => "http://169.254.169.254/x".to_owned(),
                path if path.starts_with("/mapped") => "http://[::ffff:a9fe:a9fe]/x".to_owned(),
                path if path.starts_with("/file") => "file:///etc/passwd".to_owned(),
                path if path.starts_with("/other") => other.clone(),
                path => format!("{here}{path}"),
            };
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    base
}
