//! A controller that dies at a point, and comes back.
use std::{
    collections::BTreeMap,
    future::Future,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use kill_points::{FOLDER, HITS, ORDER, Point};
use testkit::{ApiProxy, Controller};

use crate::World;

/// At how many passes of each point a controller is killed.
const HITS_WANTED: u32 = 3;
/// How many rounds of work a point is given to be passed that often.
const ROUNDS: u32 = 6;

/// A controller with kill points; its folder and ports outlive its processes.
pub struct Victim {
    binary: String,
    args: Vec<String>,
    folder: tempfile::TempDir,
    running: Option<Controller>,
    place: Option<([u16; 4], PathBuf)>,
    kubeconfig: Option<PathBuf>,
    ordered: AtomicBool,
}

impl Victim {
    /// Starts it, bound to the namespace of the world.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(world: &World, binary: &str, args: &[&str]) -> Result<Victim> {
        Victim::start_by(world, binary, args, None).await
    }

    /// The same behind a proxy of the API server.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn behind(world: &World, binary: &str, args: &[&str], proxy: &ApiProxy) -> Result<Victim> {
        Victim::start_by(world, binary, args, Some(proxy.kubeconfig().to_path_buf())).await
    }

    async fn start_by(
        world: &World,
        binary: &str,
        args: &[&str],
        kubeconfig: Option<PathBuf>,
    ) -> Result<Victim> {
        let mut victim = Victim {
            binary: binary.into(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            folder: tempfile::Builder::new().prefix("sluice-kill-points-").tempdir()?,
            running: None,
            place: None,
            kubeconfig,
            ordered: AtomicBool::new(false),
        };
        victim.run(world).await?;
        Ok(victim)
    }

    /// Its name.
    pub fn binary(&self) -> &str {
        &self.binary
    }

    /// Where its process lives on disk and on the network.
    pub fn controller(&self) -> Result<&Controller> {
        self.running.as_ref().context("it does not run")
    }

    async fn run(&mut self, world: &World) -> Result<()> {
        let mut builder = world
            .plane
            .controller(&self.binary)
            .namespace(&world.ns)
            .user(world.plane, &world.user(&self.binary))?
            .args(self.args.clone())
            .env(FOLDER, self.folder.path().to_str().context("folder name is not text")?);
        // There the flag says where to listen.
        if self.binary != "notification-controller" {
            builder = builder.arg(format!("--events-addr={}", world.events.url()));
        }
        if let Some(file) = &self.kubeconfig {
            builder = builder.kubeconfig(file);
        }
        if let Some((ports, dir)) = &self.place {
            builder = builder.ports(*ports).dir(dir);
        }
        let controller = builder.start().await?;
        self.place = Some((controller.ports(), controller.dir().to_path_buf()));
        self.running = Some(controller);
        Ok(())
    }

    /// Orders it to die at the `count`-th pass of a point from now on.
    ///
    /// # Errors
    /// When the order cannot be written.
    pub fn order(&self, point: Point, count: u32) -> Result<()> {
        // Renamed into place: it must never be read in half.
        let aside = self.folder.path().join("next");
        std::fs::write(&aside, format!("{point} {count}"))?;
        self.ordered.store(true, Ordering::Relaxed);
        Ok(std::fs::rename(aside, self.folder.path().join(ORDER))?)
    }

    /// Takes the order back; one that was followed already has killed it when this returns.
    pub async fn spare(&self) {
        let taken_back = std::fs::remove_file(self.folder.path().join(ORDER)).is_ok();
        if self.ordered.swap(false, Ordering::Relaxed) && !taken_back {
            // It removes the order first, and is then a moment in dying.
            let _ = tokio::time::timeout(Duration::from_secs(10), self.until_dead()).await;
        }
    }

    /// Whether its process has ended.
    pub fn is_dead(&self) -> bool {
        self.running.as_ref().is_none_or(|controller| controller.process().exit_status().is_some())
    }

    /// Starts it again where it was.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn revive(&mut self, world: &World) -> Result<()> {
        drop(self.running.take());
        self.run(world).await
    }

    /// How often each point was passed, over all its processes.
    ///
    /// # Errors
    /// When it was never passed: the binaries have no kill points.
    pub fn hits(&self) -> Result<BTreeMap<String, u32>> {
        let text = std::fs::read_to_string(self.folder.path().join(HITS))
            .context("no kill point was passed: are the binaries built with the test programs?")?;
        let mut hits = BTreeMap::new();
        for line in text.lines() {
            *hits.entry(line.to_owned()).or_insert(0) += 1;
        }
        Ok(hits)
    }

    async fn until_dead(&self) {
        while !self.is_dead() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// What a controller does while it is killed.
pub trait Work {
    /// Changes what is wanted; the controller may die of it.
    ///
    /// # Errors
    /// When a request fails; never because of what the controller does.
    fn begin(&mut self, world: &World, victim: &Victim) -> impl Future<Output = Result<()>>;

    /// Waits until all of it is done, and judges it.
    ///
    /// # Errors
    /// When anything is lost, left over or done twice.
    fn end(&mut self, world: &World, victim: &Victim) -> impl Future<Output = Result<()>>;
}

/// Kills the controller at the first, second and third pass of each point, and has the work judged after each restart.
/// Returns how often each point was passed.
///
/// # Errors
/// When anything is lost, orphaned or wrongly pruned, or a point is not passed.
pub async fn kill_at_each(
    world: &World,
    victim: &mut Victim,
    work: &mut impl Work,
    points: &[Point],
) -> Result<BTreeMap<String, u32>> {
    kill_at_passes(world, victim, work, points, 1..=HITS_WANTED).await?;
    let hits = victim.hits()?;
    for point in points {
        let passed = hits.get(point.name()).copied().unwrap_or_default();
        ensure!(passed >= HITS_WANTED, "{point} was passed {passed} times");
    }
    Ok(hits)
}

/// The same at these passes of each point.
///
/// # Errors
/// When anything is lost, orphaned or wrongly pruned, or a point is not passed that often.
pub async fn kill_at_passes(
    world: &World,
    victim: &mut Victim,
    work: &mut impl Work,
    points: &[Point],
    passes: impl IntoIterator<Item = u32> + Clone,
) -> Result<()> {
    for point in points {
        for count in passes.clone() {
            let killed = kill_once(world, victim, work, *point, count).await;
            killed.with_context(|| format!("killed at pass {count} of {point}"))?;
        }
    }
    Ok(())
}

async fn kill_once(
    world: &World,
    victim: &mut Victim,
    work: &mut impl Work,
    point: Point,
    count: u32,
) -> Result<()> {
    victim.order(point, count)?;
    for _ in 0..ROUNDS {
        work.begin(world, victim).await?;
        let ended = first(victim.until_dead(), work.end(world, victim)).await;
        if let Some(ended) = ended {
            ended?;
        }
        if victim.is_dead() {
            victim.revive(world).await?;
            return work.end(world, victim).await;
        }
    }
    bail!("not passed in {ROUNDS} rounds")
}

/// The second one's result, unless the first ends before it.
async fn first<T>(dead: impl Future<Output = ()>, ended: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = dead => None,
        result = ended => Some(result),
    }
}
