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
