//! Two replicas with the Lease's own times: a leader that stood still for a minute must not write when it goes on.
use std::time::{Duration, Instant};

use e2e::World;
use serde_json::{Value, json};
use testkit::Controller;

const OBJECTS: usize = 60;
/// Longer than a Lease lasts by default, 35 s.
const STOPPED: Duration = Duration::from_secs(60);

fn files(prefix: &str) -> Vec<(String, String)> {
    let one = |number| {
        let name = format!("{prefix}-{number:02}");
        (format!("app/{name}.yaml"), World::config_map(&name, "1"))
    };
    (0..OBJECTS).map(one).collect()
}

async fn push(world: &World, files: &[(String, String)]) -> String {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.push(&files, "objects").await.unwrap()
}

async fn replica(world: &World, user: &str) -> Controller {
    let builder = world.plane.controller("kustomize-controller").namespace(&world.ns);
    builder.user(world.plane, user).unwrap().arg("--enable-leader-election").start().await.unwrap()
}

async fn holder(world: &World) -> String {
    let lease = world.cluster.find("Lease", &world.ns, "kustomize-controller-leader-election").await.unwrap();
    lease.unwrap_or_default()["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

fn writes(world: &World, user: &str) -> usize {
    let requests = world.plane.requests_of(user).unwrap();
    let reads = |request: &&String| ["get ", "list ", "watch "].iter().any(|verb| request.starts_with(verb));
    requests.len() - requests.iter().filter(reads).count()
}

/// Leader and second replica, and what the leader applied.
async fn pair(world: &World) -> [Controller; 2] {
    push(world, &files("old")[..1]).await;
    world.apply_source().await.unwrap();
    let first = replica(world, &format!("first:{}", world.ns.name())).await;
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    let second = replica(world, &format!("second:{}", world.ns.name())).await;
    assert!(second.is_ready().await, "the replica that waits for the Lease is Ready");
    // It has seen whose the Lease is.
    tokio::time::sleep(Duration::from_secs(2)).await;
    [first, second]
}

#[tokio::test]
async fn after_sigkill_of_the_leader_the_next_reconcile_comes_within_forty_seconds() {
    let world = World::builder("lease-kill").without_kustomize().start().await.unwrap();
    let [first, second] = pair(&world).await;
    first.process().signal("KILL").unwrap();
    let killed = Instant::now();
    let revision = push(&world, &files("new")[..1]).await;
    world.applied("app", &revision).await.unwrap();
    world.get("ConfigMap", "new-00").await.unwrap();
    println!("SIGKILL of the leader: live {:.1} s later", killed.elapsed().as_secs_f64());
    assert!(killed.elapsed() < Duration::from_secs(40), "{:?}", killed.elapsed());
    assert!(second.process().exit_status().is_none());
}

#[tokio::test]
async fn after_a_clean_end_of_the_leader_the_next_reconcile_comes_within_three_seconds() {
    let world = World::builder("lease-end").without_kustomize().start().await.unwrap();
    let [first, _second] = pair(&world).await;
    let revision = push(&world, &files("new")[..1]).await;
    world.applied("app", &revision).await.unwrap();
    first.process().terminate(Duration::from_secs(20)).unwrap();
    let ended = Instant::now();
    let revision = push(&world, &files("newer")[..1]).await;
    world.applied("app", &revision).await.unwrap();
    world.get("ConfigMap", "newer-00").await.unwrap();
    println!("clean end of the leader: live {:.1} s later", ended.elapsed().as_secs_f64());
    assert!(ended.elapsed() < Duration::from_secs(3), "{:?}", ended.elapsed());
}

#[tokio::test]
async fn a_leader_whose_lease_is_stolen_writes_nothing_more_and_ends() {
    let world = World::builder("lease-stolen").without_kustomize().start().await.unwrap();
    let user = format!("first:{}", world.ns.name());
    push(&world, &files("old")[..1]).await;
    world.apply_source().await.unwrap();
    let first = replica(&world, &user).await;
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    let stolen = json!({ "spec": { "holderIdentity": "a-thief", "leaseDurationSeconds": 3600 } });
    let lease = "kustomize-controller-leader-election";
    world.cluster.patch("Lease", &world.ns, lease, stolen).await.unwrap();
    let since = Instant::now();
    while first.process().exit_status().is_none() {
        assert!(since.elapsed() < Duration::from_secs(30), "it goes on without the Lease");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = writes(&world, &user);
    push(&world, &files("new")[..1]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(writes(&world, &user), before);
    assert_eq!(holder(&world).await, "a-thief", "it took the Lease back");
    println!("stolen Lease: ended {:.1} s later", since.elapsed().as_secs_f64());
}

#[tokio::test]
async fn a_leader_stopped_for_a_minute_in_the_middle_of_an_apply_writes_nothing_when_it_goes_on() {
    let world = World::builder("lease").without_kustomize().start().await.unwrap();
    let users = [format!("first:{}", world.ns.name()), format!("second:{}", world.ns.name())];
    push(&world, &files("old")).await;
    world.apply_source().await.unwrap();
    let first = replica(&world, &users[0]).await;
    world.apply_kustomization("app", "./app", json!({ "interval": "10s" })).await.unwrap();
    let applied = |object: &Value| object["status"]["lastAppliedRevision"].is_string();
    world.until("Kustomization", "app", applied).await.unwrap();
    let leader = holder(&world).await;

    let revision = push(&world, &files("new")).await;
    let ahead = |object: &Value| object["status"]["inventory"].to_string().contains("_new-59_");
    world.until("Kustomization", "app", ahead).await.unwrap();
    first.process().signal("STOP").unwrap();
    let stopped = Instant::now();
    let second = replica(&world, &users[1]).await;
    assert!(second.is_ready().await, "the replica that waits for the Lease is Ready");
    world.applied("app", &revision).await.unwrap();
    assert_ne!(holder(&world).await, leader);
    tokio::time::sleep(STOPPED.saturating_sub(stopped.elapsed())).await;

    let before = writes(&world, &users[0]);
    first.process().signal("CONT").unwrap();
    let since = Instant::now();
    while first.process().exit_status().is_none() {
        assert!(since.elapsed() < Duration::from_secs(60), "the old leader goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(writes(&world, &users[0]), before, "written after the Lease was lost");
    assert!(second.process().exit_status().is_none());
    for number in [0, OBJECTS - 1] {
        world.get("ConfigMap", &format!("new-{number:02}")).await.unwrap();
        world.get("ConfigMap", &format!("old-{number:02}")).await.unwrap();
    }
}
