//! Changes made beside Git: undone within a second, told to whoever looks, and no war with other controllers.
use std::time::Duration;

use e2e::{World, deployment, eventually, service, yaml_list};
use serde_json::{Value, json};

fn secret() -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys" }, "stringData": { "token": "from-git" } })
}

async fn started(prefix: &str, objects: &[Value]) -> World {
    let world = World::start(prefix).await.unwrap();
    let revision = world.push(&[("app/app.yaml", &yaml_list(objects))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    world
}

fn kubectl(world: &World, args: &[&str]) {
    world.plane.kubectl_ok(&[&["-n", world.ns.name()], args].concat()).unwrap();
}

async fn event_tells(world: &World, kind: &str, name: &str, words: &[&str]) {
    eventually(&format!("an event on {kind}/{name} holds {words:?}"), || async {
        let events = world.events_of(kind, name).await?;
        Ok(events.iter().any(|event| words.iter().all(|word| event.contains(word))))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn scaling_and_setting_the_environment_by_hand_is_undone_and_the_event_names_who() {
    let world = started("drift", &[deployment("web", "web:1.0", 2)]).await;
    let revision = world.repo.revision().unwrap();
    kubectl(&world, &["set", "env", "deployment/web", "EXTRA=1"]);
    let env = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    world.until("Deployment", "web", |object| env(object).is_null()).await.unwrap();
    event_tells(&world, "Deployment", "web", &["kubectl-set", "env", &revision]).await;
    kubectl(&world, &["set", "image", "deployment/web", "main=web:9.9"]);
    let image = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    world.until("Deployment", "web", |object| image(object) == "web:1.0").await.unwrap();
}

#[tokio::test]
async fn a_deleted_object_is_back() {
    let world = started("delete", &[service("web")]).await;
    let before = world.get("Service", "web").await.unwrap()["metadata"]["uid"].clone();
    kubectl(&world, &["delete", "service", "web"]);
    world.until("Service", "web", |object| object["metadata"]["uid"] != before).await.unwrap();
}

#[tokio::test]
async fn a_changed_secret_is_restored_and_only_its_key_is_told() {
    let world = started("secret", &[secret()]).await;
    let patch = json!({ "stringData": { "token": "canary-in-the-cluster" } }).to_string();
    kubectl(&world, &["patch", "secret", "keys", "--type=merge", "-p", &patch]);
    world.until("Secret", "keys", |object| object["data"]["token"] == "ZnJvbS1naXQ=").await.unwrap();
    event_tells(&world, "Secret", "keys", &["token"]).await;
    let told = world.events_of("Secret", "keys").await.unwrap().join("\n")
        + &world.kustomize.as_ref().unwrap().process().log();
    for canary in ["canary-in-the-cluster", "from-git", "ZnJvbS1naXQ=", "Y2FuYXJ5LWlu"] {
        assert!(!told.contains(canary), "{canary} was told: {told}");
    }
}

#[tokio::test]
async fn a_rollout_restart_replaces_every_pod_once_and_nothing_undoes_it() {
    let world = started("restart", &[deployment("web", "web:1.0", 3)]).await;
    let generation =
        world.get("Deployment", "web").await.unwrap()["metadata"]["generation"].as_i64().unwrap();
    kubectl(&world, &["rollout", "restart", "deployment/web"]);
    let restarted = |object: &Value| {
        let annotations = &object["spec"]["template"]["metadata"]["annotations"];
        annotations["kubectl.kubernetes.io/restartedAt"].is_string()
    };
    let all_new = |object: &Value| {
        object["status"]["updatedReplicas"] == 3
            && object["status"]["availableReplicas"] == 3
            && object["status"]["replicas"] == 3
            && object["status"]["observedGeneration"] == object["metadata"]["generation"]
    };
    world.until("Deployment", "web", |object| restarted(object) && all_new(object)).await.unwrap();
    // A full pass and a commit that has nothing to do with it must leave it alone.
    world.cluster.request_reconcile("Kustomization", &world.ns, "app").await.unwrap();
    let revision =
        world.push(&[("app/cm.yaml", &World::config_map("unrelated", "1"))], "unrelated").await.unwrap();
    world.applied("app", &revision).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = world.get("Deployment", "web").await.unwrap();
    assert!(restarted(&after), "the restart was undone: {after:#}");
    assert_eq!(
        after["metadata"]["generation"].as_i64().unwrap(),
        generation + 1,
        "pods were replaced more than once"
    );
}

fn set(kind: &str, name: &str) -> Value {
    let mut object = deployment(name, "web:1.0", 3);
    object["kind"] = kind.into();
    if kind == "StatefulSet" {
        object["spec"]["serviceName"] = name.into();
    } else if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("replicas");
    }
    object
}

/// Names that the controllers of the cluster give to each content of a pod template.
async fn revisions(world: &World, kind: &str) -> usize {
    let all = world.cluster.list("apps/v1/ControllerRevision", &world.ns).await.unwrap();
    all.iter().filter(|one| one["metadata"]["ownerReferences"][0]["kind"] == kind).count()
}

#[tokio::test]
async fn a_restarted_statefulset_and_daemonset_replace_every_pod_once() {
    let sets = [set("StatefulSet", "stateful"), set("DaemonSet", "daemon")];
    let world = started("sets", &sets).await;
    let ready = |object: &Value| {
        let status = &object["status"];
        let [wanted, updated, there] = match object["kind"].as_str() {
            Some("DaemonSet") => ["desiredNumberScheduled", "updatedNumberScheduled", "numberReady"],
            _ => ["replicas", "updatedReplicas", "readyReplicas"],
        };
        status["observedGeneration"] == object["metadata"]["generation"]
            && status[wanted].as_i64() > Some(0)
            && status[wanted] == status[updated]
            && status[wanted] == status[there]
    };
    for (kind, name) in [("StatefulSet", "stateful"), ("DaemonSet", "daemon")] {
        world.until(kind, name, ready).await.unwrap();
        kubectl(&world, &["rollout", "restart", kind, name]);
        let restarted = |object: &Value| object["metadata"]["generation"] == 2 && ready(object);
        world.until(kind, name, restarted).await.unwrap();
    }
    let token = world.cluster.request_reconcile("Kustomization", &world.ns, "app").await.unwrap();
    world.until("Kustomization", "app", |o| o["status"]["lastHandledReconcileAt"] == *token).await.unwrap();
    let unrelated = World::config_map("unrelated", "1");
    let revision = world.push(&[("app/cm.yaml", &unrelated)], "unrelated").await.unwrap();
    world.applied("app", &revision).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (kind, name) in [("StatefulSet", "stateful"), ("DaemonSet", "daemon")] {
        let after = world.get(kind, name).await.unwrap();
        assert_eq!(after["metadata"]["generation"], 2, "{kind} was written again: {after:#}");
        assert_eq!(revisions(&world, kind).await, 2, "{kind}: pods were replaced more than once");
    }
}

/// Requests of kustomize-controller that may change the Deployment.
fn writes(world: &World) -> usize {
    let requests = world.requests("kustomize-controller").unwrap();
    let of_web = |request: &&String| {
        request.contains("/deployments/web") && request.starts_with("patch") && !request.contains("dryRun")
    };
    requests.iter().filter(of_web).count()
}

#[tokio::test]
async fn replicas_that_git_does_not_name_are_the_autoscalers_alone() {
    let mut object = deployment("web", "web:1.0", 1);
    object["spec"].as_object_mut().unwrap().remove("replicas");
    let world = started("absent", &[object]).await;
    let before = writes(&world);
    for replicas in 2..7 {
        scale_as_autoscaler(&world, replicas).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let token = world.cluster.request_reconcile("Kustomization", &world.ns, "app").await.unwrap();
    world.until("Kustomization", "app", |o| o["status"]["lastHandledReconcileAt"] == *token).await.unwrap();
    assert_eq!(writes(&world), before, "an autoscaler's replicas were written");
    assert_eq!(world.get("Deployment", "web").await.unwrap()["spec"]["replicas"], 6);
}

/// The window of five minutes is cut to 20 seconds of changes every half second: heals come at once and after 10 seconds,
/// and in the rest only the third one would come. `an_object_that_another_manager_takes_again_and_again_is_no_war` waits
/// for it.
#[tokio::test]
async fn a_manager_that_insists_on_replicas_is_answered_three_times_at_most_and_named() {
    let world = started("insists", &[deployment("web", "web:1.0", 2)]).await;
    let (before, begun) = (writes(&world), std::time::Instant::now());
    while begun.elapsed() < Duration::from_secs(20) {
        let replicas = 3 + begun.elapsed().as_secs() % 2;
        let patch = format!(r#"{{"spec":{{"replicas":{replicas}}}}}"#);
        let manager = "--field-manager=an-autoscaler";
        kubectl(&world, &["patch", "deployment", "web", "--type=merge", manager, "-p", &patch]);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let answered = writes(&world) - before;
    assert!((1..=3).contains(&answered), "{answered} writes");
    event_tells(&world, "Deployment", "web", &["an-autoscaler", ".spec.replicas"]).await;
}

/// A stand-in for the autoscaler, which needs metrics of real pods: the write that it makes, under the name it has.
async fn scale_as_autoscaler(world: &World, replicas: u32) {
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/web/scale", world.ns.name());
    let request = http::Request::patch(format!("{path}?fieldManager=kube-controller-manager"))
        .header("content-type", "application/merge-patch+json")
        .body(serde_json::to_vec(&json!({ "spec": { "replicas": replicas } })).unwrap())
        .unwrap();
    world.cluster.client().request_text(request).await.unwrap();
}

#[tokio::test]
async fn an_autoscaler_is_not_fought_over_replicas_that_stand_in_git() {
    let world = started("scaler", &[deployment("web", "web:1.0", 2)]).await;
    let generation =
        world.get("Deployment", "web").await.unwrap()["metadata"]["generation"].as_i64().unwrap();
    for replicas in [4, 5] {
        scale_as_autoscaler(&world, replicas).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let after = world.get("Deployment", "web").await.unwrap();
    assert_eq!(after["spec"]["replicas"], 5, "scaling was fought over between passes");
    assert_eq!(after["metadata"]["generation"].as_i64().unwrap(), generation + 2);
}

/// Undoing what a person did to one field leaves the field of the autoscaler to it.
#[tokio::test]
async fn an_edit_by_hand_is_undone_and_the_autoscaler_keeps_its_replicas() {
    let world = started("beside", &[deployment("web", "web:1.0", 2)]).await;
    scale_as_autoscaler(&world, 4).await;
    kubectl(&world, &["set", "image", "deployment/web", "main=web:9.9"]);
    event_tells(&world, "Deployment", "web", &["kubectl-set", "image"]).await;
    let object = world.get("Deployment", "web").await.unwrap();
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "web:1.0");
    assert_eq!(object["spec"]["replicas"], 4);
}

#[tokio::test]
async fn nothing_is_healed_while_suspended() {
    let world = started("suspend", &[service("web")]).await;
    world
        .cluster
        .patch("Kustomization", &world.ns, "app", json!({ "spec": { "suspend": true } }))
        .await
        .unwrap();
    world
        .until("Kustomization", "app", |object| {
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
        })
        .await
        .unwrap();
    kubectl(&world, &["delete", "service", "web"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(world.cluster.find("Service", &world.ns, "web").await.unwrap().is_none());
    world
        .cluster
        .patch("Kustomization", &world.ns, "app", json!({ "spec": { "suspend": false } }))
        .await
        .unwrap();
    world.until("Service", "web", |_| true).await.unwrap();
}

#[tokio::test]
async fn objects_and_fields_that_are_opted_out_are_left_alone_at_heal_speed() {
    let world = World::start("optout").await.unwrap();
    let marked = |name: &str, value: &str| {
        let mut object = deployment(name, "web:1.0", 1);
        object["metadata"]["annotations"] = json!({ "kustomize.toolkit.fluxcd.io/ssa": value });
        object
    };
    let objects =
        [marked("once", "IfNotPresent"), marked("merged", "Merge"), deployment("ignored", "web:1.0", 1)];
    let revision = world.push(&[("app/app.yaml", &yaml_list(&objects))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    let rule = json!({ "paths": ["/spec/replicas"], "target": { "kind": "Deployment", "name": "ignored" } });
    world.apply_kustomization("app", "./app", json!({ "ignore": [rule] })).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    kubectl(&world, &["scale", "deployment", "once", "--replicas=4"]);
    kubectl(&world, &["label", "deployment", "merged", "extra=1"]);
    kubectl(&world, &["patch", "deployment", "ignored", "--type=merge", "-p", r#"{"spec":{"replicas":4}}"#]);
    // The one that is not opted out is the clock: when it is healed, the others were looked at too.
    kubectl(&world, &["set", "image", "deployment/ignored", "main=web:9.9"]);
    let image = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1.0";
    world.until("Deployment", "ignored", image).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.get("Deployment", "once").await.unwrap()["spec"]["replicas"], 4);
    assert_eq!(world.get("Deployment", "merged").await.unwrap()["metadata"]["labels"]["extra"], "1");
    assert_eq!(world.get("Deployment", "ignored").await.unwrap()["spec"]["replicas"], 4);
}
