//! The pages of `docs/runbooks`: one for each reason that a condition or an event can have, and every command of them
//! runs.
use std::{collections::BTreeSet, fs, path::PathBuf};

use e2e::World;
use regex::Regex;
use serde_json::json;
use testkit::{not_run, workspace_root};

/// Where reasons are written, and the block they stand in.
const PLACES: [(&str, &str); 5] = [
    ("crates/api/src/meta/conditions.rs", r"(?s)Reason \{(.*)\}\n\}"),
    ("crates/kustomize-controller/src/status.rs", r"(?s)enum Own \{(.*?)\n\}"),
    ("crates/source-controller/src/status.rs", r"(?s)\nreasons! \{(.*?)\n\}"),
    ("crates/helm-controller/src/status.rs", r"(?s)\nreasons! \{(.*?)\n\}"),
    ("crates/image-automation-controller/src/status.rs", r"(?s)enum ImageReason \{(.*?)\n\}"),
];

/// Reasons in the code of all controllers.
fn reasons() -> BTreeSet<String> {
    let read = |file: &str| fs::read_to_string(workspace_root().join(file)).unwrap();
    let variant = Regex::new(r"(?m)^\s+([A-Z]\w+),").unwrap();
    let mut all = BTreeSet::new();
    for (file, block) in PLACES {
        let text = read(file);
        let inner =
            Regex::new(block).unwrap().captures(&text).unwrap_or_else(|| panic!("{file} has no reasons"));
        let found: Vec<String> = variant.captures_iter(&inner[1]).map(|one| one[1].to_owned()).collect();
        assert!(!found.is_empty(), "{file}");
        all.extend(found);
    }
    let constant = Regex::new(r#"ReasonName::new\("(\w+)"\)"#).unwrap();
    let text = read("crates/notification-controller/src/status.rs");
    all.extend(constant.captures_iter(&text).map(|one| one[1].to_owned()));
    all
}

fn pages() -> Vec<PathBuf> {
    let files = fs::read_dir(workspace_root().join("docs/runbooks")).unwrap();
    files.map(|file| file.unwrap().path()).filter(|file| !file.ends_with("README.md")).collect()
}

/// Commands of the `sh` blocks.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

#[test]
fn every_reason_has_a_page_and_every_page_a_reason() {
    if std::env::var_os("SLUICE_NULL").is_some() {
        return not_run("the list of runbooks", "no controller acts in it");
    }
    let named = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!(pages().iter().map(named).collect::<BTreeSet<String>>(), reasons());
    let list = fs::read_to_string(workspace_root().join("docs/runbooks/README.md")).unwrap();
    for page in pages() {
        let (name, text) = (named(&page), fs::read_to_string(&page).unwrap());
        assert!(list.contains(&format!("[{name}]({name}.md)")), "README.md lacks {name}");
        for part in ["## See it", "## Force a refresh", "## Recover", "## Give up safely"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
        assert!(commands(&text).len() > 1, "{name} has no commands");
    }
}

/// One object of each kind that the pages show, and with sources and a Kustomization that work.
async fn objects(world: &World) {
    let (ns, far) = (world.ns.name(), "https://nobody.example/x");
    let reference = json!({ "name": "apps" });
    let rows = [
        ("source", "v1", "HelmRepository", json!({ "interval": "10m", "url": far })),
        ("source", "v1", "OCIRepository", json!({ "interval": "10m", "url": "oci://nobody.example/x" })),
        (
            "source",
            "v1",
            "HelmChart",
            json!({ "interval": "10m", "chart": "x", "sourceRef": { "kind": "HelmRepository", "name": "apps" } }),
        ),
        (
            "helm",
            "v2",
            "HelmRelease",
            json!({ "interval": "10m", "chartRef": { "kind": "OCIRepository", "name": "apps" } }),
        ),
        ("image", "v1", "ImageRepository", json!({ "interval": "10m", "image": "nobody.example/x" })),
        (
            "image",
            "v1",
            "ImagePolicy",
            json!({ "imageRepositoryRef": reference, "policy": { "alphabetical": {} } }),
        ),
        (
            "image",
            "v1",
            "ImageUpdateAutomation",
            json!({
                "interval": "10m", "sourceRef": { "kind": "GitRepository", "name": "apps" },
                "git": { "commit": { "author": { "email": "a@example.com" } } },
            }),
        ),
        (
            "notification",
            "v1beta3",
            "Alert",
            json!({ "providerRef": reference, "eventSources": [{ "kind": "Kustomization", "name": "*" }] }),
        ),
        (
            "notification",
            "v1",
            "Receiver",
            json!({
                "type": "generic", "secretRef": reference, "resources": [{ "kind": "GitRepository", "name": "apps" }],
            }),
        ),
    ];
    for (group, version, kind, spec) in rows {
        let object = json!({
            "apiVersion": format!("{group}.toolkit.fluxcd.io/{version}"), "kind": kind,
            "metadata": { "name": "apps", "namespace": ns }, "spec": spec,
        });
        world.cluster.apply(&object).await.unwrap();
    }
}

#[tokio::test]
async fn every_command_of_the_pages_runs_and_a_forced_refresh_is_one() {
    let world = World::start("runbooks").await.unwrap();
    world.push(&[("app/cm.yaml", &World::config_map("settings", "1"))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("apps", "./app", json!({})).await.unwrap();
    world.applied("apps", &world.repo.revision().unwrap()).await.unwrap();
    world.until("ConfigMap", "settings", |object| object["data"]["v"] == "1").await.unwrap();
    objects(&world).await;
    let all: BTreeSet<String> =
        pages().iter().flat_map(|page| commands(&fs::read_to_string(page).unwrap())).collect();
    let (last, first): (Vec<&String>, Vec<&String>) = all.iter().partition(|line| line.contains(" patch "));
    let handled =
        world.get("Kustomization", "apps").await.unwrap()["status"]["lastHandledReconcileAt"].clone();
    for line in &first {
        run(&world, line);
    }
    world.until("Kustomization", "apps", |o| o["status"]["lastHandledReconcileAt"] != handled).await.unwrap();
    for line in &last {
        run(&world, line);
    }
    let suspended = |o: &serde_json::Value| o["spec"]["suspend"] == true;
    world.until("Kustomization", "apps", suspended).await.unwrap();
}

fn run(world: &World, line: &str) {
    let kubectl = testkit::program("kubectl").unwrap();
    let filled = line.replace("NAMESPACE", world.ns.name()).replace("NAME", "apps");
    let filled = filled.replacen("kubectl", &kubectl.display().to_string(), 1);
    let done = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &filled])
        .env("KUBECONFIG", world.plane.kubeconfig())
        .env("HOME", world.plane.dir())
        .output()
        .unwrap();
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}
