//! Where the time of a row goes: processor time of every process that shares the machine, and requests by what they ask.
use std::{collections::BTreeMap, time::Instant};

use anyhow::Result;
use testkit::{Metrics, Usage};

use crate::bench::rig::Rig;

/// What had been used when a row began.
pub(crate) struct Profile {
    since: Instant,
    cpu: BTreeMap<String, f64>,
    requests: BTreeMap<String, f64>,
}

impl Profile {
    /// Begins here.
    pub(crate) async fn start(rig: &Rig) -> Result<Profile> {
        let requests = by_request(&rig.plane.metrics().await?);
        Ok(Profile { since: Instant::now(), cpu: cpu(rig)?, requests })
    }

    /// Processor time of each process since the beginning, in CPU seconds, and how busy all processors were, in percent.
    /// The bench itself is one of them: it is the bare client of the floor, the Git server and the watch of all rows.
    pub(crate) fn cpu(&self, rig: &Rig) -> Result<Vec<(String, f64, &'static str)>> {
        let used = grown(&self.cpu, cpu(rig)?);
        let cores = std::thread::available_parallelism()?.get() as f64;
        let busy = used.values().sum::<f64>() / (self.since.elapsed().as_secs_f64() * cores);
        let mut figures: Vec<_> = used.into_iter().map(|(name, used)| (name, used, "CPU-s")).collect();
        figures.push(("busy".into(), 100.0 * busy, "%"));
        Ok(figures)
    }

    /// Requests since the beginning, of all clients, by verb and resource, for each of `count`.
    pub(crate) async fn requests(&self, rig: &Rig, count: usize) -> Result<Vec<(String, f64, &'static str)>> {
        let made = grown(&self.requests, by_request(&rig.plane.metrics().await?));
        let mut made: Vec<_> = made.into_iter().filter(|(_, made)| made * 20.0 > count as f64).collect();
        made.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(made.into_iter().map(|(what, made)| (what, made / count as f64, "each")).collect())
    }
}

fn cpu(rig: &Rig) -> Result<BTreeMap<String, f64>> {
    let plane = rig.plane.processes().iter().map(|process| (process.name().to_owned(), process.pid()));
    let own = [
        ("source-controller".to_owned(), rig.source.process().pid()),
        ("kustomize-controller".to_owned(), rig.kustomize.process().pid()),
        ("bench".to_owned(), std::process::id()),
    ];
    plane.chain(own).map(|(name, pid)| Ok((name, Usage::of(pid)?.cpu_seconds))).collect()
}

fn by_request(metrics: &Metrics) -> BTreeMap<String, f64> {
    metrics.by("apiserver_request_total", &["verb", "resource", "subresource", "dry_run"])
}

/// What `after` has more than `before`.
fn grown(before: &BTreeMap<String, f64>, after: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    after
        .into_iter()
        .map(|(key, value)| {
            let more = value - before.get(&key).copied().unwrap_or(0.0);
            (key, more)
        })
        .filter(|(_, more)| *more > 0.0)
        .collect()
}
