//! Whose fields become ours, and whose do not.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::world::{World, actions, owned_by};

#[tokio::test(flavor = "multi_thread")]
async fn edits_by_kubectl_are_undone() -> Result<()> {
    let world = World::new("ssa-takeover").await?;
    let objects = [world.config_map("cfg", json!({"a": "1"})), world.config_map("other", json!({}))];
    let manifest = world.config_map("cfg", json!({"a": "user", "b": "user"}));
    let file = world.plane.dir().join(format!("{}.json", world.ns.name()));
    std::fs::write(&file, manifest.to_string())?;
    world.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(actions(&world.apply(&objects).await?.changes), ["cfg configured", "other created"]);
    let live = world.live("ConfigMap", "cfg").await;
    assert_eq!(live["data"], json!({"a": "1"}));
    assert_eq!(live["metadata"].get("annotations"), None);
    assert_eq!(live["metadata"]["managedFields"].as_array().unwrap().len(), 1);

    world.kubectl(&[
        "patch",
        "cm",
        "cfg",
        "--type=merge",
        "-p",
        "{\"data\":{\"a\":\"edited\",\"c\":\"added\"}}",
    ]);
    let again = world.apply(&objects).await?;
    assert_eq!(actions(&again.changes), ["cfg configured", "other unchanged"]);
    let drift = again.changes[0].drift.clone().unwrap();
    assert_eq!(
        (drift.manager.as_str(), drift.fields),
        ("kubectl-patch", vec![".data.a".into(), ".data.c".into()])
    );
    assert_eq!(world.live("ConfigMap", "cfg").await["data"], json!({"a": "1"}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_appliers_keep_their_fields() -> Result<()> {
    let world = World::new("ssa-coexist").await?;
    let mut theirs = world.config_map("cfg", json!({"c": "other"}));
    theirs["metadata"]["labels"] = json!({"theirs": "1"});
    world.cluster.apply(&theirs).await?;
    world.apply(&[world.config_map("cfg", json!({"a": "1"}))]).await?;
    let live = world.live("ConfigMap", "cfg").await;
    assert_eq!(live["data"], json!({"a": "1", "c": "other"}));
    assert_eq!(live["metadata"]["labels"]["theirs"], "1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn merge_leaves_added_fields() -> Result<()> {
    let world = World::new("ssa-merge").await?;
    let mut object = world.config_map("cfg", json!({"a": "1"}));
    object["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/ssa": "Merge"});
    world.apply(&[object.clone()]).await?;
    world.kubectl(&[
        "patch",
        "cm",
        "cfg",
        "--type=merge",
        "-p",
        "{\"data\":{\"a\":\"edited\",\"c\":\"added\"}}",
    ]);
    world.apply(&[object]).await?;
    assert_eq!(world.live("ConfigMap", "cfg").await["data"], json!({"a": "1", "c": "added"}));
    Ok(())
}

/// Waits until the Deployment controller has written what it writes of a change (the number of the revision): between a
/// read and a dry run, that would be a difference.
async fn until_seen(world: &World, name: &str) -> Result<()> {
    let is_seen = |live: &Value| {
        let generation = &live["metadata"]["generation"];
        generation.is_i64() && live["status"]["observedGeneration"] == *generation
    };
    let object = ("Deployment", world.ns.name(), name);
    world.cluster.wait(object, Duration::from_secs(30), is_seen).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_by_hand_stays() -> Result<()> {
    let world = World::new("ssa-restart").await?;
    let objects = [world.deployment("web", json!({})), world.config_map("a", json!({}))];
    world.apply(&objects).await?;
    world.kubectl(&["rollout", "restart", "deployment", "web"]);
    let restarted = |live: &Value| {
        live["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
            .as_str()
            .map(str::to_owned)
    };
    let before = restarted(&world.live("Deployment", "web").await);
    assert!(before.is_some());
    until_seen(&world, "web").await?;
    assert_eq!(actions(&world.apply(&objects).await?.changes), ["a unchanged", "web unchanged"]);
    // A later edit by another kubectl command is undone, and the restart still stays.
    world.kubectl(&["set", "env", "deployment", "web", "X=1"]);
    assert_eq!(actions(&world.apply(&objects).await?.changes), ["a unchanged", "web configured"]);
    let live = world.live("Deployment", "web").await;
    assert_eq!(restarted(&live), before);
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0].get("env"), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_rollback_by_hand_are_undone_and_the_restart_before_them_stays() -> Result<()> {
    let world = World::new("ssa-pause").await?;
    let object = |image: &str| {
        let mut object = world.deployment("web", json!({}));
        object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        object
    };
    let other = world.config_map("a", json!({}));
    world.apply(&[object("example.com/web:1"), other.clone()]).await?;
    let objects = [object("example.com/web:2"), other];
    world.apply(&objects).await?;
    world.kubectl(&["rollout", "restart", "deployment", "web"]);
    world.kubectl(&["rollout", "pause", "deployment", "web"]);
    let live = world.live("Deployment", "web").await;
    let entry = owned_by(&live, "kubectl-rollout");
    assert!(live["spec"]["paused"] == true && entry.contains("restartedAt"), "{entry}");

    let healed = world.apply(&objects).await?;
    assert_eq!(actions(&healed.changes), ["a unchanged", "web configured"]);
    let drift = healed.changes[1].drift.clone().unwrap();
    assert_eq!((drift.manager.as_str(), drift.fields), ("kubectl-rollout", vec![".spec.paused".into()]));
    let annotations = |live: &Value| live["spec"]["template"]["metadata"]["annotations"].clone();
    let live = world.live("Deployment", "web").await;
    assert_eq!((live["spec"].get("paused"), annotations(&live).is_object()), (None, true), "{live:#}");
    assert_eq!(owned_by(&live, "kubectl-rollout"), "");
    assert_eq!(actions(&world.apply(&objects).await?.changes), ["a unchanged", "web unchanged"]);
    assert_eq!(annotations(&world.live("Deployment", "web").await), annotations(&live));

    world
        .cluster
        .wait(
            ("Deployment", world.ns.name(), "web"),
            testkit::patience(std::time::Duration::from_secs(20)),
            |live| live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3",
        )
        .await?;
    world.kubectl(&["rollout", "undo", "deployment", "web", "--to-revision=1"]);
    let image = |live: &Value| live["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(&world.live("Deployment", "web").await), "example.com/web:1");
    world.apply(&objects).await?;
    let live = world.live("Deployment", "web").await;
    assert_eq!(image(&live), "example.com/web:2");
    let by_hand = live["metadata"]["managedFields"].as_array().unwrap().iter();
    let managers: Vec<_> = by_hand.filter_map(|entry| entry["manager"].as_str()).collect();
    assert!(!managers.iter().any(|manager| manager.starts_with("kubectl")), "{managers:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_we_own_are_those_flux_owns() -> Result<()> {
    let world = World::new("ssa-owned").await?;
    let service = world.object("v1", "Service", "svc", json!({"spec": {"ports": [{"port": 80}]}}));
    let secret = world.object("v1", "Secret", "sec", json!({"stringData": {"a": "b"}}));
    world.apply(&[service, secret, world.deployment("web", json!({}))]).await?;
    let ours = async |kind, name| owned_by(&world.live(kind, name).await, "kustomize-controller");
    let (service, secret, web) =
        (ours("Service", "svc").await, ours("Secret", "sec").await, ours("Deployment", "web").await);
    assert!(
        service.contains(r#"k:{\"port\":80,\"protocol\":\"TCP\"}"#) && service.contains("f:targetPort"),
        "{service}"
    );
    assert!(secret.contains("f:data") && !secret.contains("f:stringData"), "{secret}");
    assert!(web.contains("f:strategy") && web.contains("f:resources"), "{web}");
    Ok(())
}
