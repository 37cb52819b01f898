//! What takes too long for every day: many sources on a disk that goes, and a long chain of dependencies.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{World, faults::EmptyDisk};

/// How many sources lose their artifacts at once.
const SOURCES: usize = 200;
/// How long they may take to be back.
const BACK: Duration = Duration::from_secs(60);
/// How long the chain is.
const LINKS: usize = 1000;
/// How long it may take to go live from end to end: by polling every 5 s it would be an hour and a half.
const CHAIN: Duration = Duration::from_secs(600);

/// 200 sources and their consumers, and source-controller restarted on an empty disk; says what it took.
///
/// # Errors
/// When artifacts are not back within 60 s, or a consumer noticed.
pub async fn sources() -> Result<String> {
    let mut world = World::start("soak-sources").await?;
    let done = EmptyDisk::befalls(&mut world, SOURCES).await?;
    ensure!(done.time < BACK, "{SOURCES} artifacts were back after {:?}", done.time);
    ensure!(done.requests <= done.of_git, "{done:?}: more requests a source than git clone makes");
    Ok(format!(
        "{SOURCES} artifacts back in {:.1} s, {:.2} requests a source; git clone makes {}",
        done.time.as_secs_f64(),
        done.requests,
        done.of_git
    ))
}

/// 1,000 Kustomizations, each of which depends on the one before, made last first; then a commit that all of them
/// follow. Says what it took.
///
/// # Errors
/// When one went live before the one it depends on, or the last one is not live in time.
pub async fn chain() -> Result<String> {
    let world = World::builder("soak-chain").kustomize_arg("--requeue-dependency=30s").start().await?;
    let revision = world.push(&[("app/cm.yaml", &World::config_map("link", "1"))], "first").await?;
    world.apply_source().await?;
    let begun = Instant::now();
    for number in (0..LINKS).rev() {
        let mut spec = json!({ "nameSuffix": format!("-{number}") });
        if number > 0 {
            spec["dependsOn"] = json!([{ "name": format!("link-{}", number - 1) }]);
        }
        world.apply_kustomization(&format!("link-{number}"), "./app", spec).await?;
    }
    let made = begun.elapsed();
    let first = live(&world, &revision).await?;
    in_order(&world).await?;
    let revision = world.push(&[("app/cm.yaml", &World::config_map("link", "2"))], "second").await?;
    let second = live(&world, &revision).await?;
    Ok(format!(
        "a chain of {LINKS}: made in {:.1} s, live {:.1} s later, the next commit in {:.1} s",
        made.as_secs_f64(),
        first.as_secs_f64(),
        second.as_secs_f64()
    ))
}

/// Waits for the last link, and looks at all.
async fn live(world: &World, revision: &str) -> Result<Duration> {
    let begun = Instant::now();
    let last = format!("link-{}", LINKS - 1);
    let applied = |object: &Value| object["status"]["lastAppliedRevision"] == revision;
    world.cluster.wait(("Kustomization", &world.ns, &last), CHAIN, applied).await?;
    let time = begun.elapsed();
    let all = world.cluster.list("Kustomization", &world.ns).await?;
    let count = all.iter().filter(|object| applied(object)).count();
    ensure!(count == LINKS, "{count} of {LINKS} have {revision}, and the last one has");
    Ok(time)
}

/// Each object was made after the one it depends on, to the second.
async fn in_order(world: &World) -> Result<()> {
    let mut made = vec![String::new(); LINKS];
    for object in world.cluster.list("ConfigMap", &world.ns).await? {
        let metadata = &object["metadata"];
        let Some(number) = metadata["name"].as_str().and_then(|name| name.strip_prefix("link-")) else {
            continue;
        };
        let at: usize = number.parse().context("an object that nobody made")?;
        *made.get_mut(at).context("an object that nobody made")? =
            metadata["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    }
    ensure!(made.iter().all(|time| !time.is_empty()), "objects are missing");
    ensure!(made.is_sorted(), "an object was made before the one it depends on");
    Ok(())
}
