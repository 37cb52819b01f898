//! Servers that misbehave, a disk that is full, a disk that is empty: the source says so, its neighbours do not notice,
//! and consumers keep what they have.
use std::time::{Duration, Instant};

use e2e::{SOON, World, eventually, git_repository, kustomization};
use serde_json::{Value, json};
use testkit::{Controller, Fault, GitServer};

fn says(object: &Value, text: &str) -> bool {
    let ready = testkit::condition(object, "Ready");
    ready.is_some_and(|c| c["status"] == "False" && c["message"].as_str().is_some_and(|m| m.contains(text)))
}

async fn source(world: &World, name: &str, url: &str, more: Value) {
    let mut object = git_repository(&world.ns, name, url);
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        object["spec"][key] = value;
    }
    world.cluster.apply(&object).await.unwrap();
}

/// Pushes to the neighbour's repository and waits until it is live; seconds.
async fn neighbour(world: &World, value: &str) -> f64 {
    let begun = Instant::now();
    let revision = world.push(&[("app/cm.yaml", &World::config_map("well", value))], "well").await.unwrap();
    world.applied("well", &revision).await.unwrap();
    begun.elapsed().as_secs_f64()
}

#[tokio::test]
async fn a_git_server_that_misbehaves_holds_up_nobody_and_the_last_artifact_stays() {
    let world = World::builder("git-fault").source_arg("--concurrent=2").start().await.unwrap();
    let sick = GitServer::start().unwrap();
    let repo = sick.repo("sick").unwrap();
    repo.commit(&[("app/cm.yaml", World::config_map("sick", "1"))], "sick").unwrap();
    source(&world, "sick", repo.url(), json!({ "timeout": "3s" })).await;
    world.cluster.apply(&kustomization(&world.ns, "sick", "sick", "./app", json!({}))).await.unwrap();
    let first = repo.revision().unwrap();
    world.applied("sick", &first).await.unwrap();
    let consumer = world.get("Kustomization", "sick").await.unwrap()["metadata"]["resourceVersion"].clone();
    world.push(&[("app/cm.yaml", &World::config_map("well", "0"))], "well").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("well", "./app", json!({})).await.unwrap();
    neighbour(&world, "1").await;

    let faults = [
        Fault::Silent,
        Fault::Drip,
        Fault::Status(500),
        Fault::Redirect,
        Fault::Promise(1 << 40),
        Fault::Promise(9),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        repo.commit(&[("app/cm.yaml", World::config_map("sick", &format!("unseen-{number}")))], "unseen")
            .unwrap();
        sick.set_fault(fault.clone());
        world.cluster.request_reconcile("GitRepository", &world.ns, "sick").await.unwrap();
        let failed =
            world.cluster.wait(("GitRepository", &world.ns, "sick"), SOON, |object| says(object, "")).await;
        let failed = failed.unwrap_or_else(|error| panic!("{fault:?}: {error:#}"));
        testkit::check_conditions(&failed).unwrap();
        assert_eq!(failed["status"]["artifact"]["revision"], first.as_str(), "{fault:?}: the artifact went");
        let seconds = neighbour(&world, &format!("during-{number}")).await;
        println!(
            "{fault:?}: {}; neighbour live in {seconds:.2} s",
            testkit::condition(&failed, "Ready").unwrap()["message"]
        );
        let now = world.get("Kustomization", "sick").await.unwrap()["metadata"]["resourceVersion"].clone();
        assert_eq!(now, consumer, "{fault:?}: its consumer was touched");
        sick.set_fault(Fault::None);
        // The next round shall fail by its own fault, and show nothing of this one.
        repo.git(&["reset", "-q", "--hard", &first[first.len() - 40..]]).unwrap();
        repo.push().unwrap();
        world.cluster.request_reconcile("GitRepository", &world.ns, "sick").await.unwrap();
        world.cluster.wait_ready(("GitRepository", &world.ns, "sick"), "True", SOON).await.unwrap();
    }
    let last = repo.commit(&[("app/cm.yaml", World::config_map("sick", "seen"))], "seen").unwrap();
    world.cluster.request_reconcile("GitRepository", &world.ns, "sick").await.unwrap();
    world.applied("sick", &format!("main@sha1:{last}")).await.unwrap();
    let metrics = world.source.as_ref().unwrap().metrics().await.unwrap();
    let of = |what: &str| metrics.sum(&format!("workqueue_queue_duration_seconds_{what}"), &[]);
    println!("queue wait of all sources: mean {:.1} ms", of("sum") / of("count").max(1.0) * 1000.0);
}

