//! The chart, judged by the real `helm`: it is linted, says the same as `config/`, and each switch installs alone.
use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use manifest::yaml::{Limits, parse_documents};
use serde_json::{Value, json};
use testkit::{ControlPlane, workspace_root};

/// Switch of the values, name of the controller.
const CONTROLLERS: [(&str, &str); 5] = [
    ("sourceController", "source-controller"),
    ("kustomizeController", "kustomize-controller"),
    ("helmController", "helm-controller"),
    ("imageAutomationController", "image-automation-controller"),
    ("notificationController", "notification-controller"),
];

fn chart() -> PathBuf {
    workspace_root().join("charts/sluice")
}

fn run(program: &str, args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(testkit::program(program).unwrap());
    command.args(args).env("HOME", home.path()).current_dir(workspace_root()).output().unwrap()
}

fn text(done: &Output) -> String {
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{error}{}", String::from_utf8_lossy(&done.stdout));
    String::from_utf8(done.stdout.clone()).unwrap()
}

fn template(settings: &[&str]) -> String {
    let mut args = vec!["template", "sluice", "charts/sluice", "--namespace", "flux-system"];
    settings.iter().for_each(|setting| args.extend(["--set", setting]));
    text(&run("helm", &args))
}

/// Objects by kind, namespace and name, without what is only a mark of the tool.
fn objects(yaml: &str) -> BTreeMap<String, Value> {
    let mut objects = all_objects(yaml);
    objects.values_mut().for_each(bare);
    objects
}

/// Objects by kind, namespace and name.
fn all_objects(yaml: &str) -> BTreeMap<String, Value> {
    let documents = parse_documents("rendered", yaml, &Limits::default()).unwrap();
    let objects = documents.into_iter().filter(|object| object.is_object()).map(|object| {
        let part = |at: &Value| at.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        (
            format!("{} {}/{}", part(&object["kind"]), part(&metadata["namespace"]), part(&metadata["name"])),
            object,
        )
    });
    objects.collect()
}

fn bare(object: &mut Value) {
    for pointer in ["/metadata", "/spec/template/metadata"] {
        if let Some(metadata) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
            metadata.remove("labels");
            metadata.remove("annotations");
        }
    }
    if let Some(ports) =
        object.pointer_mut("/spec/template/spec/containers/0/ports").and_then(Value::as_array_mut)
    {
        ports.sort_by_key(|port| port["name"].to_string());
    }
}

fn same_as_config(profile: &str, settings: &[&str]) {
    let base = format!("config/{profile}");
    let mut kustomized = objects(&text(&run("kustomize", &["build", &base])));
    assert!(kustomized.remove("Namespace /flux-system").is_some(), "helm makes the namespace itself");
    let charted = objects(&template(settings));
    let names = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&charted), names(&kustomized));
    for (name, object) in &kustomized {
        assert_eq!(&charted[name], object, "{name} of {profile}");
    }
}

#[test]
fn the_chart_says_what_config_says_in_both_profiles() {
    same_as_config("all", &["crds.scope=all"]);
    same_as_config("all-locked-down", &["crds.scope=all", "tenancy.profile=locked-down"]);
}

#[test]
fn helm_lints_the_chart_without_a_word() {
    let chart = chart();
    let chart = chart.to_str().unwrap();
    let said = text(&run("helm", &["lint", "--strict", chart]));
    assert!(said.contains("0 chart(s) failed") && !said.contains("WARNING"), "{said}");
}

#[test]
fn values_that_are_none_are_refused() {
    let wrong = [
        "logLevel=loud",
        "tenancy.profile=open",
        "sourceController.creat=true",
        "sourceController.replicas=2",
        "kustomizeController.pruneGuard=101",
        "sourceController.image.digest=latest",
        "sharding.shard=No_Name",
        "helmController.extraArgs={concurrent}",
    ];
    for setting in wrong {
        let done = run("helm", &["template", "sluice", "charts/sluice", "--set", setting]);
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && error.contains("schema"), "{setting}: {error}");
    }
}

