//! What the watch tells, and what it keeps quiet about.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::json;
use ssa::{Action, Pass, Signal, What};
use testkit::patience;
use tokio::{sync::mpsc, time::timeout};

use crate::world::{World, actions, ids, only};

/// Applies, and waits until the watch of this kind works.
async fn watched(
    world: &World,
    objects: &[serde_json::Value],
    group: &str,
    kind: &str,
) -> Result<mpsc::Receiver<Signal>> {
    let signals = world.ssa.drift().subscribe().context("taken")?;
    world.apply(objects).await?;
    timeout(patience(Duration::from_secs(10)), async {
        while !world.ssa.drift().is_watching(group, kind) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await?;
    Ok(signals)
}

async fn next(signals: &mut mpsc::Receiver<Signal>) -> Result<Signal> {
    timeout(patience(Duration::from_secs(10)), signals.recv()).await?.context("closed")
}

async fn quiet(signals: &mut mpsc::Receiver<Signal>) {
    let told = timeout(Duration::from_millis(700), signals.recv()).await;
    assert!(told.is_err(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_are_nominated_and_a_heal_undoes_them_and_names_who() -> Result<()> {
    let world = World::new("ssa-drift").await?;
    let objects = [world.deployment("web", json!({})), world.config_map("a", json!({"x": "1"}))];
    let mut signals = watched(&world, &objects, "apps", "Deployment").await?;
    let edits: [(&[&str], &str, &str); 3] = [
        (&["scale", "deployment", "web", "--replicas=2"], "kubectl", ".spec.replicas"),
        (
            &["set", "env", "deployment", "web", "X=1"],
            "kubectl-set",
            ".spec.template.spec.containers[name=\"web\"].env",
        ),
        (
            &["set", "image", "deployment", "web", "web=example.com/web:9"],
            "kubectl-set",
            ".spec.template.spec.containers[name=\"web\"].image",
        ),
    ];
    for (edit, manager, field) in edits {
        world.kubectl(edit);
        let signal = next(&mut signals).await?;
        assert!(
            matches!(&signal.what, What::Nominated { manager: guess, .. } if guess == manager),
            "{signal:?}"
        );
        let healed = world.apply_as(&world.session, &objects, Pass::Heal(&only(signal.id))).await?;
        assert_eq!(actions(&healed.changes), ["web configured"]);
        let drift = healed.changes[0].drift.clone().unwrap();
        assert_eq!(drift.manager, manager);
        assert!(drift.fields.iter().any(|path| path.starts_with(field)), "{drift}");
        quiet(&mut signals).await;
    }
    let live = world.live("Deployment", "web").await;
    assert_eq!(live["spec"]["replicas"], 0);
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "example.com/web:1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_told_and_healed_with_two_requests() -> Result<()> {
    let world = World::new("ssa-deleted").await?;
    let objects = [
        world.object("v1", "Service", "web", json!({"spec": {"ports": [{"port": 80}]}})),
        world.config_map("a", json!({})),
    ];
    let mut signals = watched(&world, &objects, "", "Service").await?;
    world.kubectl(&["delete", "service", "web"]);
    let signal = next(&mut signals).await?;
    assert_eq!(signal.what, What::Gone);
    world.requests();
    let healed = world.apply_as(&world.session, &objects, Pass::Heal(&only(signal.id))).await?;
    assert_eq!(actions(&healed.changes), ["web created"]);
    assert!(healed.changes[0].drift.as_ref().unwrap().deleted);
    assert_eq!(world.requests().len(), 2);
    quiet(&mut signals).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_owner_label_is_told_as_gone_and_healed() -> Result<()> {
    let world = World::new("ssa-label").await?;
    let objects = [world.config_map("a", json!({"x": "1"}))];
    let mut signals = watched(&world, &objects, "", "ConfigMap").await?;
    world.kubectl(&["label", "cm", "a", "kustomize.toolkit.fluxcd.io/name-"]);
    assert_eq!(next(&mut signals).await?.what, What::Gone);
    let healed =
        world.apply_as(&world.session, &objects, Pass::Heal(&only(world.id("", "ConfigMap", "a")))).await?;
    assert_eq!(actions(&healed.changes), ["a configured"]);
    assert_eq!(
        world.live("ConfigMap", "a").await["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"],
        "app"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn status_restarts_and_foreign_fields_are_no_drift() -> Result<()> {
    let world = World::new("ssa-nodrift").await?;
    let objects = [world.deployment("web", json!({"replicas": 1})), world.config_map("a", json!({}))];
    let mut signals = watched(&world, &objects, "apps", "Deployment").await?;
    world.kubectl(&["rollout", "restart", "deployment", "web"]);
    world.kubectl(&["annotate", "--field-manager=flux-client-side-apply", "deployment", "web", "note=x"]);
    world.kubectl(&["rollout", "status", "deployment", "web", "--timeout=30s"]);
    quiet(&mut signals).await;
    Ok(())
}

/// A stand-in for the autoscaler: the write that it makes, under the name it has.
async fn scale_as_autoscaler(world: &World, replicas: u32) -> Result<()> {
    let scale = format!(
        "/apis/apps/v1/namespaces/{}/deployments/web/scale?fieldManager=kube-controller-manager",
        world.ns.name()
    );
    let patch = json!({"spec": {"replicas": replicas}}).to_string().into_bytes();
    let request =
        http::Request::patch(scale).header("content-type", "application/merge-patch+json").body(patch)?;
    world.cluster.client().request::<serde_json::Value>(request).await?;
    Ok(())
}

/// Heals what the next signal is about, with fields of these managers left alone, until the edit by hand is undone.
async fn heal_image(
    world: &World,
    objects: &[serde_json::Value],
    left: &HashSet<String>,
) -> Result<ssa::Change> {
    world.kubectl(&["set", "image", "deployment", "web", "web=example.com/web:9"]);
    let drifted = HashMap::from([(world.id("apps", "Deployment", "web"), left.clone())]);
    let mut healed = world.apply_as(&world.session, objects, Pass::Heal(&drifted)).await?;
    let live = world.live("Deployment", "web").await;
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "example.com/web:1");
    healed.changes.pop().context("nothing was healed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heal_of_one_field_leaves_those_of_an_autoscaler_and_of_who_insists() -> Result<()> {
    let world = World::new("ssa-part").await?;
    let objects = [world.deployment("web", json!({"minReadySeconds": 1})), world.config_map("a", json!({}))];
    world.apply(&objects).await?;
    scale_as_autoscaler(&world, 3).await?;
    let change = heal_image(&world, &objects, &HashSet::new()).await?;
    assert_eq!(world.live("Deployment", "web").await["spec"]["replicas"], 3);
    let drift = change.drift.context("no drift is told")?;
    let image = ".spec.template.spec.containers[name=\"web\"].image";
    assert_eq!((drift.manager.as_str(), drift.fields), ("kubectl-set", vec![image.to_owned()]));

    let manager = "--field-manager=insists";
    world.kubectl(&["patch", "deployment", "web", manager, "-p", r#"{"spec":{"minReadySeconds":7}}"#]);
    heal_image(&world, &objects, &HashSet::from(["insists".to_owned()])).await?;
    let live = world.live("Deployment", "web").await;
    assert_eq!((&live["spec"]["minReadySeconds"], &live["spec"]["replicas"]), (&json!(7), &json!(3)));
    heal_image(&world, &objects, &HashSet::new()).await?;
    let live = world.live("Deployment", "web").await;
    assert_eq!((&live["spec"]["minReadySeconds"], &live["spec"]["replicas"]), (&json!(1), &json!(3)));

    // The interval judges everything.
    world.apply(&objects).await?;
    assert_eq!(world.live("Deployment", "web").await["spec"]["replicas"], 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_set_by_an_autoscaler_are_left_between_passes() -> Result<()> {
    let world = World::new("ssa-hpa").await?;
    let objects = [world.deployment("web", json!({})), world.config_map("a", json!({}))];
    let mut signals = watched(&world, &objects, "apps", "Deployment").await?;
    for replicas in ["3", "5"] {
        scale_as_autoscaler(&world, replicas.parse()?).await?;
        if replicas == "3" {
            let signal = next(&mut signals).await?;
            let left = world.apply_as(&world.session, &objects, Pass::Heal(&only(signal.id))).await?;
            assert_eq!(left.changes[0].action, Action::Left);
        }
    }
    quiet(&mut signals).await;
    assert_eq!(world.live("Deployment", "web").await["spec"]["replicas"], 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_waited_for_wake_at_each_event() -> Result<()> {
    let world = World::new("ssa-wait").await?;
    let objects = [world.deployment("web", json!({})), world.config_map("a", json!({}))];
    let mut signals = watched(&world, &objects, "apps", "Deployment").await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.ssa.drift().wait_for(&world.owner, &[world.id("apps", "Deployment", "web")]);
    world
        .cluster
        .patch_status("Deployment", world.ns.name(), "web", json!({"observedGeneration": 7}))
        .await?;
    let signal = next(&mut signals).await?;
    assert_eq!((signal.what, signal.owner), (What::Moved, world.owner.clone()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_sync_objects_need_no_read_before_a_change() -> Result<()> {
    let world = World::new("ssa-sync").await?;
    let objects = |x: &str| [world.config_map("a", json!({"x": x})), world.config_map("b", json!({"x": x}))];
    let mut signals = watched(&world, &objects("1"), "", "ConfigMap").await?;
    // The server dates entries by whole seconds.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    world.requests();
    let applied = world.apply(&objects("2")).await?;
    assert_eq!(actions(&applied.changes), ["a configured", "b configured"]);
    assert!(applied.changes.iter().all(|change| change.drift.is_none()));
    assert_eq!(world.requests().len(), 4);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let one = HashSet::from([world.id("", "ConfigMap", "a")]);
    let applied = world.apply_as(&world.session, &objects("3"), Pass::Only(&one)).await?;
    assert_eq!(
        (actions(&applied.changes), ids(&applied.changes)),
        (vec!["a configured".to_owned()], one.clone())
    );
    assert_eq!(world.requests().len(), 1);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let again = world.apply_as(&world.session, &objects("3"), Pass::Only(&one)).await?;
    assert_eq!((actions(&again.changes), world.requests().len()), (vec!["a unchanged".to_owned()], 1));
    quiet(&mut signals).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_controller_may_not_watch_is_watched_as_the_tenant() -> Result<()> {
    let world = World::new("ssa-lockdown").await?;
    let (ns, user) = (world.ns.name(), format!("controller-{}", world.ns.name()));
    world.plane.kubectl_ok(&[
        "create",
        "clusterrole",
        &user,
        "--verb=impersonate",
        "--resource=serviceaccounts",
    ])?;
    world.plane.kubectl_ok(&[
        "create",
        "clusterrolebinding",
        &user,
        &format!("--clusterrole={user}"),
        &format!("--user={user}"),
    ])?;
    world.kubectl(&["create", "serviceaccount", "deployer"]);
    world.kubectl(&["create", "role", "r", "--verb=*", "--resource=configmaps"]);
    world.kubectl(&["create", "rolebinding", "r", "--role=r", &format!("--serviceaccount={ns}:deployer")]);
    let limited = ssa::Cluster::new(world.plane.client_for(&user).await?, ssa::Settings::default());
    let tenant =
        limited.session(ssa::Identity::ServiceAccount { namespace: ns.into(), name: "deployer".into() });

    let mut signals = limited.drift().subscribe().context("taken")?;
    let objects = [world.config_map("a", json!({"x": "1"})), world.config_map("b", json!({}))];
    let applied = world.apply_as(&tenant, &objects, Pass::Full).await?;
    limited.drift().track(&world.owner, &applied.changes);
    let id = world.id("", "ConfigMap", "a");
    timeout(patience(Duration::from_secs(20)), async {
        while !limited.drift().watches(&id) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await?;
    assert!(!limited.drift().is_watching("", "ConfigMap"));
    world.kubectl(&["patch", "cm", "a", "--type=merge", "-p", "{\"data\":{\"x\":\"2\"}}"]);
    let signal = next(&mut signals).await?;
    assert_eq!((signal.id, signal.owner), (id, world.owner.clone()));
    world.plane.kubectl_ok(&["delete", "clusterrole,clusterrolebinding", &user])?;
    Ok(())
}
