//! The chart's copies of the definitions in `config/`: a chart holds all its files itself.
use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::cargo::root;

/// Folders of definitions: below `config`, and below `charts/sluice/files`.
const FOLDERS: [&str; 2] = ["crd", "crd-legacy"];

/// Copies what differs, or only says that something does.
///
/// # Errors
/// With `check`: names every file that is not equal.
pub(crate) fn copy(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for folder in FOLDERS {
        let (from, to) =
            (root().join("config").join(folder), root().join("charts/sluice/files").join(folder));
        fs::create_dir_all(&to)?;
        let wanted = definitions(&from)?;
        for name in definitions(&to)?.iter().filter(|name| !wanted.contains(name)) {
            stale.push(format!("{folder}/{name}"));
            if !check {
                fs::remove_file(to.join(name))?;
            }
        }
        for name in &wanted {
            if fs::read(from.join(name))? != fs::read(to.join(name)).unwrap_or_default() {
                stale.push(format!("{folder}/{name}"));
                if !check {
                    fs::copy(from.join(name), to.join(name))?;
                }
            }
        }
    }
    if check && !stale.is_empty() {
        bail!("charts/sluice/files is not what config holds: {}; run cargo xtask generate", stale.join(", "));
    }
    Ok(())
}

fn definitions(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yaml") && name != "kustomization.yaml" {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_chart_holds_the_definitions_of_config() {
        super::copy(true).unwrap();
    }
}
