//! The real `flux` command works against our controllers. Runs when `FLUX_BIN` names one, and says so when it does not.
use std::{
    path::PathBuf,
    process::{Command, Output},
    time::Duration,
};

use e2e::{World, chain, deployment, service, yaml_list};
use serde_json::json;
use testkit::{CONTROLLERS, ControlPlane, HelmRepo, workspace_root};

struct Flux {
    program: String,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Flux {
    fn run(&self, args: &[&str]) -> Output {
        Command::new(&self.program)
            .args(args)
            .args(["--namespace", &self.namespace, "--timeout", "30s"])
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap()
    }

    /// The words of one line.
    fn line(&self, line: &str, words: &[&str]) {
        self.tells(&line.split_whitespace().collect::<Vec<_>>(), words);
    }

    /// What it prints on both streams; it must end well.
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "flux {}: {text}", args.join(" "));
        text
    }

    fn tells(&self, args: &[&str], words: &[&str]) {
        let text = self.ok(args);
        for word in words {
            assert!(text.contains(word), "flux {} does not tell {word}: {text}", args.join(" "));
        }
    }
}

/// What kustomize-controller has really written, served as the log of the pod of a Deployment of the installation.
fn tells_logs(flux: &Flux, world: &World) {
    let (plane, ns) = (world.plane, world.ns.name());
    let mut controller = deployment("kustomize-controller", "manager:1.0", 0);
    controller["metadata"]["labels"] = json!({ "app.kubernetes.io/part-of": "flux" });
    controller["spec"]["template"]["spec"]["containers"][0]["name"] = "manager".into();
    let template = &controller["spec"]["template"];
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
        "metadata": { "name": "kustomize-controller", "labels": template["metadata"]["labels"] },
    });
    let file = plane.dir().join(format!("{ns}-controller.yaml"));
    std::fs::write(&file, yaml_list(&[controller, pod])).unwrap();
    plane.kubectl_ok(&["apply", "-n", ns, "-f", file.to_str().unwrap()]).unwrap();
    let ready = ["wait", "-n", ns, "pod/kustomize-controller", "--for=condition=Ready", "--timeout=60s"];
    plane.kubectl_ok(&ready).unwrap();
    let log = world.kustomize.as_ref().unwrap().process().log_path();
    plane.write_pod_log("kustomize-controller", &std::fs::read_to_string(log).unwrap()).unwrap();
    let place = format!("--flux-namespace={ns}");
    flux.tells(
        &["logs", &place, "--kind=Kustomization", "--name=app"],
        &["info Kustomization/app.", "Reconciliation finished"],
    );
    let errors = flux.ok(&["logs", &place, "--level=error", "--name=app"]);
    assert!(!errors.contains(" info "), "{errors}");
}

