//! The command `sluice` beside the controllers: the same output as `flux`, the examples of its help, an installation from
//! an empty cluster to its end.
mod cli {
    mod artifacts;
    mod differences;
    mod engines;
    mod explanations;
    mod installations;
    pub(crate) mod sluice;
    pub(crate) mod stage;
    mod watches;
}

use e2e::{World, deployment, service, yaml_list};
use serde_json::json;
use testkit::workspace_root;

use cli::{
    sluice::Sluice,
    stage::{HOME, Stage, within},
};

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
    for verb in ["delete kustomization more apps --silent", "reconcile kustomization more apps"] {
        let done = sluice.run(verb);
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{verb}: {told}");
        assert!(
            told.contains("one kustomization at a time") || told.contains("one Kustomization at a time"),
            "{told}"
        );
    }
    sluice.tells("get kustomization more", &["more"]);
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
    let here = files_of_examples(stage.plane.dir());
    let mut failed = Vec::new();
    for example in examples.iter().filter(|example| OUTSIDE.iter().all(|words| !example.contains(words))) {
        let example = example.replace(
            "https://git.example.com/fleet.git --password=token",
            &format!("{} --allow-insecure-http", fleet.url()),
        );
        let done = stage.sluice.shell(&example, &here);
        if !done.status.success() {
            failed.push(format!("{example}: {}", String::from_utf8_lossy(&done.stderr)));
        }
    }
    assert!(failed.is_empty(), "{} examples fail:\n{}", failed.len(), failed.join("\n"));
}

/// The folder in which the examples are typed.
fn files_of_examples(below: &std::path::Path) -> std::path::PathBuf {
    let dir = below.join("examples");
    let files = [
        ("clusters/staging/kustomization.yaml", "resources: [app.yaml]\n".to_owned()),
        ("clusters/staging/app.yaml", yaml_list(&[deployment("web", "web:1.0", 1)])),
        ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned()),
        ("charts/web/values.yaml", "replicas: 1\n".to_owned()),
        ("built/.keep", String::new()),
    ];
    for (path, text) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
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
