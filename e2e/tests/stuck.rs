//! Stuck at three in the morning: `kubectl get` and `kubectl describe` of the Kustomization alone hold the object, its
//! pod and the container's own reason, file and commit, since when, how often it was tried, when it is next, and a
//! command to run.
//!
//! Pods fail as the stages of the fake node say (`crates/testkit/kwok/stages.yaml`): the reasons are written as a kubelet
//! would write them, no image is pulled and nothing runs. Everything else is real.
use anyhow::Result;
use e2e::{World, deployment, eventually, stuck::all, stuck::shows, yaml_list};
use futures::future::join_all;
use serde_json::{Value, json};

/// A Kustomization that gets stuck: its name is its folder.
struct Row {
    name: &'static str,
    file: String,
    spec: Value,
    /// What is shown beside file, commit, times and tries; `NS` stands for the namespace.
    words: Vec<&'static str>,
}

fn row(name: &'static str, file: impl Into<String>, spec: Value, words: &[&'static str]) -> Row {
    Row { name, file: file.into(), spec, words: words.to_vec() }
}

fn waiting() -> Value {
    json!({ "wait": true, "timeout": "10s" })
}

fn workload(name: &str, image: &str) -> String {
    yaml_list(&[deployment(name, image, 1)])
}

fn nowhere() -> String {
    let mut object = deployment("nowhere", "web:1.0", 1);
    object["spec"]["template"]["spec"]["nodeSelector"] = json!({ "there": "is-none" });
    yaml_list(&[object])
}

fn config_map(name: &str, labels: Value) -> String {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": labels } })
        .to_string()
}

/// Commits all rows at once and applies their Kustomizations.
async fn started(prefix: &str, rows: &[Row]) -> (World, String) {
    let world = World::start(prefix).await.unwrap();
    let paths: Vec<String> = rows.iter().map(|row| format!("{}/app.yaml", row.name)).collect();
    let files: Vec<(&str, &str)> =
        rows.iter().zip(&paths).map(|(row, path)| (path.as_str(), row.file.as_str())).collect();
    let revision = world.push(&files, "stuck").await.unwrap();
    world.apply_source().await.unwrap();
    for row in rows {
        world.apply_kustomization(row.name, &format!("./{}", row.name), row.spec.clone()).await.unwrap();
    }
    (world, revision)
}

async fn judge(world: &World, row: &Row, place: &str) -> Result<()> {
    let namespace = world.ns.name();
    let words: Vec<String> = row.words.iter().map(|word| word.replace("NS", namespace)).collect();
    let mut all: Vec<&str> = vec![place, "Since: 20", ", try ", ", next try at 20", "Ready", "False"];
    all.extend(words.iter().map(String::as_str));
    shows(world, "kustomization", row.name, &all).await
}

#[tokio::test]
async fn pods_that_do_not_start_are_told_with_container_file_and_commit() {
    let rows = [
        row(
            "pull",
            workload("pull", "broken:1"),
            waiting(),
            &[
                "Deployment/NS/pull: pod pull-",
                "container main: ImagePullBackOff: Back-off pulling image \"broken:1\": not found",
                "Run: kubectl -n NS describe pod pull-",
            ],
        ),
        row(
            "crash",
            workload("crash", "crash:1"),
            waiting(),
            &[
                "Deployment/NS/crash: pod crash-",
                "container main: CrashLoopBackOff: last exit: Error, code 1",
                "-c main --previous",
            ],
        ),
        row(
            "nowhere",
            nowhere(),
            waiting(),
            &[
                "Deployment/NS/nowhere: pod nowhere-",
                "Unschedulable: 0/1 nodes are available",
                "Run: kubectl -n NS describe pod nowhere-",
            ],
        ),
    ];
    let (world, revision) = started("stuck", &rows).await;
    let judged = rows.iter().map(|row| {
        let place =
            format!("Where: Deployment/{0}/{1} in {1}/app.yaml, at {revision}", world.ns.name(), row.name);
        let world = &world;
        async move { judge(world, row, &place).await }
    });
    all(join_all(judged).await);
}