/// source-controller under a limit on the size of its files, told as `EFBIG` instead of a signal: as near to a full disk
/// as one comes without root. A fake of a full disk.
async fn with_small_files(world: &World, kib: u32) -> Controller {
    let real = std::env::var("SLUICE_BIN_DIR").map(std::path::PathBuf::from);
    let real = real.unwrap_or_else(|_| {
        let exe = std::env::current_exe().unwrap();
        exe.ancestors().find(|dir| dir.join("source-controller").is_file()).unwrap().to_path_buf()
    });
    let dir = tempfile::tempdir().unwrap().keep();
    testkit::Scope::add_dir(&dir).unwrap();
    let script = dir.join("source-controller");
    let blocks = kib * 2;
    let program = real.join("source-controller");
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f {blocks}\nexec '{}' \"$@\"\n", program.display());
    std::fs::write(&script, text).unwrap();
    std::process::Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    let builder = world.plane.controller("source-controller").namespace(&world.ns).binaries(&dir);
    builder.arg(format!("--events-addr={}", world.events.url())).start().await.unwrap()
}

#[tokio::test]
async fn a_disk_that_takes_no_more_is_told_and_keeps_the_old_artifact_and_the_neighbours() {
    let mut world = World::builder("disk").without_source().start().await.unwrap();
    world.source = Some(with_small_files(&world, 1024).await);
    let big = world.git.repo("big").unwrap();
    big.commit(&[("app/cm.yaml", World::config_map("sick", "1"))], "small").unwrap();
    source(&world, "big", big.url(), json!({})).await;
    world.cluster.wait_ready(("GitRepository", &world.ns, "big"), "True", SOON).await.unwrap();
    let first = big.revision().unwrap();
    world.push(&[("app/cm.yaml", &World::config_map("well", "0"))], "well").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("well", "./app", json!({})).await.unwrap();
    neighbour(&world, "1").await;

    big.commit(&[("noise", noise(3 << 20))], "too big for this disk").unwrap();
    world.cluster.request_reconcile("GitRepository", &world.ns, "big").await.unwrap();
    let failed = world
        .cluster
        .wait(("GitRepository", &world.ns, "big"), SOON, |object| says(object, ""))
        .await
        .unwrap();
    println!("full disk: {}", testkit::condition(&failed, "Ready").unwrap()["message"]);
    assert_eq!(failed["status"]["artifact"]["revision"], first.as_str());
    println!("neighbour live in {:.2} s", neighbour(&world, "2").await);
    let storage = world.source.as_ref().unwrap().dir().join("storage");
    let left = walk(&storage);
    assert!(left < 1 << 20, "{left} bytes of what did not fit were left behind");

    big.git(&["rm", "-q", "noise"]).unwrap();
    big.git(&["commit", "-q", "-m", "smaller"]).unwrap();
    // Its history is as big as before; the commit that is served is not.
    big.git(&["checkout", "-q", "--orphan", "fresh"]).unwrap();
    big.git(&["commit", "-q", "-m", "fresh"]).unwrap();
    big.git(&["branch", "-q", "-M", "main"]).unwrap();
    big.push().unwrap();
    world.cluster.request_reconcile("GitRepository", &world.ns, "big").await.unwrap();
    let revision = big.revision().unwrap();
    world
        .until("GitRepository", "big", |object| object["status"]["artifact"]["revision"] == revision.as_str())
        .await
        .unwrap();
}

