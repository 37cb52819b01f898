//! The chain: image, policy, commit, webhook, Kustomization and HelmRelease, event and commit status.
use std::{collections::BTreeMap, path::Path, time::Duration};

use e2e::chain::{Chart, Hops, Release, Stage};
use serde_json::Value;
use testkit::CONTROLLERS;

#[expect(clippy::print_stdout, reason = "the time of each hop is shown with --nocapture")]
fn say(what: &str, hops: &Hops) {
    println!(
        "{what}: commit {:.3} s, Kustomization {:.3} s, HelmRelease {:.3} s, event {:.3} s, status {:.3} s",
        hops.commit, hops.kustomization, hops.helm_release, hops.event, hops.status
    );
}

/// Revisions of the release and Jobs of its hook: one of each for every version, never more.
async fn done_once(stage: &Stage, versions: usize) {
    let release = stage.cluster.get("HelmRelease", &stage.ns, "released").await.unwrap();
    assert_eq!(release["status"]["history"][0]["version"], versions, "{:#}", release["status"]);
    let jobs = stage.cluster.list("Job", &stage.ns).await.unwrap();
    let names: Vec<&Value> = jobs.iter().map(|job| &job["metadata"]["name"]).collect();
    assert_eq!(names.len(), versions, "hooks left {names:?}");
}

#[tokio::test]
async fn a_pushed_image_goes_live_by_a_commit_and_is_told() {
    let stage = Stage::set("chain").await.unwrap();
    stage.open(Chart::WithHook).await.unwrap();
    let hooks = stage.hooks().await.unwrap();
    for (number, version) in ["1.0.1", "1.1.0", "1.2.0"].into_iter().enumerate() {
        let hops = Release { stage: &stage, version, hooks: &hooks }.run().await.unwrap();
        say(version, &hops);
        done_once(&stage, number + 2).await;
    }
    let text = stage.repo.served(&["show", "main:apps/web.yaml"]).unwrap();
    assert!(text.contains("    replicas: 1   # four spaces, on purpose\n"), "{text}");
    assert!(text.starts_with("# The web front.\n"), "{text}");
}

#[tokio::test]
async fn each_controller_may_be_killed_at_any_moment_of_the_chain() {
    let stage = Stage::set("chain-kill").await.unwrap();
    stage.open(Chart::WithHook).await.unwrap();
    let hooks = stage.hooks().await.unwrap();
    for (number, name) in CONTROLLERS.into_iter().enumerate() {
        let version = format!("1.{}.0", number + 1);
        // Another moment at each run of the test; the line tells which.
        let wait = Duration::from_millis(u64::from(std::process::id()) * 37 % 400 + 60 * number as u64);
        println!("killing {name} {wait:?} after {version} was pushed");
        let killed = async {
            tokio::time::sleep(wait).await;
            stage.kill_and_restart(name).await
        };
        let release = Release { stage: &stage, version: &version, hooks: &hooks };
        let (hops, killed) = tokio::join!(release.run(), killed);
        killed.unwrap();
        say(&version, &hops.unwrap_or_else(|error| panic!("{name} killed after {wait:?}: {error:#}")));
        done_once(&stage, number + 2).await;
    }
}

/// One release on a stage whose controllers come from two folders.
async fn mixed(dir: &Path, theirs: &[&str]) -> anyhow::Result<Hops> {
    let binaries: BTreeMap<_, _> =
        theirs.iter().map(|name| ((*name).to_owned(), dir.to_path_buf())).collect();
    let stage = Stage::set_with("chain-peers", &binaries).await?;
    stage.open(Chart::WithHook).await?;
    let hooks = stage.hooks().await?;
    Release { stage: &stage, version: "1.0.1", hooks: &hooks }.run().await
}

/// `SLUICE_PEER_BIN` names a folder with Flux's own binaries (`cargo xtask test --only chain --peer-bin DIR`).
#[tokio::test]
async fn each_controller_works_among_those_of_flux_and_each_of_theirs_among_ours() {
    let Some(dir) = std::env::var_os("SLUICE_PEER_BIN") else {
        testkit::not_run("the chain with controllers of Flux", "SLUICE_PEER_BIN names no folder");
        return;
    };
    let mut failed = Vec::new();
    for name in CONTROLLERS {
        let others: Vec<&str> = CONTROLLERS.into_iter().filter(|other| *other != name).collect();
        for (what, theirs) in [("ours among Flux's", others), ("Flux's among ours", vec![name])] {
            match mixed(Path::new(&dir), &theirs).await {
                Ok(hops) => say(&format!("{name}, {what}"), &hops),
                Err(error) => failed.push(format!("{name}, {what}: {error:#}")),
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
