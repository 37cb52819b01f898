//! source-controller restarted on an empty disk.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{SOON, World, eventually, git_repository, kustomization};

/// What it took to be as before.
#[derive(Clone, Copy, Debug)]
pub struct EmptyDisk {
    /// Until all artifacts were on the disk again.
    pub time: Duration,
    /// Requests to the Git server per source, until all sources were Ready.
    pub requests: f64,
    /// Requests that the real `git clone --depth=1` makes.
    pub of_git: f64,
}

impl EmptyDisk {
    /// Kills source-controller with so many sources of one repository, each with a Kustomization, empties its disk, and
    /// starts it again.
    ///
    /// # Errors
    /// When a consumer leaves Ready or applies anything, or anything is not as before in the end.
    pub async fn befalls(world: &mut World, sources: usize) -> Result<EmptyDisk> {
        let names: Vec<String> = (0..sources).map(|number| format!("source-{number}")).collect();
        settle(world, &names).await?;
        let (applied, asked) = (applies(world)?, world.git.requests().len());
        let begun = Instant::now();
        let storage = restart_on_nothing(world).await?;
        eventually("all artifacts are on the disk again", || async {
            are_ready(world).await?;
            let folder = storage.join("gitrepository").join(world.ns.name());
            Ok(names.iter().all(|name| folder.join(name).is_dir()))
        })
        .await?;
        let time = begun.elapsed();
        for name in &names {
            world.cluster.wait_ready(("GitRepository", &world.ns, name), "True", SOON).await?;
        }
        let requests = (world.git.requests().len() - asked) as f64 / sources as f64;
        tokio::time::sleep(Duration::from_secs(2)).await;
        ensure!(applies(world)? == applied, "objects were applied again");
        are_ready(world).await?;
        Ok(EmptyDisk { time, requests, of_git: of_git(world)? })
    }
}

async fn settle(world: &World, names: &[String]) -> Result<()> {
    let revision = world.push(&[("app/cm.yaml", &World::config_map("one", "1"))], "one").await?;
    for name in names {
        world.cluster.apply(&git_repository(&world.ns, name, world.repo.url())).await?;
        let spec = json!({ "nameSuffix": format!("-{name}") });
        world.cluster.apply(&kustomization(&world.ns, name, name, "./app", spec)).await?;
    }
    for name in names {
        world.applied(name, &revision).await?;
    }
    Ok(())
}

/// The folder of the artifacts.
async fn restart_on_nothing(world: &mut World) -> Result<std::path::PathBuf> {
    let old = world.source.take().context("source-controller does not run")?;
    old.process().signal("KILL")?;
    let (ports, dir) = (old.ports(), old.dir().to_path_buf());
    drop(old);
    std::fs::remove_dir_all(dir.join("storage"))?;
    let builder = world.plane.controller("source-controller").namespace(&world.ns).ports(ports).dir(&dir);
    world.source = Some(builder.arg(format!("--events-addr={}", world.events.url())).start().await?);
    Ok(dir.join("storage"))
}

/// Writes of objects by kustomize-controller so far.
fn applies(world: &World) -> Result<usize> {
    let requests = world.requests("kustomize-controller")?;
    let writes = |request: &&String| request.starts_with("patch ") && request.contains("/configmaps/");
    Ok(requests.iter().filter(writes).count())
}

async fn are_ready(world: &World) -> Result<()> {
    let is =
        |object: &Value| testkit::condition(object, "Ready").is_some_and(|ready| ready["status"] == "True");
    for object in world.cluster.list("Kustomization", &world.ns).await? {
        ensure!(is(&object), "a consumer left Ready: {object:#}");
    }
    Ok(())
}

fn of_git(world: &World) -> Result<f64> {
    let asked = world.git.requests().len();
    let folder = tempfile::tempdir()?;
    let target = folder.path().join("clone");
    let target = target.to_str().context("folder name is not text")?;
    world.repo.git(&["clone", "-q", "--depth=1", world.repo.url(), target])?;
    Ok((world.git.requests().len() - asked) as f64)
}
