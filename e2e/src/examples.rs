//! The example repositories of the documentation.
use std::{fs, path::Path};

use anyhow::{Context, Result};
use testkit::workspace_root;

/// Paths and texts of the files of `docs/examples/repos/<folder>`.
///
/// # Errors
/// When the folder or a file of it cannot be read as text.
pub fn example_repository(folder: &str) -> Result<Vec<(String, String)>> {
    let root = workspace_root().join("docs/examples/repos").join(folder);
    let mut files = Vec::new();
    collect(&root, &root, &mut files)?;
    Ok(files)
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((path.strip_prefix(root)?.display().to_string(), text));
        }
    }
    Ok(())
}
