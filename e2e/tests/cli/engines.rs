//! `kustomize build`, `helm template`, `envsubst` and `validate`: no cluster, and the output of the tools they stand for.
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use testkit::{program, workspace_root};

use super::sluice::Sluice;

/// Without a cluster.
fn offline() -> Sluice {
    Sluice::of(Path::new("/none"), "default")
}

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn ran(program: &Path, dir: &Path, args: &[&str]) -> Output {
    Command::new(program).args(args).current_dir(dir).env("HOME", dir).output().unwrap()
}

/// Both print the same; or both fail, and ours names what the other's words are about.
fn same(tool: &str, dir: &Path, words: &str, cause: &str) {
    let args: Vec<&str> = words.split_whitespace().collect();
    let theirs = ran(&program(tool).unwrap(), dir, &args);
    let ours = offline().command(&format!("{tool} {words}")).current_dir(dir).output().unwrap();
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        ours.status.success(),
        theirs.status.success(),
        "{tool} {words}\nours: {}\ntheirs: {}",
        told(&ours),
        told(&theirs)
    );
    if theirs.status.success() {
        let text = |output: Output| String::from_utf8(output.stdout).unwrap();
        assert_eq!(text(ours), text(theirs), "{tool} {words}");
    } else {
        assert!(told(&theirs).contains(cause), "{tool} {words}: {}", told(&theirs));
        assert!(told(&ours).contains(cause), "sluice {tool} {words}: {}", told(&ours));
    }
}

const BASE: &str = "resources: [web.yaml]\nconfigMapGenerator: [{ name: settings, literals: [a=b] }]\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  template:\n    spec:\n      \
                   containers:\n      - { name: main, image: web, envFrom: [{ configMapRef: { name: settings } }] }\n";
const OVERLAY: &str = "namespace: staging\nnamePrefix: s-\nresources: [../base]\nimages: [{ name: web, newTag: '2' }]\n\
                       patches:\n- target: { kind: Deployment }\n  patch: |-\n    - { op: add, path: /spec/replicas, value: 3 }\n";

fn kustomization() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let outside = "secretGenerator: [{ name: x, files: [../base/web.yaml] }]\n";
    write(
        dir.path(),
        &[
            ("base/kustomization.yaml", BASE),
            ("base/web.yaml", WEB),
            ("overlay/kustomization.yaml", OVERLAY),
            ("outside/kustomization.yaml", outside),
            ("broken/kustomization.yaml", "resources: [none.yaml]\n"),
        ],
    );
    dir
}

#[test]
fn kustomize_build_prints_what_kustomize_prints() {
    let dir = kustomization();
    for folder in ["base", "overlay", "./overlay/", "base/../overlay"] {
        same("kustomize", dir.path(), &format!("build {folder}"), "");
    }
    same("kustomize", dir.path(), "build outside --load-restrictor LoadRestrictionsNone", "");
    same("kustomize", dir.path(), "build outside", "is not in or below");
    same("kustomize", dir.path(), "build broken", "none.yaml");
    same("kustomize", dir.path(), "build nowhere", "nowhere");
    same("kustomize", &dir.path().join("overlay"), "build", "");
}

#[test]
fn kustomize_build_renders_charts_when_it_is_asked_to() {
    let dir = chart();
    std::fs::create_dir(dir.path().join("charts")).unwrap();
    std::fs::rename(dir.path().join("web"), dir.path().join("charts/web")).unwrap();
    let file = "namespace: web\nhelmCharts: [{ name: web, releaseName: my, includeCRDs: true, valuesInline: { a: 3 } }]\n";
    write(dir.path(), &[("kustomization.yaml", file)]);
    let helm = format!("build . --enable-helm --helm-command {}", program("helm").unwrap().display());
    let theirs = ran(&program("kustomize").unwrap(), dir.path(), &helm.split(' ').collect::<Vec<_>>());
    assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stderr));
    let ours = offline().command("kustomize build . --enable-helm").current_dir(dir.path()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&ours.stdout), text(&theirs.stdout), "{}", text(&ours.stderr));
    let refused = offline().command("kustomize build .").current_dir(dir.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "a chart was rendered unasked");
}