#[test]
fn every_value_that_can_be_set_changes_what_is_rendered() {
    let plain = template(&[]);
    let settings = [
        "image.registry=registry.example.com/x",
        "image.tag=v9",
        "image.pullPolicy=Always",
        "image.pullSecrets={pull}",
        "logLevel=debug",
        "watchAllNamespaces=false",
        "clusterDomain=example.com",
        "crds.install=false",
        "crds.keep=false",
        "crds.scope=all",
        "crds.legacy=true",
        "rbac.create=false",
        "rbac.aggregate=false",
        "policies.create=false",
        "quota.create=false",
        "sharding.enabled=true",
        "sharding.shard=one",
        "podSecurityContext.fsGroup=1",
        "securityContext.runAsUser=1",
        "monitoring.podMonitor.create=true",
        "monitoring.prometheusRule.create=true",
        "monitoring.dashboard.create=true",
        "kustomizeController.pruneGuard=50",
        "sourceController.dataVolume.emptyDir.sizeLimit=1Gi",
    ];
    for setting in settings {
        assert!(template(&[setting]) != plain, "{setting} changes nothing");
    }
}

/// Files of values, one for each way of use that the defaults do not show.
fn examples_of_values() -> Vec<String> {
    let folder = std::fs::read_dir(chart().join("ci")).unwrap();
    folder.map(|entry| entry.unwrap().path().display().to_string()).collect()
}

#[tokio::test]
async fn an_api_server_takes_what_each_file_of_ci_renders() {
    let plane = ControlPlane::shared().await.unwrap();
    let place = plane.namespace("ci").await.unwrap();
    let examples = examples_of_values();
    assert!(examples.len() >= 3, "{examples:?}");
    for values in examples {
        let rendered =
            run("helm", &["template", "sluice", "charts/sluice", "-n", place.name(), "-f", &values]);
        // The kinds of the Prometheus operator are not served here.
        let known: Vec<Value> = all_objects(&text(&rendered))
            .into_values()
            .filter(|object| object["apiVersion"] != "monitoring.coreos.com/v1")
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), e2e::yaml_list(&known)).unwrap();
        let file = file.path().display().to_string();
        let apply = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", &file];
        plane.kubectl_ok(&apply).unwrap_or_else(|error| panic!("{values}: {error}"));
    }
}

#[test]
fn a_claim_takes_the_place_of_the_empty_volume_and_no_two_pods_hold_it() {
    let claim = "notificationController.dataVolume.persistentVolumeClaim.claimName=events";
    let objects = all_objects(&template(&[claim]));
    let spec = |name: &str| objects[&format!("Deployment flux-system/{name}")]["spec"].clone();
    let (claimed, plain) = (spec("notification-controller"), spec("source-controller"));
    let volume = |spec: &Value| spec["template"]["spec"]["volumes"][0].clone();
    assert_eq!(
        volume(&claimed),
        json!({ "name": "data", "persistentVolumeClaim": { "claimName": "events" } })
    );
    assert_eq!(volume(&plain), json!({ "name": "data", "emptyDir": {} }));
    assert_eq!(claimed["strategy"], json!({ "type": "Recreate" }));
    assert_eq!(plain["strategy"]["type"], "RollingUpdate");
}

/// The Deployment and the account of a controller.
fn own(objects: &BTreeMap<String, Value>, controller: &str) -> Vec<Option<Value>> {
    let kinds = ["Deployment", "ServiceAccount"];
    kinds.map(|kind| objects.get(&format!("{kind} flux-system/{controller}")).cloned()).to_vec()
}

#[test]
fn every_controller_has_every_setting() {
    let plain = all_objects(&template(&[]));
    for setting in [
        "create=false",
        "image.repository=x/y",
        "image.tag=v9",
        "replicas=0",
        "priorityClassName=high",
        "resources.limits.cpu=2",
        "extraArgs={--concurrent=9}",
        "extraEnv[0].name=A",
        "podAnnotations.a=b",
        "podLabels.a=b",
        "serviceAccountAnnotations.a=b",
        "nodeSelector.a=b",
        "tolerations[0].key=a",
        "affinity.nodeAffinity.a=b",
    ] {
        let settings: Vec<String> =
            CONTROLLERS.iter().map(|(switch, _)| format!("{switch}.{setting}")).collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let changed = all_objects(&template(&settings));
        for (_, controller) in CONTROLLERS {
            assert_ne!(own(&changed, controller), own(&plain, controller), "{setting} of {controller}");
        }
    }
}

