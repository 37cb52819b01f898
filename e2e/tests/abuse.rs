//! Hostile input through the binaries: the object says why in a short text without secrets, the process is the same one
//! afterwards, its memory is bounded, its neighbour does not notice, and nothing is written outside its folder. Writes
//! `docs/abuse.md`.
use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use e2e::{SOON, World, eventually, git_repository};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Controller, StaticServer, condition};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[path = "abuse/page.rs"]
mod page;
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

fn archives() -> Vec<Row> {
    let mut cut = gzip(&tar(&[good()]));
    cut.truncate(cut.len() / 2);
    let bomb = Entry::file(b"app/zero", &vec![0; 200 << 20]);
    let many: Vec<Entry> = (0..120_000).map(|at| Entry::file(format!("app/{at}").as_bytes(), b"")).collect();
    let raw = |name, archive, outcome| Row { name, archive, spec: json!({}), outcome };
    vec![
        entries("a1-parent", &[good(), Entry::file(b"../escaped", b"x")], ARTIFACT),
        entries("a1-absolute", &[good(), Entry::file(b"/tmp/escaped", b"x")], ARTIFACT),
        entries("a1-through", &[good(), Entry::file(b"app/../../escaped", b"x")], ARTIFACT),
        entries("a1-no-text", &[good(), Entry::file(b"app/\xff\xfe", b"x")], ARTIFACT),
        entries("a2-hard-link", &[good(), Entry::link(b"app/passwd", b'1', b"/etc/passwd")], ARTIFACT),
        entries(
            "a2-symlink",
            &[
                Entry::link(b"app/passwd.yaml", b'2', b"/etc/passwd"),
                Entry::file(b"app/kustomization.yaml", b"resources: [passwd.yaml]"),
            ],
            BUILD,
        ),
        entries("a3-fifo", &[good(), Entry::link(b"app/fifo", b'6', b"")], ARTIFACT),
        entries("a3-device", &[good(), Entry::link(b"app/null", b'3', b"")], ARTIFACT),
        raw("a4-cut", cut, ARTIFACT),
        raw("a4-bomb", gzip(&tar(&[bomb])), ARTIFACT),
        raw("a4-many", gzip(&tar(&many)), ARTIFACT),
        entries("a5-pax", &[Entry::link(b"x", b'x', b"").holding(b"99 size=zz\n"), good()], ARTIFACT),
        entries(
            "a6-file-as-folder",
            &[Entry::file(b"app", b"x"), Entry::file(b"app/cm.yaml", b"x")],
            ARTIFACT,
        ),
    ]
}

/// Every line doubles the one before.
fn alias_bomb() -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n",
    );
    for at in 1..40 {
        let before = format!("*a{}", at - 1);
        text.push_str(&format!("a{at}: &a{at} [{}]\n", [before.as_str(); 9].join(",")));
    }
    text
}

