//! Hostile input through the binaries: the object says why in a short text without secrets, the process is the same one
//! afterwards, its memory is bounded, its neighbour does not notice, and nothing is written outside its folder. Writes
//! `docs/abuse.md`.
//!
//! Reading order: archives, manifests (what an artifact holds), fetches, repositories (what a source leads to), shapes
//! (objects), canaries (Secrets); page writes the page.
use std::{
    collections::BTreeMap,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use e2e::{SOON, World, git_repository};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Controller, StaticServer, condition};

#[path = "abuse/archives.rs"]
mod archives;
#[path = "abuse/canaries.rs"]
mod canaries;
#[path = "abuse/fetches.rs"]
mod fetches;
#[path = "abuse/manifests.rs"]
mod manifests;
#[path = "abuse/page.rs"]
mod page;
#[path = "abuse/repositories.rs"]
mod repositories;
#[path = "abuse/shapes.rs"]
mod shapes;
#[path = "abuse/tarball.rs"]
mod tarball;

use tarball::{Entry, gzip, tar};

/// What is given, and how the object answers.
struct Row {
    name: &'static str,
    /// Archive of the artifact, compressed.
    archive: Vec<u8>,
    /// Merged over the Kustomization's spec.
    spec: Value,
    outcome: Outcome,
}

/// How a bad input ends.
enum Outcome {
    /// Ready=False with this reason.
    Refused(&'static str),
    /// Ready=True: what was bad means nothing here.
    Harmless,
}

use Outcome::{Harmless, Refused};

const ARTIFACT: Outcome = Refused("ArtifactFailed");
const BUILD: Outcome = Refused("BuildFailed");

fn entries(name: &'static str, entries: &[Entry], outcome: Outcome) -> Row {
    Row { name, archive: gzip(&tar(entries)), spec: json!({}), outcome }
}

/// A folder `app` with these files.
fn files(name: &'static str, files: &[(&str, &str)], outcome: Outcome) -> Row {
    let all: Vec<Entry> = files
        .iter()
        .map(|(path, text)| Entry::file(format!("app/{path}").as_bytes(), text.as_bytes()))
        .collect();
    entries(name, &all, outcome)
}

fn with(row: Row, spec: Value) -> Row {
    Row { spec, ..row }
}

fn good() -> Entry {
    Entry::file(b"app/cm.yaml", World::config_map("escaped", "1").as_bytes())
}

/// A GitRepository with a status written by hand: no source-controller is needed to be hostile.
async fn publish(world: &World, name: &str, url: &str, digest: &str) {
    world.cluster.apply(&git_repository(&world.ns, name, "https://nobody.example/x")).await.unwrap();
    let revision = format!("main@sha1:{}", "a".repeat(40));
    let artifact = json!({
        "revision": revision, "digest": digest, "url": url, "path": "hand/made.tar.gz", "size": 1,
        "lastUpdateTime": "2026-01-01T00:00:00Z",
    });
    let status = json!({ "observedGeneration": 1, "artifact": artifact });
    world.cluster.patch_status("GitRepository", &world.ns, name, status).await.unwrap();
}

async fn give(world: &World, server: &StaticServer, row: &Row) {
    let url = server.put(&format!("/{}.tar.gz", row.name), row.archive.clone());
    publish(world, row.name, &url, &format!("sha256:{}", tarball::sha256(&row.archive))).await;
    apply(world, row.name, row.spec.clone()).await;
}

async fn apply(world: &World, name: &str, more: Value) {
    let object = e2e::kustomization(&world.ns, name, name, "./app", more);
    world.cluster.apply(&object).await.unwrap();
}

fn ready_is(object: &Value, status: &str, reason: Option<&str>) -> bool {
    let ready = condition(object, "Ready");
    ready.is_some_and(|ready| {
        ready["status"] == status && reason.is_none_or(|reason| ready["reason"] == reason)
    })
}

/// Waits for the answer, and gives its text without what changes from run to run.
async fn answer(world: &World, row: &Row) -> Result<(String, String), String> {
    let wanted = |object: &Value| match row.outcome {
        Refused(reason) => ready_is(object, "False", Some(reason)),
        Harmless => ready_is(object, "True", None) || refused_spec(object),
    };
    let key = ("Kustomization", &*world.ns, row.name);
    let object =
        world.cluster.wait(key, SOON, wanted).await.map_err(|error| format!("{}: {error:#}", row.name))?;
    let text = condition(&object, "Ready").unwrap()["message"].as_str().unwrap_or_default().to_owned();
    match text.len() < 2000 {
        true => Ok((row.name.to_owned(), page::masked(&text, world.ns.name()))),
        false => Err(format!("{}: {} bytes of message", row.name, text.len())),
    }
}

/// A value that only the object itself suffers from.
fn refused_spec(object: &Value) -> bool {
    condition(object, "Stalled").is_some_and(|stalled| stalled["status"] == "True")
}

/// Asks a healthy object of this kind again and again; the longest answer.
async fn neighbour(world: &World, kind: &str, stop: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let since = Instant::now();
        let token = world.cluster.request_reconcile(kind, &world.ns, "neighbour").await.unwrap();
        let handled =
            |o: &Value| o["status"]["lastHandledReconcileAt"] == *token && ready_is(o, "True", None);
        world.until(kind, "neighbour", handled).await.unwrap();
        longest = longest.max(since.elapsed());
    }
    longest
}

