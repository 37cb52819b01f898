//! The rows, in the order in which they are measured on one set of Kustomizations.
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    bench::{
        app, floor,
        floor::Floor,
        inventory,
        profile::Profile,
        report::{Report, median, say},
        repositories,
        rig::{Options, Rig},
        sick, toolkit,
        watch::{Watch, applied, kustomizations},
    },
    git_repository, kustomization,
};

/// Names that `--only` takes: rows of Kustomizations.
const ROWS: [&str; 8] = ["floor", "first", "all", "one", "deleted", "memory", "sick", "steady"];

/// All of them, with those of the five controllers together.
pub fn all_rows() -> impl Iterator<Item = &'static str> {
    ROWS.into_iter().chain([repositories::ROW, inventory::ROW]).chain(toolkit::ROWS)
}

/// Nothing takes longer than this but what hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);
/// How long the controllers may go on after a row before they are counted anyway.
const REST_LIMIT: Duration = Duration::from_secs(30);
/// At rest they make fewer requests than [`REST_REQUESTS`] in this time: Leases, and what others wake.
const REST_STEP: Duration = Duration::from_secs(2);
const REST_REQUESTS: f64 = 10.0;
/// Repetitions of the short rows; the median counts.
const TIMES: usize = 5;
/// Where the sources and Kustomizations lie.
pub(crate) const NS: &str = "flux-system";
pub(crate) const MIB: f64 = 1024.0 * 1024.0;

/// Measures every row for every count.
///
/// # Errors
/// At the first row that fails; the report has those before it.
pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let kustomizations = ROWS.iter().any(|row| options.wants(row));
    for &count in options.count.iter().filter(|_| kustomizations) {
        let floors = Bench::start(options, count, report).await?.floor().await?;
        let mut bench = Bench::start(options, count, report).await?;
        bench.run(floors).await.with_context(|| format!("{count} Kustomizations"))?;
    }
    repositories::run(options, report).await.context("repositories")?;
    inventory::run(options, report).await.context("inventory")?;
    toolkit::run(options, report).await
}

struct Bench<'a> {
    rig: Rig,
    options: &'a Options,
    count: usize,
    report: &'a mut Report,
}