fn yaml() -> Vec<Row> {
    let anchor = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(150_000), ["*a"; 5000].join(","));
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let deep = format!("{object}data: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        files("a19-aliases", &[("cm.yaml", &alias_bomb())], BUILD),
        files("a19-anchor", &[("cm.yaml", &(object.to_owned() + &anchor))], BUILD),
        files("a19-deep", &[("cm.yaml", &deep)], BUILD),
        files("a19-merge-loop", &[("cm.yaml", &format!("{object}data: &d {{<<: *d}}\n"))], BUILD),
        files("a20-itself", &[("kustomization.yaml", "resources: [../app]")], BUILD),
        files(
            "a20-circle",
            &[("kustomization.yaml", "resources: [b]"), ("b/kustomization.yaml", "resources: [..]")],
            BUILD,
        ),
        files("a20-outside", &[("kustomization.yaml", "resources: [../../../etc]")], BUILD),
        files("a20-remote", &[("kustomization.yaml", "resources: ['https://nobody.example/x.yaml']")], BUILD),
        files(
            "a20-charts",
            &[("kustomization.yaml", "helmCharts: [{name: x, repo: 'https://nobody.example'}]")],
            BUILD,
        ),
        files("a20-openapi", &[("kustomization.yaml", "openapi: {path: 'https://nobody.example/x'}")], BUILD),
        files(
            "a20-exec",
            &[
                ("kustomization.yaml", "generators: [gen.yaml]"),
                (
                    "gen.yaml",
                    "apiVersion: v1\nkind: X\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: /bin/true}'}}",
                ),
            ],
            BUILD,
        ),
        files(
            "a21-index",
            &[
                ("cm.yaml", object),
                (
                    "kustomization.yaml",
                    "resources: [cm.yaml]\npatches: [{target: {kind: ConfigMap}, patch: '[{\"op\": \"add\", \"path\": \"/data/0/1000000000\", \"value\": \"x\"}]'}]",
                ),
            ],
            BUILD,
        ),
        files(
            "a21-regex",
            &[
                (
                    "cm.yaml",
                    &format!("{object}  \ndata: {{}}\n")
                        .replace("name: x", &format!("name: {}", "a".repeat(60))),
                ),
                (
                    "kustomization.yaml",
                    "resources: [cm.yaml]\npatches: [{target: {kind: ConfigMap, name: '(a+)+b'}, patch: '[{\"op\": \"remove\", \"path\": \"/data\"}]'}]",
                ),
            ],
            Harmless,
        ),
        with(
            files("a22-missing", &[("cm.yaml", &format!("{object}data: {{x: '${{absent}}'}}\n"))], BUILD),
            json!({ "postBuild": { "substitute": { "given": "1" } } }),
        ),
        with(
            files(
                "a22-nested",
                &[("cm.yaml", &format!("{object}data: {{x: '{}'}}\n", "${a:-".repeat(5000)))],
                BUILD,
            ),
            json!({ "postBuild": { "substitute": { "given": "1" } } }),
        ),
        with(
            files("a24-syntax", &[("cm.yaml", object)], Refused("InvalidCELExpression")),
            json!({ "wait": true, "healthCheckExprs": [{ "apiVersion": "v1", "kind": "ConfigMap", "current": "data.x ==" }] }),
        ),
        with(
            files("a24-cost", &[("cm.yaml", object)], Refused("HealthCheckFailed")),
            json!({ "wait": true, "timeout": "3s", "healthCheckExprs": [{ "apiVersion": "v1", "kind": "ConfigMap", "current": quadratic() }] }),
        ),
        with(
            files("a24-missing-field", &[("cm.yaml", object)], Refused("HealthCheckFailed")),
            json!({ "wait": true, "timeout": "3s", "healthCheckExprs": [{ "apiVersion": "v1", "kind": "ConfigMap", "current": "status.nothing == 1" }] }),
        ),
        files("a19-binary", &[("cm.yaml", &format!("{object}data: {{x: !!binary '%%%'}}\n"))], BUILD),
        with(files("a26-interval", &[("cm.yaml", object)], Harmless), json!({ "interval": "9999999999h" })),
        with(
            files("a38-self", &[("cm.yaml", object)], Refused("DependencyNotReady")),
            json!({ "dependsOn": [{ "name": "a38-self" }] }),
        ),
    ]
}

/// Ten to the sixth of steps over lists.
fn quadratic() -> String {
    let list = format!("[{}]", vec!["1"; 100].join(","));
    format!("{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, a == b && c == d || true))))")
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

/// Asks a healthy Kustomization again and again; the longest answer.
async fn neighbour(world: &World, stop: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let since = Instant::now();
        let token = world.cluster.request_reconcile("Kustomization", &world.ns, "neighbour").await.unwrap();
        let handled =
            |o: &Value| o["status"]["lastHandledReconcileAt"] == *token && ready_is(o, "True", None);
        world.until("Kustomization", "neighbour", handled).await.unwrap();
        longest = longest.max(since.elapsed());
    }
    longest
}

/// Bytes that no hostile input may make the controller grow to: what it holds at rest, the largest archive that is
/// allowed, and as much again.
const MOST_MEMORY: u64 = 400 << 20;
/// A generous ceiling on two busy cores: times are the bench's.
const MOST_LATENCY: Duration = Duration::from_secs(15);

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
    let (answers, longest) = tokio::join!(abuse, neighbour(&world, &stop));
    let (told, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let failed: Vec<String> = failed.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} rows:\n{}", failed.len(), failed.join("\n"));
    assert!(controller(&world).process().exit_status().is_none());
    assert_eq!(controller(&world).process().pid(), pid);
    let peak = controller(&world).usage().unwrap().peak_rss;
    assert!(peak < MOST_MEMORY, "{} MiB", peak >> 20);
    assert!(longest < MOST_LATENCY, "the neighbour waited {longest:?}");
    (world, told.into_iter().filter_map(Result::ok).collect())
}

