//! Images, judged by others: pushed to a real registry, pulled by the real `crane`, unpacked, and their program run.
use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use images::{Options, Source, build};
use serde_json::Value;
use testkit::{Registry, not_run, workspace_root};

/// Two, so that what they share can be seen; the binaries are those that the other tests run.
const NAMES: [&str; 2] = ["source-controller", "kustomize-controller"];

/// The folder of the controllers' binaries.
fn binaries() -> PathBuf {
    if let Some(dir) = env::var_os("SLUICE_BIN_DIR") {
        return dir.into();
    }
    let args = ["build", "--quiet", "-p", "source-controller", "-p", "kustomize-controller"];
    assert!(Command::new(env!("CARGO")).args(args).current_dir(workspace_root()).status().unwrap().success());
    let exe = env::current_exe().unwrap();
    exe.ancestors().skip(1).find(|dir| dir.join(NAMES[0]).is_file()).unwrap().to_path_buf()
}

fn options(out: &Path) -> Options {
    let source =
        Source { checkout: workspace_root(), revision: "0123456789abcdef".into(), created: 1_795_219_200 };
    Options { source, bin: binaries(), out: out.to_path_buf() }
}

fn run(command: &mut Command) -> Output {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

fn crane(args: &[&str]) -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    run(Command::new(testkit::program("crane").unwrap()).args(args).env("HOME", home.path())).stdout
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The files of an image as `crane` flattens them.
fn unpack(image: &str, root: &Path) {
    let tar = root.with_extension("tar");
    crane(&["export", image, tar.to_str().unwrap()]);
    std::fs::create_dir_all(root).unwrap();
    run(Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(root));
}

/// Runs the entrypoint with nothing but the image's own files.
fn version_inside(root: &Path, entrypoint: &str) -> Option<String> {
    let allowed = Command::new("unshare").args(["--map-root-user", "chroot", "/", "true"]).output();
    if !allowed.is_ok_and(|done| done.status.success()) {
        not_run(
            "the program of an image inside its own files",
            "this machine lets nobody change the root folder",
        );
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "chroot"]).arg(root).args([entrypoint, "--version"]).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    Some(String::from_utf8(run(&mut command).stdout).unwrap())
}

/// Every element that a relationship names exists, and the checksums are those of the files.
fn check_sbom(root: &Path, name: &str) {
    let sbom = json(&std::fs::read(root.join(format!("usr/share/sbom/{name}.spdx.json"))).unwrap());
    assert_eq!((&sbom["spdxVersion"], &sbom["dataLicense"]), (&"SPDX-2.3".into(), &"CC0-1.0".into()));
    let list = |key: &str| sbom[key].as_array().unwrap().clone();
    let mut known = BTreeSet::from(["SPDXRef-DOCUMENT".to_owned()]);
    for element in list("packages").iter().chain(&list("files")) {
        assert!(known.insert(element["SPDXID"].as_str().unwrap().to_owned()), "twice: {element}");
    }
    for relation in list("relationships") {
        for end in ["spdxElementId", "relatedSpdxElement"] {
            assert!(known.contains(relation[end].as_str().unwrap()), "{relation}");
        }
    }
    let names: Vec<Value> = list("packages").iter().map(|package| package["name"].clone()).collect();
    assert!(names.contains(&"kube".into()) && !names.contains(&"testkit".into()));
    for file in list("files") {
        let path = root.join(file["fileName"].as_str().unwrap().trim_start_matches('/'));
        let sum = String::from_utf8(run(Command::new("sha256sum").arg(&path)).stdout).unwrap();
        assert_eq!(sum.split_whitespace().next().unwrap(), file["checksums"][0]["checksumValue"], "{file}");
    }
}

#[tokio::test]
async fn a_pushed_image_is_pulled_and_its_program_runs_with_nothing_but_its_own_files() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start().await.unwrap();
    for name in NAMES {
        build(name, &options(dir.path())).unwrap();
        let image = format!("{}/sluice/{name}:v1", registry.address());
        crane(&["push", dir.path().join(name).to_str().unwrap(), &image]);
        crane(&["validate", "--remote", &image]);
        let root = dir.path().join(format!("{name}-root"));
        unpack(&image, &root);

        let config = json(&crane(&["config", &image]));
        let entrypoint = config["config"]["Entrypoint"][0].as_str().unwrap().to_owned();
        assert_eq!(config["config"]["User"], "65534:65534");
        if let Some(said) = version_inside(&root, &entrypoint) {
            assert_eq!(said.trim(), format!("{name} {}", env!("CARGO_PKG_VERSION")));
        }
        for shell in ["bin/sh", "usr/bin/sh", "bin/bash", "bin/busybox"] {
            assert!(!root.join(shell).exists(), "{name} has {shell}");
        }
        assert!(root.join("etc/ssl/certs/ca-certificates.crt").metadata().unwrap().len() > 1000);
        check_sbom(&root, name);
    }
}

#[test]
fn the_same_binary_gives_the_same_image_and_all_images_share_their_base() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let manifest = |dir: &Path, name: &str| {
        build(name, &options(dir)).unwrap();
        let index = json(&std::fs::read(dir.join(name).join("index.json")).unwrap());
        let digest =
            index["manifests"][0]["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
        json(&std::fs::read(dir.join(name).join("blobs/sha256").join(digest)).unwrap())
    };
    let source = manifest(one.path(), NAMES[0]);
    assert_eq!(source, manifest(two.path(), NAMES[0]));
    let kustomize = manifest(one.path(), NAMES[1]);
    assert_eq!(source["layers"][0], kustomize["layers"][0]);
    assert_ne!(source["layers"][1], kustomize["layers"][1]);
    let annotation = |key: &str| source["annotations"][format!("org.opencontainers.image.{key}")].clone();
    assert_eq!(annotation("title"), NAMES[0]);
    assert_eq!(annotation("created"), "2026-11-21T00:00:00Z");
    assert_eq!(annotation("revision"), "0123456789abcdef");
}