/// Bytes that do not compress: a generator of Lehmer, for no test needs more.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u128;
    let step = |_| {
        state = state.wrapping_mul(0xda94_2042_e4dd_58b5);
        (state >> 64) as u8
    };
    (0..size).map(step).collect()
}

/// Bytes of all files below.
fn walk(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().filter_map(Result::ok);
    entries
        .map(|entry| {
            if entry.path().is_dir() { walk(&entry.path()) } else { entry.metadata().map_or(0, |m| m.len()) }
        })
        .sum()
}

/// How many sources are on the disk that goes; `cargo xtask soak` has more.
const SOURCES: usize = 50;

#[tokio::test]
async fn on_an_empty_disk_all_artifacts_are_back_and_no_consumer_leaves_ready_or_applies_anything() {
    let mut world = World::builder("empty-disk").start().await.unwrap();
    let revision = world.push(&[("app/cm.yaml", &World::config_map("one", "1"))], "one").await.unwrap();
    for number in 0..SOURCES {
        let name = format!("source-{number}");
        source(&world, &name, world.repo.url(), json!({})).await;
        let spec = json!({ "nameSuffix": format!("-{number}") });
        world.cluster.apply(&kustomization(&world.ns, &name, &name, "./app", spec)).await.unwrap();
    }
    for number in 0..SOURCES {
        world.applied(&format!("source-{number}"), &revision).await.unwrap();
    }
    let writes = |world: &World| {
        let requests = world.requests("kustomize-controller").unwrap();
        requests
            .iter()
            .filter(|request| request.starts_with("patch ") && request.contains("/configmaps/"))
            .count()
    };
    let (applied, asked) = (writes(&world), world.git.requests().len());

    let old = world.source.take().unwrap();
    old.process().signal("KILL").unwrap();
    let (ports, dir) = (old.ports(), old.dir().to_path_buf());
    drop(old);
    std::fs::remove_dir_all(dir.join("storage")).unwrap();
    let begun = Instant::now();
    let builder = world.plane.controller("source-controller").namespace(&world.ns).ports(ports).dir(&dir);
    world.source = Some(builder.arg(format!("--events-addr={}", world.events.url())).start().await.unwrap());
    let mut left_ready = Vec::new();
    eventually("all artifacts are on the disk again", || async {
        for object in world.cluster.list("Kustomization", &world.ns).await? {
            if testkit::condition(&object, "Ready").is_none_or(|ready| ready["status"] != "True") {
                anyhow::bail!("a consumer left Ready: {object:#}");
            }
        }
        let storage = dir.join("storage/gitrepository").join(world.ns.name());
        let there = |number: &usize| storage.join(format!("source-{number}")).is_dir();
        Ok((0..SOURCES).filter(there).count() == SOURCES)
    })
    .await
    .unwrap_or_else(|error| left_ready.push(error));
    assert!(left_ready.is_empty(), "{left_ready:?}");
    let seconds = begun.elapsed();
    for number in 0..SOURCES {
        world
            .cluster
            .wait_ready(("GitRepository", &world.ns, &format!("source-{number}")), "True", SOON)
            .await
            .unwrap();
    }
    let per_source = (world.git.requests().len() - asked) as f64 / SOURCES as f64;
    println!("{SOURCES} artifacts back in {:.1} s, {per_source:.1} requests a source", seconds.as_secs_f64());
    assert!(seconds < Duration::from_secs(60), "artifacts were back after {seconds:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(writes(&world), applied, "objects were applied again");
    for object in world.cluster.list("Kustomization", &world.ns).await.unwrap() {
        assert_eq!(testkit::condition(&object, "Ready").unwrap()["status"], "True", "{object:#}");
    }
}