#[test]
fn kustomize_build_writes_the_files_that_kustomize_writes() {
    let dir = kustomization();
    let service = |place: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: a{place} }}\n");
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: a }\n";
    write(
        dir.path(),
        &[
            ("places/kustomization.yaml", "resources: [x.yaml, none.yaml, role.yaml]\n"),
            ("places/x.yaml", &service(", namespace: x")),
            ("places/none.yaml", &service("")),
            ("places/role.yaml", role),
        ],
    );
    let built = |tool: &Path, args: &[&str], folder: &str, out: &str| {
        let out = dir.path().join(out);
        std::fs::create_dir(&out).unwrap();
        let args = [args, &["build", folder, "-o", out.to_str().unwrap()]].concat();
        let done = ran(tool, dir.path(), &args);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let entries = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<(String, String)> = entries
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files
    };
    for (folder, amount) in [("overlay", 2), ("places", 3)] {
        let theirs = built(&program("kustomize").unwrap(), &[], folder, &format!("theirs-{folder}"));
        assert_eq!(built(offline().path(), &["kustomize"], folder, &format!("ours-{folder}")), theirs);
        assert_eq!(theirs.len(), amount);
    }
}

#[test]
fn our_own_manifests_are_built_alike() {
    let config = workspace_root().join("config");
    for folder in ["all", "all-locked-down", "crd", "helm-controller"] {
        same("kustomize", &config, &format!("build {folder}"), "");
    }
}

const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\n  namespace: \
                        {{ .Release.Namespace }}\ndata:\n  upgrade: {{ .Release.IsUpgrade | quote }}\n  kube: {{ .Capabilities.KubeVersion }}\n  \
                        has: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}\n  values: {{ toJson .Values | quote }}\n";
const HOOK: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hook\n  annotations: { helm.sh/hook: EVENT }\n";

fn chart() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[
            ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.3\nkubeVersion: '>=1.20.0-0'\n"),
            ("web/values.yaml", "a: 1\nlist: [x]\ndeep: { one: 1, two: two }\n"),
            ("web/values.schema.json", r#"{ "properties": { "a": { "type": "integer" } } }"#),
            ("web/templates/cm.yaml", TEMPLATE),
            ("web/templates/hook.yaml", &HOOK.replace("EVENT", "pre-install")),
            ("web/templates/test.yaml", &HOOK.replace("name: hook", "name: try").replace("EVENT", "test")),
            ("web/templates/NOTES.txt", "Hello {{ .Release.Name }}\n"),
            (
                "web/crds/crd.yaml",
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: x }\n",
            ),
            ("more.yaml", "deep: { two: null, three: 3 }\n"),
            ("text.txt", "from a file"),
            ("bad/Chart.yaml", "apiVersion: v2\nname: bad\nversion: 1.0.0\n"),
            ("bad/templates/x.yaml", "a: {{ fail \"no way\" }}\n"),
        ],
    );
    dir
}

#[test]
fn helm_template_prints_what_helm_prints() {
    let dir = chart();
    for words in [
        "web",
        "my web",
        "my web -n apps --is-upgrade",
        "my ./web --include-crds --no-hooks",
        "my web --skip-tests",
        "my web --show-only templates/cm.yaml",
        "my web -f more.yaml --set a=2,list={y,z} --set-string deep.one=7 --set-literal lit=a,b=c",
        "my web --set-json deep={\"x\":[1,null]} --set-file deep.file=text.txt",
        "my web --api-versions example.com/v1 --kube-version 1.31.2",
    ] {
        same("helm", dir.path(), &format!("template {words}"), "");
    }
    for (words, cause) in [
        ("my bad", "no way"),
        ("my web --set a=x", "got string, want integer"),
        ("my web --set-json a=[", "failed parsing --set-json data"),
        ("my web --kube-version 1.10.0", "kubeVersion"),
        ("my web --show-only templates/none.yaml", "could not find template templates/none.yaml in chart"),
        ("my none", "none"),
    ] {
        same("helm", dir.path(), &format!("template {words}"), cause);
    }
    let packed = ran(&program("helm").unwrap(), dir.path(), &["package", "web"]);
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    same("helm", dir.path(), "template my web-1.2.3.tgz", "");
}

