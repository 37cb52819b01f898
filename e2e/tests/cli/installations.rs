//! Installations: bootstrap over HTTP and SSH, changes that roll themselves out, and the end of it all.
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use e2e::{deployment, git_repository, kustomization, yaml_list};
use serde_json::{Value, json};
use testkit::{GitRepo, SshServer};

use super::stage::{HOME, Stage, within};

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_from_an_empty_cluster_to_its_end() {
    let stage = Stage::start().await;
    let fleet = stage.open_repository("fleet");
    let login = stage.git.auth_url().replacen("http://", "http://git:s3cret@", 1);
    let command = format!(
        "bootstrap git --url={} --allow-insecure-http --path=clusters/one --timeout=3m",
        fleet.url().replacen(&stage.git.url(), &login, 1)
    );
    stage.sluice.tells(&command, &["committed component manifests", "bootstrap finished"]);
    shows_no_password(&stage, &fleet, "s3cret");
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

    let before = versions(&stage);
    let done = stage.sluice.run("uninstall --silent --namespace=default");
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(5), "{told}");
    assert!(told.contains("nothing is installed in namespace default"), "{told}");
    assert!(told.contains("controllers are in: flux-system"), "{told}");
    assert_eq!(versions(&stage), before, "an uninstallation of another namespace changed something");

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

