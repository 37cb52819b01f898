//! `diff kustomization`: what the controller's next apply would do, and nothing else.
use std::path::Path;

use e2e::{World, deployment, yaml_list};
use serde_json::{Value, json};

use super::sluice::Sluice;

const MARKS: &str = "kustomize.toolkit.fluxcd.io";

fn map(name: &str, annotations: Value, data: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "annotations": annotations },
        "data": data,
    })
}

/// Objects that each want something of their own of an apply.
fn objects() -> Vec<Value> {
    let scaler = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "web" },
        "spec": { "maxReplicas": 3, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "none" } },
    });
    let once = json!({ format!("{MARKS}/ssa"): "IfNotPresent" });
    let forced = json!({ format!("{MARKS}/force"): "enabled" });
    let mut fixed = map("fixed", forced, json!({ "a": "1" }));
    fixed["immutable"] = true.into();
    vec![
        map("settings", json!({}), json!({ "a": "1", "b": "2" })),
        map("once", once, json!({ "a": "1" })),
        fixed,
        scaler,
        deployment("web", "web:1.0", 1),
    ]
}

/// What it prints for these files, and its exit code.
fn diff(sluice: &Sluice, dir: &Path, objects: &[Value]) -> (Option<i32>, String) {
    std::fs::write(dir.join("app.yaml"), yaml_list(objects)).unwrap();
    let done = sluice.run(&format!("diff kustomization apps --path={}", dir.display()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout) + &text(&done.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_what_the_controller_would_do() {
    let world = World::start("differ").await.unwrap();
    let all = objects();
    let kept = map("kept", json!({ format!("{MARKS}/prune"): "disabled" }), json!({}));
    let pushed = [all.clone(), vec![kept, map("gone", json!({}), json!({}))]].concat();
    let first = world.push(&[("app/app.yaml", &yaml_list(&pushed))], "first").await.unwrap();
    world.apply_source().await.unwrap();
    let ignore = json!({ "ignore": [{ "paths": ["/spec/replicas"], "target": { "kind": "Deployment" } }] });
    world.apply_kustomization("apps", "./app", ignore).await.unwrap();
    world.applied("apps", &first).await.unwrap();
    let sluice = Sluice::of(&world.plane.kubeconfig(), world.ns.name());
    let dir = tempfile::tempdir().unwrap();
    let kubectl = |words: &str| {
        let words: Vec<&str> = ["-n", world.ns.name()].into_iter().chain(words.split(' ')).collect();
        world.plane.kubectl_ok(&words).unwrap()
    };

    let (code, told) = diff(&sluice, dir.path(), &pushed);
    assert_eq!(code, Some(0), "{told}");
    assert!(!told.contains("drifted") && !told.contains("autoscaling"), "{told}");

    let mut changed = all;
    changed[0]["data"].as_object_mut().unwrap().remove("b");
    changed[1]["data"]["a"] = "2".into();
    changed[2]["data"]["a"] = "2".into();
    changed[4]["spec"]["replicas"] = 2.into();
    let (code, told) = diff(&sluice, dir.path(), &changed);
    assert_eq!(code, Some(1), "{told}");
    for words in [
        "- one map entry removed:\n    b: 2",
        "/fixed recreated",
        "/once skipped",
        "/kept skipped",
        "/gone deleted",
    ] {
        assert!(told.contains(words), "{words} is missing in: {told}");
    }
    assert_eq!(told.matches(" drifted").count(), 1, "{told}");

    kubectl("patch kustomization apps --type=merge -p {\"spec\":{\"prune\":false}}");
    let mut odd = changed.clone();
    odd.insert(0, json!({ "apiVersion": "apps/v0", "kind": "Deployment", "metadata": { "name": "odd" } }));
    let (code, told) = diff(&sluice, dir.path(), &odd);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("not served in version 'apps/v0'") && told.contains("/settings drifted"), "{told}");
    assert!(!told.contains("deleted") && !told.contains("kept"), "{told}");
}