/// The cases of the engine's corpus that a real Helm 3 has recorded.
#[test]
fn helm_template_prints_what_helm_3_prints_when_asked_to() {
    let cases = workspace_root().join("crates/helm-template/tests/corpus/helm-3");
    let mut compared = 0;
    for case in std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()) {
        let input = case.join("input");
        let (Ok(expected), false) =
            (std::fs::read_to_string(case.join("expected.yaml")), case.ends_with("metadata-toml"))
        else {
            continue;
        };
        let mut command = offline().command("helm template release-name chart --helm-version=3 -n default");
        if input.join("values.yaml").is_file() {
            command.args(["-f", "values.yaml"]);
        }
        command.args(std::fs::read_to_string(input.join("flags")).unwrap_or_default().lines());
        let ours = command.current_dir(&input).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ours.stdout), expected, "{}", case.display());
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn our_own_chart_is_rendered_alike() {
    let charts = workspace_root().join("charts");
    same("helm", &charts, "template sluice ./sluice -n flux-system --include-crds", "");
}

#[tokio::test]
async fn charts_are_taken_from_a_registry() {
    let dir = chart();
    let registry = testkit::Registry::start().await.unwrap();
    let url = registry.url("charts");
    let helm = program("helm").unwrap();
    assert!(ran(&helm, dir.path(), &["package", "web"]).status.success());
    let pushed = ran(&helm, dir.path(), &["push", "web-1.2.3.tgz", &url, "--plain-http"]);
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    let ours = offline().ok(&format!("helm template my {url}/web --version 1.2.3 --insecure-registry"));
    let theirs = ran(&helm, dir.path(), &["template", "my", "web"]);
    assert_eq!(ours, String::from_utf8(theirs.stdout).unwrap());
}

/// What a program makes of a text.
fn piped(mut command: Command, text: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env("KEY", "a value").env("EMPTY", "").env_remove("NONE").spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

const TEXTS: [&str; 6] = [
    "a: ${KEY}\nb: ${NONE:=d}\nc: ${EMPTY:-e} $${KEY} $KEY\n",
    "no newline at the end ${KEY}",
    "windows ${KEY}\r\nlines\r\n",
    "${KEY^^} ${KEY:2} ${#KEY} ${KEY/a/b}\n",
    "${NONE}|\n",
    "",
];

#[test]
fn envsubst_fills_in_variables_of_the_environment() {
    let done = |words: &str, text: &str| piped(offline().command(words), text);
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text(&done("envsubst", TEXTS[0])), "a: a value\nb: d\nc: e ${KEY} $KEY\n");
    assert_eq!(text(&done("envsubst", TEXTS[4])), "|\n");
    let strict = done("envsubst --strict", "fine\n${NONE}\n");
    assert_eq!((strict.status.code(), text(&strict).as_str()), (Some(1), "fine\n"));
    let told = String::from_utf8_lossy(&strict.stderr).into_owned();
    assert!(told.contains("line 2") && told.contains("variable not set (strict mode): \"NONE\""), "{told}");
}

/// Runs when `FLUX_BIN` names the real command, and says so when it does not.
#[test]
fn envsubst_prints_what_flux_prints() {
    let Ok(flux) = std::env::var("FLUX_BIN") else {
        testkit::not_run("envsubst beside that of the real flux command", "FLUX_BIN names none");
        return;
    };
    let flux = Sluice::program(flux.into(), Path::new("/none"), "default");
    for words in ["envsubst", "envsubst --strict"] {
        for text in TEXTS.into_iter().chain(["${KEY\n", "${KEY:x:y}\n"]) {
            let (ours, theirs) = (piped(offline().command(words), text), piped(flux.command(words), text));
            assert_eq!(ours.status.success(), theirs.status.success(), "{words}: {text:?}");
            let shown = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(shown(ours), shown(theirs), "{words}: {text:?}");
        }
    }
}

