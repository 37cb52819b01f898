//! Servers that misbehave, a disk that is full, a disk that is empty: the source says so, its neighbours do not notice,
//! and consumers keep what they have.
use std::time::{Duration, Instant};

use e2e::{SOON, World, eventually, faults::EmptyDisk, git_repository, kustomization};
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
        // A retry may come at any time: the commit is never there without the fault.
        sick.set_fault(fault.clone());
        repo.commit(&[("app/cm.yaml", World::config_map("sick", &format!("unseen-{number}")))], "unseen")
            .unwrap();
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
        // The next round shall fail by its own fault, and show nothing of this one.
        repo.git(&["reset", "-q", "--hard", &first[first.len() - 40..]]).unwrap();
        repo.push().unwrap();
        sick.set_fault(Fault::None);
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

/// A source of a server of its own that is live, and then has a commit that the server, now silent, does not tell.
async fn silenced(world: &World, timeout: &str) -> (GitServer, testkit::GitRepo, String) {
    let server = GitServer::start().unwrap();
    let repo = server.repo("sick").unwrap();
    repo.commit(&[("app/cm.yaml", World::config_map("sick", "1"))], "sick").unwrap();
    source(world, "sick", repo.url(), json!({ "timeout": timeout })).await;
    world.cluster.wait_ready(("GitRepository", &world.ns, "sick"), "True", SOON).await.unwrap();
    repo.commit(&[("app/cm.yaml", World::config_map("sick", "2"))], "unseen").unwrap();
    let revision = repo.revision().unwrap();
    server.set_fault(Fault::Silent);
    ask_in_vain(world, &server).await;
    (server, repo, revision)
}

/// Asks for a reconciliation, and waits until the silent server has the request.
async fn ask_in_vain(world: &World, server: &GitServer) {
    let before = server.requests().len();
    world.cluster.request_reconcile("GitRepository", &world.ns, "sick").await.unwrap();
    eventually("the silent server is asked", || async { Ok(server.requests().len() > before) })
        .await
        .unwrap();
}

async fn has(world: &World, revision: &str) -> f64 {
    let begun = Instant::now();
    let artifact = |object: &Value| object["status"]["artifact"]["revision"] == revision;
    world.until("GitRepository", "sick", artifact).await.unwrap();
    begun.elapsed().as_secs_f64()
}

/// Longer than any test waits.
const FOR_EVER: &str = "10m";

#[tokio::test]
async fn a_server_silent_while_source_controller_starts_delays_a_commit_by_no_more_than_the_timeout() {
    let mut world = World::start("git-restart").await.unwrap();
    let (server, _repo, revision) = silenced(&world, "8s").await;
    let old = world.source.take().unwrap();
    old.process().signal("KILL").unwrap();
    let (ports, dir) = (old.ports(), old.dir().to_path_buf());
    drop(old);
    let before = server.requests().len();
    let builder = world.plane.controller("source-controller").namespace(&world.ns).ports(ports).dir(&dir);
    world.source = Some(builder.arg(format!("--events-addr={}", world.events.url())).start().await.unwrap());
    eventually("the silent server is asked", || async { Ok(server.requests().len() > before) })
        .await
        .unwrap();
    server.set_fault(Fault::None);
    let seconds = has(&world, &revision).await;
    println!("artifact {seconds:.1} s after the silence, timeout 8 s");
    assert!(seconds < 20.0, "the commit was not seen for {seconds:.1} s");
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_once_its_url_is_mended_or_somebody_asks_again() {
    let world = World::start("git-mended").await.unwrap();
    let (server, repo, revision) = silenced(&world, FOR_EVER).await;
    let well = GitServer::start().unwrap();
    let copy = well.repo("copy").unwrap();
    copy.commit(&[("app/cm.yaml", World::config_map("sick", "3"))], "elsewhere").unwrap();
    world
        .cluster
        .patch("GitRepository", &world.ns, "sick", json!({ "spec": { "url": copy.url() } }))
        .await
        .unwrap();
    println!("artifact {:.1} s after the URL was mended", has(&world, &copy.revision().unwrap()).await);

    world
        .cluster
        .patch("GitRepository", &world.ns, "sick", json!({ "spec": { "url": repo.url() } }))
        .await
        .unwrap();
    ask_in_vain(&world, &server).await;
    server.set_fault(Fault::None);
    let token = world.cluster.request_reconcile("GitRepository", &world.ns, "sick").await.unwrap();
    println!("artifact {:.1} s after a request", has(&world, &revision).await);
    let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == token.as_str();
    world.until("GitRepository", "sick", handled).await.unwrap();
}

#[tokio::test]
async fn silent_servers_that_take_every_place_hold_up_no_neighbour_for_long() {
    let world = World::builder("git-places").source_arg("--concurrent=1").start().await.unwrap();
    world.push(&[("app/cm.yaml", &World::config_map("well", "0"))], "well").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("well", "./app", json!({})).await.unwrap();
    neighbour(&world, "1").await;
    let (_server, _repo, _) = silenced(&world, FOR_EVER).await;
    println!("neighbour live in {:.1} s", neighbour(&world, "2").await);
    println!("and then in {:.1} s", neighbour(&world, "3").await);
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

// Version 2 of Git's protocol asks for capabilities, references and objects apart: three requests, as the real `git clone`
// makes them. The old one has the first two in one answer, but that holds every reference of the repository.
#[tokio::test]
async fn on_an_empty_disk_all_artifacts_are_back_and_no_consumer_leaves_ready_or_applies_anything() {
    let mut world = World::builder("empty-disk").start().await.unwrap();
    let done = EmptyDisk::befalls(&mut world, SOURCES).await.unwrap();
    println!("{SOURCES} sources: {done:?}");
    assert!(done.time < Duration::from_secs(60), "{done:?}");
    assert!(done.requests <= done.of_git, "{done:?}");
}
