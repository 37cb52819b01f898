//! The real `flux` command works against our controllers. Runs when `FLUX_BIN` names one, and says so when it does not.
use std::process::{Command, Output};

use e2e::{World, deployment, service, yaml_list};
use serde_json::json;

struct Flux<'a> {
    program: String,
    world: &'a World,
}

impl Flux<'_> {
    fn run(&self, args: &[&str]) -> Output {
        Command::new(&self.program)
            .args(args)
            .args(["--namespace", self.world.ns.name(), "--timeout", "30s"])
            .env("KUBECONFIG", self.world.plane.kubeconfig())
            .output()
            .unwrap()
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
fn tells_logs(flux: &Flux<'_>) {
    let (plane, ns) = (flux.world.plane, flux.world.ns.name());
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
    let log = flux.world.kustomize.as_ref().unwrap().process().log_path();
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
    let flux = Flux { program, world: &world };
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

    tells_logs(&flux);

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
