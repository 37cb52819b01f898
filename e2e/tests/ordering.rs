//! Roots of roots, moves, and custom resources with their definitions.
use e2e::{SOON, World, kustomization};
use serde_json::{Value, json};

fn child(world: &World, name: &str, path: &str) -> String {
    kustomization(&world.ns, name, "apps", path, json!({})).to_string()
}

fn uid(object: &Value) -> &Value {
    &object["metadata"]["uid"]
}

#[tokio::test]
async fn kustomizations_three_deep_follow_what_git_says_of_their_children() {
    let world = World::start("deep").await.unwrap();
    let files = [
        ("root/middle.yaml", child(&world, "middle", "./middle")),
        ("middle/leaf.yaml", child(&world, "leaf", "./leaf")),
        ("leaf/cm.yaml", World::config_map("deep", "1")),
        ("other/empty.yaml", World::config_map("other", "1")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let first = world.push(&files, "three deep").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("root", "./root", json!({})).await.unwrap();
    world.applied("leaf", &first).await.unwrap();
    world.get("ConfigMap", "deep").await.unwrap();

    let added = child(&world, "second", "./other");
    let second = world.push(&[("middle/second.yaml", &added)], "a child more").await.unwrap();
    world.applied("second", &second).await.unwrap();
    world.get("ConfigMap", "other").await.unwrap();

    world.repo.remove(&["middle/leaf.yaml"], "a child less").unwrap();
    world.tell_source().await.unwrap();
    world.gone("Kustomization", "leaf").await.unwrap();
    world.gone("ConfigMap", "deep").await.unwrap();
    world.get("ConfigMap", "other").await.unwrap();
}

#[tokio::test]
async fn a_child_moved_between_parents_keeps_its_objects() {
    let world = World::start("adopt").await.unwrap();
    let leaf = child(&world, "leaf", "./leaf");
    let files = [
        ("a/leaf.yaml", leaf.as_str()),
        ("a/keep.yaml", &World::config_map("in-a", "1")),
        ("b/keep.yaml", &World::config_map("in-b", "1")),
        ("leaf/cm.yaml", &World::config_map("deep", "1")),
    ];
    world.push(&files, "two parents").await.unwrap();
    world.apply_source().await.unwrap();
    for parent in ["a", "b"] {
        world.apply_kustomization(parent, &format!("./{parent}"), json!({})).await.unwrap();
    }
    let revision = world.repo.revision().unwrap();
    world.applied("leaf", &revision).await.unwrap();
    world.applied("b", &revision).await.unwrap();
    let before = world.get("ConfigMap", "deep").await.unwrap();

    std::fs::rename(world.repo.work().join("a/leaf.yaml"), world.repo.work().join("b/leaf.yaml")).unwrap();
    let moved =
        world.push(&[("leaf/cm.yaml", &World::config_map("deep", "2"))], "the child moves").await.unwrap();
    world.applied("a", &moved).await.unwrap();
    world.applied("leaf", &moved).await.unwrap();
    let after = world.until("ConfigMap", "deep", |object| object["data"]["v"] == "2").await.unwrap();
    assert_eq!(uid(&before), uid(&after));
    let owner = &world.get("Kustomization", "leaf").await.unwrap()["metadata"]["labels"];
    assert_eq!(owner["kustomize.toolkit.fluxcd.io/name"], "b");
}

/// Kustomizations `a` and `b` with an object each that stays, and one in `home` that will move.
async fn a_and_b(prefix: &str, home: &str, spec: &Value) -> World {
    let world = World::start(prefix).await.unwrap();
    let files = [
        (&*format!("{home}/moves.yaml"), &*World::config_map("moves", "1")),
        ("a/keep.yaml", &World::config_map("in-a", "1")),
        ("b/keep.yaml", &World::config_map("in-b", "1")),
    ];
    let first = world.push(&files, "before the move").await.unwrap();
    world.apply_source().await.unwrap();
    for name in ["a", "b"] {
        world.apply_kustomization(name, &format!("./{name}"), spec.clone()).await.unwrap();
        world.applied(name, &first).await.unwrap();
    }
    world
}

#[tokio::test]
async fn an_object_moved_between_kustomizations_keeps_its_uid() {
    let world = a_and_b("move", "a", &json!({})).await;
    let before = world.get("ConfigMap", "moves").await.unwrap();

    std::fs::rename(world.repo.work().join("a/moves.yaml"), world.repo.work().join("b/moves.yaml")).unwrap();
    let second = world.push(&[("README", "moved")], "in b").await.unwrap();
    for name in ["a", "b"] {
        world.applied(name, &second).await.unwrap();
    }
    let after = world.get("ConfigMap", "moves").await.unwrap();
    assert_eq!(uid(&before), uid(&after));
    assert_eq!(after["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"], "b");
    let inventory =
        world.get("Kustomization", "a").await.unwrap()["status"]["inventory"]["entries"].to_string();
    assert!(!inventory.contains("_moves_"), "{inventory}");
}

#[tokio::test]
async fn a_child_goes_with_its_objects_also_when_its_source_goes_in_the_same_commit() {
    let world = World::start("gone").await.unwrap();
    let mut source = e2e::git_repository(&world.ns, "own", world.repo.url());
    source["spec"]["interval"] = json!("10m");
    let leaf = kustomization(&world.ns, "leaf", "own", "./leaf", json!({})).to_string();
    let files = [
        ("root/source.yaml", source.to_string()),
        ("root/leaf.yaml", leaf),
        ("root/keep.yaml", World::config_map("keep", "1")),
        ("leaf/cm.yaml", World::config_map("deep", "1")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let first = world.push(&files, "child and source").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("root", "./root", json!({})).await.unwrap();
    world.applied("leaf", &first).await.unwrap();
    world.get("ConfigMap", "deep").await.unwrap();

    world.repo.remove(&["root/source.yaml", "root/leaf.yaml"], "both go").unwrap();
    world.tell_source().await.unwrap();
    world.applied("root", &world.repo.revision().unwrap()).await.unwrap();
    world.gone("Kustomization", "leaf").await.unwrap();
    world.gone("GitRepository", "own").await.unwrap();
    world.gone("ConfigMap", "deep").await.unwrap();
    world.get("ConfigMap", "keep").await.unwrap();
}

fn definition(group: &str, scope: &str) -> String {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("widgets.{group}") },
        "spec": {
            "group": group,
            "scope": scope,
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                } },
            }],
        },
    })
    .to_string()
}