/// A webhook at an address where nobody listens, for ConfigMaps of the namespace with a label.
async fn webhook_down(world: &World) -> String {
    let name = format!("down-{}", world.ns.name());
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": name },
        "webhooks": [{
            "name": "down.example.com",
            "clientConfig": { "url": "https://127.0.0.1:1/" },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"] }],
            "objectSelector": { "matchLabels": { "judged": "yes" } },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": world.ns.name() } },
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
        }],
    });
    world.cluster.apply(&webhook).await.unwrap();
    name
}

#[tokio::test]
async fn what_the_api_server_refuses_is_told_with_file_commit_and_command() {
    let world = World::start("refused").await.unwrap();
    let full = world.plane.namespace("full").await.unwrap();
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "none", "namespace": full.name() },
        "spec": { "hard": { "count/secrets": "0" } },
    });
    world.cluster.apply(&quota).await.unwrap();
    world
        .cluster
        .wait(("v1/ResourceQuota", &full, "none"), e2e::SOON, |o| o["status"]["hard"].is_object())
        .await
        .unwrap();
    let webhook = webhook_down(&world).await;
    let short = json!({ "timeout": "4s" });
    let rows = [
        row(
            "quota",
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "quota" } }).to_string(),
            json!({ "targetNamespace": full.name() }),
            &["exceeded quota: none", "describe resourcequota"],
        ),
        row(
            "webhook",
            config_map("webhook", json!({ "judged": "yes" })),
            short.clone(),
            &[
                "failed calling webhook \"down.example.com\"",
                "Run: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
            ],
        ),
        row(
            "crd",
            json!({ "apiVersion": "nobody.example/v1", "kind": "Widget", "metadata": { "name": "crd" } })
                .to_string(),
            short,
            &[
                "no matches for kind \"Widget\" in version \"nobody.example/v1\"",
                "Run: kubectl api-resources --api-group=nobody.example",
            ],
        ),
        row(
            "immutable",
            workload("immutable", "web:1.0"),
            json!({}),
            &["field is immutable", "Run: kubectl -n NS describe deployment.apps/immutable"],
        ),
    ];
    let files: Vec<(String, &str)> =
        rows.iter().map(|row| (format!("{}/app.yaml", row.name), row.file.as_str())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let first = world.push(&files, "first").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("immutable", "./immutable", json!({})).await.unwrap();
    world.applied("immutable", &first).await.unwrap();
    let mut changed = deployment("immutable", "web:1.0", 1);
    changed["spec"]["selector"]["matchLabels"] = json!({ "app": "immutable", "more": "1" });
    changed["spec"]["template"]["metadata"]["labels"] = json!({ "app": "immutable", "more": "1" });
    let revision = world.push(&[("immutable/app.yaml", &yaml_list(&[changed]))], "selector").await.unwrap();
    world.until("GitRepository", "apps", |o| o["status"]["artifact"]["revision"] == *revision).await.unwrap();
    for row in rows.iter().filter(|row| row.name != "immutable") {
        world.apply_kustomization(row.name, &format!("./{}", row.name), row.spec.clone()).await.unwrap();
    }
    let judged = rows.iter().map(|row| {
        let (world, place) = (&world, format!(" in {}/app.yaml, at {revision}", row.name));
        async move { judge(world, row, &place).await }
    });
    let results = join_all(judged).await;
    world
        .cluster
        .delete("admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration", "", &webhook)
        .await
        .unwrap();
    all(results);
}

