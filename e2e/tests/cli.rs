//! The command `sluice` beside the controllers: the same output as `flux`, the examples of its help, an installation from
//! an empty cluster to its end.
mod cli {
    pub(crate) mod sluice;
}

use std::{process::Command, time::Duration};

use e2e::{World, deployment, service, yaml_list};
use serde_json::{Value, json};
use testkit::{ControlPlane, Controller, GitServer, workspace_root};

use cli::sluice::Sluice;

async fn world(prefix: &str) -> (World, String) {
    let world = World::start(prefix).await.unwrap();
    let app = yaml_list(&[deployment("web", "web:1.0", 1), service("web")]);
    let first = world.push(&[("app/app.yaml", &app)], "first").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("apps", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("apps", &first).await.unwrap();
    (world, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_steers_a_delivery() {
    let (world, first) = world("steer").await;
    let sluice = Sluice::of(&world.plane.kubeconfig(), world.ns.name());
    let short = &first["main@sha1:".len()..][..8];
    sluice.tells("get kustomizations", &["apps", short, "True", "Applied revision"]);
    sluice.tells("get all", &["kustomization/apps", "gitrepository/apps"]);
    sluice.tells("get all -A -o name", &["kustomization.kustomize.toolkit.fluxcd.io/apps"]);

    world.repo.commit(&[("app/cm.yaml", &World::config_map("settings", "1"))], "second").unwrap();
    let second = world.repo.head().unwrap();
    sluice.tells(
        "reconcile kustomization apps --with-source",
        &["fetched revision", "applied revision", &second],
    );
    sluice.tells("suspend source git apps", &["source git suspended"]);
    assert_eq!(
        sluice.run("reconcile source git apps").status.code(),
        Some(1),
        "a suspended object was reconciled"
    );
    sluice.tells("resume source git apps", &["fetched revision", &second]);
    sluice.tells("trace deployment web", &["Kustomization:   apps", "GitRepository:   apps", &second]);
    sluice.tells("tree kustomization apps", &["├── ", "Deployment/", "/web", "ConfigMap/", "/settings"]);
    sluice.tells("events --for Kustomization/apps", &["ReconciliationSucceeded", "Kustomization/apps"]);

    let create = |interval: &str| {
        format!(
            "create kustomization more --source=GitRepository/apps --path=./app --interval={interval} \
             --target-namespace={}",
            world.ns.name()
        )
    };
    sluice.tells(&create("5m"), &["Kustomization more is ready", &second]);
    sluice.tells(&create("6m"), &["Kustomization updated"]);
    sluice.tells("delete kustomization more --silent", &["deleted"]);
    assert_eq!(
        sluice.run("get kustomization more").status.code(),
        Some(5),
        "a missing object has a code of its own"
    );
    assert_eq!(sluice.run("get kustomization --no-such-flag").status.code(), Some(2));
    assert_eq!(sluice.run("get all --server https://127.0.0.1:1").status.code(), Some(3));
}

/// Runs when `FLUX_BIN` names the real command, and says so when it does not.
#[tokio::test(flavor = "multi_thread")]
async fn the_output_is_that_of_flux() {
    let (world, _) = world("same").await;
    let Ok(flux) = std::env::var("FLUX_BIN") else {
        testkit::not_run("the output of sluice beside that of the real flux command", "FLUX_BIN names none");
        return;
    };
    let kubeconfig = world.plane.kubeconfig();
    let sluice = Sluice::of(&kubeconfig, world.ns.name());
    let flux = Sluice::program(flux.into(), &kubeconfig, world.ns.name());
    for verb in [
        "get all",
        "get sources all",
        "get kustomizations --show-source",
        "get kustomizations --no-header",
        "get sources git --status-selector ready=true",
        "export kustomization --all",
        "export source git apps",
        "tree kustomization apps",
        "tree kustomization apps -o json",
        "tree kustomization apps -o yaml",
        "trace deployment web",
        "create source git a-b --url=https://example.com/x --branch=main --label=a=b --export",
        "create source oci a-b --url=oci://example.com/x --tag=1 --export",
        "create source helm a-b --url=oci://example.com/x --export",
        "create source chart a-b --source=HelmRepository/x --chart=y --chart-version=1.x --export",
        "create kustomization a-b --source=OCIRepository/x.y --path=./z --prune --wait --depends-on=c,d/e --export",
        "create helmrelease a-b --chart=x --source=HelmRepository/y --target-namespace=z --crds=CreateReplace --export",
        "create helmrelease a-b --chart-ref=OCIRepository/y.z --values-from=secret/v --export",
        "create image repository a-b --image=example.com/x/y --scan-timeout=90s --export",
        "create image policy a-b --image-ref=x --select-semver=1.x --filter-regex=a --export",
        "create image update a-b --git-repo-ref=x --checkout-branch=main --author-name=n --author-email=e@x --git-repo-path=./p --export",
        "create alert a-b --provider-ref=x --event-severity=info --event-source=Kustomization/y --export",
        "create alert-provider a-b --type=slack --channel=general --export",
        "create receiver a-b --type=github --secret-ref=x --event=push --resource=GitRepository/y --export",
        "create secret git a-b --url=https://example.com/x --username=u --password=p --export",
        "create secret oci a-b --url=example.com --username=u --password=p --export",
        "create secret helm a-b --username=u --password=p --export",
        "create secret receiver a-b --type=github --hostname=example.com --token=t --export",
    ] {
        let (ours, theirs) = (sluice.ok(verb), flux.ok(verb));
        assert_eq!(ours, theirs, "sluice and flux differ in: {verb}");
    }
}

/// A control plane of its own with everything in it that the examples name.
struct Stage {
    plane: ControlPlane,
    sluice: Sluice,
    git: GitServer,
    _controllers: Vec<Controller>,
}

const HOME: &str = "flux-system";

impl Stage {
    async fn start() -> Stage {
        let plane = ControlPlane::start().await.unwrap();
        let mut controllers = Vec::new();
        for binary in ["source-controller", "kustomize-controller"] {
            controllers.push(plane.controller(binary).without_waiting().start().await.unwrap());
        }
        let sluice = Sluice::of(&plane.kubeconfig(), HOME);
        Stage { plane, sluice, git: GitServer::start().unwrap(), _controllers: controllers }
    }

    /// A repository that anybody may push to.
    fn open_repository(&self, name: &str) -> testkit::GitRepo {
        let repo = self.git.repo(name).unwrap();
        let bare = repo.bare().to_str().unwrap();
        let done =
            Command::new("git").args(["-C", bare, "config", "http.receivepack", "true"]).status().unwrap();
        assert!(done.success());
        repo
    }

    fn kubectl(&self, args: &str) -> String {
        self.plane.kubectl_ok(&args.split(' ').collect::<Vec<_>>()).unwrap()
    }
}

/// Examples that need what this stage has not: a server that speaks SSH under a name of the Internet.
const OUTSIDE: [&str; 1] = ["ssh://git@git.example.com"];

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_help_runs() {
    let stage = Stage::start().await;
    stage.plane.apply_crds(&workspace_root().join("config/crd")).unwrap();
    stage.kubectl("label crd --all app.kubernetes.io/part-of=flux");
    stage.kubectl("create namespace flux-system");
    let repo = stage.open_repository("apps");
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" }, "data": { "a": "b" },
    });
    let both =
        |namespace| [within(deployment("web", "web:1.0", 1), namespace), within(settings.clone(), namespace)];
    stage.kubectl("create namespace apps");
    let app = yaml_list(&[both(HOME), both("apps")].concat());
    repo.commit(&[("app/app.yaml", &app)], "first").unwrap();
    let create_source =
        format!("create source git apps --url={} --branch=main --secret-ref=apps", repo.url());
    stage.sluice.ok("create secret git apps --url=https://example.com --username=a --password=b");
    stage.sluice.ok(&create_source);
    stage.sluice.ok("create kustomization apps --source=apps --path=./app --prune");
    controllers_with_logs(&stage);
    let fleet = stage.open_repository("fleet");
    let mut examples = stage.sluice.examples();
    assert!(examples.len() > 40, "{examples:?}");
    // Logs are those of the pod that was made here, before an installation brings more; what deletes comes last.
    examples.sort_by_key(|example| {
        (example.contains("uninstall"), example.contains(" delete "), !example.contains(" logs"))
    });
    let mut failed = Vec::new();
    for example in examples.iter().filter(|example| OUTSIDE.iter().all(|words| !example.contains(words))) {
        let example = example.replace(
            "https://git.example.com/fleet.git --password=token",
            &format!("{} --allow-insecure-http", fleet.url()),
        );
        let done = stage.sluice.run(example.strip_prefix("sluice ").unwrap());
        if !done.status.success() {
            failed.push(format!("{example}: {}", String::from_utf8_lossy(&done.stderr)));
        }
    }
    assert!(failed.is_empty(), "{} examples fail:\n{}", failed.len(), failed.join("\n"));
}

fn within(mut object: Value, namespace: &str) -> Value {
    object["metadata"]["namespace"] = namespace.into();
    object
}

/// A Deployment as `logs` and `version` look for, with one pod whose log is known.
fn controllers_with_logs(stage: &Stage) {
    let mut controller = deployment("source-controller", "x/y:v1", 0);
    controller["metadata"]["namespace"] = HOME.into();
    controller["metadata"]["labels"]["app.kubernetes.io/part-of"] = "flux".into();
    controller["spec"]["template"]["spec"]["containers"][0]["name"] = "manager".into();
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod" });
    pod["metadata"] = json!({ "name": "source-controller", "namespace": HOME });
    pod["metadata"]["labels"] = controller["spec"]["template"]["metadata"]["labels"].clone();
    pod["spec"] = controller["spec"]["template"]["spec"].clone();
    let file = stage.plane.dir().join("controllers.yaml");
    std::fs::write(&file, yaml_list(&[controller, pod])).unwrap();
    stage.kubectl(&format!("apply -f {}", file.display()));
    stage.kubectl("-n flux-system wait pod/source-controller --for=condition=Ready --timeout=60s");
    let line = json!({ "level": "info", "ts": "2026-01-01T00:00:00Z", "msg": "told", "controllerKind": "Kustomization",
        "name": "apps", "namespace": HOME });
    stage.plane.write_pod_log("source-controller", &line.to_string()).unwrap();
    stage
        .sluice
        .tells("logs --kind=Kustomization --name=apps", &["info Kustomization/apps.flux-system - told"]);
    assert!(!stage.sluice.ok("logs --level=error").contains("told"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_from_an_empty_cluster_to_its_end() {
    let stage = Stage::start().await;
    let fleet = stage.open_repository("fleet");
    let command =
        format!("bootstrap git --url={} --allow-insecure-http --path=clusters/one --timeout=3m", fleet.url());
    stage.sluice.tells(&command, &["committed component manifests", "bootstrap finished"]);
    stage.sluice.tells("check", &["all checks passed", "source-controller: deployment ready"]);
    let (head, before) = (heads(&fleet), versions(&stage));
    stage.sluice.tells(&command, &["up to date", "bootstrap finished"]);
    assert_eq!((heads(&fleet), versions(&stage)), (head, before), "a second bootstrap changed something");

    fleet.git(&["pull", "--quiet", "origin", "main"]).unwrap();
    let file = "clusters/one/flux-system/gotk-components.yaml";
    let text = std::fs::read_to_string(fleet.work().join(file)).unwrap();
    let app = yaml_list(&[within(deployment("web", "web:1.0", 1), "default")]);
    fleet
        .commit(
            &[
                (file, text.replace("--log-level=info", "--log-level=debug").as_str()),
                ("clusters/one/app.yaml", &app),
            ],
            "more",
        )
        .unwrap();
    stage.sluice.ok("reconcile kustomization flux-system --with-source");
    let arguments = stage.kubectl("-n flux-system get deployment source-controller -o jsonpath={.spec.template.spec.containers[0].args}");
    assert!(arguments.contains("--log-level=debug"), "{arguments}");

    let workload = || stage.kubectl("-n default get deployment web -o jsonpath={.metadata.uid}");
    let uid = workload();
    let since = std::time::Instant::now();
    stage.sluice.tells("uninstall --silent", &["finalizers deleted", "uninstall finished"]);
    assert!(since.elapsed() < testkit::patience(Duration::from_secs(30)), "{:?}", since.elapsed());
    assert_eq!(workload(), uid, "a workload did not outlive the controllers");
    assert_eq!(stage.kubectl("get namespace flux-system --ignore-not-found"), "");
    let kinds = stage.kubectl("get crd -o name");
    assert!(!kinds.contains("toolkit.fluxcd.io"), "{kinds}");
}

fn heads(repo: &testkit::GitRepo) -> String {
    let bare = repo.bare().to_str().unwrap();
    let done = Command::new("git").args(["-C", bare, "rev-list", "--all"]).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

/// Generations of what bootstrap applies.
fn versions(stage: &Stage) -> Vec<Value> {
    let all = stage
        .kubectl("-n flux-system get deployment,gitrepository,kustomization,serviceaccount,service -o json");
    let list: Value = serde_json::from_str(&all).unwrap();
    let version = |object: &Value| {
        json!([object["kind"], object["metadata"]["name"], object["metadata"]["generation"]])
    };
    list["items"].as_array().unwrap().iter().map(version).collect()
}
