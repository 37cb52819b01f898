//! What every test starts with.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::{
    ApiProxy, ChartFiles, Cluster, ControlPlane, Controller, EventSink, StaticServer, TestNamespace,
};

/// A generous ceiling; order and counts are asserted, not times.
pub(crate) const SOON: Duration = Duration::from_secs(40);
/// As kinds of our own are named to the cluster.
pub(crate) const RELEASE: &str = "helm.toolkit.fluxcd.io/v2/HelmRelease";
const OCI: &str = "source.toolkit.fluxcd.io/v1/OCIRepository";

/// A namespace with a file server, an OCIRepository `app` whose status the test writes, an event sink and
/// helm-controller bound to it.
pub(crate) struct Rig {
    pub(crate) controller: Option<Controller>,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) cluster: Cluster,
    pub(crate) ns: TestNamespace,
    pub(crate) files: StaticServer,
    pub(crate) events: EventSink,
    args: Vec<String>,
    proxy: Option<ApiProxy>,
}

impl Rig {
    pub(crate) async fn start(prefix: &str) -> Result<Self> {
        Self::with_args(prefix, &[]).await
    }

    pub(crate) async fn with_args(prefix: &str, args: &[&str]) -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let (cluster, ns, events) =
            (plane.cluster().await?, plane.namespace(prefix).await?, EventSink::start()?);
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut rig = Self {
            controller: None,
            plane,
            cluster,
            ns,
            files: StaticServer::start()?,
            events,
            args,
            proxy: None,
        };
        rig.cluster.apply(&rig.source()).await?;
        rig.restart().await?;
        Ok(rig)
    }

    /// Ends the controller, if there is one, and starts the next.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.kill();
        let builder = self.plane.controller("helm-controller").namespace(self.ns.name());
        let builder = builder.user(self.plane, &self.user())?;
        let builder = match &self.proxy {
            Some(proxy) => builder.kubeconfig(proxy.kubeconfig()),
            None => builder,
        };
        let builder = builder
            .arg(format!("--events-addr={}", self.events.url()))
            .arg("--requeue-dependency=1s")
            .args(self.args.clone());
        self.controller = Some(builder.start().await?);
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        drop(self.controller.take());
    }

    fn user(&self) -> String {
        format!("helm-controller:{}", self.ns.name())
    }

    /// Starts the controller anew behind a proxy that misbehaves as told.
    pub(crate) async fn behind_a_proxy(&mut self) -> Result<&ApiProxy> {
        self.proxy = Some(ApiProxy::start(self.plane, &self.user())?);
        self.restart().await?;
        self.proxy.as_ref().context("no proxy")
    }

    /// How many requests a fault of the proxy has met.
    pub(crate) fn met(&self) -> u32 {
        self.proxy.as_ref().map_or(0, ApiProxy::met)
    }

    fn source(&self) -> Value {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
            "metadata": { "name": "app", "namespace": self.ns.name() },
            "spec": { "url": "oci://nobody.example/app", "interval": "10m" },
        })
    }

    /// Says that the source has this chart now, as any producer would.
    pub(crate) async fn publish(&self, chart: &ChartFiles) -> Result<()> {
        self.publish_as(OCI, "app", 1, chart).await
    }

    /// Says that a source has this chart at a generation.
    pub(crate) async fn publish_as(
        &self,
        kind: &str,
        name: &str,
        generation: i64,
        chart: &ChartFiles,
    ) -> Result<()> {
        let bytes = testkit::chart_archive(chart)?;
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let about = chart.get("Chart.yaml").context("no Chart.yaml")?;
        let version = about.lines().find_map(|line| line.strip_prefix("version: ")).context("no version")?;
        let path = format!("/ocirepository/{}/app/sha256:{digest}.tar.gz", self.ns.name());
        let url = self.files.put(&path, bytes);
        let artifact = json!({
            "revision": format!("{version}@sha256:{digest}"), "digest": format!("sha256:{digest}"), "url": url,
            "path": &path[1..], "lastUpdateTime": "2026-01-01T00:00:00Z",
        });
        let status = json!({ "observedGeneration": generation, "artifact": artifact });
        self.cluster.patch_status(kind, self.ns.name(), name, status).await?;
        Ok(())
    }

    /// Applies a HelmRelease of the source with these fields over an interval of 10 minutes.
    pub(crate) async fn apply(&self, name: &str, spec: Value) -> Result<Value> {
        let mut full = json!({ "interval": "10m", "chartRef": { "kind": "OCIRepository", "name": "app" } });
        for (key, value) in spec.as_object().into_iter().flatten() {
            full[key] = value.clone();
        }
        self.cluster
            .apply(&json!({
                "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                "metadata": { "name": name, "namespace": self.ns.name() }, "spec": full,
            }))
            .await
    }

    pub(crate) async fn ready(&self, name: &str, status: &str) -> Result<Value> {
        self.cluster.wait_ready((RELEASE, self.ns.name(), name), status, SOON).await
    }

    pub(crate) async fn when(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.cluster.wait((RELEASE, self.ns.name(), name), SOON, wanted).await
    }

    /// Waits until Ready says this, at the generation of now.
    pub(crate) async fn says(&self, name: &str, status: &str, part: &str) -> Result<Value> {
        self.when(name, |object| {
            let ready = testkit::condition(object, "Ready");
            ready.is_some_and(|ready| {
                ready["status"] == status && ready["message"].as_str().is_some_and(|text| text.contains(part))
            })
        })
        .await
    }

    pub(crate) async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.cluster.get(kind, self.ns.name(), name).await
    }

    pub(crate) async fn exists(&self, kind: &str, name: &str) -> Result<bool> {
        Ok(self.cluster.find(kind, self.ns.name(), name).await?.is_some())
    }

    /// The release Secrets, as `name.version: status`.
    pub(crate) fn storage(&self) -> Result<Vec<String>> {
        let columns = "jsonpath={range .items[*]}{.metadata.labels.name}.{.metadata.labels.version}: \
                       {.metadata.labels.status}{\"\\n\"}{end}";
        let args = ["-n", self.ns.name(), "get", "secrets", "-l", "owner=helm", "-o", columns];
        let text = self.plane.kubectl_ok(&args)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// An event that was posted, by a part of its message.
    pub(crate) async fn event(&self, part: &str) -> Result<Value> {
        let has = |event: &Value| event["message"].as_str().is_some_and(|text| text.contains(part));
        self.events.wait(SOON, has).await
    }
}

/// The message of a condition.
pub(crate) fn message<'a>(object: &'a Value, kind: &str) -> &'a str {
    let found = testkit::condition(object, kind);
    found.and_then(|condition| condition["message"].as_str()).unwrap_or_default()
}
