//! What must be live by the word of the real `kustomize build`, and what is.
use std::{collections::BTreeMap, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::GitRepo;

use crate::World;

/// Name and value of key `v` of ConfigMaps.
pub type Objects = BTreeMap<String, String>;

/// ConfigMaps as one file; an immutable one must be made anew to change.
pub fn config_maps(objects: &Objects, immutable: impl Fn(&str) -> bool) -> String {
    let one = |(name, value): (&String, &String)| {
        let mut object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "v": value },
        });
        if immutable(name) {
            object["immutable"] = json!(true);
        }
        format!("---\n{object:#}\n")
    };
    objects.iter().map(one).collect()
}

/// What the real `kustomize build` makes of a folder of the working copy.
///
/// # Errors
/// When it does not build.
pub fn wanted(repo: &GitRepo, path: &str) -> Result<Objects> {
    let folder = repo.work().join(path);
    let done = Command::new(testkit::program("kustomize")?).arg("build").arg(folder).output()?;
    ensure!(done.status.success(), "kustomize build: {}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout)?;
    text.split("\n---\n").filter(|document| !document.trim().is_empty()).map(read).collect()
}

/// The printer of `kustomize` is known: keys sorted, two spaces.
pub(super) fn read(document: &str) -> Result<(String, String)> {
    let field =
        |key: &str| document.lines().find_map(|line| line.strip_prefix(key)).map(|v| v.trim_matches('"'));
    let name = field("  name: ").with_context(|| format!("no name in {document}"))?;
    let value = field("  v: ").with_context(|| format!("no value in {document}"))?;
    Ok((name.into(), value.into()))
}

/// The ConfigMaps that carry the labels of a Kustomization of this namespace.
///
/// # Errors
/// When they cannot be listed.
pub async fn live(world: &World, kustomization: &str) -> Result<Objects> {
    let all = world.cluster.list("ConfigMap", &world.ns).await?;
    let labelled =
        |object: &&Value| object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == kustomization;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entry = |object: &Value| (text(&object["metadata"]["name"]), text(&object["data"]["v"]));
    Ok(all.iter().filter(labelled).map(entry).collect())
}

/// Compares the cluster and the inventory of a Kustomization with what must be live.
///
/// # Errors
/// Names what is lost, orphaned or of another value.
pub async fn compare(world: &World, kustomization: &str, wanted: &Objects) -> Result<()> {
    let live = live(world, kustomization).await?;
    let missing: Vec<_> = wanted.keys().filter(|name| !live.contains_key(*name)).collect();
    let orphaned: Vec<_> = live.keys().filter(|name| !wanted.contains_key(*name)).collect();
    let other: Vec<_> =
        wanted.iter().filter(|(name, value)| live.get(*name).is_some_and(|v| v != *value)).collect();
    ensure!(
        missing.is_empty() && orphaned.is_empty() && other.is_empty(),
        "{kustomization}: lost {missing:?}, orphaned {orphaned:?}, not as in Git {other:?}"
    );
    let object = world.get("Kustomization", kustomization).await?;
    let entries = object["status"]["inventory"]["entries"].as_array().cloned().unwrap_or_default();
    let known: Vec<&str> =
        entries.iter().filter_map(|entry| entry["id"].as_str()?.split('_').nth(1)).collect();
    let unknown: Vec<_> = wanted.keys().filter(|name| !known.contains(&name.as_str())).collect();
    ensure!(
        unknown.is_empty() && known.len() == wanted.len(),
        "{kustomization}: the inventory lacks {unknown:?}, and has {} entries for {} objects",
        known.len(),
        wanted.len()
    );
    Ok(())
}