impl<'a> Bench<'a> {
    async fn start(options: &'a Options, count: usize, report: &'a mut Report) -> Result<Bench<'a>> {
        Ok(Bench { rig: Rig::start(options).await?, options, count, report })
    }

    async fn run(&mut self, (first_floor, change_floor): (Floor, Floor)) -> Result<()> {
        self.prepare().await?;
        self.first(first_floor).await?;
        if self.wants("all") {
            self.change_all(change_floor).await?;
        }
        if self.wants("one") {
            self.change_one().await?;
        }
        if self.wants("deleted") {
            self.deleted().await?;
        }
        if self.wants("memory") {
            self.memory().await?;
        }
        if self.wants("sick") {
            self.sick().await?;
        }
        if self.wants("steady") {
            self.steady().await?;
        }
        Ok(())
    }

    fn wants(&self, row: &str) -> bool {
        self.options.wants(row)
    }

    /// Measured on a control plane that nobody else has used, as the rows after it are: the API server walks all addresses
    /// that are given out for each Service it makes, and collects the garbage of all objects it holds.
    async fn floor(mut self) -> Result<(Floor, Floor)> {
        say(&format!("{} applications by a bare client …", self.count));
        floor::namespaces(&self.rig.cluster, "floor", self.count).await?;
        let profile = self.profile().await?;
        let first = floor::measure(self.rig.client(), "floor", self.count, "1").await?;
        self.tell("floor first", profile).await?;
        let change = floor::measure(self.rig.client(), "floor", self.count, "2").await?;
        let figures = |floor: Floor| [("time", floor.seconds, "s"), ("cpu", floor.cpu_seconds, "CPU-s")];
        self.report.add(self.count, "floor first", &figures(first), "measured");
        self.report.add(self.count, "floor change", &figures(change), "measured");
        Ok((first, change))
    }

    async fn prepare(&mut self) -> Result<()> {
        let cluster = &self.rig.cluster;
        cluster.apply(&app::namespace_object(NS)).await?;
        floor::namespaces(cluster, "app", self.count).await?;
        let files: Vec<_> = (0..self.count).flat_map(|number| app::files(number, "1")).collect();
        self.rig.repo.commit(&files, "all applications")?;
        cluster.apply(&git_repository(NS, "apps", self.rig.repo.url())).await?;
        cluster.wait_ready(("GitRepository", NS, "apps"), "True", LIMIT).await.map(drop)
    }

    fn kustomization(&self, number: usize, interval: &str) -> Value {
        let more = json!({
            "interval": interval, "wait": true, "timeout": "5m", "targetNamespace": app::namespace("app", number),
        });
        kustomization(NS, &format!("app-{number:04}"), "apps", &format!("./apps/{number:04}"), more)
    }

    async fn apply_all(&self, interval: &str) -> Result<()> {
        let objects = (0..self.count).map(|number| self.kustomization(number, interval));
        floor::apply_all(&self.rig.cluster, objects).await
    }

    async fn first(&mut self, floor: Floor) -> Result<()> {
        let revision = self.rig.repo.revision()?;
        let mut watch = kustomizations(self.rig.client()).await?;
        let (cpu, requests) = (self.rig.cpu()?, self.rig.requests().await?);
        let profile = self.profile().await?;
        let start = Instant::now();
        self.apply_all("10m").await?;
        let end =
            watch.until(self.count, floor::limit(self.count), |object| applied(object, &revision)).await?;
        self.tell("first", profile).await?;
        self.whole("first", (end - start).as_secs_f64(), cpu, requests, floor).await
    }

    async fn change_all(&mut self, floor: Floor) -> Result<()> {
        let files: Vec<_> = (0..self.count).flat_map(|number| app::files(number, "2")).collect();
        self.rig.repo.commit(&files, "all change")?;
        let revision = self.rig.repo.revision()?;
        let mut watch = kustomizations(self.rig.client()).await?;
        let (cpu, requests) = (self.rig.cpu()?, self.rig.requests().await?);
        let profile = self.profile().await?;
        let start = self.announce().await?;
        let end =
            watch.until(self.count, floor::limit(self.count), |object| applied(object, &revision)).await?;
        self.tell("all", profile).await?;
        self.whole("all", (end - start).as_secs_f64(), cpu, requests, floor).await
    }

    async fn profile(&self) -> Result<Profile> {
        Profile::start(&self.rig.plane, &self.rig.usage()?).await
    }

    /// Where the time of the row above went.
    async fn tell(&mut self, row: &str, profile: Profile) -> Result<()> {
        let usage = self.rig.usage()?;
        profile.end((&self.rig.plane, &usage), self.report, (self.count, row)).await
    }

    async fn whole(&mut self, row: &str, seconds: f64, cpu: f64, requests: f64, floor: Floor) -> Result<()> {
        self.rest().await?;
        let requests = (self.rig.requests().await? - requests) / self.count as f64;
        let figures = [
            ("time", seconds, "s"),
            ("of the floor", seconds / floor.seconds, "x"),
            ("cpu", self.rig.cpu()? - cpu, "CPU-s"),
            ("requests", requests, "per Kustomization"),
        ];
        self.report.add(self.count, row, &figures, "<= 1.5 x floor, <= 1.5 CPU-s per 100, <= 17 requests");
        Ok(())
    }

    /// Waits until the controllers have nothing to say: events may come after what they tell of, and are counted with
    /// their own row.
    async fn rest(&self) -> Result<()> {
        let until = Instant::now() + REST_LIMIT;
        let mut before = self.rig.requests().await?;
        while Instant::now() < until {
            tokio::time::sleep(REST_STEP).await;
            let now = self.rig.requests().await?;
            if now - before <= REST_REQUESTS {
                return Ok(());
            }
            before = now;
        }
        say("the controllers do not come to rest; their requests are counted so far");
        Ok(())
    }

    async fn change_one(&mut self) -> Result<()> {
        let (mut times, mut after, requests) = (Vec::new(), Vec::new(), self.rig.requests().await?);
        for round in 0..TIMES {
            let version = format!("one-{round}");
            self.rig.repo.commit(&app::files(0, &version), "one changes")?;
            let revision = self.rig.repo.revision()?;
            let mut maps = Watch::start(self.rig.client(), "v1", "ConfigMap", "configmaps").await?;
            let mut all = kustomizations(self.rig.client()).await?;
            let start = self.announce().await?;
            let live = maps.until(1, LIMIT, |object| object["data"]["version"] == version.as_str()).await?;
            times.push((live - start).as_secs_f64());
            let end =
                all.until(self.count, floor::limit(self.count), |object| applied(object, &revision)).await?;
            after.push((end - start).as_secs_f64());
        }
        self.rest().await?;
        let requests = (self.rig.requests().await? - requests) / (TIMES * self.count) as f64;
        let figures = [
            ("live", median(times), "s"),
            ("all told", median(after), "s"),
            ("requests", requests, "per Kustomization"),
        ];
        self.report.add(self.count, "one", &figures, "live <= 0.3 s, <= 2 requests");
        Ok(())
    }

    async fn deleted(&mut self) -> Result<()> {
        let mut times = Vec::new();
        for round in 0..TIMES {
            let namespace = app::namespace("app", round % self.count);
            let mut watch = Watch::start(self.rig.client(), "v1", "Service", "services").await?;
            let start = Instant::now();
            self.rig.cluster.delete("Service", &namespace, "app").await?;
            let back =
                watch.until(1, LIMIT, |object| object["metadata"]["namespace"] == namespace.as_str()).await?;
            times.push((back - start).as_secs_f64());
        }
        self.report.add(self.count, "deleted", &[("back", median(times), "s")], "<= 0.2 s");
        Ok(())
    }

    /// At rest: all are Ready, and nothing has happened for a minute.
    async fn memory(&mut self) -> Result<()> {
        say("waiting for 60 s of rest …");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (source, kustomize) = (self.rig.source.usage()?, self.rig.kustomize.usage()?);
        let figures = [
            ("both", (source.rss + kustomize.rss) as f64 / MIB, "MiB"),
            ("source", source.rss as f64 / MIB, "MiB"),
            ("kustomize", kustomize.rss as f64 / MIB, "MiB"),
            ("peak source", source.peak_rss as f64 / MIB, "MiB"),
            ("peak kustomize", kustomize.peak_rss as f64 / MIB, "MiB"),
        ];
        let target = match self.count {
            0..=100 => "both <= 25 MiB, peak kustomize <= 40 MiB",
            101..=1000 => "both <= 60 MiB",
            _ => "measured",
        };
        self.report.add(self.count, "memory", &figures, target);
        Ok(())
    }

    async fn sick(&mut self) -> Result<()> {
        let (ill, well) = (self.count.div_ceil(10), self.count.min(90));
        let before = sick::pass_each(&self.rig, well).await?;
        sick::fall_ill(&self.rig, ill).await?;
        let beside = sick::pass_each(&self.rig, well).await?;
        let figures = [
            ("turns in 50 ms", beside.prompt, "%"),
            ("requests", beside.requests, "per pass"),
            ("without the sick", before.requests, "per pass"),
        ];
        self.report.add(self.count, "sick", &figures, "waits <= 50 ms, requests unchanged");
        Ok(())
    }

    async fn steady(&mut self) -> Result<()> {
        self.apply_all("1m").await?;
        let seconds = self.options.steady_seconds;
        say(&format!("steady state at interval 1m for {seconds} s, after one interval …"));
        tokio::time::sleep(Duration::from_secs(65)).await;
        let (cpu, requests, runs) = (self.rig.cpu()?, self.rig.requests().await?, self.rig.runs().await?);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let due = self.count as f64 * seconds as f64 / 60.0;
        let runs = self.rig.runs().await? - runs;
        let figures = [
            ("cpu", (self.rig.cpu()? - cpu) / seconds as f64, "core"),
            ("passes", 100.0 * runs / due, "% of those due"),
            ("requests", (self.rig.requests().await? - requests) / runs.max(1.0), "per pass"),
        ];
        self.report.add(self.count, "steady", &figures, "<= 0.02 core per 100, >= 95 %, <= 5 requests");
        Ok(())
    }

    /// Tells the source that there is something new, as a webhook does.
    async fn announce(&self) -> Result<Instant> {
        let start = Instant::now();
        self.rig.cluster.request_reconcile("GitRepository", NS, "apps").await?;
        Ok(start)
    }
}
