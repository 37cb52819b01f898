//! Which packages a binary is made of, as `cargo metadata` tells.
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A package of the dependency graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression; empty when the package states none.
    pub(crate) license: String,
    /// The registry it comes from; empty for our own.
    pub(crate) registry: String,
}

/// The packages of one binary.
pub(crate) struct Packages {
    /// The package that holds the binary.
    pub(crate) root: Package,
    /// All packages that are compiled into it, the root included, sorted.
    pub(crate) all: BTreeSet<Package>,
    /// Who depends on whom.
    pub(crate) edges: BTreeSet<(Package, Package)>,
}

/// The packages of the package that has a binary of this name. Dependencies of tests and of builds do not count, and
/// those of other targets neither.
pub(crate) fn packages(checkout: &Path, binary: &str) -> Result<Packages> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let args = ["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", &target];
    let done =
        Command::new(cargo).args(args).current_dir(checkout).output().context("running cargo metadata")?;
    if !done.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    read(&serde_json::from_slice(&done.stdout)?, binary)
}

fn read(metadata: &Value, binary: &str) -> Result<Packages> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let all = list(&metadata["packages"]);
    let by_id: BTreeMap<String, Package> = all.iter().map(|p| (text(&p["id"]), package(p))).collect();
    let nodes = list(&metadata["resolve"]["nodes"]);
    let nodes: BTreeMap<String, Vec<String>> = nodes.iter().map(|n| (text(&n["id"]), linked(n))).collect();
    let has = |p: &&Value| {
        list(&p["targets"]).iter().any(|t| t["name"] == binary && list(&t["kind"]).contains(&"bin".into()))
    };
    let root = all.iter().find(has).with_context(|| format!("no package has a binary {binary}"))?;
    let root = text(&root["id"]);
    let (mut seen, mut edges, mut open) =
        (BTreeSet::from([root.clone()]), BTreeSet::new(), vec![root.clone()]);
    while let Some(id) = open.pop() {
        for to in nodes.get(&id).into_iter().flatten() {
            if let (Some(a), Some(b)) = (by_id.get(&id), by_id.get(to)) {
                edges.insert((a.clone(), b.clone()));
            }
            if seen.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    let root = by_id.get(&root).cloned().context("a package without an entry")?;
    Ok(Packages { root, all: seen.iter().filter_map(|id| by_id.get(id).cloned()).collect(), edges })
}

/// What a package links: its dependencies that are neither for tests nor for builds.
fn linked(node: &Value) -> Vec<String> {
    let dependencies = node["deps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_linked = |dependency: &&Value| {
        dependency["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null())
    };
    dependencies.iter().filter(is_linked).map(|dependency| text(&dependency["pkg"])).collect()
}

fn package(value: &Value) -> Package {
    Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        license: text(&value["license"]).replace('/', " OR "),
        registry: text(&value["source"]),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::packages;
    use std::path::Path;

    #[test]
    fn this_binary_is_made_of_what_its_manifest_names_but_not_of_what_its_tests_use() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let packages = packages(checkout, "images").unwrap();
        let has = |name: &str| packages.all.iter().any(|package| package.name == name);
        assert_eq!(packages.root.name, "images");
        assert!(has("tar") && has("sha2") && !has("tempfile"), "{:?}", packages.all);
        assert!(packages.edges.iter().any(|(from, to)| from.name == "images" && to.name == "flate2"));
    }
}
