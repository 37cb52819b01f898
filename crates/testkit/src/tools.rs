//! Where the programs of the control plane are: `KUBEBUILDER_ASSETS`, else the cache that `cargo xtask tools` fills.
use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Tool, version and module folder under `e2e/tools`; versions are those of the `go.mod` files there.
const TOOL_OF: &[(&str, &str, &str)] = &[
    ("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    ("kube-apiserver", "kubernetes", "k8s.io/kubernetes"),
    ("kube-controller-manager", "kubernetes", "k8s.io/kubernetes"),
    ("kube-scheduler", "kubernetes", "k8s.io/kubernetes"),
    ("kubectl", "kubernetes", "k8s.io/kubernetes"),
    ("kwok", "kwok", "sigs.k8s.io/kwok"),
    ("helm", "helm", "helm.sh/helm/v4"),
    ("kustomize", "kustomize", "sigs.k8s.io/kustomize/kustomize/v5"),
    ("registry", "registry", "github.com/distribution/distribution/v3"),
    ("crane", "crane", "github.com/google/go-containerregistry"),
];

/// The folder that holds one folder `<tool>-<version>` for each built tool.
pub fn tools_cache() -> PathBuf {
    let base = env::var_os("SLUICE_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).unwrap_or_else(|| home().join(".cache"));
        cache.join("sluice")
    });
    base.join("tools")
}

/// The full path of a pinned program; an error says how to get it.
pub fn program(name: &str) -> Result<PathBuf> {
    if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS") {
        let found = Path::new(&assets).join(name);
        if found.is_file() {
            return Ok(found);
        }
    }
    let (_, tool, module) = TOOL_OF
        .iter()
        .find(|(program, ..)| *program == name)
        .with_context(|| format!("{name} is not a pinned tool"))?;
    let version = pinned_version(tool, module)?;
    let found = tools_cache().join(format!("{tool}-{version}")).join(name);
    if !found.is_file() {
        bail!("{name} is missing at {}; `cargo xtask tools` builds it", found.display());
    }
    Ok(found)
}

fn home() -> PathBuf {
    env::var_os("HOME").map(PathBuf::from).unwrap_or_else(env::temp_dir)
}

/// The version behind `module` in `e2e/tools/<tool>/go.mod`.
fn pinned_version(tool: &str, module: &str) -> Result<String> {
    let file = workspace_root().join("e2e/tools").join(tool).join("go.mod");
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    version_in(&text, module).with_context(|| format!("{} does not require {module}", file.display()))
}

fn version_in(go_mod: &str, module: &str) -> Option<String> {
    let mut words = go_mod.lines().filter(|line| !line.contains("=>")).map(str::split_whitespace);
    words.find_map(|mut line| {
        let mut first = line.next()?;
        if first == "require" {
            first = line.next()?;
        }
        (first == module).then(|| line.next().map(String::from)).flatten()
    })
}

/// The checkout this crate was built from.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_a_block_and_from_a_single_line() {
        let block = "require (\n\ta.b/c v1.2.3 // indirect\n)\nreplace a.b/c => x v9.9.9\n";
        assert_eq!(version_in(block, "a.b/c").as_deref(), Some("v1.2.3"));
        assert_eq!(version_in("require a.b/c v1.0.0", "a.b/c").as_deref(), Some("v1.0.0"));
        assert_eq!(version_in(block, "a.b"), None);
    }
}
