//! Work of helm-controller: each round upgrades one release to a new chart, installs another and uninstalls the one of
//! the round before. The source is this test's own: an OCIRepository whose status it writes.
use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{ChartFiles, StaticServer};

use super::{Objects, Work, truth};
use crate::{SOON, World};

const SOURCE: &str = "OCIRepository";

/// ConfigMaps, of which one is renamed by each chart, and a hook before and after: one Job a revision, so that a second
/// run of the same hook cannot hide.
const OBJECTS: &str = r#"{{- range $name := list "a" "b" "c" ($.Values.v | replace "." "-") }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
data:
  v: "{{ $.Values.v }}"
{{- end }}
"#;
const HOOKS: &str = r#"{{- range $at := list "install,upgrade:pre" "install,upgrade:post" "delete:pre" }}
{{- $events := index (splitList ":" $at) 0 }}{{- $when := index (splitList ":" $at) 1 }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $.Release.Name }}-{{ $when }}-{{ index (splitList "," $events) 0 }}-{{ $.Release.Revision }}
  annotations:
    helm.sh/hook: "{{ range $i, $event := splitList "," $events }}{{ if $i }},{{ end }}{{ $when }}-{{ $event }}{{ end }}"
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: "hook:1.0" }]
{{- end }}
"#;

/// The rounds so far.
pub struct Releases {
    number: u32,
    files: StaticServer,
    charts: tempfile::TempDir,
}

impl Releases {
    /// Round 0: the release is there.
    ///
    /// # Errors
    /// When it does not go live.
    pub async fn open(world: &World) -> Result<Releases> {
        let charts = tempfile::Builder::new().prefix("sluice-charts-").tempdir()?;
        let releases = Releases { number: 0, files: StaticServer::start()?, charts };
        world
            .cluster
            .apply(&json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": SOURCE,
                "metadata": { "name": "app", "namespace": world.ns.name() },
                "spec": { "url": "oci://nobody.example/app", "interval": "10m" },
            }))
            .await?;
        releases.publish(world).await?;
        releases.apply(world, "app").await?;
        releases.apply(world, "temporary-0").await?;
        releases.is_live(world, "app", 1).await?;
        releases.is_live(world, "temporary-0", 1).await?;
        Ok(releases)
    }

    fn version(&self) -> String {
        format!("1.0.{}", self.number)
    }

    fn chart(&self) -> PathBuf {
        self.charts.path().join("app.tgz")
    }

    /// Says that the source has the chart of this round now, as any producer would.
    async fn publish(&self, world: &World) -> Result<()> {
        let version = self.version();
        let about = format!("apiVersion: v2\nname: app\nversion: {version}\n");
        // helm-controller puts the digest behind the version of the chart; the objects have the value instead.
        let values = format!("v: {version}\n");
        let files = [
            ("Chart.yaml", &*about),
            ("values.yaml", &*values),
            ("templates/a.yaml", OBJECTS),
            ("templates/h.yaml", HOOKS),
        ];
        let files: ChartFiles = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let bytes = testkit::chart_archive(&files)?;
        std::fs::write(self.chart(), &bytes)?;
        let digest = testkit::sha256(&bytes);
        let path = format!("/ocirepository/{}/app/sha256:{digest}.tar.gz", world.ns.name());
        let url = self.files.put(&path, bytes);
        let artifact = json!({
            "revision": format!("{version}@sha256:{digest}"), "digest": format!("sha256:{digest}"), "url": url,
            "path": &path[1..], "lastUpdateTime": "2026-01-01T00:00:00Z",
        });
        let status = json!({ "observedGeneration": 1, "artifact": artifact });
        world.cluster.patch_status(SOURCE, &world.ns, "app", status).await.map(drop)
    }

    async fn apply(&self, world: &World, name: &str) -> Result<()> {
        let object = json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": { "name": name, "namespace": world.ns.name() },
            "spec": {
                "interval": "10m", "timeout": "30s", "maxHistory": 4,
                "chartRef": { "kind": SOURCE, "name": "app" },
            },
        });
        world.cluster.apply(&object).await.map(drop)
    }

    /// As the real `helm` renders the chart, as it says that it is stored, and as Flux would tell of it.
    async fn is_live(&self, world: &World, name: &str, revision: u32) -> Result<()> {
        let version = self.version();
        let told = |object: &Value| {
            let latest = &object["status"]["history"][0];
            let chart = latest["chartVersion"].as_str().and_then(|chart| chart.split('+').next());
            chart == Some(version.as_str()) && latest["status"] == "deployed"
        };
        let key = ("HelmRelease", world.ns.name(), name);
        world.cluster.wait(key, SOON, told).await?;
        let object = world.cluster.wait_ready(key, "True", SOON).await?;
        let latest = &object["status"]["history"][0];
        ensure!(latest["version"] == revision, "{name}: not version {revision}: {latest:#}");
        let chart = self.chart();
        let chart = chart.to_str().context("folder name is not text")?;
        let rendered = config_maps(&helm(world, &["template", name, chart])?)?;
        let stored = config_maps(&helm(world, &["get", "manifest", name])?)?;
        ensure!(stored == rendered, "{name}: stored {stored:?}, rendered {rendered:?}");
        let live = live(world, name).await?;
        ensure!(live == rendered, "{name}: live {live:?}, rendered {rendered:?}");
        history(world, name, revision)?;
        hooks(world, name, revision).await
    }

    async fn is_gone(&self, world: &World, name: &str) -> Result<()> {
        world.gone("HelmRelease", name).await?;
        let live = live(world, name).await?;
        ensure!(live.is_empty(), "{name} was uninstalled and left {live:?}");
        let secrets = world.cluster.list("Secret", &world.ns).await?;
        let labelled = |secret: &&Value| {
            let labels = &secret["metadata"]["labels"];
            labels["owner"] == "helm" && labels["name"] == name
        };
        let left: Vec<_> =
            secrets.iter().filter(labelled).map(|secret| &secret["metadata"]["name"]).collect();
        ensure!(left.is_empty(), "{name} was uninstalled and is still stored: {left:?}");
        once(world, &format!("{name}-pre-delete-1")).await
    }
}