#[test]
fn a_digest_counts_over_a_tag() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let rendered = template(&[&format!("sourceController.image.digest={digest}"), "image.tag=v9"]);
    assert!(rendered.contains(&format!("registry.invalid/sluice/source-controller@{digest}")));
    assert!(rendered.contains("registry.invalid/sluice/kustomize-controller:v9"));
}

#[test]
fn a_shard_takes_its_label_and_the_main_release_leaves_it_alone() {
    let main = template(&["sharding.enabled=true"]);
    assert_eq!(main.matches("--watch-label-selector=!sharding.fluxcd.io/key").count(), 3);
    let shard = template(&["sharding.shard=one"]);
    assert_eq!(shard.matches("--watch-label-selector=sharding.fluxcd.io/key=one").count(), 3);
    assert!(shard.contains("--storage-adv-addr=source-controller-one."));
    let kinds: Vec<&str> = shard.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds, ["Service", "Deployment", "Deployment", "Deployment"]);
}

#[tokio::test]
async fn a_shard_beside_a_locked_down_release_is_refused_unless_it_is_locked_down_too() {
    let plane = ControlPlane::start().await.unwrap();
    let kubeconfig = plane.kubeconfig().display().to_string();
    let shard = |profile: &str| {
        let profile = format!("tenancy.profile={profile}");
        let template =
            ["template", "shard1", "charts/sluice", "--dry-run=server", "--kubeconfig", &kubeconfig];
        run("helm", &[&template[..], &["--set", "sharding.shard=one", "--set", &profile]].concat())
    };
    text(&shard("plain"));
    let role = ["create", "clusterrolebinding", "sluice-impersonator", "--clusterrole=view", "--user=x"];
    plane.kubectl_ok(&role).unwrap();
    let refused = shard("plain");
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && error.contains("set tenancy.profile=locked-down"), "{error}");
    assert_eq!(text(&shard("locked-down")).matches("--default-service-account=default").count(), 2);
}

/// An upgrade that names some values forgets the others.
#[tokio::test]
async fn an_upgrade_gives_a_locked_down_release_its_rights_back_only_where_it_says_so() {
    let plane = ControlPlane::start().await.unwrap();
    let kubeconfig = plane.kubeconfig().display().to_string();
    let upgrade = |values: &[&str]| {
        let template = ["template", "sluice", "charts/sluice", "--is-upgrade", "--dry-run=server"];
        let set: Vec<&str> = values.iter().flat_map(|value| ["--set", *value]).collect();
        run("helm", &[&template[..], &["--kubeconfig", &kubeconfig], &set].concat())
    };
    text(&upgrade(&[]));
    let role = ["create", "clusterrolebinding", "sluice-impersonator", "--clusterrole=view", "--user=x"];
    plane.kubectl_ok(&role).unwrap();
    let refused = upgrade(&["monitoring.podMonitor.create=true"]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && error.contains("this release is locked down"), "{error}");
    text(&upgrade(&["tenancy.profile=locked-down"]));
    assert!(text(&upgrade(&["tenancy.allowUnlock=true"])).contains("cluster-admin"));
}

#[test]
fn every_pod_asks_for_a_node_with_linux() {
    let deployments = |objects: BTreeMap<String, Value>| {
        let mut found = objects.into_values().collect::<Vec<_>>();
        found.retain(|object| object["kind"] == "Deployment");
        found
    };
    let more = "sourceController.nodeSelector.kubernetes\\.io/arch=amd64";
    let charted = deployments(all_objects(&template(&[more])));
    assert_eq!(charted.len(), CONTROLLERS.len());
    for deployment in &charted {
        let selector = &deployment["spec"]["template"]["spec"]["nodeSelector"];
        assert_eq!(selector["kubernetes.io/os"], "linux", "{}", deployment["metadata"]["name"]);
    }
    assert!(
        charted
            .iter()
            .any(|one| { one["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"] == "amd64" })
    );
}