#[tokio::test]
async fn what_cannot_be_built_is_told_with_place_and_command() {
    let strict = json!({ "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": "values" }] } });
    let absent = json!({ "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": "absent" }] } });
    let unjudged = json!({
        "wait": true, "timeout": "10s",
        "healthCheckExprs": [{ "apiVersion": "v1", "kind": "ConfigMap", "current": "status.nothing == 1" }],
    });
    let variable = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "key" }, "data": { "p": "${password}" } });
    let rows = [
        row(
            "path",
            config_map("path", json!({})),
            json!({ "path": "./not/there" }),
            &["kustomization path not found", "Run: git ls-tree -rd --name-only"],
        ),
        row(
            "yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml\n",
            json!({}),
            &["yaml/app.yaml", "kustomize build ./yaml"],
        ),
        row(
            "secret",
            config_map("secret", json!({})),
            absent,
            &[
                "substitute from 'Secret/absent' error: secrets \"absent\" not found",
                "Run: kubectl -n NS describe secret absent",
            ],
        ),
        row(
            "expression",
            config_map("expression", json!({})),
            unjudged,
            &["Why: ConfigMap/NS/expression: ", "Run: kubectl -n NS describe configmap/expression"],
        ),
        row(
            "key",
            variable.to_string(),
            strict,
            &["ConfigMap.v1.[noGrp]/key", "password", "kustomize build ./key"],
        ),
    ];
    let (world, revision) = started("build", &rows).await;
    let values = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "values", "namespace": world.ns.name() },
        "stringData": { "user": "somebody" },
    });
    world.cluster.apply(&values).await.unwrap();
    let place = format!("at {revision}");
    all(join_all(rows.iter().map(|row| judge(&world, row, &place))).await);
}

#[tokio::test]
async fn a_namespace_and_a_finalizer_that_never_end_are_told() {
    let world = World::start("ending").await.unwrap();
    let going = world.plane.namespace("going").await.unwrap();
    let held = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "held", "namespace": going.name(), "finalizers": ["example.com/never"] },
    });
    world.cluster.apply(&held).await.unwrap();
    world.cluster.delete("Namespace", "", &going).await.unwrap();
    let mut kept = held.clone();
    kept["metadata"]["namespace"] = world.ns.name().into();
    let files = [("going/app.yaml", config_map("late", json!({}))), ("kept/app.yaml", kept.to_string())];
    let revision =
        world.push(&files.each_ref().map(|(path, text)| (*path, text.as_str())), "ending").await.unwrap();
    world.apply_source().await.unwrap();
    let spec = json!({ "targetNamespace": going.name() });
    let row = Row { name: "going", file: String::new(), spec, words: vec!["because it is being terminated"] };
    world.apply_kustomization("going", "./going", row.spec.clone()).await.unwrap();
    let place = format!("Where: ConfigMap/{}/late in going/app.yaml, at {revision}", going.name());
    let command = format!("Run: kubectl get namespace {} -o yaml", going.name());
    let told = judge(&world, &row, &place).await;
    let told = told.and(shows(&world, "kustomization", "going", &[&command]).await);

    world
        .apply_kustomization("kept", "./kept", json!({ "deletionPolicy": "WaitForTermination" }))
        .await
        .unwrap();
    world.applied("kept", &revision).await.unwrap();
    world.cluster.delete("Kustomization", &world.ns, "kept").await.unwrap();
    let waits =
        format!("waiting for the termination of ConfigMap/{}/held: finalizers hold it", world.ns.name());
    let command = format!("kubectl -n {} get configmap/held -o jsonpath=", world.ns.name());
    let held = shows(&world, "kustomization", "kept", &[&waits, &command]).await;

    let free = json!({ "metadata": { "finalizers": null } });
    world.cluster.patch("ConfigMap", &going, "held", free.clone()).await.unwrap();
    world.cluster.patch("ConfigMap", &world.ns, "held", free).await.unwrap();
    all(vec![told, held]);
    world.gone("Kustomization", "kept").await.unwrap();
}

