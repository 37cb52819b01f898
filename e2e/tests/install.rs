//! `config/`: every folder builds with the real kustomize and with ours to the same bytes, and what it installs starts.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use kustomize::{BuildOptions, MemoryTree};
use testkit::{CONTROLLERS, ControlPlane, workspace_root};

fn config() -> PathBuf {
    workspace_root().join("config")
}

/// Every folder below `config/` with a kustomization that is no component.
fn bases() -> Vec<String> {
    let mut found = Vec::new();
    walk(&config(), &mut |file| {
        let is_base = fs::read_to_string(file).unwrap().contains("kind: Kustomization");
        if file.ends_with("kustomization.yaml") && is_base {
            let dir = file.parent().unwrap().strip_prefix(config()).unwrap();
            found.push(dir.display().to_string());
        }
    });
    found.sort();
    found
}

fn walk(dir: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

fn tree() -> MemoryTree {
    let mut tree = MemoryTree::new();
    walk(&config(), &mut |file| {
        let name = file.strip_prefix(config()).unwrap().display().to_string();
        tree.insert(name, fs::read(file).unwrap());
    });
    tree
}

fn real(base: &str) -> String {
    let mut kustomize = Command::new(testkit::program("kustomize").unwrap());
    let done = kustomize.args(["build", "--reorder", "none"]).arg(config().join(base)).output().unwrap();
    assert!(done.status.success(), "{base}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn every_base_builds_to_the_bytes_of_kustomize() {
    let (bases, tree) = (bases(), tree());
    assert!(bases.len() >= 16, "{bases:?}");
    for base in &bases {
        let ours = kustomize::build(&tree, base, &BuildOptions::default());
        let ours = ours.unwrap_or_else(|error| panic!("{base}: {error}")).to_yaml();
        assert!(ours == real(base), "{base} differs");
    }
}

/// Waits until the Deployment has an available pod; kwok plays the node, so that no image is pulled.
async fn available(plane: &ControlPlane, controller: &str) {
    let key = ("Deployment", "flux-system", controller);
    let up = |object: &serde_json::Value| object["status"]["availableReplicas"] == 1;
    plane.cluster().await.unwrap().wait(key, Duration::from_secs(60), up).await.unwrap();
}

#[tokio::test]
async fn both_profiles_start_all_controllers_under_the_strictest_pod_security() {
    let plane = ControlPlane::start().await.unwrap();
    for profile in ["all", "all-locked-down"] {
        plane.apply_crds(&config().join(profile)).unwrap();
        for controller in CONTROLLERS {
            available(&plane, controller).await;
        }
        let enforce = "pod-security.kubernetes.io/enforce=restricted";
        let label = ["label", "namespace", "flux-system", "--dry-run=server", enforce];
        let done = plane.kubectl(&label).unwrap();
        let warnings = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && warnings.is_empty(), "{profile}: {warnings}");
    }
}

/// Names of the definitions that the cluster serves.
async fn definitions(plane: &ControlPlane) -> Vec<String> {
    let cluster = plane.cluster().await.unwrap();
    let all = cluster.list("apiextensions.k8s.io/v1/CustomResourceDefinition", "").await.unwrap();
    all.iter().map(|definition| definition["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_controller_installs_alone_with_the_definitions_of_its_own_kinds_only() {
    let plane = ControlPlane::start().await.unwrap();
    for (before, controller) in CONTROLLERS.into_iter().enumerate() {
        let known = definitions(&plane).await;
        plane.apply_crds(&config().join("single").join(controller)).unwrap();
        available(&plane, controller).await;
        let group = match controller {
            "image-automation-controller" => "image",
            other => other.trim_end_matches("-controller"),
        };
        let mut added = definitions(&plane).await;
        added.retain(|name| !known.contains(name));
        let own = |name: &String| name.ends_with(&format!(".{group}.toolkit.fluxcd.io"));
        assert!(!added.is_empty() && added.iter().all(own), "{controller}: {added:?}");
        let deployments = plane.cluster().await.unwrap().list("Deployment", "flux-system").await.unwrap();
        assert_eq!(deployments.len(), before + 1, "{controller}");
    }
}

#[tokio::test]
async fn an_image_that_does_not_exist_leaves_the_old_pod_in_place() {
    let plane = ControlPlane::start().await.unwrap();
    plane.apply_crds(&config().join("single/source-controller")).unwrap();
    available(&plane, "source-controller").await;
    let set =
        ["-n", "flux-system", "set", "image", "deployment/source-controller", "manager=x:does-not-exist"];
    plane.kubectl_ok(&set).unwrap();
    let cluster = plane.cluster().await.unwrap();
    let key = ("Deployment", "flux-system", "source-controller");
    let both = |object: &serde_json::Value| {
        object["status"]["updatedReplicas"] == 1 && object["status"]["replicas"] == 2
    };
    cluster.wait(key, Duration::from_secs(60), both).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    available(&plane, "source-controller").await;
}
