//! A healthy Kustomization beside a sick one: its figures, before and after.
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use testkit::{Controller, Metrics};

use crate::World;

/// The Kustomization `well` of folder `well`, with one ConfigMap of the same name.
pub struct Neighbour {
    requests: usize,
    queue: (f64, f64),
    changes: u32,
}

impl Neighbour {
    /// Commits and applies it, waits until it is live, and takes its figures.
    ///
    /// # Errors
    /// When it does not go live.
    pub async fn move_in(world: &World, controller: &Controller) -> Result<Neighbour> {
        let revision = world.push(&[("well/cm.yaml", &World::config_map("well", "0"))], "neighbour").await?;
        if world.cluster.find("GitRepository", &world.ns, "apps").await?.is_none() {
            world.apply_source().await?;
        }
        world.apply_kustomization("well", "./well", json!({})).await?;
        world.applied("well", &revision).await?;
        let mut neighbour = Neighbour { requests: 0, queue: (0.0, 0.0), changes: 0 };
        neighbour.requests = own_requests(world)?;
        neighbour.queue = queue(&controller.metrics().await?);
        Ok(neighbour)
    }

    /// Commits a change of its own and waits until it is live; the seconds from the commit on.
    ///
    /// # Errors
    /// When it does not go live.
    pub async fn changes(&mut self, world: &World) -> Result<f64> {
        self.changes += 1;
        let value = self.changes.to_string();
        let begun = Instant::now();
        let revision = world.push(&[("well/cm.yaml", &World::config_map("well", &value))], "change").await?;
        world.applied("well", &revision).await?;
        let live = world.get("ConfigMap", "well").await?;
        ensure!(live["data"]["v"] == value.as_str(), "the neighbour's change is not live: {live:#}");
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Did not notice: its object was asked for only as often as its own changes need. Prints the mean wait in the queue
    /// since it moved in; the target is 50 ms.
    ///
    /// # Errors
    /// When more was asked.
    pub async fn did_not_notice(&self, world: &World, controller: &Controller, fault: &str) -> Result<()> {
        let requests = own_requests(world)? - self.requests;
        let (count, sum) = queue(&controller.metrics().await?);
        let waited = (sum - self.queue.1) / (count - self.queue.0).max(1.0);
        say(&format!(
            "{fault}: neighbour: {requests} requests for {} changes, queue wait {:.1} ms",
            self.changes,
            waited * 1000.0
        ));
        // One apply a change; a second one where a try was cut off without an answer.
        let limit = 2 * self.changes as usize;
        ensure!(
            requests <= limit,
            "{fault}: {requests} requests about the neighbour, at most {limit} expected"
        );
        Ok(())
    }
}

/// Requests about its object by kustomize-controller.
fn own_requests(world: &World) -> Result<usize> {
    let object = format!("/namespaces/{}/configmaps/well", world.ns.name());
    let requests = world.requests("kustomize-controller").context("reading the audit log")?;
    Ok(requests.iter().filter(|request| request.contains(&object)).count())
}

/// Turns and the seconds that they waited in all.
fn queue(metrics: &Metrics) -> (f64, f64) {
    let of = |what: &str| {
        metrics.sum(&format!("workqueue_queue_duration_seconds_{what}"), &[("name", "kustomization")])
    };
    (of("count"), of("sum"))
}

#[expect(clippy::print_stdout, reason = "figures of a test are shown with --nocapture")]
fn say(line: &str) {
    println!("{line}");
}
