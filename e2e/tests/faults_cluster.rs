//! Things go wrong inside the cluster: definitions, webhooks, dependencies and owners go away, and the neighbour does not
//! notice.
use std::time::{Duration, Instant};

use e2e::{
    World, eventually,
    faults::{Neighbour, compare, sick, wanted},
};
use serde_json::{Value, json};

async fn world(prefix: &str) -> (World, Neighbour) {
    let world = World::start(prefix).await.unwrap();
    let neighbour = Neighbour::move_in(&world, world.kustomize.as_ref().unwrap()).await.unwrap();
    (world, neighbour)
}

async fn is_calm(world: &World, neighbour: &mut Neighbour, fault: &str) {
    neighbour.changes(world).await.unwrap();
    neighbour.did_not_notice(world, world.kustomize.as_ref().unwrap(), fault).await.unwrap();
}

fn definition(group: &str) -> String {
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("gadgets.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    })
    .to_string()
}

#[tokio::test]
async fn a_definition_deleted_under_its_resources_comes_back_with_them() {
    let (world, mut neighbour) = world("crd-gone").await;
    let group = format!("{}.example.com", world.ns.name());
    let kind = format!("{group}/v1/Gadget");
    let gadget =
        json!({ "apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": { "name": "one" } });
    let files = [("define/crd.yaml", &*definition(&group)), ("use/gadget.yaml", &gadget.to_string())];
    let revision = world.push(&files, "both").await.unwrap();
    for name in ["define", "use"] {
        world.apply_kustomization(name, &format!("./{name}"), sick()).await.unwrap();
    }
    world.applied("use", &revision).await.unwrap();
    let uid = world.get(&kind, "one").await.unwrap()["metadata"]["uid"].clone();

    world.plane.kubectl_ok(&["delete", "crd", &format!("gadgets.{group}")]).unwrap();
    is_calm(&world, &mut neighbour, "CRD deleted").await;
    eventually("the resource is made anew", || async {
        // While the definition is away, its kind cannot even be asked for.
        let found = world.cluster.find(&kind, &world.ns, "one").await;
        Ok(found.ok().flatten().is_some_and(|object| object["metadata"]["uid"] != uid))
    })
    .await
    .unwrap();
    let revision = world.repo.revision().unwrap();
    world.applied("use", &revision).await.unwrap();
    world.applied("define", &revision).await.unwrap();
    for name in ["use", "define"] {
        world.cluster.delete("Kustomization", &world.ns, name).await.unwrap();
        world.gone("Kustomization", name).await.unwrap();
    }
}

fn webhook(ns: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": ns },
        "webhooks": [{
            "name": "nobody.example.com", "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 1,
            "admissionReviewVersions": ["v1"], "clientConfig": { "url": "https://127.0.0.1:1/" },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": ns } },
            "objectSelector": { "matchLabels": { "sick": "true" } },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"] }],
        }],
    })
}

fn policy(ns: &str) -> [Value; 2] {
    let (group, name) = ("admissionregistration.k8s.io/v1", ns);
    let policy = json!({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": { "name": name },
        "spec": {
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"],
            }] },
            "validations": [{ "expression": "!has(object.metadata.labels) || !('sick' in object.metadata.labels)",
                "message": "the sick are not let in" }],
        },
    });
    let binding = json!({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"], "matchResources": {
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": ns } },
        } },
    });
    [policy, binding]
}

fn kubectl(world: &World, verb: &str, object: &Value) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), object.to_string()).unwrap();
    world.plane.kubectl_ok(&[verb, "-f", file.path().to_str().unwrap()]).unwrap();
}

fn labelled(value: &str) -> String {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "sick", "labels": { "sick": "true" } },
        "data": { "v": value } })
    .to_string()
}

fn told(object: &Value, text: &str) -> bool {
    object["status"]["conditions"].to_string().contains(text)
}