#[tokio::test]
async fn a_cycle_of_dependencies_is_named_on_each_of_its_members() {
    let world = World::start("cycle").await.unwrap();
    world.push(&[("app/cm.yaml", &World::config_map("never", "1"))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    for (name, next) in [("a", "b"), ("b", "c"), ("c", "a"), ("self", "self")] {
        let spec = json!({ "dependsOn": [{ "name": next }] });
        world.apply_kustomization(name, "./app", spec).await.unwrap();
    }
    let ns = world.ns.name();
    let long = format!("Cycle: {ns}/b -> {ns}/c -> {ns}/a -> {ns}/b; none of them can start");
    let short = format!("Cycle: {ns}/self -> {ns}/self;");
    let command = format!("Run: kubectl -n {ns} get kustomizations");
    all(vec![
        shows(&world, "kustomization", "b", &[&long, &command, "dependency", "is not ready"]).await,
        shows(&world, "kustomization", "self", &[&short, "is not ready"]).await,
    ]);
    assert!(world.cluster.find("ConfigMap", &world.ns, "never").await.unwrap().is_none());
}

#[tokio::test]
async fn a_source_that_cannot_be_fetched_is_told_with_tries_and_command() {
    let world = World::builder("unfetched").without_kustomize().start().await.unwrap();
    let wrong = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "expired", "namespace": world.ns.name() },
        "stringData": { "username": "git", "password": "canary-expired-token" },
    });
    world.cluster.apply(&wrong).await.unwrap();
    world.push(&[("app/cm.yaml", "{}")], "start").await.unwrap();
    let auth = format!("{}/apps.git", world.git.auth_url());
    let apply = async |name: &str, url: &str, more: Value| {
        let mut object = e2e::git_repository(&world.ns, name, url);
        for (key, value) in more.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        world.cluster.apply(&object).await.unwrap();
    };
    apply("token", &auth, json!({ "secretRef": { "name": "expired" } })).await;
    apply("secret", &auth, json!({ "secretRef": { "name": "absent" } })).await;
    apply("branch", world.repo.url(), json!({ "ref": { "branch": "no-such" } })).await;
    let ns = world.ns.name();
    let ls_remote = format!("Run: git ls-remote {}", world.repo.url());
    let describe = |name: &str| format!("Run: kubectl -n {ns} describe secret {name}");
    let always = ["Since: 20", ", try ", ", next try at 20", "Ready", "False"];
    let shown = async |name: &str, words: &[&str]| {
        shows(&world, "gitrepository", name, &[words, &always].concat()).await
    };
    all(vec![
        shown("token", &["authentication", &describe("expired")]).await,
        shown("secret", &["AuthenticationFailed", "\"absent\" not found", &describe("absent")]).await,
        shown("branch", &["GitOperationFailed", "no-such", &ls_remote]).await,
    ]);
    let text = e2e::stuck::seen(&world, "gitrepository", "token").unwrap();
    assert!(!text.contains("canary-expired-token"), "{text}");
}

#[tokio::test]
async fn a_committed_kubectl_get_is_applied_without_fields_of_the_server_and_told_once() {
    let world = World::start("dump").await.unwrap();
    let mut given = deployment("dumped", "web:1.0", 1);
    given["metadata"]["namespace"] = world.ns.name().into();
    world.cluster.apply(&given).await.unwrap();
    world.until("Deployment", "dumped", |o| o["status"]["observedGeneration"] == 1).await.unwrap();
    let dump = world
        .plane
        .kubectl_ok(&[
            "-n",
            world.ns.name(),
            "get",
            "deployment",
            "dumped",
            "-o",
            "yaml",
            "--show-managed-fields",
        ])
        .unwrap();
    world.cluster.delete("Deployment", &world.ns, "dumped").await.unwrap();
    world.gone("Deployment", "dumped").await.unwrap();
    let revision = world.push(&[("app/dump.yaml", &dump)], "dump").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &revision).await.unwrap();
    let place = format!("Where: Deployment/{}/dumped in app/dump.yaml, at {revision}", world.ns.name());
    let words =
        ["ServerFieldsDropped", "metadata.uid", "metadata.managedFields", "status", "app/dump.yaml", &place];
    shows(&world, "kustomization", "app", &words).await.unwrap();
    let token = world.cluster.request_reconcile("Kustomization", &world.ns, "app").await.unwrap();
    world.until("Kustomization", "app", |o| o["status"]["lastHandledReconcileAt"] == *token).await.unwrap();
    eventually("the Deployment lives", || async {
        Ok(world.get("Deployment", "dumped").await?["status"]["availableReplicas"] == 1)
    })
    .await
    .unwrap();
    let events = world.events_of("Kustomization", "app").await.unwrap();
    let told = events.iter().filter(|event| event.starts_with("ServerFieldsDropped")).count();
    assert_eq!(told, 1, "{events:?}");
}