const KUSTOMIZATION: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: apps, namespace: \
                             flux-system }\nspec:\n  interval: 5m\n  prune: true\n  path: ./apps\n  sourceRef: { kind: \
                             GitRepository, name: fleet }\n  postBuild:\n    substitute: { count: '2' }\n";
const APP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: ${count}\n  selector: { \
                   matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec:\n      \
                   containers:\n      - name: main\n        image: web:1\n";
const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: web, namespace: default }\nspec:\n  \
                       interval: 5m\n  chart: { spec: { chart: ./web, sourceRef: { kind: GitRepository, name: fleet } } }\n  \
                       values: { a: 2 }\n";

/// A repository in which nothing is wrong: a Kustomization with variables, a release of a chart beside it, a base.
fn repository() -> tempfile::TempDir {
    let dir = chart();
    let base = kustomization();
    for folder in ["base", "overlay"] {
        std::fs::rename(base.path().join(folder), dir.path().join(folder)).unwrap();
    }
    // What else the chart's test needs is not for this one.
    for gone in ["bad", "more.yaml", "web/crds", "base/web.yaml"] {
        let gone = dir.path().join(gone);
        drop(std::fs::remove_dir_all(&gone).or_else(|_| std::fs::remove_file(&gone)));
    }
    write(
        dir.path(),
        &[
            (".git/HEAD", "ref: refs/heads/main\n"),
            ("clusters/apps.yaml", KUSTOMIZATION),
            ("apps/web.yaml", APP),
            ("apps/release.yaml", RELEASE),
            ("base/web.yaml", &APP.replace("${count}", "1")),
        ],
    );
    dir
}