fn widget(group: &str) -> String {
    json!({ "apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": { "name": "one" }, "spec": {} })
        .to_string()
}

#[tokio::test]
async fn a_definition_and_its_resource_in_one_kustomization_go_live_without_a_failed_interval() {
    let world = World::start("crd").await.unwrap();
    let group = format!("{}.example.com", world.ns.name());
    let files =
        [("app/a-widget.yaml", &*widget(&group)), ("app/b-crd.yaml", &*definition(&group, "Namespaced"))];
    let revision = world.push(&files, "both").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    world.get(&format!("{group}/v1/Widget"), "one").await.unwrap();
    let errors: Vec<_> =
        world.events.events().into_iter().filter(|event| event["severity"] == "error").collect();
    assert!(errors.is_empty(), "{errors:?}");
    world.cluster.delete("Kustomization", &world.ns, "app").await.unwrap();
    world.gone("Kustomization", "app").await.unwrap();
}

#[tokio::test]
async fn a_resource_waits_for_a_definition_of_another_kustomization_without_depends_on() {
    let world = World::start("crd2").await.unwrap();
    let group = format!("{}.example.com", world.ns.name());
    let files =
        [("use/widget.yaml", &*widget(&group)), ("define/crd.yaml", &*definition(&group, "Namespaced"))];
    let revision = world.push(&files, "apart").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("use", "./use", json!({})).await.unwrap();
    let waiting = |object: &Value| {
        let reconciling = testkit::condition(object, "Reconciling");
        reconciling.is_some_and(|condition| {
            condition["message"].as_str().is_some_and(|text| text.contains("Widget"))
        })
    };
    let key = ("Kustomization", world.ns.name(), "use");
    world.cluster.wait(key, SOON, waiting).await.unwrap();
    world.apply_kustomization("define", "./define", json!({})).await.unwrap();
    world.applied("use", &revision).await.unwrap();
    world.get(&format!("{group}/v1/Widget"), "one").await.unwrap();
    for name in ["use", "define"] {
        world.cluster.delete("Kustomization", &world.ns, name).await.unwrap();
        world.gone("Kustomization", name).await.unwrap();
    }
}