fn controller(world: &World) -> &Controller {
    world.kustomize.as_ref().unwrap()
}

/// No file named `escaped` outside: in the folders an archive would climb to.
fn nothing_escaped(world: &World) {
    let dir = controller(world).dir();
    let found = Command::new("find").arg(dir).args(["-name", "escaped*"]).output().unwrap();
    assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
    for place in [dir.join("../escaped"), dir.join("../../escaped"), "/tmp/escaped".into(), "/escaped".into()]
    {
        assert!(!place.exists(), "{}", place.display());
    }
}

#[tokio::test]
async fn archives_of_an_enemy_are_refused_whole() {
    let (world, told) = hold(&archives(), "archives").await;
    nothing_escaped(&world);
    assert!(
        world.cluster.find("ConfigMap", &world.ns, "escaped").await.unwrap().is_none(),
        "a part was used"
    );
    page::keep("archives", &told);
}

#[tokio::test]
async fn manifests_and_expressions_of_an_enemy_end_in_a_condition() {
    let (_world, told) = hold(&yaml(), "manifests").await;
    page::keep("manifests", &told);
}

#[tokio::test]
async fn artifacts_that_are_swapped_or_lead_to_the_metadata_service_are_not_used() {
    let world = World::builder("swapped").without_source().start().await.unwrap();
    let server = StaticServer::start().unwrap();
    let archive = gzip(&tar(&[good()]));
    let digest = format!("sha256:{}", tarball::sha256(&archive));
    let url = server.put("/a.tar.gz", gzip(&tar(&[Entry::file(b"app/other", b"x")])));
    publish(&world, "a7-swapped", &url, &digest).await;
    publish(&world, "a31-metadata", "http://169.254.169.254/latest/meta-data/", &digest).await;
    publish(&world, "a31-file", "file:///etc/passwd", &digest).await;
    let mut told = BTreeMap::new();
    for name in ["a7-swapped", "a31-metadata", "a31-file"] {
        apply(&world, name, json!({ "timeout": "5s" })).await;
        let object = world
            .until("Kustomization", name, |o| ready_is(o, "False", Some("ArtifactFailed")))
            .await
            .unwrap();
        let text = condition(&object, "Ready").unwrap()["message"].as_str().unwrap();
        told.insert(name.to_owned(), page::masked(text, world.ns.name()));
    }
    assert!(told["a31-metadata"].contains("not allowed"), "it was asked: {}", told["a31-metadata"]);
    page::keep("artifacts", &told);
}

/// URLs and references of Git that are options, other schemes or names that no server has.
#[tokio::test]
async fn urls_and_references_of_an_enemy_are_refused() {
    let world = World::builder("urls").without_kustomize().start().await.unwrap();
    world.push(&[("app/cm.yaml", "{}")], "start").await.unwrap();
    let pid = world.source.as_ref().unwrap().process().pid();
    let long = "x".repeat(4096);
    let url = world.repo.url();
    let rows = [
        ("a9-option", "ssh://-oProxyCommand=touch%20escaped/x", json!({ "branch": "main" })),
        ("a9-user", "ssh://-oProxyCommand=x@127.0.0.1:1/x", json!({ "branch": "main" })),
        ("a9-ext", "ext::sh -c touch% escaped", json!({ "branch": "main" })),
        ("a9-file", "file:///etc", json!({ "branch": "main" })),
        ("a9-userinfo", "http://user:canary-in-url@127.0.0.1:1/x.git", json!({ "branch": "main" })),
        ("a10-dots", url, json!({ "branch": "../../config" })),
        ("a10-shell", url, json!({ "branch": "main;touch escaped" })),
        ("a10-line", url, json!({ "tag": "a\nb" })),
        ("a10-long", url, json!({ "branch": long })),
        ("a10-commit", url, json!({ "commit": "--upload-pack=touch" })),
        ("a12-metadata", "http://169.254.169.254/x.git", json!({ "branch": "main" })),
    ];
    let mut told = BTreeMap::new();
    for (name, url, reference) in &rows {
        let mut object = git_repository(&world.ns, name, url);
        object["spec"]["ref"] = reference.clone();
        object["spec"]["timeout"] = "3s".into();
        if let Err(error) = world.cluster.apply(&object).await {
            assert!(format!("{error:#}").contains("Invalid value"), "{name}: {error:#}");
            told.insert((*name).to_owned(), "refused by the API server: the schema".to_owned());
        }
    }
    for (name, ..) in rows.iter().filter(|(name, ..)| !told.contains_key(*name)).collect::<Vec<_>>() {
        let object = world.until("GitRepository", name, |o| ready_is(o, "False", None)).await.unwrap();
        let text = condition(&object, "Ready").unwrap()["message"].as_str().unwrap().to_owned();
        assert!(!text.contains("canary-in-url"), "{text}");
        told.insert((*name).to_owned(), page::masked(&text, world.ns.name()));
    }
    let source = world.source.as_ref().unwrap();
    assert_eq!((source.process().pid(), source.process().exit_status()), (pid, None));
    assert!(!source.process().log().contains("canary-in-url"));
    assert!(source.usage().unwrap().peak_rss < MOST_MEMORY);
    page::keep("urls", &told);
}