/// The program, or a line that says what is not run.
fn program() -> Option<String> {
    let program = std::env::var("FLUX_BIN").ok();
    if program.is_none() {
        testkit::not_run("the real flux command against both controllers", "FLUX_BIN names none");
    }
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flux_command_works_unchanged() {
    let Some(program) = program() else { return };
    let world = World::start("flux").await.unwrap();
    let app = yaml_list(&[deployment("web", "web:1.0", 1), service("web")]);
    let first = world.push(&[("app/app.yaml", &app)], "first").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &first).await.unwrap();
    let flux = Flux { program, kubeconfig: world.plane.kubeconfig(), namespace: world.ns.name().into() };
    let short = &first["main@sha1:".len()..][..8];

    flux.tells(&["get", "kustomizations"], &["app", short, "True", "Applied revision"]);
    flux.tells(&["get", "sources", "git"], &["apps", short, "True", "stored artifact"]);
    flux.tells(&["get", "all"], &["kustomization/app", "gitrepository/apps"]);

    world.repo.commit(&[("app/cm.yaml", &World::config_map("settings", "1"))], "second").unwrap();
    let second = world.repo.head().unwrap();
    flux.tells(&["reconcile", "kustomization", "app", "--with-source"], &["applied revision", &second]);
    flux.tells(&["reconcile", "source", "git", "apps"], &["fetched revision", &second]);

    flux.tells(&["suspend", "kustomization", "app"], &["suspended"]);
    flux.tells(&["get", "kustomizations", "app"], &["True"]);
    flux.tells(&["resume", "kustomization", "app"], &["applied revision", &second]);
    flux.tells(&["suspend", "source", "git", "apps"], &["suspended"]);
    flux.tells(&["resume", "source", "git", "apps"], &["fetched revision", &second]);

    flux.tells(&["trace", "deployment", "web"], &["Kustomization", "app", "GitRepository", "apps", &second]);
    flux.tells(&["tree", "kustomization", "app"], &["Deployment", "web", "ConfigMap", "settings"]);
    flux.tells(
        &["events", "--for", "Kustomization/app"],
        &["ReconciliationSucceeded", "Reconciliation finished"],
    );

    tells_logs(&flux, &world);

    let local = world.repo.work().join("app");
    std::fs::write(local.join("cm.yaml"), World::config_map("settings", "2")).unwrap();
    let output = flux.run(&[
        "diff",
        "kustomization",
        "app",
        "--path",
        local.to_str().unwrap(),
        "--progress-bar=false",
    ]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "a difference is exit code 1: {text}");
    assert!(text.contains("settings") && text.contains("drifted"), "{text}");
    assert!(!text.contains("Deployment"), "what is equal was shown as different: {text}");

    flux.tells(&["delete", "kustomization", "app", "--silent"], &["deleted"]);
    world.gone("Deployment", "web").await.unwrap();
}

/// The words of `flux` for each kind that is reconciled, the object of the chain, and the flag to take its source with it.
const KINDS: [(&str, &str, &str); 9] = [
    ("source git", "apps", ""),
    ("source oci", "chart", ""),
    ("kustomization", "apps", "--with-source"),
    ("helmrelease", "released", "--with-source"),
    ("image repository", "app", ""),
    ("image policy", "app", ""),
    ("image update", "apps", ""),
    ("receiver", "push", ""),
    ("receiver", "image", ""),
];

fn lists(flux: &Flux) {
    let everything =
        ["gitrepository/apps", "ocirepository/chart", "kustomization/apps", "helmrelease/released"];
    flux.line("get all", &everything);
    flux.line("get all -A", &everything);
    flux.line("get sources all", &["gitrepository/apps", "ocirepository/chart"]);
    flux.line("get images all", &["imagerepository/app", "imagepolicy/app", "imageupdateautomation/apps"]);
    flux.line("get helmreleases", &["released", "0.1.0", "True", "Helm install succeeded"]);
    flux.line("get receivers", &["push", "image", "True", "Receiver initialized for path"]);
    flux.line("get alerts", &["chat", "status"]);
    flux.line("get alert-providers", &["chat", "status"]);
}

fn steers(flux: &Flux) {
    for (kind, name, source) in KINDS {
        flux.line(&format!("reconcile {kind} {name} {source}"), &[name]);
        flux.line(&format!("suspend {kind} {name}"), &["suspended"]);
        flux.line(&format!("resume {kind} {name}"), &["resumed"]);
    }
    for kind in ["alert", "alert-provider"] {
        flux.line(&format!("suspend {kind} chat"), &["suspended"]);
        flux.line(&format!("resume {kind} chat"), &["resumed"]);
    }
    for kind in KINDS.map(|(kind, ..)| kind).into_iter().chain(["alert", "alert-provider"]) {
        flux.line(&format!("export {kind} --all"), &["kind: ", "spec:"]);
    }
    flux.line("reconcile helmrelease released --force", &["applied revision 0.1.0"]);
    flux.line("reconcile helmrelease released --reset", &["applied revision 0.1.0"]);
}

fn looks(flux: &Flux) {
    flux.line("tree kustomization apps", &["Deployment", "web", "HelmRelease", "released"]);
    flux.line("trace deployment web", &["Kustomization", "apps", "GitRepository"]);
    flux.line("trace deployment released", &["HelmRelease", "released", "OCIRepository"]);
    flux.line("events", &["Kustomization/apps", "ImageUpdateAutomation/apps"]);
}

