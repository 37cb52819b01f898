//! Each metric of ours is provoked once and read as exactly 1, and series vanish with their object.
use e2e::{World, deployment, eventually, yaml_list};
use serde_json::json;
use testkit::Controller;

async fn reads(controller: &Controller, name: &str, labels: &[(&str, &str)], value: f64) {
    let claim = format!("{name} with {labels:?} reads {value}");
    eventually(&claim, || async {
        let metrics = controller.metrics().await?;
        Ok((metrics.sum(name, labels) - value).abs() < f64::EPSILON)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_change_its_rollback_and_drift_are_each_counted_once() {
    let world = World::start("metrics").await.unwrap();
    let (source, kustomize) = (world.source.as_ref().unwrap(), world.kustomize.as_ref().unwrap());
    let app = yaml_list(&[deployment("web", "web:1.0", 1)]);
    let first = world.push(&[("app/app.yaml", &app)], "first").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &first).await.unwrap();
    let own = [("name", "app"), ("namespace", world.ns.name())];
    reads(kustomize, "sluice_lead_time_seconds_count", &own, 1.0).await;
    reads(kustomize, "sluice_rollback_seconds_count", &own, 0.0).await;
    reads(source, "sluice_changes_total", &[("origin", "source"), ("signed", "false")], 1.0).await;
    let info = [("name", "app"), ("exported_namespace", world.ns.name()), ("ready", "True")];
    reads(kustomize, "sluice_resource_info", &info, 1.0).await;
    reads(source, "sluice_resource_info", &[("name", "apps"), ("ready", "True")], 1.0).await;

    let args = ["-n", world.ns.name(), "set", "image", "deployment/web", "main=web:9.9"];
    world.plane.kubectl_ok(&args).unwrap();
    let drift = [("kind", "Deployment"), ("manager", "kubectl-set"), ("action", "healed")];
    reads(kustomize, "sluice_drift_total", &drift, 1.0).await;
    reads(kustomize, "sluice_manual_changes_total", &[("manager", "kubectl-set")], 1.0).await;
    reads(kustomize, "sluice_changes_total", &[("origin", "cluster")], 1.0).await;

    let second = yaml_list(&[deployment("web", "web:2.0", 1)]);
    let second = world.push(&[("app/app.yaml", &second)], "second").await.unwrap();
    world.applied("app", &second).await.unwrap();
    reads(kustomize, "sluice_lead_time_seconds_count", &own, 2.0).await;
    reads(kustomize, "sluice_rollback_seconds_count", &own, 0.0).await;
    world.repo.revert("HEAD").unwrap();
    world.tell_source().await.unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    reads(kustomize, "sluice_rollback_seconds_count", &own, 1.0).await;
    reads(kustomize, "sluice_lead_time_seconds_count", &own, 3.0).await;

    world.cluster.delete("Kustomization", &world.ns, "app").await.unwrap();
    world.gone("Kustomization", "app").await.unwrap();
    let names =
        ["sluice_resource_info", "sluice_lead_time_seconds_count", "gotk_reconcile_duration_seconds_count"];
    for name in names {
        eventually(&format!("{name} of a deleted object is gone"), || async {
            Ok(kustomize.metrics().await?.count(name, &[("name", "app")]) == 0)
        })
        .await
        .unwrap();
    }
}
