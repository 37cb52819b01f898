//! The rows of all five controllers together, on the stage of the chain test.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testkit::{CONTROLLERS, HelmRepo};

use crate::{
    bench::{
        programs, releases,
        report::{Report, median, percentile, say},
        rig::Options,
        rows::{LIMIT, MIB},
        watch::Watch,
    },
    chain::{Chart, Hops, Release, Stage},
    kustomization,
};

/// Names that `--only` takes.
pub(crate) const ROWS: [&str; 6] = ["chain", "sources", "releases", "webhook", "idle", "programs"];

/// Releases of the warm chain; the median of each hop counts.
const WARM: usize = 5;
/// Pushes of the webhook rows.
const PUSHES: usize = 20;

/// Measures what was asked for.
pub(crate) async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let wants = |row: &str| options.wants(row);
    if !ROWS.iter().any(|row| wants(row)) {
        return Ok(());
    }
    let elsewhere = options.bin.iter().flat_map(|dir| CONTROLLERS.map(|name| (name.to_owned(), dir.clone())));
    let stage = Stage::set_with("bench", &elsewhere.collect::<BTreeMap<_, _>>()).await?;
    let bench = Toolkit { stage: &stage };
    bench.stage.open(Chart::Plain).await?;
    if wants("chain") {
        bench.chain(report).await.context("chain")?;
    }
    if wants("sources") {
        bench.sources(report).await.context("sources")?;
    }
    if wants("releases") {
        releases::run(&stage, report).await.context("releases")?;
    }
    if wants("webhook") {
        bench.webhook(report).await.context("webhook")?;
    }
    if wants("idle") {
        bench.idle(report).await.context("idle")?;
    }
    if wants("programs") {
        programs::run(&stage, options, report).await.context("programs")?;
    }
    Ok(())
}

struct Toolkit<'a> {
    stage: &'a Stage,
}

