//! Where the time of a row goes: processor time of every process that shares the machine, and requests by what they ask.
use std::{collections::BTreeMap, time::Instant};

use anyhow::Result;
use testkit::{ControlPlane, Metrics, Usage};

use crate::bench::report::Report;

/// What had been used when a row began.
pub(crate) struct Profile {
    since: Instant,
    cpu: BTreeMap<String, f64>,
    requests: BTreeMap<String, f64>,
}

type Figures = Vec<(String, f64, &'static str)>;

impl Profile {
    /// Begins here. `ours` is what the controllers have used so far.
    pub(crate) async fn start(plane: &ControlPlane, ours: &BTreeMap<&str, Usage>) -> Result<Profile> {
        let requests = by_request(&plane.metrics().await?);
        Ok(Profile { since: Instant::now(), cpu: cpu(plane, ours)?, requests })
    }

    /// Ends here, and adds two rows: who used the processors, and what was asked of the API server, for each of `count`.
    pub(crate) async fn end(
        self,
        (plane, ours): (&ControlPlane, &BTreeMap<&str, Usage>),
        report: &mut Report,
        (count, row): (usize, &str),
    ) -> Result<()> {
        let cpu = self.cpu(cpu(plane, ours)?)?;
        let requests = self.requests(by_request(&plane.metrics().await?), count);
        report.add(count, &format!("{row}: cpu"), &cpu, "measured");
        report.add(count, &format!("{row}: requests"), &requests, "measured");
        Ok(())
    }

    /// Processor time of each process in CPU seconds, and how busy all processors were, in percent. The bench itself is
    /// one of them: it is the bare client of the floor, the Git server and the watch of all rows.
    fn cpu(&self, now: BTreeMap<String, f64>) -> Result<Figures> {
        let used = grown(&self.cpu, now);
        let cores = std::thread::available_parallelism()?.get() as f64;
        let busy = used.values().sum::<f64>() / (self.since.elapsed().as_secs_f64() * cores);
        let figures = used.into_iter().map(|(name, used)| (name, used, "CPU-s"));
        Ok(figures.chain([("busy".into(), 100.0 * busy, "%")]).collect())
    }

    /// Requests of all clients, by verb and resource; what is asked for less than every twentieth is left out.
    fn requests(&self, now: BTreeMap<String, f64>, count: usize) -> Figures {
        let made = grown(&self.requests, now).into_iter();
        let each = made.map(|(what, made)| (what, made / count as f64, "each"));
        let mut often: Figures = each.filter(|(_, each, _)| *each > 0.05).collect();
        often.sort_by(|a, b| b.1.total_cmp(&a.1));
        often
    }
}

fn cpu(plane: &ControlPlane, ours: &BTreeMap<&str, Usage>) -> Result<BTreeMap<String, f64>> {
    let mut used = BTreeMap::from([("bench".to_owned(), Usage::of(std::process::id())?.cpu_seconds)]);
    used.extend(ours.iter().map(|(name, usage)| ((*name).to_owned(), usage.cpu_seconds)));
    for process in plane.processes() {
        used.insert(process.name().to_owned(), process.usage()?.cpu_seconds);
    }
    Ok(used)
}

fn by_request(metrics: &Metrics) -> BTreeMap<String, f64> {
    metrics.by("apiserver_request_total", &["verb", "resource", "subresource", "dry_run"])
}

/// What `after` has more than `before`.
fn grown(before: &BTreeMap<String, f64>, after: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let more = after.into_iter().map(|(key, value)| {
        let more = value - before.get(&key).copied().unwrap_or(0.0);
        (key, more)
    });
    more.filter(|(_, more)| *more > 0.0).collect()
}