#[tokio::test]
async fn a_webhook_that_is_down_and_a_policy_that_denies_stop_only_whom_they_concern() {
    let (world, mut neighbour) = world("webhook").await;
    kubectl(&world, "apply", &webhook(&world.ns));
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.push(&[("sick/cm.yaml", &labelled("1"))], "sick").await.unwrap();
    world.apply_kustomization("sick", "./sick", sick()).await.unwrap();
    world.until("Kustomization", "sick", |object| told(object, "failed calling webhook")).await.unwrap();
    is_calm(&world, &mut neighbour, "webhook down").await;
    kubectl(&world, "delete", &webhook(&world.ns));
    world.applied("sick", &world.repo.revision().unwrap()).await.unwrap();

    for object in &policy(&world.ns) {
        kubectl(&world, "apply", object);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.push(&[("sick/cm.yaml", &labelled("2"))], "sick").await.unwrap();
    world.failed("sick", "the sick are not let in").await.unwrap();
    assert_eq!(world.get("ConfigMap", "sick").await.unwrap()["data"]["v"], "1");
    is_calm(&world, &mut neighbour, "admission denies").await;
    for object in policy(&world.ns).iter().rev() {
        kubectl(&world, "delete", object);
    }
    world.applied("sick", &world.repo.revision().unwrap()).await.unwrap();
    assert_eq!(world.get("ConfigMap", "sick").await.unwrap()["data"]["v"], "2");
}

#[tokio::test]
async fn forty_of_a_hundred_that_fail_again_and_again_do_not_hold_up_the_others() {
    let (world, mut neighbour) = world("forty").await;
    let mut files = vec![(
        "bad/cm.yaml".to_owned(),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n".to_owned(),
    )];
    files
        .extend((0..59).map(|n| (format!("good-{n}/cm.yaml"), World::config_map(&format!("good-{n}"), "1"))));
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let revision = world.push(&borrowed, "a hundred").await.unwrap();
    for number in 0..40 {
        world.apply_kustomization(&format!("bad-{number}"), "./bad", sick()).await.unwrap();
    }
    for number in 0..59 {
        world
            .apply_kustomization(&format!("good-{number}"), &format!("./good-{number}"), json!({}))
            .await
            .unwrap();
    }
    for number in 0..59 {
        world.applied(&format!("good-{number}"), &revision).await.unwrap();
    }
    world.failed("bad-39", "Not_A_Name").await.unwrap();
    let mut slowest = 0.0_f64;
    for _ in 0..5 {
        slowest = slowest.max(neighbour.changes(&world).await.unwrap());
    }
    println!("40 of 100 fail: slowest of five changes of a neighbour {slowest:.2} s");
    let controller = world.kustomize.as_ref().unwrap();
    neighbour.did_not_notice(&world, controller, "40 of 100 failing").await.unwrap();
}

#[tokio::test]
async fn an_object_that_another_manager_takes_again_and_again_is_no_war() {
    let (world, mut neighbour) = world("flapping").await;
    let revision = world.push(&[("sick/cm.yaml", &World::config_map("flaps", "git"))], "sick").await.unwrap();
    world.apply_kustomization("sick", "./sick", json!({})).await.unwrap();
    world.applied("sick", &revision).await.unwrap();
    let own = |request: &&String| request.starts_with("patch ") && request.contains("/configmaps/flaps");
    let before = world.requests("kustomize-controller").unwrap().iter().filter(own).count();
    let begun = Instant::now();
    let mut round = 0;
    while begun.elapsed() < Duration::from_secs(6) {
        round += 1;
        let args = [
            "-n",
            world.ns.name(),
            "patch",
            "configmap",
            "flaps",
            "--field-manager=flapper",
            "--type=merge",
            "-p",
        ];
        let patch = json!({ "data": { "v": format!("flap-{round}") } }).to_string();
        world.plane.kubectl_ok(&[&args[..], &[patch.as_str()]].concat()).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let writes = world.requests("kustomize-controller").unwrap().iter().filter(own).count() - before;
    println!("{round} changes by another manager were answered by {writes} requests");
    assert!(writes <= 4, "{writes} requests about a contested object");
    world.until("ConfigMap", "flaps", |object| object["data"]["v"] == "git").await.unwrap();
    is_calm(&world, &mut neighbour, "flapping").await;
}

#[tokio::test]
async fn cycles_are_named_and_a_chain_of_two_hundred_goes_live() {
    let (world, mut neighbour) = world("chain-200").await;
    let names: Vec<String> = (0..200).map(|n| format!("link-{n}")).collect();
    let files: Vec<(String, String)> =
        names.iter().map(|name| (format!("{name}/cm.yaml"), World::config_map(name, "1"))).collect();
    let borrowed: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let revision = world.push(&borrowed, "a chain").await.unwrap();
    let depends = |on: &str| json!({ "dependsOn": [{ "name": on }] });
    for (name, on) in [("cycle-a", "cycle-b"), ("cycle-b", "cycle-a"), ("itself", "itself")] {
        world.apply_kustomization(name, "./link-0", depends(on)).await.unwrap();
    }
    let begun = Instant::now();
    // The last first: each waits for one that is not there yet.
    for number in (0..200).rev() {
        let spec = if number == 0 { json!({}) } else { depends(&names[number - 1]) };
        world.apply_kustomization(&names[number], &format!("./{}", names[number]), spec).await.unwrap();
    }
    let made = begun.elapsed();
    let live = |object: &Value| object["status"]["lastAppliedRevision"] == revision.as_str();
    let last = ("Kustomization", world.ns.name(), "link-199");
    world.cluster.wait(last, Duration::from_secs(180), live).await.unwrap();
    println!("a chain of 200: made in {made:?}, live {:?} later", begun.elapsed() - made);
    for name in ["cycle-a", "cycle-b", "itself"] {
        let object = world.failed(name, "dependency").await.unwrap();
        assert!(object["status"]["lastAppliedRevision"].is_null(), "{object:#}");
        let events = world.events_of("Kustomization", name).await.unwrap().join("\n");
        assert!(events.contains("Cycle: ") || told(&object, "Cycle: "), "{name}: {events}\n{object:#}");
    }
    is_calm(&world, &mut neighbour, "dependency cycles").await;
}

#[tokio::test]
async fn a_kustomization_goes_also_when_its_source_or_its_account_is_gone() {
    let (world, mut neighbour) = world("gone").await;
    let revision = world.push(&[("sick/cm.yaml", &World::config_map("sick", "1"))], "sick").await.unwrap();
    let second = e2e::git_repository(&world.ns, "second", world.repo.url());
    world.cluster.apply(&second).await.unwrap();
    let source = json!({ "sourceRef": { "kind": "GitRepository", "name": "second" } });
    world.apply_kustomization("sick", "./sick", source).await.unwrap();
    world.applied("sick", &revision).await.unwrap();
    world.cluster.delete("GitRepository", &world.ns, "second").await.unwrap();
    world.gone("GitRepository", "second").await.unwrap();
    world.cluster.delete("Kustomization", &world.ns, "sick").await.unwrap();
    world.gone("Kustomization", "sick").await.unwrap();
    world.gone("ConfigMap", "sick").await.unwrap();

    let (ns, plane) = (world.ns.name(), world.plane);
    plane.kubectl_ok(&["-n", ns, "create", "serviceaccount", "deployer"]).unwrap();
    let account = format!("--serviceaccount={ns}:deployer");
    plane
        .kubectl_ok(&["-n", ns, "create", "rolebinding", "deployer", "--clusterrole=admin", &account])
        .unwrap();
    world.apply_kustomization("sick", "./sick", json!({ "serviceAccountName": "deployer" })).await.unwrap();
    world.applied("sick", &revision).await.unwrap();
    plane.kubectl_ok(&["-n", ns, "delete", "serviceaccount", "deployer"]).unwrap();
    world.cluster.delete("Kustomization", &world.ns, "sick").await.unwrap();
    world.gone("Kustomization", "sick").await.unwrap();
    // As in Flux: without the account nothing is deleted in anybody else's name; the event tells what was left.
    world.get("ConfigMap", "sick").await.unwrap();
    is_calm(&world, &mut neighbour, "source and account gone").await;
}

#[tokio::test]
async fn a_namespace_with_everything_in_it_goes() {
    let (world, _neighbour) = world("ns-gone").await;
    let files = [("sick/cm.yaml", &*World::config_map("sick", "1"))];
    let revision = world.push(&files, "sick").await.unwrap();
    world.apply_kustomization("sick", "./sick", sick()).await.unwrap();
    world.applied("sick", &revision).await.unwrap();
    world.plane.kubectl_ok(&["delete", "namespace", world.ns.name(), "--wait=false"]).unwrap();
    world.cluster.wait_gone(("Namespace", "", world.ns.name()), Duration::from_secs(90)).await.unwrap();
}

#[tokio::test]
async fn a_build_that_falls_to_empty_is_pruned_without_the_guard() {
    let (world, mut neighbour) = world("empty").await;
    let files = [
        ("sick/cm.yaml", &*World::config_map("sick", "1")),
        ("sick/kustomization.yaml", "resources: [cm.yaml]\n"),
    ];
    let revision = world.push(&files, "sick").await.unwrap();
    world.apply_kustomization("sick", "./sick", json!({})).await.unwrap();
    world.applied("sick", &revision).await.unwrap();
    compare(&world, "sick", &wanted(&world.repo, "sick").unwrap()).await.unwrap();
    world.push(&[("sick/kustomization.yaml", "resources: []\n")], "empty").await.unwrap();
    world.gone("ConfigMap", "sick").await.unwrap();
    is_calm(&world, &mut neighbour, "an empty build").await;
}