fn validated(dir: &Path, words: &str) -> (Option<i32>, String, String) {
    let done = offline().command(&format!("validate {words}")).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn a_good_repository_is_valid_and_its_charts_are_rendered() {
    let dir = repository();
    let (code, found, told) = validated(dir.path(), ".");
    assert_eq!((code, found.as_str()), (Some(0), ""), "{told}");
    let (_, json, _) = validated(dir.path(), ". -o json");
    let report: Value = serde_json::from_str(&json).unwrap();
    let units: Vec<&str> =
        report["units"].as_array().unwrap().iter().map(|unit| unit.as_str().unwrap()).collect();
    for unit in
        ["Kustomization/flux-system/apps", "overlay/kustomization.yaml", "chart of HelmRelease/default/web"]
    {
        assert!(units.contains(&unit), "{unit} is not among {units:?}");
    }
    assert!(!units.contains(&"base/kustomization.yaml"), "a base is built with its overlay only: {units:?}");
}

#[test]
fn each_mistake_is_found_in_its_file_and_line() {
    let check = |path: &str, from: &str, to: &str, place: &str, cause: &str| {
        let dir = repository();
        let file: PathBuf = dir.path().join(path);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        let (code, found, told) = validated(dir.path(), ".");
        assert_eq!(code, Some(1), "{path}: {to}\n{found}{told}");
        // Some causes take several lines.
        let told = found.split_once(place).is_some_and(|(_, rest)| rest.contains(cause));
        assert!(told, "no line {place} … {cause} in:\n{found}");
    };
    check("apps/web.yaml", "${count}", "many", "apps/web.yaml:6: error: ", "spec.replicas");
    check(
        "apps/web.yaml",
        "image: web:1",
        "imag: web:1",
        "apps/web.yaml:13: error: ",
        "unknown field 'imag'",
    );
    check("apps/web.yaml", "  replicas: ${count}\n", "  replicas: [\n", "apps/web.yaml:", "error");
    check(
        "clusters/apps.yaml",
        "interval: 5m",
        "interval: often",
        "clusters/apps.yaml:5: error: ",
        "spec.interval",
    );
    check(
        "overlay/kustomization.yaml",
        "../base",
        "../none",
        "overlay/kustomization.yaml:1: error: ",
        "none",
    );
    check("apps/release.yaml", "a: 2", "a: two", "apps/release.yaml:1: error: ", "got string, want integer");
    check(
        "web/templates/cm.yaml",
        "{{ .Release.Name }}",
        "{{ .Release.Name",
        "apps/release.yaml:1: error: ",
        "cm.yaml",
    );
    check(
        "apps/web.yaml",
        "image: web:1",
        "image: ${typo}",
        "clusters/apps.yaml:1: error: ",
        "variable not set",
    );
    check(
        "apps/web.yaml",
        "- name: main\n        image",
        "- image",
        "apps/web.yaml:12: error: ",
        "name: is required",
    );
    check("apps/web.yaml", "apps/v1", "apps/v1beta1", "apps/web.yaml:1: error: ", "not served in version");
}

#[test]
fn reports_for_machines_hold_the_same_finding() {
    let dir = repository();
    write(dir.path(), &[("apps/web.yaml", &APP.replace("${count}", "many"))]);
    for (form, words) in [
        ("github", "::error file=apps/web.yaml,line=6,title=schema::Deployment/"),
        ("junit", "<testcase classname=\"sluice\" name=\"apps/web.yaml\">"),
        ("sarif", "\"startLine\": 6"),
        ("json", "\"line\": 6"),
    ] {
        let (code, found, told) = validated(dir.path(), &format!("-o {form}"));
        assert_eq!(code, Some(1), "{told}");
        assert!(found.contains(words), "{form}: {found}");
    }
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let (code, found, told) = validated(&workspace_root().join("docs/examples/repos"), ".");
    assert_eq!(code, Some(0), "{found}{told}");
}

/// A repository with more files and some of its own changed; no error may be found in it, and what is told is given.
fn valid_with(files: &[(&str, &str)], words: &str) -> String {
    let dir = repository();
    write(dir.path(), files);
    let (code, found, told) = validated(dir.path(), words);
    assert_eq!(code, Some(0), "{found}{told}");
    found
}

#[test]
fn a_folder_that_a_kustomization_takes_in_is_built_with_its_variables_only() {
    let dir = repository();
    std::fs::remove_file(dir.path().join("apps/web.yaml")).unwrap();
    write(
        dir.path(),
        &[("apps/web/kustomization.yaml", "resources: [web.yaml]\n"), ("apps/web/web.yaml", APP)],
    );
    let (code, found, told) = validated(dir.path(), ". -o json");
    assert_eq!(code, Some(0), "{found}{told}");
    assert!(!found.contains("apps/web/kustomization.yaml"), "{found}");
}

#[test]
fn a_kustomization_of_another_source_is_not_built_from_this_repository() {
    let other = |kind: &str, name: &str, path: &str| {
        let changed =
            KUSTOMIZATION.replace("kind: GitRepository, name: fleet", &format!("kind: {kind}, name: {name}"));
        changed.replace("./apps", path).replace("name: apps", "name: other")
    };
    let oci = other("OCIRepository", "podinfo", "./");
    assert!(oci.contains("OCIRepository, name: podinfo"), "{oci}");
    assert_eq!(valid_with(&[("clusters/oci.yaml", &oci), ("notes.yaml", "a: b\n")], "."), "");
    let broken = ("deploy/kustomization.yaml", "resources: [none.yaml]\nkind: Component\n");
    let told =
        valid_with(&[("clusters/oci.yaml", &other("OCIRepository", "podinfo", "./deploy")), broken], ".");
    assert!(told.contains("warning") && told.contains("/deploy"), "{told}");
    let sync = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: { name: fleet, namespace: \
                flux-system }\nspec: { interval: 1m, url: 'https://example.com/fleet' }\n";
    let tenant = other("GitRepository", "tenant", "./");
    let files =
        [("clusters/gotk-sync.yaml", sync), ("clusters/tenant.yaml", &tenant), ("notes.yaml", "a: b\n")];
    assert_eq!(valid_with(&files, "."), "");
}

/// The Kustomization of the repository with variables of the cluster instead of its own.
fn with_variables_from(kind: &str, name: &str) -> String {
    let from = format!("substituteFrom: [{{ kind: {kind}, name: {name} }}]");
    KUSTOMIZATION.replace("substitute: { count: '2' }", &from)
}

#[test]
fn variables_that_only_the_cluster_knows_are_a_warning_and_nothing_more() {
    let from = with_variables_from("Secret", "vars");
    let more = with_variables_from("Secret", "vars")
        .replace("substituteFrom", "substitute: { a: b }\n    substituteFrom");
    for file in [&from, &more] {
        let told = valid_with(&[("clusters/apps.yaml", file)], ".");
        assert!(told.contains("Secret/vars is not in this repository"), "{told}");
        assert!(!told.contains("spec.replicas"), "{told}");
    }
    let dir = repository();
    write(
        dir.path(),
        &[
            ("clusters/apps.yaml", &from),
            ("apps/web.yaml", &APP.replace("image: web:1", "imag: web:1").replace("${count}", "1")),
        ],
    );
    let (code, found, _) = validated(dir.path(), ".");
    assert_eq!(code, Some(1), "what no variable has to do with is still an error: {found}");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: vars, namespace: flux-system }\ndata: { count: \
                  'ENC[AES256_GCM,data:a]' }\nsops: { mac: 'ENC[x]' }\n";
    assert_eq!(
        valid_with(&[("clusters/apps.yaml", &from), ("clusters/vars.yaml", secret)], ". --strict-substitute"),
        ""
    );
}

