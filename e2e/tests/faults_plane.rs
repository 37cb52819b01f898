//! Faults of a whole control plane, on one of its own: the real API server is killed and started again, and one of its
//! groups has nobody behind it.
use std::time::Duration;

use e2e::{
    World, eventually,
    faults::{Neighbour, compare, sick, wanted},
};
use serde_json::{Value, json};
use testkit::{CONTROLLERS, ControlPlane, Controller, FakeForge, Registry, condition, workspace_root};

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

/// Our kinds, in the version that we read.
const KINDS: [(&str, &str); 13] = [
    ("source.toolkit.fluxcd.io/v1", "GitRepository"),
    ("source.toolkit.fluxcd.io/v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io/v1", "Bucket"),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository"),
    ("source.toolkit.fluxcd.io/v1", "HelmChart"),
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("image.toolkit.fluxcd.io/v1", "ImageRepository"),
    ("image.toolkit.fluxcd.io/v1", "ImagePolicy"),
    ("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation"),
    ("notification.toolkit.fluxcd.io/v1", "Receiver"),
    ("notification.toolkit.fluxcd.io/v1beta3", "Provider"),
    ("notification.toolkit.fluxcd.io/v1beta3", "Alert"),
];

/// Takes the schemas of our kinds away: as after another version of the definitions was installed for a while.
async fn without_schemas(world: &World) {
    const CRD: &str = "CustomResourceDefinition";
    for mut crd in world.cluster.list(CRD, "").await.unwrap() {
        let name = crd["metadata"]["name"].as_str().unwrap().to_owned();
        for version in crd["spec"]["versions"].as_array_mut().unwrap() {
            let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
            version["schema"] = json!({ "openAPIV3Schema": any });
            version.as_object_mut().unwrap().remove("selectableFields");
        }
        let versions = json!({ "spec": { "versions": crd["spec"]["versions"] } });
        world.cluster.patch(CRD, "", &name, versions).await.unwrap();
    }
}

/// Specs and statuses that our types cannot hold.
fn shapes() -> Vec<(Value, Value)> {
    let fields = json!({
        "interval": 5, "url": { "a": 1 }, "path": ["x"], "sourceRef": "x", "chart": 7, "chartRef": [], "values": "x",
        "image": null, "policy": [], "imageRepositoryRef": 1, "git": "x", "type": {}, "resources": "x", "address": 1,
        "eventSources": {}, "providerRef": [], "suspend": "maybe", "dependsOn": { "name": "x" }, "ref": "main",
        "secretRef": 7, "timeout": -1, "prune": "yes", "postBuild": [], "update": 3, "events": 9,
    });
    let status = json!({
        "conditions": "none", "artifact": [1], "inventory": { "entries": { "a": 1 } }, "history": 7,
        "observedGeneration": "x", "lastAppliedRevision": {}, "latestRef": 1, "webhookPath": [], "url": 5,
    });
    vec![
        ("text".into(), json!(["list"])),
        (fields, status),
        (
            Value::Null,
            json!({ "conditions": [{ "type": 1 }, "x", null, { "type": "Ready", "status": true }] }),
        ),
        (json!({}), json!({ "conditions": {}, "artifact": "x", "inventory": [] })),
    ]
}

async fn plant_shapes(world: &World, when: &str) {
    for (api_version, kind) in KINDS {
        for (at, (spec, status)) in shapes().into_iter().enumerate() {
            let name = format!("{when}-{at}");
            let metadata = json!({ "name": name, "namespace": world.ns.name() });
            let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata });
            if !spec.is_null() {
                object["spec"] = spec;
            }
            // The API server needs a moment to forget a schema.
            eventually("the object is stored", || async { Ok(world.cluster.create(&object).await.is_ok()) })
                .await
                .unwrap();
            // The kinds without a status subresource take it too, or have no such place.
            let _ = world.cluster.patch_status(kind, &world.ns, &name, status).await;
        }
    }
}

async fn all_five(world: &World) -> Vec<Controller> {
    let mut all: Vec<Controller> = Vec::new();
    for name in CONTROLLERS {
        let told = match all.first() {
            None => "--rate-limit-interval=1s".to_owned(),
            Some(notification) => format!("--events-addr={}/", notification.service_url()),
        };
        all.push(world.plane.controller(name).namespace(&world.ns).arg(told).start().await.unwrap());
    }
    all
}

/// Objects that are as they should be, one of each controller.
async fn plant_good(world: &World, registry: &Registry, forge: &FakeForge) {
    let object = |(api_version, kind): (&str, &str), name: &str, spec: Value| {
        let metadata = json!({ "name": name, "namespace": world.ns.name() });
        json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec })
    };
    let apps = json!({ "kind": "GitRepository", "name": "apps" });
    let chart = json!({ "spec": { "chart": "./chart", "sourceRef": apps } });
    let sources = json!([{ "kind": "Kustomization", "name": "*" }]);
    let image = format!("{}/app", registry.address());
    let alert =
        json!({ "providerRef": { "name": "good" }, "eventSeverity": "info", "eventSources": sources });
    for object in [
        object(KINDS[11], "good", json!({ "type": "generic", "address": forge.url() })),
        object(KINDS[12], "good", alert),
        object(KINDS[6], "good", json!({ "interval": "10m", "chart": chart })),
        object(KINDS[7], "good", json!({ "image": image, "interval": "10m", "insecure": true })),
    ] {
        world.cluster.apply(&object).await.unwrap();
    }
    world.apply_source().await.unwrap();
    world.apply_kustomization("good", "./app", json!({})).await.unwrap();
}

#[tokio::test]
async fn objects_that_no_schema_would_take_stop_none_of_five_controllers() {
    let plane = own_plane(&[]).await;
    let world =
        World::builder("schemas").on(plane).without_source().without_kustomize().start().await.unwrap();
    let (registry, forge) = (Registry::start().await.unwrap(), FakeForge::start().unwrap());
    registry.push_images("app", &["1.0.0"]).await.unwrap();
    let map = World::config_map("of-kustomization", "1");
    let template = World::config_map("of-chart", "1");
    let about = "apiVersion: v2\nname: chart\nversion: 0.1.0\n";
    let files = [("app/cm.yaml", &*map), ("chart/Chart.yaml", about), ("chart/templates/cm.yaml", &template)];
    let revision = world.push(&files, "start").await.unwrap();
    without_schemas(&world).await;
    // Some are there at the first list, and some come by the watch.
    plant_shapes(&world, "before").await;
    assert_eq!(world.get("Kustomization", "before-0").await.unwrap()["spec"], "text");
    let controllers = all_five(&world).await;
    plant_shapes(&world, "after").await;
    plant_good(&world, &registry, &forge).await;
    world.applied("good", &revision).await.unwrap();
    for kind in ["HelmRelease", "ImageRepository"] {
        let ready =
            |object: &Value| condition(object, "Ready").is_some_and(|ready| ready["status"] == "True");
        world.until(kind, "good", ready).await.unwrap();
    }
    for name in ["of-kustomization", "of-chart"] {
        world.get("ConfigMap", name).await.unwrap();
    }
    forge.wait(e2e::SOON, |posted| posted.body["involvedObject"]["name"] == "good").await.unwrap();
    for controller in &controllers {
        assert_eq!(controller.process().exit_status(), None, "{} ended", controller.name());
        let peak = controller.usage().unwrap().peak_rss >> 20;
        println!("{}: peak {peak} MiB", controller.name());
        assert!(!controller.process().log().contains("panicked"), "{} panicked", controller.name());
        assert!(peak < 200, "{}: {peak} MiB", controller.name());
    }
}