/// Each `create` waits until our controller has made it Ready; a second one updates.
fn creates(flux: &Flux, stage: &chain::Stage, charts: &HelmRepo) {
    let (git, registry) = (stage.repo.url(), stage.registry.address());
    let lines = [
        format!("source git made --url={git} --branch=main --interval=5m"),
        format!("source oci made --url=oci://{registry}/charts/released --tag=0.1.0 --insecure"),
        format!("source helm made --url={}", charts.url()),
        "source chart made --source=HelmRepository/made --chart=small --chart-version=1.x".to_owned(),
        format!("kustomization made --source=GitRepository/made --path=./made --prune --target-namespace={}", flux.namespace),
        "helmrelease made --source=HelmRepository/made --chart=small".to_owned(),
        format!("image repository made --image={registry}/app"),
        "image policy made --image-ref=made --select-semver=1.x".to_owned(),
        "image update made --git-repo-ref=made --git-repo-path=./made --checkout-branch=main --author-name=a \
         --author-email=a@example.com"
            .to_owned(),
        format!("alert-provider made --type=generic --address={}/made", stage.forge.url()),
        "alert made --provider-ref=made --event-source=Kustomization/made".to_owned(),
        "receiver made --type=generic --secret-ref=token --resource=GitRepository/made".to_owned(),
    ];
    for line in &lines {
        let made = flux.ok(&format!("create {line}").split_whitespace().collect::<Vec<_>>());
        assert!(!made.contains('✗'), "flux create {line}: {made}");
        flux.line(&format!("create {line}"), &["✔"]);
    }
    // Flux's command knows no HelmRelease with a chartRef here.
    flux.line("events --for HelmRelease/made", &["InstallSucceeded"]);
    for line in lines.iter().rev() {
        let kind = line.split(" made").next().unwrap();
        flux.line(&format!("delete {kind} made --silent"), &["deleted"]);
    }
}

/// One chart of one ConfigMap.
fn published() -> HelmRepo {
    let charts = HelmRepo::start().unwrap();
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: small\nversion: 1.0.0\n"),
        ("templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: small }\n"),
    ];
    charts.publish("", &[files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()]).unwrap();
    charts
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_of_flux_works_on_every_kind() {
    let Some(program) = program() else { return };
    let (stage, charts) = (chain::Stage::set("flux-all").await.unwrap(), published());
    stage.open(chain::Chart::WithHook).await.unwrap();
    stage.repo.commit(&[("made/cm.yaml", World::config_map("made", "1"))], "one more folder").unwrap();
    let kubeconfig = ControlPlane::shared().await.unwrap().kubeconfig();
    let flux = Flux { program, kubeconfig, namespace: stage.ns.name().into() };
    lists(&flux);
    steers(&flux);
    looks(&flux);
    creates(&flux, &stage, &charts);
    flux.line("get all", &["kustomization/apps", "helmrelease/released"]);
}

#[tokio::test]
async fn flux_checks_and_uninstalls_what_we_install() {
    let Some(program) = program() else { return };
    let plane = ControlPlane::start().await.unwrap();
    plane.apply_crds(&workspace_root().join("config/all")).unwrap();
    let cluster = plane.cluster().await.unwrap();
    for controller in CONTROLLERS {
        let up = |object: &serde_json::Value| object["status"]["availableReplicas"] == 1;
        cluster.wait(("Deployment", "flux-system", controller), Duration::from_secs(60), up).await.unwrap();
    }
    let mut held = e2e::git_repository("flux-system", "held", "https://example.com/apps.git");
    held["metadata"]["finalizers"] = json!(["finalizers.fluxcd.io"]);
    cluster.apply(&held).await.unwrap();
    let flux = Flux { program, kubeconfig: plane.kubeconfig(), namespace: "flux-system".into() };
    flux.line("check", &["all checks passed", "helm-controller: deployment ready"]);
    flux.line("version", &["source-controller: "]);
    flux.line("uninstall --silent", &["uninstall finished"]);
    // The definitions go once their objects are gone, so that a finalizer that was left would hold one.
    plane.kubectl_ok(&["wait", "--for=delete", "crd", "--all", "--timeout=60s"]).unwrap();
}