/// Redirects for ever, to the metadata service, and with credentials to another host.
#[tokio::test]
async fn redirects_end_and_take_no_password_along() {
    let world = World::builder("redirects").without_kustomize().start().await.unwrap();
    let other = StaticServer::start().unwrap();
    let base = redirecting(format!("{}/taken", other.url(""))).await;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "login", "namespace": world.ns.name() },
        "stringData": { "username": "git", "password": "canary-redirected" },
    });
    world.cluster.apply(&secret).await.unwrap();
    let mut told = BTreeMap::new();
    for (name, path) in [("a12-loop", "loop"), ("a12-inward", "metadata"), ("a12-other-host", "other")] {
        let mut object = git_repository(&world.ns, name, &format!("{base}/{path}.git"));
        object["spec"]["timeout"] = "5s".into();
        object["spec"]["secretRef"] = json!({ "name": "login" });
        world.cluster.apply(&object).await.unwrap();
        let object = world.until("GitRepository", name, |o| ready_is(o, "False", None)).await.unwrap();
        let text = condition(&object, "Ready").unwrap()["message"].as_str().unwrap().to_owned();
        told.insert(name.to_owned(), page::masked(&text, world.ns.name()));
    }
    let text = format!("{:?}{}{told:?}", other.requests(), world.source.as_ref().unwrap().process().log());
    assert!(!text.contains("canary-redirected") && !text.contains("Z2l0OmNhbmFyeS1yZWRpcmVjdGVk"), "{text}");
    page::keep("redirects", &told);
}

/// A server that sends everybody somewhere else.
async fn redirecting(other: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let here = base.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 8192];
            let read = stream.read(&mut asked).await.unwrap_or_default();
            let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
            let path = asked.split(' ').nth(1).unwrap_or("/").to_owned();
            let to = match &*path {
                path if path.starts_with("/metadata") => "http://169.254.169.254/x".to_owned(),
                path if path.starts_with("/other") => other.clone(),
                path => format!("{here}{path}"),
            };
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    base
}