#[test]
fn variables_are_those_of_the_nearest_folder() {
    let vars = |count: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: vars, namespace: flux-system }}\ndata: {{ count: '{count}' }}\n"
        )
    };
    let (near, far) = (vars("2"), vars("many"));
    let apps = with_variables_from("ConfigMap", "vars");
    let nearest = [
        ("clusters/apps.yaml", ""),
        ("clusters/z/apps.yaml", &apps),
        ("clusters/z/vars.yaml", &near),
        ("clusters/a/vars.yaml", &far),
    ];
    assert_eq!(valid_with(&nearest, "."), "");
    let tie = [
        ("clusters/apps.yaml", apps.as_str()),
        ("clusters/a/vars.yaml", &near),
        ("clusters/z/vars.yaml", &far),
    ];
    let told = valid_with(&tie, ".");
    assert!(
        told.contains("ConfigMap/vars is in this repository 2 times: that of clusters/a/vars.yaml"),
        "{told}"
    );
}

#[test]
fn a_chart_whose_dependencies_are_fetched_is_no_mistake() {
    let chart = "apiVersion: v2\nname: web\nversion: 1.2.3\ndependencies: [{ name: redis, version: 1.x, repository: \
                 'https://example.com' }]\n";
    let told = valid_with(&[("web/Chart.yaml", chart)], ".");
    assert!(told.contains("warning") && told.contains("redis"), "{told}");
}

#[test]
fn a_build_shows_marks_for_what_sops_has_encrypted() {
    let dir = repository();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { a: 'ENC[AES256_GCM,data:a]' }\nsops: { mac: \
                  'ENC[x]' }\n";
    write(dir.path(), &[("apps/secret.yaml", secret)]);
    let words = "build kustomization apps --path=apps --kustomization-file=clusters/apps.yaml --dry-run -n flux-system";
    let done = offline().command(words).current_dir(dir.path()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{}", text(&done.stderr));
    let shown = text(&done.stdout);
    assert!(shown.contains("kind: Secret") && !shown.contains("ENC[") && !shown.contains("sops"), "{shown}");
}
