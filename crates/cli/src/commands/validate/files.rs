use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use artifact::{Ignore, IgnoreFile};
use kustomize::{MemoryTree, Tree};

use crate::{CommandError, disk::DiskTree};

/// Files of one repository.
const MAX_FILES: usize = 200_000;
/// Bytes of all of them.
const MAX_BYTES: u64 = 1 << 30;
/// A larger file is no manifest, and is left out.
const MAX_FILE: u64 = 16 << 20;
const CHART: &str = "Chart.yaml";

/// The files of a repository, in memory.
pub(super) struct Repository {
    pub(super) tree: MemoryTree,
    /// All paths, sorted.
    pub(super) paths: BTreeSet<String>,
    /// The folder that was asked for; empty for the root.
    scope: String,
    charts: BTreeSet<String>,
}

/// What is left to be read, and what is left out of it.
struct Walk {
    bytes: u64,
    files: Vec<IgnoreFile>,
    rules: Ignore,
}

impl Walk {
    /// Heeds the files of a folder that name what is no part of the repository or of its artifact.
    fn enter(&mut self, dir: &Path, below: &str) {
        for name in [".gitignore", ".sourceignore"] {
            let Ok(text) = fs::read_to_string(dir.join(name)) else { continue };
            self.files.push(IgnoreFile { dir: below.to_owned(), text });
            self.rules = Ignore::new(&self.files, None);
        }
    }
}

impl Repository {
    /// Reads the repository around a folder: bases and charts often lie beside it.
    pub(super) fn load(path: &Path) -> Result<Self, CommandError> {
        let disk = DiskTree::around(path)?;
        let mut loaded = Self {
            tree: MemoryTree::new(),
            paths: BTreeSet::new(),
            scope: disk.folder.clone(),
            charts: BTreeSet::new(),
        };
        let mut walk = Walk { bytes: MAX_BYTES, files: Vec::new(), rules: Ignore::new(&[], None) };
        loaded.walk(disk.root(), "", &mut walk)?;
        let charts = loaded.paths.iter().filter_map(|path| match path.strip_suffix(CHART) {
            Some("") => Some(String::new()),
            other => other?.strip_suffix('/').map(str::to_owned),
        });
        loaded.charts = charts.collect();
        Ok(loaded)
    }

    fn walk(&mut self, dir: &Path, below: &str, walk: &mut Walk) -> Result<(), CommandError> {
        walk.enter(dir, below);
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(dir)? {
            entries.push(entry?.path());
        }
        for place in entries {
            let Some(name) = place.file_name().and_then(|name| name.to_str()) else { continue };
            let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            // A link leads who knows where; source-controller leaves them out too.
            let about = fs::symlink_metadata(&place)?;
            if name == ".git" || walk.rules.excludes(&path, about.is_dir()) {
                continue;
            }
            if about.is_dir() {
                self.walk(&place, &path, walk)?;
            } else if about.is_file() && about.len() <= MAX_FILE {
                self.add(path, fs::read(&place)?, walk)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, content: Vec<u8>, walk: &mut Walk) -> Result<(), CommandError> {
        let left = walk.bytes.checked_sub(content.len() as u64).filter(|_| self.paths.len() < MAX_FILES);
        walk.bytes = left.ok_or_else(|| {
            CommandError::failed(format!("more than {MAX_FILES} files or {MAX_BYTES} bytes below the root"))
                .hint("what .gitignore and .sourceignore name is left out")
        })?;
        self.tree.insert(path.clone(), content);
        self.paths.insert(path);
        Ok(())
    }

    /// True for paths in the folder that was asked for.
    pub(super) fn in_scope(&self, path: &str) -> bool {
        is_below(path, &self.scope)
    }

    /// True for files of charts, whose templates are no YAML.
    pub(super) fn in_chart(&self, path: &str) -> bool {
        self.charts.iter().any(|chart| is_below(path, chart))
    }

    /// The files of a chart, with paths below it; nothing when there is none.
    pub(super) fn chart(&self, folder: &str) -> Option<Vec<(String, Vec<u8>)>> {
        self.charts.contains(folder).then(|| {
            let inside = self.paths.iter().filter(|path| is_below(path, folder));
            let named = inside.filter_map(|path| {
                let content = self.tree.read(path).ok()?.into_owned();
                let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
                Some((below.to_owned(), content))
            });
            named.collect()
        })
    }

    /// A file as text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(self.tree.read(path).ok()?.into_owned()).ok()
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