#[tokio::test]
async fn a_resource_without_a_namespace_that_waited_for_its_definition_is_not_deleted_by_its_first_id() {
    let world = World::start("crd3").await.unwrap();
    let group = format!("{}.example.com", world.ns.name());
    let files = [("app/widget.yaml", &*widget(&group)), ("app/cm.yaml", &World::config_map("beside", "1"))];
    let revision = world.push(&files, "a resource of a kind that is not there yet").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    let waiting = |object: &Value| object["status"]["inventory"]["entries"].to_string().contains("Widget");
    world.cluster.wait(("Kustomization", world.ns.name(), "app"), SOON, waiting).await.unwrap();
    let definition: Value = serde_json::from_str(&definition(&group, "Cluster")).unwrap();
    world.cluster.apply(&definition).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    let kind = format!("{group}/v1/Widget");
    let before = world.cluster.get(&kind, "", "one").await.unwrap();

    let second = world.push(&[("app/cm.yaml", &World::config_map("beside", "2"))], "another").await.unwrap();
    world.applied("app", &second).await.unwrap();
    let after = world.cluster.get(&kind, "", "one").await.unwrap();
    assert_eq!(uid(&before), uid(&after));
    assert!(after["metadata"]["deletionTimestamp"].is_null());
    let inventory = &world.get("Kustomization", "app").await.unwrap()["status"]["inventory"]["entries"];
    let ids: Vec<&str> =
        inventory.as_array().unwrap().iter().filter_map(|entry| entry["id"].as_str()).collect();
    assert_eq!(
        ids.iter().filter(|id| id.contains("Widget")).collect::<Vec<_>>(),
        [&format!("_one_{group}_Widget")]
    );

    world.cluster.delete("Kustomization", &world.ns, "app").await.unwrap();
    world.gone("Kustomization", "app").await.unwrap();
    world.cluster.delete("CustomResourceDefinition", "", &format!("widgets.{group}")).await.unwrap();
}

/// What one took over and dropped again while the other, which still lists it, could not be built: neither forgets it.
#[tokio::test]
async fn an_object_that_another_claims_and_never_takes_is_not_lost() {
    let world = a_and_b("claim", "b", &json!({ "retryInterval": "1s" })).await;
    std::fs::rename(world.repo.work().join("b/moves.yaml"), world.repo.work().join("a/moves.yaml")).unwrap();
    let second = world.push(&[("b/keep.yaml", "kind: [")], "in a, and b is broken").await.unwrap();
    world.applied("a", &second).await.unwrap();
    world.repo.remove(&["a/moves.yaml"], "nowhere").unwrap();
    let third = world.repo.revision().unwrap();
    world.tell_source().await.unwrap();
    world.applied("a", &third).await.unwrap();
    world.get("ConfigMap", "moves").await.unwrap();
    let inventory =
        world.get("Kustomization", "a").await.unwrap()["status"]["inventory"]["entries"].to_string();
    assert!(inventory.contains("_moves_"), "b claims it, and has not taken it: {inventory}");

    let fourth =
        world.push(&[("b/keep.yaml", &World::config_map("in-b", "2"))], "b is mended").await.unwrap();
    for name in ["a", "b"] {
        world.applied(name, &fourth).await.unwrap();
    }
    world.push(&[("a/keep.yaml", &World::config_map("in-a", "2"))], "a changes").await.unwrap();
    world.gone("ConfigMap", "moves").await.unwrap();
}