/// Objects whose shape nobody foresaw must not stop the watch for the others.
#[tokio::test]
async fn an_object_of_foreign_shape_stops_no_watch() {
    let world = World::start("shapes").await.unwrap();
    let revision =
        world.push(&[("app/cm.yaml", &World::config_map("settings", "1"))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    let mut loud = e2e::kustomization(&world.ns, "loud", "apps", "./app", json!({ "suspend": true }));
    loud["metadata"]["annotations"] = json!({
        "big": "x".repeat(200 << 10), "reconcile.fluxcd.io/requestedAt": "\u{2028}\n\u{feff}",
        "event.toolkit.fluxcd.io/x": "", "kustomize.toolkit.fluxcd.io/allow-prune": "%s%n${x}",
    });
    world.cluster.apply(&loud).await.unwrap();
    let odd = json!({ "inventory": { "entries": [{ "id": "___", "v": "" }, { "id": "no-fields", "v": "x" }] }, "lastAttemptedRevision": "@@@" });
    world.cluster.patch_status("Kustomization", &world.ns, "loud", odd).await.unwrap();
    world.apply_kustomization("after", "./app", json!({})).await.unwrap();
    world.applied("after", &revision).await.unwrap();
    world.get("ConfigMap", "settings").await.unwrap();
    let wake = json!({ "spec": { "suspend": false } });
    world.cluster.patch("Kustomization", &world.ns, "loud", wake).await.unwrap();
    let judged = |o: &Value| condition(o, "Ready").is_some_and(|ready| ready["status"] != "Unknown");
    world.until("Kustomization", "loud", judged).await.unwrap();
    assert!(controller(&world).process().exit_status().is_none());
}

const CANARIES: [&str; 4] =
    ["canary-PASSWORD-1f0e", "canary-VARIABLE-2e1d", "canary-SECRET-3d2c", "canary-URLUSER-4c3b"];

/// The canary itself, its halves, and its base64 at each of the three places it can have.
fn shapes(canary: &str) -> Vec<String> {
    let half = canary.len() / 2;
    let encode = |text: &str| {
        let mut child = Command::new("base64")
            .args(["-w0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let encoded = (0..3).map(|shift| {
        let text = encode(&format!("{}{canary}", &"---"[..shift]));
        text[4..text.len() - 4].to_owned()
    });
    encoded.chain([canary.to_owned(), canary[half..].to_owned()]).collect()
}

async fn everything_told(world: &World) -> String {
    let mut all = String::new();
    for process in [&world.source, &world.kustomize].into_iter().flatten() {
        all.push_str(&process.process().log());
        all.push_str(&process.debug_objects().await.unwrap().to_string());
        all.push_str(&format!("{:?}", process.metrics().await.unwrap()));
    }
    for kind in ["Event", "Kustomization", "GitRepository"] {
        for object in world.cluster.list(kind, &world.ns).await.unwrap() {
            let told = if kind == "Event" { &object } else { &object["status"] };
            all.push_str(&told.to_string());
        }
    }
    all + &Value::from(world.events.events()).to_string()
}

#[tokio::test]
async fn no_secret_is_told_anywhere_whole_in_part_or_encoded() {
    let world = World::start("canaries").await.unwrap();
    let ns = world.ns.name();
    let secret = |name: &str, data: Value| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": ns }, "stringData": data });
    world
        .cluster
        .apply(&secret("login", json!({ "username": "git", "password": CANARIES[0] })))
        .await
        .unwrap();
    world.cluster.apply(&secret("values", json!({ "token": CANARIES[1] }))).await.unwrap();
    let bad = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "bad" }, "type": "kubernetes.io/tls", "stringData": { "token": CANARIES[2] } });
    let good = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "good" }, "stringData": { "token": CANARIES[2] } });
    let variable = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "from-variable" }, "stringData": { "token": "${token}" } });
    let broken = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x" }, "spec": { "containers": [{ "name": "${token}", "image": "x" }] } });
    let revision = world
        .push(
            &[
                ("bad/s.yaml", &bad.to_string()),
                ("good/s.yaml", &(good.to_string() + "\n---\n" + &variable.to_string())),
                ("broken/s.yaml", &broken.to_string()),
            ],
            "start",
        )
        .await
        .unwrap();
    world.apply_source().await.unwrap();
    let mut wrong = git_repository(ns, "wrong", &format!("{}/apps.git", world.git.auth_url()));
    wrong["spec"]["secretRef"] = json!({ "name": "login" });
    world.cluster.apply(&wrong).await.unwrap();
    let user = git_repository(ns, "user", &format!("http://x:{}@127.0.0.1:1/apps.git", CANARIES[3]));
    world.cluster.apply(&user).await.unwrap();
    let from = json!({ "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": "values" }] } });
    for name in ["bad", "good"] {
        world.apply_kustomization(name, &format!("./{name}"), from.clone()).await.unwrap();
    }
    world.failed("bad", "Secret").await.unwrap();
    world.applied("good", &revision).await.unwrap();
    let patch = json!({ "stringData": { "token": "changed" } });
    world.cluster.patch("Secret", &world.ns, "good", patch).await.unwrap();
    eventually("the Secret is restored", || async {
        Ok(world.events_of("Secret", "good").await?.iter().any(|event| event.contains("DriftCorrected")))
    })
    .await
    .unwrap();
    for name in ["wrong", "user"] {
        world.until("GitRepository", name, |o| ready_is(o, "False", None)).await.unwrap();
    }
    let all = everything_told(&world).await;
    for shape in CANARIES.iter().flat_map(|canary| shapes(canary)) {
        assert!(!all.contains(&shape), "{shape} was told: {}", around(&all, &shape));
    }
}

fn around(all: &str, shape: &str) -> String {
    let at = all.find(shape).unwrap_or_default();
    all[..at + shape.len()].chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect()
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
