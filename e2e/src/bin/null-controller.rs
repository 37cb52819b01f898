//! The stand-in of `cargo xtask test --null`: says that all is well and does nothing.
//!
//! Under the name of either controller it takes the same flags, answers on the same ports, sets finalizer,
//! observedGeneration, lastHandledReconcileAt, the newest revision and Ready=True. A test that passes against it proves
//! nothing.
use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, routing::get};
use kube::Client;
use serde_json::{Value, json};
use testkit::Cluster;

const FINALIZER: &str = "finalizers.fluxcd.io";
const PERIOD: Duration = Duration::from_millis(250);

/// `--name=value` and `--name value`; whatever the real ones take.
struct Flags(BTreeMap<String, String>);

impl Flags {
    fn read() -> Flags {
        let mut flags = BTreeMap::new();
        let mut args = std::env::args().skip(1).peekable();
        while let Some(arg) = args.next() {
            let name = arg.trim_start_matches('-');
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, value.to_string()),
                None => (name, args.next_if(|next| !next.starts_with('-')).unwrap_or_default()),
            };
            flags.insert(name.to_string(), value);
        }
        Flags(flags)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let name = std::env::args().next().unwrap_or_default();
    let name = Path::new(&name).file_name().and_then(|name| name.to_str()).unwrap_or("").to_string();
    let flags = Flags::read();
    for flag in ["health-addr", "metrics-addr", "storage-addr"] {
        if let Some(address) = flags.get(flag) {
            serve(address).await?;
        }
    }
    let all = flags.get("watch-all-namespaces") != Some("false");
    let namespace = if all { String::new() } else { std::env::var("RUNTIME_NAMESPACE")? };
    let cluster = Cluster::new(client().await?);
    let kind = if name == "source-controller" { "GitRepository" } else { "Kustomization" };
    loop {
        for object in cluster.list(kind, &namespace).await.unwrap_or_default() {
            // An object that went meanwhile is no error worth a word.
            let _ = nod(&cluster, kind, &object).await;
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn client() -> Result<Client> {
    testkit::install_crypto();
    Ok(Client::try_default().await?)
}

async fn serve(address: &str) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    let objects = get(|| async { axum::Json(json!([])) });
    let router = Router::new().route("/debug/objects", objects).fallback(get(|| async { "" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn nod(cluster: &Cluster, kind: &str, object: &Value) -> Result<()> {
    let metadata = &object["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or("");
    let (namespace, name) = (text("namespace"), text("name"));
    if !metadata["deletionTimestamp"].is_null() {
        let none = json!({ "metadata": { "finalizers": null } });
        return cluster.patch(kind, namespace, name, none).await.map(drop);
    }
    if object["spec"]["suspend"] == true {
        return Ok(());
    }
    if metadata["finalizers"].is_null() {
        cluster.patch(kind, namespace, name, json!({ "metadata": { "finalizers": [FINALIZER] } })).await?;
    }
    let status = match kind {
        "GitRepository" => source_status(object)?,
        _ => kustomization_status(cluster, object).await?,
    };
    let wanted = all_is_well(object, status);
    if differs(&object["status"], &wanted) {
        cluster.patch_status(kind, namespace, name, wanted).await?;
    }
    Ok(())
}

fn all_is_well(object: &Value, mut status: Value) -> Value {
    let generation = &object["metadata"]["generation"];
    let token = &object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"];
    status["observedGeneration"] = generation.clone();
    if !token.is_null() {
        status["lastHandledReconcileAt"] = token.clone();
    }
    status["conditions"] = json!([{ "type": "Ready", "status": "True", "reason": "Succeeded",
        "message": "all is well", "observedGeneration": generation,
        "lastTransitionTime": object["metadata"]["creationTimestamp"] }]);
    status
}

fn differs(seen: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| wanted.iter().any(|(key, value)| &seen[key] != value))
}

fn source_status(object: &Value) -> Result<Value> {
    let url = object["spec"]["url"].as_str().context("no url")?;
    let branch = object["spec"]["ref"]["branch"].as_str().unwrap_or("master");
    let done = Command::new("git").args(["ls-remote", url, &format!("refs/heads/{branch}")]).output()?;
    let commit = String::from_utf8_lossy(&done.stdout).split_whitespace().next().map(String::from);
    let commit = commit.context("no such branch")?;
    Ok(json!({ "artifact": {
        "revision": format!("{branch}@sha1:{commit}"),
        "digest": format!("sha256:{:064}", 0),
        "path": "nothing.tar.gz",
        "url": "http://127.0.0.1:1/nothing.tar.gz",
        "lastUpdateTime": object["metadata"]["creationTimestamp"],
    }}))
}

async fn kustomization_status(cluster: &Cluster, object: &Value) -> Result<Value> {
    let reference = &object["spec"]["sourceRef"];
    let namespace =
        reference["namespace"].as_str().or(object["metadata"]["namespace"].as_str()).unwrap_or("");
    let source = cluster.find("GitRepository", namespace, reference["name"].as_str().unwrap_or("")).await?;
    let revision = source.map(|source| source["status"]["artifact"]["revision"].clone()).unwrap_or_default();
    if revision.is_null() {
        return Ok(json!({}));
    }
    Ok(json!({ "lastAppliedRevision": revision, "lastAttemptedRevision": revision }))
}
