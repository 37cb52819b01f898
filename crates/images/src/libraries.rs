//! Which files a program maps when it starts: what `ldd` would print, read from the files and without running them.
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::elf::needs;

/// Where the loader looks, without `ld.so.conf` and `LD_LIBRARY_PATH`: an image has neither.
const FOLDERS: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// More than any of our programs has by far.
const MOST: usize = 200;

/// The loader and all shared libraries of a program and of each other, by the paths where the loader finds them.
pub(crate) fn closure(program: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut open = vec![program.to_path_buf()];
    while let Some(file) = open.pop() {
        let needs = needs(&file)?;
        let mut files: Vec<PathBuf> = needs.loader.into_iter().collect();
        // By its name alone, as the loader does: it is a library itself, and lies in two folders.
        let known = |name: &String| found.iter().chain(&files).any(|file: &PathBuf| file.ends_with(name));
        let unknown: Vec<&String> = needs.libraries.iter().filter(|name| !known(name)).collect();
        for name in unknown {
            files.push(locate(name).with_context(|| format!("{} needs {name}", file.display()))?);
        }
        open.extend(files.into_iter().filter(|file| found.insert(file.clone())));
        anyhow::ensure!(found.len() <= MOST, "{} needs more than {MOST} libraries", program.display());
    }
    Ok(found)
}

fn locate(name: &str) -> Result<PathBuf> {
    anyhow::ensure!(!name.contains('/'), "a library by its path: the image would not have it");
    let places = FOLDERS.iter().map(|folder| Path::new(folder).join(name));
    places.into_iter().find(|file| file.is_file()).context("in none of the folders of the loader")
}

#[cfg(test)]
mod tests {
    use super::{closure, locate};

    #[test]
    fn the_closure_is_what_ldd_prints() {
        let exe = std::env::current_exe().unwrap();
        let said = std::process::Command::new("ldd").arg(&exe).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let names = said.lines().filter_map(|line| line.split_whitespace().next());
        let mut wanted: Vec<&str> = names
            .filter(|name| !name.starts_with("linux-vdso"))
            .filter_map(|name| name.rsplit('/').next())
            .collect();
        wanted.sort_unstable();
        let found = closure(&exe).unwrap();
        let mut found: Vec<&str> =
            found.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_library_that_is_nowhere_is_an_error() {
        assert!(locate("libnobody-has-this.so.9").is_err());
        assert!(locate("/tmp/x.so").is_err());
    }
}