/// Bytes that no hostile input may make the controller grow to: what it holds at rest, the largest archive that is
/// allowed, and as much again.
const MOST_MEMORY: u64 = 400 << 20;
/// CPU seconds that a whole test may take: what has no end, or squares, would take minutes by itself.
const MOST_WORK: f64 = 60.0;
/// A generous ceiling on two busy cores: times are the bench's.
const MOST_LATENCY: Duration = Duration::from_secs(15);

/// Gives the rows to kustomize-controller beside a healthy neighbour, and waits for their answers.
async fn hold(rows: &[Row], prefix: &str) -> (World, BTreeMap<String, String>) {
    let world = World::builder(prefix).without_source().start().await.unwrap();
    let (server, stop) = (StaticServer::start().unwrap(), AtomicBool::new(false));
    let healthy = entries(
        "neighbour",
        &[Entry::file(b"app/cm.yaml", World::config_map("neighbour", "1").as_bytes())],
        Harmless,
    );
    give(&world, &server, &healthy).await;
    world.until("Kustomization", "neighbour", |o| ready_is(o, "True", None)).await.unwrap();
    let pid = controller(&world).process().pid();
    let abuse = async {
        join_all(rows.iter().map(|row| give(&world, &server, row))).await;
        let answers = join_all(rows.iter().map(|row| answer(&world, row))).await;
        stop.store(true, Ordering::Relaxed);
        answers
    };
    let (answers, longest) = tokio::join!(abuse, neighbour(&world, "Kustomization", &stop));
    is_calm(controller(&world), pid, longest);
    (world, all_told(answers))
}

/// The same process, of a bounded size, that answered its neighbour all the while.
#[expect(clippy::print_stdout, reason = "figures of a test are shown with --nocapture")]
fn is_calm(controller: &Controller, pid: u32, longest: Duration) {
    assert_eq!((controller.process().pid(), controller.process().exit_status()), (pid, None));
    let usage = controller.usage().unwrap();
    let (peak, cpu) = (usage.peak_rss, usage.cpu_seconds);
    println!("{}: peak {} MiB, {cpu:.1} CPU seconds, neighbour {longest:?}", controller.name(), peak >> 20);
    assert!(cpu < MOST_WORK, "{cpu} CPU seconds");
    assert!(peak < MOST_MEMORY, "{} MiB", peak >> 20);
    assert!(longest < MOST_LATENCY, "the neighbour waited {longest:?}");
}

/// What the rows say, by their names.
fn all_told(answers: Vec<Result<(String, String), String>>) -> BTreeMap<String, String> {
    let (told, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let failed: Vec<String> = failed.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} rows:\n{}", failed.len(), failed.join("\n"));
    told.into_iter().filter_map(Result::ok).collect()
}

fn controller(world: &World) -> &Controller {
    world.kustomize.as_ref().unwrap()
}

/// No file named `escaped` outside: in the folders an archive would climb to.
fn nothing_escaped(controller: &Controller) {
    let dir = controller.dir();
    let found = Command::new("find").arg(dir).args(["-name", "escaped*"]).output().unwrap();
    assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
    for place in [dir.join("../escaped"), dir.join("../../escaped"), "/tmp/escaped".into(), "/escaped".into()]
    {
        assert!(!place.exists(), "{}", place.display());
    }
}

/// Names of tests in a page: words of code that a test could have.
fn tests_of(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(testkit::workspace_root().join(page)).unwrap();
    let name = regex::Regex::new(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    name.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_test_that_a_page_names_exists() {
    if std::env::var_os("SLUICE_NULL").is_some() {
        return testkit::not_run("names of tests", "no controller acts in it");
    }
    let security = tests_of("docs/security.md");
    assert!(security.len() > 20, "docs/security.md names no tests");
    assert_eq!(page::unknown_tests(page::named_tests().into_iter().chain(security)), Vec::<String>::new());
}
