//! What every test starts with.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Cluster, ControlPlane, Controller, EventSink, StaticServer, TestNamespace};

/// A generous ceiling; order and counts are asserted, not times.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// A namespace with a file server, a GitRepository `repo` whose status the test writes, an event sink and
/// kustomize-controller bound to it.
pub(crate) struct Rig {
    pub(crate) controller: Controller,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) cluster: Cluster,
    pub(crate) ns: TestNamespace,
    pub(crate) files: StaticServer,
    pub(crate) events: EventSink,
}

impl Rig {
    pub(crate) async fn start(prefix: &str) -> Result<Self> {
        Self::with_args(prefix, &[]).await
    }

    pub(crate) async fn with_args(prefix: &str, args: &[&str]) -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let (cluster, ns, events) =
            (plane.cluster().await?, plane.namespace(prefix).await?, EventSink::start()?);
        let user = user(&ns);
        let builder = plane.controller("kustomize-controller").namespace(ns.name()).user(plane, &user)?;
        let builder = builder.arg(format!("--events-addr={}", events.url())).arg("--requeue-dependency=1s");
        let builder = args.iter().fold(builder, |builder, arg| builder.arg(*arg));
        let controller = builder.start().await?;
        let rig = Self { controller, plane, cluster, ns, files: StaticServer::start()?, events };
        rig.cluster.apply(&rig.git_repository()).await?;
        Ok(rig)
    }

    fn git_repository(&self) -> Value {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "repo", "namespace": self.ns.name() },
            "spec": { "url": "https://nobody.example/repo", "interval": "10m" },
        })
    }

    /// Says that the source has these files now, as any producer would, and returns the revision.
    pub(crate) async fn publish(&self, number: u32, files: &[(&str, &str)]) -> Result<String> {
        let (bytes, digest) = archive(files)?;
        let path = format!("/gitrepository/{}/repo/{number}.tar.gz", self.ns.name());
        let url = self.files.put(&path, bytes);
        let revision = format!("main@sha1:{number:040}");
        let artifact = json!({
            "revision": revision, "digest": format!("sha256:{digest}"), "url": url, "path": &path[1..],
            "lastUpdateTime": "2026-01-01T00:00:00Z",
        });
        let status = json!({ "observedGeneration": 1, "artifact": artifact });
        self.cluster.patch_status("GitRepository", self.ns.name(), "repo", status).await?;
        Ok(revision)
    }

    /// Applies a Kustomization of `./<name>` with these fields over prune and an interval of 10 minutes.
    pub(crate) async fn apply(&self, name: &str, spec: Value) -> Result<Value> {
        let mut full = json!({
            "interval": "10m", "retryInterval": "2s", "prune": true, "path": format!("./{name}"),
            "sourceRef": { "kind": "GitRepository", "name": "repo" }, "targetNamespace": self.ns.name(),
        });
        for (key, value) in spec.as_object().into_iter().flatten() {
            full[key] = value.clone();
        }
        self.cluster
            .apply(&json!({
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": { "name": name, "namespace": self.ns.name() }, "spec": full,
            }))
            .await
    }

    /// Waits until the Kustomization is Ready with this revision.
    pub(crate) async fn applied(&self, name: &str, revision: &str) -> Result<Value> {
        self.when(name, |object| object["status"]["lastAppliedRevision"] == revision).await?;
        self.cluster.wait_ready(("Kustomization", self.ns.name(), name), "True", SOON).await
    }

    pub(crate) async fn ready(&self, name: &str, status: &str) -> Result<Value> {
        self.cluster.wait_ready(("Kustomization", self.ns.name(), name), status, SOON).await
    }

    pub(crate) async fn when(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.cluster.wait(("Kustomization", self.ns.name(), name), SOON, wanted).await
    }

    pub(crate) async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.cluster.get(kind, self.ns.name(), name).await
    }

    pub(crate) async fn exists(&self, kind: &str, name: &str) -> Result<bool> {
        Ok(self.cluster.find(kind, self.ns.name(), name).await?.is_some())
    }

    /// Asks for a run and waits until it was handled.
    pub(crate) async fn reconcile(&self, name: &str) -> Result<Value> {
        let token = self.cluster.request_reconcile("Kustomization", self.ns.name(), name).await?;
        self.when(name, |object| object["status"]["lastHandledReconcileAt"] == token.as_str()).await
    }

    /// Requests of the controller so far.
    pub(crate) fn requests(&self) -> Result<Vec<String>> {
        self.plane.requests_of(&user(&self.ns))
    }

    /// An event that was posted, by a part of its message.
    pub(crate) async fn event(&self, part: &str) -> Result<Value> {
        let has = |event: &Value| event["message"].as_str().is_some_and(|text| text.contains(part));
        self.events.wait(SOON, has).await
    }
}

fn user(ns: &TestNamespace) -> String {
    format!("kustomize-controller:{}", ns.name())
}

/// The message of a condition.
pub(crate) fn message<'a>(object: &'a Value, kind: &str) -> &'a str {
    let found = testkit::condition(object, kind);
    found.and_then(|condition| condition["message"].as_str()).unwrap_or_default()
}

/// A ConfigMap with one value.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "v": value } })
        .to_string()
}

/// A Deployment; with an image `…does-not-exist` its pods never start.
pub(crate) fn deployment(name: &str, image: &str) -> String {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": { "replicas": 1, "selector": { "matchLabels": labels }, "template": {
            "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": image }] } } },
    })
    .to_string()
}

/// The files as a tar archive, made by the real `tar`, and its digest by the real `sha256sum`.
fn archive(files: &[(&str, &str)]) -> Result<(Vec<u8>, String)> {
    let dir = tempfile::tempdir()?;
    let tree = dir.path().join("tree");
    for (path, text) in files {
        let path = tree.join(path);
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        std::fs::write(path, text)?;
    }
    let file = dir.path().join("a.tar.gz");
    let made =
        std::process::Command::new("tar").arg("-czf").arg(&file).arg("-C").arg(&tree).arg(".").status()?;
    ensure!(made.success(), "tar failed");
    let sum = std::process::Command::new("sha256sum").arg(&file).output()?;
    let digest = String::from_utf8(sum.stdout)?.split_whitespace().next().context("no digest")?.to_owned();
    Ok((std::fs::read(&file)?, digest))
}
