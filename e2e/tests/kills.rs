//! Controllers that are killed in the middle of their work lose nothing and orphan nothing.
use std::{collections::BTreeSet, process::Command, time::Duration};

use e2e::World;
use serde_json::{Value, json};

const OBJECTS: usize = 60;

/// What the real `kustomize build` says should be live.
fn wanted(world: &World, path: &str) -> BTreeSet<String> {
    let output = Command::new(testkit::program("kustomize").unwrap())
        .args(["build", "--load-restrictor=LoadRestrictionsNone"])
        .arg(world.repo.work().join(path))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("  name: ")).map(str::to_owned).collect()
}

/// What is live and carries the labels of the Kustomization.
async fn live(world: &World) -> BTreeSet<String> {
    let all = world.cluster.list("ConfigMap", &world.ns).await.unwrap();
    let ours = |object: &&Value| object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "app";
    all.iter().filter(ours).map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn files(prefix: &str) -> Vec<(String, String)> {
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("{prefix}-{number:02}")).collect();
    let list = names.iter().map(|name| format!("- {name}.yaml\n")).collect::<String>();
    let mut files: Vec<(String, String)> =
        names.iter().map(|name| (format!("app/{name}.yaml"), World::config_map(name, "1"))).collect();
    files.push(("app/kustomization.yaml".into(), format!("resources:\n{list}")));
    files
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}

#[tokio::test]
async fn a_kill_between_the_inventory_and_the_last_apply_loses_and_orphans_nothing() {
    let mut world = World::start("kill").await.unwrap();
    let first = world.push(&borrowed(&files("old")), "old").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &first).await.unwrap();

    let new = files("new");
    let revision = world.push(&borrowed(&new), "all objects change their name").await.unwrap();
    // The inventory names the new objects before the first of them is applied: kill as soon as it does.
    let ahead = |object: &Value| object["status"]["inventory"].to_string().contains("_new-59_");
    world.until("Kustomization", "app", ahead).await.unwrap();
    let old = world.kustomize.take().unwrap();
    old.process().signal("KILL").unwrap();
    let applied_when_killed = live(&world).await.iter().filter(|name| name.starts_with("new-")).count();
    println!("killed with {applied_when_killed} of {OBJECTS} new objects applied");
    drop(old);

    world.kustomize = Some(world.controller("kustomize-controller", &[]).await.unwrap());
    world.applied("app", &revision).await.unwrap();
    assert_eq!(live(&world).await, wanted(&world, "app"));
}

#[tokio::test]
async fn a_revision_that_takes_objects_back_after_a_kill_leaves_no_orphan() {
    let mut world = World::start("kill-back").await.unwrap();
    let base = [("app/stays.yaml", World::config_map("stays", "1"))];
    let first = world.push(&[(base[0].0, &base[0].1)], "base").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &first).await.unwrap();

    let more: Vec<(String, String)> = (0..OBJECTS)
        .map(|n| (format!("app/more-{n:02}.yaml"), World::config_map(&format!("more-{n:02}"), "1")))
        .collect();
    world.push(&borrowed(&more), "more objects").await.unwrap();
    let ahead = |object: &Value| object["status"]["inventory"].to_string().contains("_more-00_");
    world.until("Kustomization", "app", ahead).await.unwrap();
    world.kustomize.take().unwrap().process().signal("KILL").unwrap();

    let paths: Vec<&str> = more.iter().map(|(path, _)| path.as_str()).collect();
    world.repo.remove(&paths, "taken back").unwrap();
    world.tell_source().await.unwrap();
    world.kustomize = Some(world.controller("kustomize-controller", &[]).await.unwrap());
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    e2e::eventually("only the first object is left", || async {
        Ok(live(&world).await == BTreeSet::from(["stays".to_owned()]))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn source_controller_killed_while_it_stores_serves_whole_artifacts_after_the_restart() {
    let mut world = World::builder("kill-source").start().await.unwrap();
    let first = world.push(&[("app/cm.yaml", &World::config_map("settings", "0"))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &first).await.unwrap();
    for round in 1..=5u64 {
        let text = World::config_map("settings", &round.to_string());
        world.repo.commit(&[("app/cm.yaml", &text)], "next").unwrap();
        let source = world.source.take().unwrap();
        world.tell_source().await.unwrap();
        // Somewhere between file and status, at another place each time.
        tokio::time::sleep(Duration::from_millis(15 * round)).await;
        source.process().kill();
        let (ports, dir) = (source.ports(), source.dir().to_path_buf());
        std::mem::forget(source);
        let again = world
            .plane
            .controller("source-controller")
            .namespace(&world.ns)
            .arg(format!("--events-addr={}", world.events.url()))
            .ports(ports)
            .dir(&dir)
            .start()
            .await
            .unwrap();
        world.source = Some(again);
        world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
        assert_eq!(world.get("ConfigMap", "settings").await.unwrap()["data"]["v"], round.to_string());
    }
}
