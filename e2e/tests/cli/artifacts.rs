//! Artifacts in a real registry, pushed and pulled by the command and by the real `flux`.
use std::{collections::BTreeMap, path::Path};

use serde_json::Value;
use testkit::Registry;

use super::sluice::Sluice;

/// Paths and contents of all files below a folder.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_path_buf()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A folder with an ignored file, a nested one and bytes that are no text.
fn folder(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("in");
    std::fs::create_dir_all(path.join("deep/er")).unwrap();
    std::fs::write(path.join("a.yaml"), "kind: A\n").unwrap();
    std::fs::write(path.join("deep/er/b.bin"), [0u8, 255, 10, 13]).unwrap();
    std::fs::write(path.join("left-out.txt"), "x").unwrap();
    path
}

fn push(program: &Sluice, url: &str, path: &Path) -> String {
    let told = program.ok(&format!(
        "push artifact {url} --path={} --source=https://example.com/apps --revision=main@sha1:{} --insecure-registry \
         --ignore-paths=left-out.txt --reproducible -o json",
        path.display(),
        "a".repeat(40)
    ));
    let told: Value = serde_json::from_str(&told).unwrap();
    let (name, digest) = (url.rsplit_once(':').unwrap().0, told["digest"].as_str().unwrap());
    assert_eq!(told["url"], format!("{name}@{digest}"));
    told["digest"].as_str().unwrap().to_owned()
}

fn pull(program: &Sluice, url: &str, dir: &Path, digest: &str) -> BTreeMap<String, Vec<u8>> {
    let into = dir.join(format!("out-{}", url.rsplit(':').next().unwrap()));
    std::fs::create_dir_all(&into).unwrap();
    let words = format!("pull artifact {url} --output={} --insecure-registry", into.display());
    program.tells(&words, &["source https://example.com/apps", digest]);
    files(&into)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_is_pulled() {
    let registry = Registry::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (sluice, path) = (Sluice::of(Path::new("/none"), "default"), folder(dir.path()));
    let digest = push(&sluice, &format!("{}:v1", registry.url("apps")), &path);
    assert_eq!(push(&sluice, &format!("{}:v2", registry.url("apps")), &path), digest, "not reproducible");
    let pulled = pull(&sluice, &format!("{}:v1", registry.url("apps")), dir.path(), &digest);
    let mut wanted = files(&path);
    wanted.remove("left-out.txt");
    assert_eq!(pulled, wanted);
    let missing =
        sluice.run(&format!("pull artifact {}:none --output=/tmp --insecure-registry", registry.url("apps")));
    assert_eq!(missing.status.code(), Some(1));
}

/// Runs when `FLUX_BIN` names the real command, and says so when it does not.
#[tokio::test(flavor = "multi_thread")]
async fn flux_and_the_command_take_each_others_artifacts() {
    let registry = Registry::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = folder(dir.path());
    let sluice = Sluice::of(Path::new("/none"), "default");
    let Ok(flux) = std::env::var("FLUX_BIN") else {
        testkit::not_run("artifacts between sluice and the real flux command", "FLUX_BIN names none");
        return;
    };
    let flux = Sluice::program(flux.into(), Path::new("/none"), "default");
    let [ours, theirs] = ["ours", "theirs"].map(|tag| format!("{}:{tag}", registry.url("apps")));
    let our_digest = push(&sluice, &ours, &path);
    let their_digest = push(&flux, &theirs, &path);
    let by_flux = pull(&flux, &ours, dir.path(), &our_digest);
    let by_us = pull(&sluice, &theirs, dir.path(), &their_digest);
    assert_eq!(by_flux, by_us);
    let mut wanted = files(&path);
    wanted.remove("left-out.txt");
    assert_eq!(by_us, wanted);
}