/// A file of the project, from its root.
fn file(path: &str) -> String {
    std::fs::read_to_string(workspace_root().join(path)).unwrap()
}

/// What the expression's first group finds in a file of the project.
fn found(path: &str, expression: &str) -> String {
    let text = file(path);
    let found = regex::Regex::new(expression).unwrap().captures(&text);
    found.unwrap_or_else(|| panic!("{path} has no {expression}"))[1].to_owned()
}

#[test]
fn chart_page_and_command_want_the_same_kubernetes() {
    let page = found("docs/install.md", r"Kubernetes (\d+\.\d+) or newer");
    assert_eq!(found("charts/sluice/Chart.yaml", r#"kubeVersion: ">=(\d+\.\d+)\.0-0""#), page);
    let command = found("crates/cli/src/commands/check.rs", r"OLDEST: \(u32, u32\) = \((\d+, \d+)\)");
    assert_eq!(command.replace(", ", "."), page);
}

#[test]
fn the_page_tells_that_appliers_read_secrets_as_long_as_they_may() {
    let objects = all_objects(&template(&["tenancy.profile=locked-down"]));
    let reads_secrets = |controller: &str| {
        let rules = objects[&format!("ClusterRole /sluice-{controller}")]["rules"].as_array().unwrap();
        let verbs = json!(["get", "list", "watch"]);
        rules.iter().any(|rule| rule["resources"].to_string().contains("secrets") && rule["verbs"] == verbs)
    };
    let told = file("docs/install.md").split_whitespace().collect::<Vec<_>>().join(" ").contains(
        "kustomize- and helm-controller may get, list and watch the Secrets of all namespaces in both profiles",
    );
    assert_eq!(told, reads_secrets("kustomize-controller") && reads_secrets("helm-controller"));
}

#[tokio::test]
async fn the_alert_of_each_release_looks_at_the_leases_of_its_own_controllers() {
    let plane = ControlPlane::shared().await.unwrap();
    let ns = plane.namespace("leases").await.unwrap();
    let rules = ["monitoring.prometheusRule.create=true", "crds.install=false"];
    for (release, selector) in [
        ("sharding.enabled=false", ""),
        ("sharding.enabled=true", "!sharding.fluxcd.io/key"),
        ("sharding.shard=one", "sharding.fluxcd.io/key=one"),
    ] {
        let rendered = template(&[&rules[..], &[release]].concat());
        let controller = plane.controller("kustomize-controller").namespace(&ns);
        let controller = controller.arg("--enable-leader-election");
        let controller = controller.arg(format!("--watch-label-selector={selector}")).start().await.unwrap();
        let served = || async {
            let series = controller.metrics().await?.by("leader_election_master_status", &["name"]);
            let leads =
                |name: &str| rendered.contains(&format!("leader_election_master_status{{name=\"{name}\"}}"));
            Ok(series.iter().any(|(name, value)| *value > 0.0 && leads(name)))
        };
        e2e::eventually(&format!("{release}: the Lease of the alert is held"), served).await.unwrap();
    }
}

/// Waits until the Deployments of the release are what is wanted, each with an available pod.
async fn running(plane: &ControlPlane, wanted: &[&str]) {
    let cluster = plane.cluster().await.unwrap();
    for controller in wanted {
        let key = ("Deployment", "flux-system", *controller);
        let up = |object: &Value| object["status"]["availableReplicas"] == 1;
        cluster.wait(key, Duration::from_secs(60), up).await.unwrap();
    }
    assert_eq!(cluster.list("Deployment", "flux-system").await.unwrap().len(), wanted.len());
}

/// Installs the release or upgrades it to exactly these switches.
fn helm(plane: &ControlPlane, enabled: &[&str]) {
    let kubeconfig = plane.kubeconfig().display().to_string();
    let mut args = vec!["upgrade", "--install", "sluice", "charts/sluice", "--kubeconfig", &kubeconfig];
    args.extend([
        "--namespace",
        "flux-system",
        "--create-namespace",
        "--reset-values",
        "--wait",
        "--timeout",
        "90s",
    ]);
    let switches: Vec<String> = CONTROLLERS
        .iter()
        .map(|(switch, name)| format!("{switch}.create={}", enabled.contains(name)))
        .collect();
    switches.iter().for_each(|switch| args.extend(["--set", switch]));
    text(&run("helm", &args));
}

#[tokio::test]
async fn helm_installs_each_controller_alone_then_all_and_uninstall_leaves_the_kinds() {
    let plane = ControlPlane::start().await.unwrap();
    for (_, controller) in CONTROLLERS {
        helm(&plane, &[controller]);
        running(&plane, &[controller]).await;
    }
    let all: Vec<&str> = CONTROLLERS.iter().map(|(_, name)| *name).collect();
    helm(&plane, &all);
    running(&plane, &all).await;

    let cluster = plane.cluster().await.unwrap();
    cluster.apply(&e2e::git_repository("default", "stays", "https://nobody.example/x")).await.unwrap();
    let kubeconfig = plane.kubeconfig().display().to_string();
    text(&run(
        "helm",
        &["uninstall", "sluice", "--kubeconfig", &kubeconfig, "--namespace", "flux-system", "--wait"],
    ));
    assert!(cluster.list("Deployment", "flux-system").await.unwrap().is_empty());
    cluster.get("GitRepository", "default", "stays").await.unwrap();
    let bindings = cluster.list("rbac.authorization.k8s.io/v1/ClusterRoleBinding", "").await.unwrap();
    let ours = |binding: &&Value| binding["metadata"]["labels"]["app.kubernetes.io/part-of"] == json!("flux");
    assert_eq!(bindings.iter().filter(ours).count(), 0);
}

/// Metrics that the rules and the dashboard name.
fn named_metrics() -> Vec<String> {
    let rendered = template(&[
        "monitoring.prometheusRule.create=true",
        "monitoring.dashboard.create=true",
        "crds.install=false",
    ]);
    let name =
        r"\b(?:sluice|gotk|controller_runtime|workqueue|rest_client|leader_election|process)_[a-z_]+\b";
    let mut names: Vec<String> = regex::Regex::new(name)
        .unwrap()
        .find_iter(&rendered)
        .map(|found| found.as_str().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test]
async fn rules_and_dashboard_name_metrics_that_the_controllers_serve() {
    let names = named_metrics();
    assert!(names.len() >= 12, "{names:?}");
    // Each is provoked: a change, its rollback, drift, an error.
    let world = e2e::World::builder("named").kustomize_arg("--enable-leader-election").start().await.unwrap();
    let app = |version: &str| e2e::yaml_list(&[e2e::deployment("web", &format!("web:{version}"), 1)]);
    let first = world.push(&[("app/app.yaml", &app("1.0"))], "first").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("wrong", "./nowhere", json!({})).await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &first).await.unwrap();
    world.failed("wrong", "nowhere").await.unwrap();
    world.plane.kubectl_ok(&["-n", world.ns.name(), "set", "image", "deployment/web", "main=web:9"]).unwrap();
    let second = world.push(&[("app/app.yaml", &app("2.0"))], "second").await.unwrap();
    world.applied("app", &second).await.unwrap();
    world.repo.revert("HEAD").unwrap();
    world.tell_source().await.unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    for name in names {
        let claim = format!("{name} is served");
        e2e::eventually(&claim, || async {
            let (source, kustomize) = (world.source.as_ref().unwrap(), world.kustomize.as_ref().unwrap());
            let served =
                kustomize.metrics().await?.count(&name, &[]) + source.metrics().await?.count(&name, &[]);
            Ok(served > 0)
        })
        .await
        .unwrap();
    }
}