impl Toolkit<'_> {
    /// A release while everything is a moment old, then warm ones.
    async fn chain(&self, report: &mut Report) -> Result<()> {
        let hooks = self.stage.hooks().await?;
        let release = async |version: String| {
            Release { stage: self.stage, version: &version, hooks: &hooks }.run().await
        };
        say("a release, hop by hop …");
        add_hops(report, "chain young", &[release("1.0.1".into()).await?], "commit <= 1 s after creation");
        let mut warm = Vec::new();
        for number in 1..=WARM {
            warm.push(release(format!("1.{number}.0")).await?);
        }
        add_hops(report, "chain", &warm, "0.15, 0.5, 0.6, 1.2 s after the webhook");
        Ok(())
    }

    /// The three kinds a chart comes from, created at once.
    async fn sources(&self, report: &mut Report) -> Result<()> {
        let (ns, registry) = (&self.stage.ns, self.stage.registry.address());
        let charts = HelmRepo::start()?;
        charts.publish("stable", &[releases::chart_files()])?;
        let source = |kind: &str, name: &str, spec: Value| {
            json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind,
                "metadata": { "name": name, "namespace": ns.name() }, "spec": spec,
            })
        };
        let url = format!("{}/stable", charts.url());
        let chart = json!({
            "interval": "10m", "chart": "bench", "version": "*", "sourceRef": { "kind": "HelmRepository", "name": "three" },
        });
        let objects = [
            source("HelmChart", "three", chart),
            source("HelmRepository", "three", json!({ "interval": "10m", "url": url })),
            source(
                "OCIRepository",
                "three",
                json!({
                    "interval": "10m", "insecure": true, "url": format!("oci://{registry}/charts/released"),
                    "ref": { "semver": "*" },
                }),
            ),
        ];
        let start = Instant::now();
        for object in &objects {
            self.stage.cluster.apply(object).await?;
        }
        for kind in ["OCIRepository", "HelmRepository", "HelmChart"] {
            self.stage.cluster.wait_ready((kind, ns, "three"), "True", LIMIT).await?;
        }
        report.add(3, "sources", &[("all Ready", start.elapsed().as_secs_f64(), "s")], "<= 2 s");
        Ok(())
    }

    /// From the webhook's arrival to the live object, with few and with many Kustomizations on the source.
    async fn webhook(&self, report: &mut Report) -> Result<()> {
        let hook = &self.stage.hooks().await?[1];
        let mut there = 0;
        for count in [3, 100] {
            self.many(there, count).await?;
            there = count;
            let mut times = Vec::new();
            for push in 0..PUSHES {
                times.push(self.push(hook, &format!("{count}-{push}")).await?);
            }
            let figures =
                [("p50", percentile(&mut times, 50), "s"), ("p95", percentile(&mut times, 95), "s")];
            report.add(count, "webhook", &figures, "p50 <= 0.25 s, p95 <= 0.6 s");
        }
        Ok(())
    }

    /// Kustomizations of one ConfigMap each, all from the repository of the chain.
    async fn many(&self, from: usize, to: usize) -> Result<()> {
        let (stage, ns) = (self.stage, &self.stage.ns);
        let files: Vec<_> = (from..to).map(|number| settings(number, "first")).collect();
        stage.repo.git(&["pull", "-q", "--ff-only", "origin", "main"])?;
        stage.repo.commit(&files, "many")?;
        stage.cluster.request_reconcile("GitRepository", ns, "apps").await?;
        for number in from..to {
            let more = json!({ "interval": "10m", "targetNamespace": ns.name() });
            let object =
                kustomization(ns, &format!("many-{number}"), "apps", &format!("./many/{number}"), more);
            stage.cluster.apply(&object).await?;
        }
        for number in from..to {
            stage.cluster.wait_ready(("Kustomization", ns, &format!("many-{number}")), "True", LIMIT).await?;
        }
        Ok(())
    }

    async fn push(&self, hook: &str, version: &str) -> Result<f64> {
        let stage = self.stage;
        stage.repo.commit(&[settings(0, version)], version)?;
        let mut maps = Watch::start(stage.cluster.client(), "v1", "ConfigMap", "configmaps").await?;
        let start = Instant::now();
        stage.told_of_a_push(hook).await?;
        let live = maps.until(1, LIMIT, |object| object["data"]["version"] == version).await?;
        Ok((live - start).as_secs_f64())
    }

    async fn idle(&self, report: &mut Report) -> Result<()> {
        say("waiting 65 s for the controllers to be idle …");
        tokio::time::sleep(Duration::from_secs(65)).await;
        let usage = self.stage.usage()?;
        let one = |name: &str| usage.get(name).map_or(f64::NAN, |usage| usage.rss as f64 / MIB);
        let mut figures = vec![("all", usage.values().map(|usage| usage.rss as f64 / MIB).sum(), "MiB")];
        figures
            .extend(CONTROLLERS.iter().map(|name| (name.trim_end_matches("-controller"), one(name), "MiB")));
        report.add(usage.len(), "idle", &figures, "all <= 50 MiB");
        Ok(())
    }
}

fn settings(number: usize, version: &str) -> (String, String) {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("many-{number}") }, "data": { "version": version },
    });
    (format!("many/{number}/settings.yaml"), format!("{object:#}\n"))
}

fn add_hops(report: &mut Report, row: &str, all: &[Hops], target: &str) {
    let hop = |of: fn(&Hops) -> f64| median(all.iter().map(of).collect());
    let figures = [
        ("commit", hop(|hops| hops.commit), "s"),
        ("Kustomization", hop(|hops| hops.kustomization), "s"),
        ("HelmRelease", hop(|hops| hops.helm_release), "s"),
        ("event", hop(|hops| hops.event), "s"),
        ("status", hop(|hops| hops.status), "s"),
    ];
    report.add(all.len(), row, &figures, target);
}