/// Whether kustomize-controller may make Deployments as itself.
fn may_apply(stage: &Stage) -> bool {
    let account = "--as=system:serviceaccount:flux-system:kustomize-controller";
    let asked = ["auth", "can-i", "create", "deployments", "-n", "default", account];
    stage.plane.kubectl(&asked).unwrap().status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_down_cluster_is_bootstrapped_and_follows_its_repository() {
    let stage =
        Stage::start_with(&["--default-service-account=default", "--no-cross-namespace-refs=true"]).await;
    let fleet = stage.open_repository("fleet");
    let command = format!(
        "bootstrap git --url={} --allow-insecure-http --path=clusters/one --locked-down --timeout=90s",
        fleet.url()
    );
    stage.sluice.tells(&command, &["committed component manifests", "bootstrap finished"]);
    stage.sluice.tells(&command, &["up to date", "bootstrap finished"]);
    change(&fleet, "--log-level=info", "--log-level=debug");
    stage.sluice.ok("reconcile kustomization flux-system --with-source");
    let arguments = stage.kubectl("-n flux-system get deployment source-controller -o jsonpath={.spec.template.spec.containers[0].args}");
    assert!(arguments.contains("--log-level=debug"), "{arguments}");
    assert!(!may_apply(&stage));
}

#[tokio::test(flavor = "multi_thread")]
async fn locking_an_installation_down_takes_cluster_admin_from_its_appliers() {
    let stage = Stage::start().await;
    stage.sluice.ok("install");
    let flux = "create clusterrolebinding cluster-reconciler-flux-system --clusterrole=cluster-admin \
                --serviceaccount=flux-system:kustomize-controller";
    stage.kubectl(flux);
    assert!(may_apply(&stage));
    stage.sluice.tells(
        "install --locked-down",
        &["sluice-cluster-reconciler deleted", "cluster-reconciler-flux-system deleted", "install finished"],
    );
    assert!(!may_apply(&stage));
}

/// The password of the address is in the Secret, and nowhere else.
fn shows_no_password(stage: &Stage, repo: &GitRepo, password: &str) {
    let bare = repo.bare().to_str().unwrap();
    let done = Command::new("git").args(["-C", bare, "log", "--all", "--patch"]).output().unwrap();
    let log = String::from_utf8(done.stdout).unwrap();
    assert!(log.contains("gotk-sync.yaml") && !log.contains(password), "the repository shows the password");
    let objects = stage.kubectl("-n flux-system get gitrepository,kustomization,deployment -o yaml");
    assert!(objects.contains("/auth/") && !objects.contains(password), "an object shows the password");
    let kept =
        stage.kubectl("-n flux-system get secret flux-system --template={{.data.password|base64decode}}");
    assert_eq!(kept, password);
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

/// Runs it until the line with the new key, lets the key in, and runs it to its end. The public half.
fn bootstrap_and_let_in(stage: &Stage, server: &SshServer, words: &str) -> String {
    let mut child = stage.sluice.command(words).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut public = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(key) = line.split_once("public key: ") {
            public = key.1.to_owned();
            server.allow(&public).unwrap();
        }
        told += &format!("{line}\n");
    }
    assert!(child.wait().unwrap().success(), "{told}");
    assert!(public.starts_with("ecdsa-sha2-nistp384 "), "{told}");
    public
}

/// Asks again and again until the answer is as wanted.
fn until(what: &str, mut ask: impl FnMut() -> bool) {
    let (since, limit) = (Instant::now(), testkit::patience(Duration::from_secs(90)));
    while !ask() {
        assert!(since.elapsed() < limit, "not seen within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A change of the file with the controllers, pushed.
fn change(fleet: &GitRepo, from: &str, to: &str) -> String {
    fleet.git(&["pull", "--quiet", "origin", "main"]).unwrap();
    let file = "clusters/one/flux-system/gotk-components.yaml";
    let text = std::fs::read_to_string(fleet.work().join(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fleet.commit(&[(file, text.replace(from, to).as_str())], to).unwrap()
}

fn secret(stage: &Stage) -> Value {
    serde_json::from_str(&stage.kubectl("-n flux-system get secret flux-system -o json")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_follows_its_repository_over_ssh_and_heals_itself() {
    let stage = Stage::start().await;
    let server = SshServer::start().unwrap();
    let fleet = stage.open_repository("fleet");
    let known = stage.plane.dir().join("known_hosts");
    std::fs::write(&known, server.known_hosts().unwrap()).unwrap();
    let words = format!(
        "bootstrap git --url={} --path=clusters/one --interval=2s --silent --timeout=3m --known-hosts-file={}",
        server.url(fleet.bare()).unwrap(),
        known.display()
    );
    let public = bootstrap_and_let_in(&stage, &server, &words);
    let keys: Vec<String> = secret(&stage)["data"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["identity", "identity.pub", "known_hosts"]);

    let before = (heads(&fleet), versions(&stage), secret(&stage));
    let done = stage.sluice.run(&words);
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && told.contains("up to date"), "{told}");
    assert!(!told.contains("public key") && !told.contains(&public), "another key was made: {told}");
    assert_eq!(
        (heads(&fleet), versions(&stage), secret(&stage)),
        before,
        "a second bootstrap changed something"
    );

    rolls_out_by_itself(&stage, &fleet);
    survives_a_missing_image(&stage, &fleet);
}

/// Nobody asks for a reconciliation: the commit alone must do.
fn rolls_out_by_itself(stage: &Stage, fleet: &GitRepo) {
    change(fleet, "--log-level=info", "--log-level=debug");
    let arguments = || {
        stage.kubectl("-n flux-system get deployment kustomize-controller -o jsonpath={.spec.template.spec.containers[0].args}")
    };
    until("the arguments of the commit", || arguments().contains("--log-level=debug"));
    let state =
        || stage.kubectl("-n flux-system rollout status deployment kustomize-controller --timeout=60s");
    assert!(state().contains("successfully rolled out"), "{}", state());
}

/// `NAME READY` of the pods of source-controller.
fn pods(stage: &Stage) -> Vec<(String, bool)> {
    let all = stage.kubectl("-n flux-system get pods -l app=source-controller -o json");
    let list: Value = serde_json::from_str(&all).unwrap();
    let ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
    };
    let pods = list["items"].as_array().unwrap().iter();
    pods.map(|pod| (pod["metadata"]["name"].as_str().unwrap().to_owned(), ready(pod))).collect()
}

fn survives_a_missing_image(stage: &Stage, fleet: &GitRepo) {
    until("one ready pod of source-controller", || pods(stage).len() == 1 && pods(stage)[0].1);
    let old = pods(stage)[0].0.clone();
    let bad = change(fleet, "/source-controller:v", "/source-controller:does-not-exist-v");
    until("a pod whose image cannot be pulled", || pods(stage).iter().any(|(_, ready)| !ready));
    stage.sluice.tells("explain deployment/source-controller", &["ImagePullBackOff", "does-not-exist", &bad]);
    for _ in 0..10 {
        assert!(pods(stage).contains(&(old.clone(), true)), "the old pod left: {:?}", pods(stage));
        std::thread::sleep(Duration::from_millis(200));
    }
    fleet.revert("HEAD").unwrap();
    until("the old image, and its pods alone", || pods(stage).iter().all(|(_, ready)| *ready));
    assert_eq!(pods(stage), [(old, true)], "the revert did not go back to the pod that served");
}

#[tokio::test(flavor = "multi_thread")]
async fn parents_that_run_on_undo_nothing_of_an_uninstallation() {
    let stage = Stage::start().await;
    stage.plane.apply_crds(&testkit::workspace_root().join("config/crd")).unwrap();
    stage.kubectl("create namespace flux-system");
    let repo = stage.open_repository("apps");
    let mut child = kustomization(HOME, "child", "apps", "./app", json!({ "interval": "1s" }));
    child["spec"]["targetNamespace"] = "default".into();
    let files = [
        ("parent/child.yaml", yaml_list(&[child])),
        ("app/app.yaml", yaml_list(&[deployment("web", "web:1.0", 1)])),
    ];
    repo.commit(&files, "first").unwrap();
    let parent = kustomization(
        HOME,
        "parent",
        "apps",
        "./parent",
        json!({ "interval": "1s", "targetNamespace": HOME }),
    );
    let file = stage.plane.dir().join("parent.yaml");
    std::fs::write(&file, yaml_list(&[git_repository(HOME, "apps", repo.url()), parent])).unwrap();
    stage.kubectl(&format!("apply -f {}", file.display()));
    let uid =
        || stage.kubectl("-n default get deployment web --ignore-not-found -o jsonpath={.metadata.uid}");
    until("the workload of the child", || !uid().is_empty());
    let before = uid();
    let since = Instant::now();
    stage.sluice.tells("uninstall --silent", &["suspending what applies", "uninstall finished"]);
    assert!(since.elapsed() < testkit::patience(Duration::from_secs(30)), "{:?}", since.elapsed());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(uid(), before, "a parent brought its child back, and the workload was pruned");
    let home = stage.kubectl("get namespace flux-system -o name");
    assert_eq!(home.trim(), "namespace/flux-system", "a namespace that no installation labelled was deleted");
    let again = stage.sluice.run("uninstall --silent");
    assert_eq!(again.status.code(), Some(5), "{}", String::from_utf8_lossy(&again.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_an_earlier_version_are_released_too() {
    let stage = Stage::start().await;
    stage.plane.apply_crds(&testkit::workspace_root().join("config/crd")).unwrap();
    stage.kubectl("create namespace flux-system");
    let name = "alerts.notification.toolkit.fluxcd.io";
    let mut definition: Value =
        serde_json::from_str(&stage.kubectl(&format!("get crd {name} -o json"))).unwrap();
    let versions = definition["spec"]["versions"].as_array_mut().unwrap();
    let mut earlier = versions[0].clone();
    earlier["name"] = "v1beta2".into();
    earlier["storage"] = false.into();
    versions[0]["served"] = false.into();
    versions.push(earlier);
    let alert = json!({
        "apiVersion": "notification.toolkit.fluxcd.io/v1beta2", "kind": "Alert",
        "metadata": { "name": "a", "namespace": "default", "finalizers": ["finalizers.fluxcd.io"] },
        "spec": { "providerRef": { "name": "p" }, "eventSources": [{ "kind": "Kustomization", "name": "*" }] },
    });
    let file = |name: &str, object: &Value| {
        let file = stage.plane.dir().join(name);
        std::fs::write(&file, yaml_list(std::slice::from_ref(object))).unwrap();
        file.display().to_string()
    };
    stage.kubectl(&format!("replace -f {}", file("definition.yaml", &definition)));
    let alert = file("alert.yaml", &alert);
    until("an Alert of the earlier version", || {
        stage.plane.kubectl(&["apply", "-f", &alert]).unwrap().status.success()
    });
    stage.sluice.tells("uninstall --silent", &["Alert/default/a finalizers deleted", "uninstall finished"]);
    assert_eq!(stage.kubectl(&format!("get crd {name} --ignore-not-found")), "");
}

/// Ends with exit code 1 and these words, and pushes nothing.
fn refused(stage: &Stage, fleet: &GitRepo, words: &str, cause: &str) {
    let before = heads(fleet);
    let done = stage.sluice.run(words);
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains(cause), "{told}");
    assert_eq!(heads(fleet), before, "something was pushed");
}

fn root_path(stage: &Stage, name: &str) -> String {
    stage.kubectl(&format!("-n flux-system get kustomization {name} -o jsonpath={{.spec.path}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_moves_no_cluster_to_another_folder() {
    let stage = Stage::start().await;
    let fleet = stage.open_repository("fleet");
    let command = |path: &str| {
        format!("bootstrap git --url={} --allow-insecure-http --timeout=90s {path}", fleet.url())
    };
    stage.sluice.tells(&command("--path=./clusters/one/"), &["bootstrap finished"]);
    for path in ["--path=clusters/two", ""] {
        refused(&stage, &fleet, &command(path), "follows the folder 'clusters/one'");
    }
    assert_eq!(root_path(&stage, HOME), "./clusters/one");
    stage.sluice.tells(&command("--path=clusters/one"), &["up to date", "bootstrap finished"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_does_not_take_over_what_helm_manages() {
    let stage = Stage::start().await;
    let fleet = stage.open_repository("fleet");
    stage.kubectl("create namespace flux-system");
    let mut controller = within(deployment("helm-controller", "x/y:v1", 0), HOME);
    controller["metadata"]["labels"]["app.kubernetes.io/part-of"] = "flux".into();
    controller["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm".into();
    let file = stage.plane.dir().join("controller.yaml");
    std::fs::write(&file, yaml_list(&[controller])).unwrap();
    stage.kubectl(&format!("apply -f {}", file.display()));
    let command = format!("bootstrap git --url={} --allow-insecure-http --timeout=90s", fleet.url());
    refused(&stage, &fleet, &command, "managed by Helm: helm-controller");
    refused(&stage, &fleet, "install", "managed by Helm: helm-controller");
    assert_eq!(stage.kubectl("-n flux-system get deployments -o name").lines().count(), 1);
    stage.sluice.tells(&format!("{command} --force"), &["bootstrap finished"]);
}

/// As Sluice bootstrapped them once: both objects under the name of the Secret.
#[tokio::test(flavor = "multi_thread")]
async fn an_installation_under_the_name_of_its_secret_keeps_it() {
    let stage = Stage::start().await;
    let fleet = stage.open_repository("fleet");
    let command = format!(
        "bootstrap git --url={} --allow-insecure-http --path=clusters/one --secret-name=auth --timeout=90s",
        fleet.url()
    );
    stage.plane.apply_crds(&testkit::workspace_root().join("config/crd")).unwrap();
    stage.kubectl("create namespace flux-system");
    let mut root = kustomization(HOME, "auth", "auth", "./clusters/one", json!({ "interval": "1s" }));
    root["spec"].as_object_mut().unwrap().remove("targetNamespace");
    let components =
        within(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "parts" } }), HOME);
    let mut settings = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" } });
    settings["metadata"]["namespace"] = "default".into();
    let sync = yaml_list(&[git_repository(HOME, "auth", fleet.url()), root]);
    let files = [
        ("clusters/one/flux-system/gotk-sync.yaml", sync.as_str()),
        (
            "clusters/one/flux-system/kustomization.yaml",
            "resources: [gotk-components.yaml, gotk-sync.yaml]\n",
        ),
        ("clusters/one/flux-system/gotk-components.yaml", &yaml_list(&[components])),
        ("clusters/one/settings.yaml", &yaml_list(&[settings])),
    ];
    fleet.commit(&files, "as it was").unwrap();
    let file = stage.plane.dir().join("sync.yaml");
    std::fs::write(&file, &sync).unwrap();
    stage.kubectl(&format!("apply -f {}", file.display()));
    let owner = "kustomize\\.toolkit\\.fluxcd\\.io/name";
    let label = || {
        stage.kubectl(&format!(
            "-n flux-system get kustomization auth -o jsonpath={{.metadata.labels.{owner}}}"
        ))
    };
    until("the root applies itself", || label() == "auth");
    let uid = || stage.kubectl("-n default get configmap settings -o jsonpath={.metadata.uid}");
    let before = uid();
    stage
        .sluice
        .tells(&command, &["committed component manifests", "flux-system/auth", "bootstrap finished"]);
    assert_eq!(uid(), before, "what was applied was deleted on the way");
    let roots = stage.kubectl("-n flux-system get gitrepository,kustomization -o name");
    assert_eq!(roots.lines().filter(|line| line.ends_with("/auth")).count(), 2, "{roots}");
    assert_eq!(roots.lines().count(), 2, "{roots}");
}
