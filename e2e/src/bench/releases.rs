//! Fifty HelmReleases of one chart, without pods and with one each, beside a bare client that sends the same objects.
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testkit::{ChartFiles, OciArtifact};

use crate::{
    bench::{
        floor,
        profile::Profile,
        report::{Report, say},
        rows::{LIMIT, MIB},
        watch::Watch,
    },
    chain::Stage,
};

const COUNT: usize = 50;

const TEMPLATE: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      containers:
        - name: main
          image: app:1.0
          env: [{ name: VERSION, value: {{ .Values.version | quote }} }]
---
apiVersion: v1
kind: Service
metadata: { name: app }
spec:
  selector: { app: app }
  ports: [{ port: 80 }]
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: app }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { version: {{ .Values.version | quote }} }
"#;

/// A chart of the four objects that the other rows deploy.
pub(crate) fn chart_files() -> ChartFiles {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: bench\nversion: 0.1.0\n"),
        ("values.yaml", "replicas: 0\nversion: \"1\"\n"),
        ("templates/app.yaml", TEMPLATE),
    ];
    files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
}

/// Install and upgrade, with and without pods.
pub(crate) async fn run(stage: &Stage, report: &mut Report) -> Result<()> {
    stage.registry.push("charts/bench", "0.1.0", &OciArtifact::chart(&chart_files())?).await?;
    let source = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
        "metadata": { "name": "bench", "namespace": stage.ns.name() },
        "spec": {
            "interval": "10m", "insecure": true, "ref": { "semver": "*" },
            "url": format!("oci://{}/charts/bench", stage.registry.address()),
            "layerSelector": {
                "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy",
            },
        },
    });
    stage.cluster.apply(&source).await?;
    stage.cluster.wait_ready(("OCIRepository", &stage.ns, "bench"), "True", LIMIT).await?;
    for replicas in [0, 1] {
        measure(stage, replicas, report).await.with_context(|| format!("{replicas} replicas"))?;
    }
    Ok(())
}

async fn measure(stage: &Stage, replicas: u32, report: &mut Report) -> Result<()> {
    say(&format!("{COUNT} HelmReleases, {replicas} replicas …"));
    let (ours, bare) = (format!("release-{replicas}"), format!("bare-{replicas}"));
    for prefix in [&ours, &bare] {
        floor::namespaces(&stage.cluster, prefix, COUNT).await?;
    }
    let client = stage.cluster.client();
    let target = if replicas == 0 { "<= 4 s, peak <= 60 MiB" } else { "<= 2 x floor" };
    for (row, version) in [("install", 1), ("upgrade", 2)] {
        let floor = floor::measure_with(client, &bare, COUNT, &version.to_string(), replicas).await?;
        let cpu = helm(stage)?.cpu_seconds;
        let mut releases =
            Watch::start(client, "helm.toolkit.fluxcd.io/v2", "HelmRelease", "helmreleases").await?;
        let profile = Profile::start(stage.plane, &stage.usage()?).await?;
        let start = Instant::now();
        apply(stage, &ours, replicas, version).await?;
        let end = releases.until(COUNT, LIMIT, |object| released(object, &ours, version)).await?;
        let (seconds, usage) = ((end - start).as_secs_f64(), helm(stage)?);
        let figures = [
            ("time", seconds, "s"),
            ("floor", floor.seconds, "s"),
            ("of the floor", seconds / floor.seconds, "x"),
            ("cpu", usage.cpu_seconds - cpu, "CPU-s"),
            ("peak", usage.peak_rss as f64 / MIB, "MiB"),
        ];
        let row = format!("{row}, {replicas} pods");
        report.add(COUNT, &row, &figures, target);
        profile.end((stage.plane, &stage.usage()?), report, (COUNT, &row)).await?;
    }
    Ok(())
}

fn helm(stage: &Stage) -> Result<testkit::Usage> {
    stage.usage()?.remove("helm-controller").context("helm-controller does not run")
}

fn released(object: &Value, prefix: &str, version: u64) -> bool {
    let ready = testkit::condition(object, "Ready").is_some_and(|ready| {
        ready["status"] == "True" && ready["observedGeneration"] == object["metadata"]["generation"]
    });
    ready
        && object["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(prefix))
        && object["status"]["history"][0]["version"] == version
}

async fn apply(stage: &Stage, prefix: &str, replicas: u32, version: u64) -> Result<()> {
    let object = |number: usize| {
        let name = format!("{prefix}-{number:04}");
        json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": { "name": name, "namespace": stage.ns.name() },
            "spec": {
                "interval": "10m", "targetNamespace": name, "storageNamespace": name, "releaseName": "app",
                "chartRef": { "kind": "OCIRepository", "name": "bench" },
                "values": { "replicas": replicas, "version": version.to_string() },
            },
        })
    };
    floor::apply_all(&stage.cluster, (0..COUNT).map(object)).await
}
