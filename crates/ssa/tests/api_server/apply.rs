//! Creating, changing, leaving alone; how many requests that takes; what an error says.

use std::{collections::HashSet, time::Duration};

use anyhow::Result;
use serde_json::json;
use ssa::{Action, Identity, IgnoreRule, IgnoreRules, Pass};
use tokio_util::sync::CancellationToken;

use crate::world::{World, actions};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_object_costs_two_requests_and_an_unchanged_one_costs_one() -> Result<()> {
    let world = World::new("ssa-requests").await?;
    let objects = [world.config_map("a", json!({"x": "1"})), world.config_map("b", json!({"x": "1"}))];
    let applied = world.apply(&objects).await?;
    assert_eq!(actions(&applied.changes), ["a created", "b created"]);
    assert_eq!(world.requests().len(), 4);
    // The server dates entries by whole seconds: right after a change the objects are compared in full.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let again = world.apply(&objects).await?;
    assert_eq!(actions(&again.changes), ["a unchanged", "b unchanged"]);
    assert_eq!(world.requests().len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_just_applied_is_told_unchanged_too() -> Result<()> {
    let world = World::new("ssa-unchanged").await?;
    let objects = [world.deployment("web", json!({})), world.config_map("a", json!({}))];
    world.apply(&objects).await?;
    let before = world.live("Deployment", "web").await;
    let again = world.apply(&objects).await?;
    assert_eq!(actions(&again.changes), ["a unchanged", "web unchanged"]);
    let after = world.live("Deployment", "web").await;
    assert_eq!(before["metadata"]["generation"], after["metadata"]["generation"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_object_is_sent_without_a_dry_run() -> Result<()> {
    let world = World::new("ssa-single").await?;
    let other = world.config_map("b", json!({"x": "1"}));
    world.apply(&[world.config_map("a", json!({"x": "1"})), other.clone()]).await?;
    world.requests();
    let changed = HashSet::from([world.id("", "ConfigMap", "a")]);
    let objects = [world.config_map("a", json!({"x": "2"})), other];
    let applied = world.apply_as(&world.session, &objects, Pass::Only(&changed)).await?;
    assert_eq!(actions(&applied.changes), ["a configured"]);
    let requests = world.requests();
    assert!(requests.len() <= 2 && requests.iter().all(|request| !request.ends_with("dry")), "{requests:?}");
    assert_eq!(world.live("ConfigMap", "a").await["data"]["x"], "2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_object_blocks_its_stage_and_all_refused_ones_are_named() -> Result<()> {
    let world = World::new("ssa-blocks").await?;
    let service =
        |name: &str| world.object("v1", "Service", name, json!({"spec": {"ports": [{"port": 99999}]}}));
    let error =
        world.apply(&[world.config_map("a", json!({})), service("s"), service("t")]).await.unwrap_err();
    let text = error.to_string();
    let ns = world.ns.name();
    assert!(
        text.starts_with(&format!("Service/{ns}/s dry-run failed (Invalid): Service \"s\" is invalid: ")),
        "{text}"
    );
    assert!(text.contains(&format!("\nService/{ns}/t dry-run failed (Invalid)")), "{text}");
    assert!(world.cluster.find("ConfigMap", ns, "a").await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_read_as_those_of_flux() -> Result<()> {
    let world = World::new("ssa-texts").await?;
    let ns = world.ns.name().to_owned();
    let check = async |object, expect: String| {
        let text = world.apply(&[object]).await.unwrap_err().to_string();
        assert_eq!(text, expect);
    };
    check(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg"}}),
        "ConfigMap/cfg namespace not specified: the server could not find the requested resource".into(),
    )
    .await;
    check(
        world.config_map("cfg", json!({"a": 7})),
        format!("ConfigMap/{ns}/cfg dry-run failed: failed to create typed patch object ({ns}/cfg; /v1, Kind=ConfigMap): .data.a: expected string, got &value.valueUnstructured{{Value:7}}"),
    )
    .await;
    check(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg", "namespace": format!("{ns}-none")}}),
        format!("ConfigMap/{ns}-none/cfg not found: namespaces \"{ns}-none\" not found"),
    )
    .await;
    check(
        world.object("apps/v1", "Deploiment", "x", json!({})),
        format!(
            "Deploiment/{ns}/x dry-run failed: no matches for kind \"Deploiment\" in version \"apps/v1\""
        ),
    )
    .await;
    check(
        world.object("v1", "Secret", "sec", json!({"data": {"token": "not base64 !"}})),
        format!("Secret/{ns}/sec dry-run failed: failed to convert new object ({ns}/sec; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 3"),
    )
    .await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_secrets_are_not_in_errors() -> Result<()> {
    let world = World::new("ssa-masked").await?;
    for data in [
        json!({"data": {"k": "canary-7f3a"}}),
        json!({"stringData": {"k": ["canary-7f3a"]}}),
        json!({"stringData": {"k": {"x": "canary-7f3a"}}}),
    ] {
        let text = world.apply(&[world.object("v1", "Secret", "s", data)]).await.unwrap_err().to_string();
        assert!(!text.contains("canary"), "{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_kubernetes_does_not_know_are_dropped_from_its_own_kinds() -> Result<()> {
    let world = World::new("ssa-unknown").await?;
    let mut object = world.deployment("web", json!({"nonsense": 1}));
    object["spec"]["template"]["spec"]["containers"][0]["imige"] = json!("x");
    let applied = world.apply(&[object.clone(), world.config_map("a", json!({}))]).await?;
    assert_eq!(actions(&applied.changes), ["a created", "web created"]);
    let alone = world
        .apply_as(
            &world.session,
            &[object],
            Pass::Only(&HashSet::from([world.id("apps", "Deployment", "web")])),
        )
        .await?;
    assert_eq!(actions(&alone.changes), ["web unchanged"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_only_the_rights_of_its_account() -> Result<()> {
    let world = World::new("ssa-tenant").await?;
    let ns = world.ns.name();
    let tenant =
        world.ssa.session(Identity::ServiceAccount { namespace: ns.into(), name: "deployer".into() });
    let objects = [world.config_map("cfg", json!({"a": "1"}))];
    let error = world.apply_as(&tenant, &objects, Pass::Full).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "ConfigMap/{ns}/cfg dry-run failed (Forbidden): configmaps \"cfg\" is forbidden: User \"system:serviceaccount:{ns}:deployer\" cannot patch resource \"configmaps\" in API group \"\" in the namespace \"{ns}\""
        )
    );
    assert!(!tenant.account_exists().await?);
    world.kubectl(&["create", "serviceaccount", "deployer"]);
    world.kubectl(&["create", "role", "r", "--verb=*", "--resource=configmaps"]);
    world.kubectl(&["create", "rolebinding", "r", "--role=r", &format!("--serviceaccount={ns}:deployer")]);
    assert!(tenant.account_exists().await?);
    let applied = world.apply_as(&tenant, &objects, Pass::Full).await?;
    assert_eq!(actions(&applied.changes), ["cfg created"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_recreates_only_when_forced() -> Result<()> {
    let mut world = World::new("ssa-force").await?;
    let ns = world.ns.name().to_owned();
    let object = |world: &World, value: &str, force: &str| {
        let metadata = json!({"annotations": {"kustomize.toolkit.fluxcd.io/force": force}});
        world.object(
            "v1",
            "ConfigMap",
            "cfg",
            json!({"immutable": true, "data": {"a": value}, "metadata": metadata}),
        )
    };
    world.apply(&[object(&world, "1", "disabled")]).await?;
    let uid = world.live("ConfigMap", "cfg").await["metadata"]["uid"].clone();
    let error = world.apply(&[object(&world, "2", "disabled")]).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "ConfigMap/{ns}/cfg dry-run failed (Invalid): ConfigMap \"cfg\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
        )
    );
    let applied = world.apply(&[object(&world, "2", "enabled")]).await?;
    assert_eq!(actions(&applied.changes), ["cfg created"]);
    assert_ne!(world.live("ConfigMap", "cfg").await["metadata"]["uid"], uid);
    world.force = true;
    let changed = HashSet::from([world.id("", "ConfigMap", "cfg")]);
    let applied =
        world.apply_as(&world.session, &[object(&world, "3", "disabled")], Pass::Only(&changed)).await?;
    assert_eq!(actions(&applied.changes), ["cfg created"]);
    assert_eq!(world.live("ConfigMap", "cfg").await["data"]["a"], "3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recreated_and_does_not_go_away_is_put_off() -> Result<()> {
    let mut world = World::new("ssa-held").await?;
    world.force = true;
    let object = |world: &World, name: &str, value: &str| {
        let held = json!({"finalizers": ["example.com/never"]});
        world.object(
            "v1",
            "ConfigMap",
            name,
            json!({"immutable": true, "data": {"a": value}, "metadata": held}),
        )
    };
    let all = |world: &World, value| ["a", "b"].map(|name| object(world, name, value));
    world.apply(&all(&world, "1")).await?;
    let mut second = all(&world, "2").to_vec();
    second.push(world.config_map("free", json!({"a": "1"})));
    let applied = world.apply(&second).await?;
    assert_eq!(actions(&applied.changes), ["free created"]);
    let said: Vec<String> = applied.deferred.iter().map(|one| one.error.to_string()).collect();
    let ns = world.ns.name();
    let text = "immutable field detected, failed to wait for object to be deleted";
    assert_eq!(said, ["a", "b"].map(|name| format!("ConfigMap/{ns}/{name} {text}")));
    for name in ["a", "b"] {
        world.kubectl(&["patch", "cm", name, "--type=merge", "-p", "{\"metadata\":{\"finalizers\":null}}"]);
    }
    let applied = world.apply(&second).await?;
    assert!(applied.deferred.is_empty());
    assert_eq!(world.live("ConfigMap", "a").await["data"]["a"], "2");
    world.kubectl(&["patch", "cm", "a", "b", "--type=merge", "-p", "{\"metadata\":{\"finalizers\":null}}"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_on_either_side_leave_objects_alone() -> Result<()> {
    let world = World::new("ssa-marks").await?;
    let marked = |name: &str, key: &str, value: &str| {
        let mut object = world.config_map(name, json!({"a": "1"}));
        object["metadata"]["annotations"] = json!({ format!("kustomize.toolkit.fluxcd.io/{key}"): value });
        object
    };
    let objects = [
        marked("disabled", "reconcile", "disabled"),
        marked("ignored", "ssa", "Ignore"),
        marked("once", "ssa", "IfNotPresent"),
        world.config_map("live", json!({"a": "1"})),
    ];
    let applied = world.apply(&objects).await?;
    assert_eq!(
        actions(&applied.changes),
        ["disabled skipped", "ignored skipped", "live created", "once created"]
    );
    world.kubectl(&["annotate", "cm", "live", "kustomize.toolkit.fluxcd.io/reconcile=disabled"]);
    for name in ["live", "once"] {
        world.kubectl(&["patch", "cm", name, "--type=merge", "-p", "{\"data\":{\"a\":\"edited\"}}"]);
    }
    for pass in [
        Pass::Full,
        Pass::Heal(&["live", "once"].map(|name| (world.id("", "ConfigMap", name), HashSet::new())).into()),
    ] {
        let again = world.apply_as(&world.session, &objects, pass).await?;
        assert!(
            again.changes.iter().all(|change| change.action == Action::Skipped),
            "{:?}",
            actions(&again.changes)
        );
    }
    for name in ["live", "once"] {
        assert_eq!(world.live("ConfigMap", name).await["data"]["a"], "edited");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_fields_keep_their_live_value() -> Result<()> {
    let mut world = World::new("ssa-ignore").await?;
    let rule = IgnoreRule {
        paths: vec!["/spec/replicas".into()],
        kind: "Deployment".into(),
        ..IgnoreRule::default()
    };
    world.ignore = IgnoreRules::compile(&[rule])?;
    world.apply(&[world.deployment("web", json!({})), world.config_map("a", json!({}))]).await?;
    world.kubectl(&["scale", "deployment", "web", "--replicas=2"]);
    let unchanged =
        world.apply(&[world.deployment("web", json!({})), world.config_map("a", json!({}))]).await?;
    assert_eq!(actions(&unchanged.changes), ["a unchanged", "web unchanged"]);
    let paused = world.deployment("web", json!({"paused": true}));
    let changed = HashSet::from([world.id("apps", "Deployment", "web")]);
    let applied = world.apply_as(&world.session, &[paused], Pass::Only(&changed)).await?;
    assert_eq!(actions(&applied.changes), ["web configured"]);
    let live = world.live("Deployment", "web").await;
    assert_eq!((live["spec"]["replicas"].clone(), live["spec"]["paused"].clone()), (json!(2), json!(true)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_without_the_lease_or_after_a_cancel() -> Result<()> {
    let world = World::new("ssa-fence").await?;
    let objects = vec![manifest::Object::from_value(world.config_map("a", json!({})))?];
    let build = world.session.prepare(objects, &world.owner).await?;
    let cancel = CancellationToken::new();
    let lost = ssa::ApplyOptions { fence: &|| false, ..world.options(Pass::Full, &cancel) };
    assert!(world.session.apply(&build, &lost).await.unwrap_err().to_string().contains("lease is lost"));
    cancel.cancel();
    let cancelled = world.session.apply(&build, &world.options(Pass::Full, &cancel)).await.unwrap_err();
    assert!(cancelled.to_string().contains("cancelled"));
    assert!(world.cluster.find("ConfigMap", world.ns.name(), "a").await?.is_none());
    Ok(())
}
