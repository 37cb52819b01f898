//! Faults of a whole control plane, on one of its own: the real API server is killed and started again, and one of its
//! groups has nobody behind it.
use std::time::Duration;

use e2e::{
    World, eventually,
    faults::{Neighbour, compare, sick, wanted},
};
use serde_json::{Value, json};
use testkit::{ControlPlane, workspace_root};

async fn own_plane(args: &[&str]) -> &'static ControlPlane {
    let apiserver_args = args.iter().map(|arg| (*arg).to_owned()).collect();
    testkit::require_programs();
    let options = testkit::PlaneOptions { apiserver_args, ..testkit::PlaneOptions::default() };
    let plane = ControlPlane::start_with(options).await.unwrap();
    plane.apply_crds(&workspace_root().join("config/crd")).unwrap();
    // It lives as long as the test program, which ends it.
    Box::leak(Box::new(plane))
}

fn files(value: &str) -> Vec<(String, String)> {
    let objects = (0..20).map(|n| (format!("app-{n}"), value.to_owned())).collect();
    vec![
        ("app/objects.yaml".into(), e2e::faults::config_maps(&objects, |_| false)),
        ("app/kustomization.yaml".into(), "resources: [objects.yaml]\n".into()),
    ]
}

async fn push(world: &World, files: &[(String, String)]) -> String {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    world.push(&files, "files").await.unwrap()
}

#[tokio::test]
async fn an_api_server_that_is_killed_and_starts_again_finds_both_controllers_at_work() {
    // What watches knew is compacted while it is away.
    let plane = own_plane(&["--etcd-compaction-interval=1s"]).await;
    let world = World::builder("restart").on(plane).start().await.unwrap();
    let first = push(&world, &files("0")).await;
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", sick()).await.unwrap();
    world.applied("app", &first).await.unwrap();
    let uid = |object: &Value| object["metadata"]["uid"].clone();
    let before = uid(&world.get("ConfigMap", "app-7").await.unwrap());
    for round in 1..=3 {
        let revision = push(&world, &files(&round.to_string())).await;
        tokio::time::sleep(Duration::from_millis(100 * round)).await;
        plane.restart_apiserver().await.unwrap();
        world.applied("app", &revision).await.unwrap();
        compare(&world, "app", &wanted(&world.repo, "app").unwrap()).await.unwrap();
    }
    assert_eq!(uid(&world.get("ConfigMap", "app-7").await.unwrap()), before);
    for controller in [&world.source, &world.kustomize] {
        assert!(controller.as_ref().unwrap().process().exit_status().is_none());
    }
    a_group_without_anybody_behind_it_stops_only_who_uses_it(&world).await;
}

/// A step of the test above, for a second control plane costs ten seconds.
async fn a_group_without_anybody_behind_it_stops_only_who_uses_it(world: &World) {
    let controller = world.kustomize.as_ref().unwrap();
    let mut neighbour = Neighbour::move_in(world, controller).await.unwrap();
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": { "name": "v1.nobody.example.com" },
        "spec": {
            "group": "nobody.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10,
            "insecureSkipTLSVerify": true, "service": { "name": "nobody", "namespace": "default" },
        },
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), service.to_string()).unwrap();
    world.plane.kubectl_ok(&["apply", "-f", file.path().to_str().unwrap()]).unwrap();
    let object =
        json!({ "apiVersion": "nobody.example.com/v1", "kind": "Thing", "metadata": { "name": "one" } });
    push(world, &[("sick/thing.yaml".into(), object.to_string())]).await;
    world.apply_kustomization("sick", "./sick", sick()).await.unwrap();
    let told = |object: &Value| object["status"]["conditions"].to_string().contains("nobody.example.com");
    world.until("Kustomization", "sick", told).await.unwrap();
    for _ in 0..3 {
        neighbour.changes(world).await.unwrap();
    }
    neighbour.did_not_notice(world, controller, "API group unavailable").await.unwrap();
    // What is removed while a group cannot be asked is removed all the same; what it may hold is kept.
    let fewer = e2e::faults::config_maps(&[("app-0".to_owned(), "9".to_owned())].into(), |_| false);
    let revision = push(world, &[("app/objects.yaml".into(), fewer)]).await;
    world.applied("app", &revision).await.unwrap();
    compare(world, "app", &wanted(&world.repo, "app").unwrap()).await.unwrap();
    world.plane.kubectl_ok(&["delete", "apiservice", "v1.nobody.example.com"]).unwrap();
    world.repo.remove(&["sick/thing.yaml"], "no thing").unwrap();
    let revision = push(world, &[("sick/cm.yaml".into(), World::config_map("sick", "1"))]).await;
    eventually("the sick one recovers", || async {
        let object = world.get("Kustomization", "sick").await?;
        Ok(object["status"]["lastAppliedRevision"] == revision.as_str())
    })
    .await
    .unwrap();
}