impl Work for Releases {
    async fn begin(&mut self, world: &World, _: &super::Victim) -> Result<()> {
        let last = format!("temporary-{}", self.number);
        self.number += 1;
        world.cluster.delete("HelmRelease", &world.ns, &last).await?;
        self.publish(world).await?;
        self.apply(world, &format!("temporary-{}", self.number)).await
    }

    async fn end(&mut self, world: &World, _: &super::Victim) -> Result<()> {
        self.is_live(world, "app", self.number + 1).await?;
        self.is_live(world, &format!("temporary-{}", self.number), 1).await?;
        self.is_gone(world, &format!("temporary-{}", self.number - 1)).await
    }
}

/// The real `helm`.
fn helm(world: &World, args: &[&str]) -> Result<String> {
    let done = Command::new(testkit::program("helm")?)
        .args(args)
        .args(["--namespace", world.ns.name()])
        .env("KUBECONFIG", world.plane.kubeconfig())
        .env("HOME", world.plane.dir())
        .output()
        .context("running helm")?;
    ensure!(done.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}

fn config_maps(manifest: &str) -> Result<Objects> {
    let documents = manifest.split("---\n").filter(|text| text.contains("kind: ConfigMap"));
    documents.map(truth::read).collect()
}

/// The ConfigMaps that say that they are of this release.
async fn live(world: &World, release: &str) -> Result<Objects> {
    let all = world.cluster.list("ConfigMap", &world.ns).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ours = |object: &&Value| object["metadata"]["annotations"]["meta.helm.sh/release-name"] == release;
    Ok(all.iter().filter(ours).map(|one| (text(&one["metadata"]["name"]), text(&one["data"]["v"]))).collect())
}

/// One revision a round, the last one deployed, those before superseded.
fn history(world: &World, name: &str, revision: u32) -> Result<()> {
    let told: Vec<Value> = serde_json::from_str(&helm(world, &["history", name, "-o", "json"])?)?;
    let (last, before) = told.split_last().context("an empty history")?;
    ensure!(
        last["revision"] == revision && last["status"] == "deployed",
        "{name}: revision {revision} is not what helm says: {told:#?}"
    );
    ensure!(before.iter().all(|one| one["status"] == "superseded"), "{name}: {told:#?}");
    Ok(())
}

/// The hooks of this revision ran, each once.
async fn hooks(world: &World, name: &str, revision: u32) -> Result<()> {
    for hook in ["pre", "post"] {
        let job = format!("{name}-{hook}-install-{revision}");
        let found = world.get("Job", &job).await?;
        ensure!(found["status"]["succeeded"] == 1, "{job} did not succeed: {found:#}");
        once(world, &job).await?;
    }
    Ok(())
}

/// A Job is there and was made once, by the API server's own record. A write that was broken off by a kill may have been
/// carried out or not, and is not recorded as carried out; a second run would first delete what the first one made.
async fn once(world: &World, job: &str) -> Result<()> {
    world.get("Job", job).await?;
    let path = format!("/namespaces/{}/jobs/{job}", world.ns.name());
    let about = |request: &&String| request.split(['?', ' ']).any(|part| part.ends_with(&path));
    let requests = world.plane.granted_to(&world.user("helm-controller"))?;
    let count =
        |verb: &str| requests.iter().filter(about).filter(|request| request.starts_with(verb)).count();
    let (written, deleted) = (count("patch "), count("delete "));
    ensure!(written <= 1 && deleted == 0, "hook {job} was written {written} and deleted {deleted} times");
    Ok(())
}
