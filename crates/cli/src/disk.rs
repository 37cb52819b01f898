//! Trees of files of this machine, for the engines.
use std::{
    borrow::Cow,
    fs,
    path::{Component, Path, PathBuf},
};

use kustomize::{DirEntry, EntryKind, Tree, TreeError};

use crate::CommandError;

/// Bytes of one file.
const MAX_FILE: u64 = 64 << 20;

/// Files of this machine below a root; what leads out of it, links too, is not there.
pub(crate) struct DiskTree {
    root: PathBuf,
    /// The folder that was asked for, from the root.
    pub(crate) folder: String,
}

impl DiskTree {
    /// The repository around a folder, so that `../base` is found; the folder itself where there is none.
    pub(crate) fn around(folder: &Path) -> Result<Self, CommandError> {
        let shown = folder.display();
        let whole =
            folder.canonicalize().map_err(|error| CommandError::usage(format!("--path {shown}: {error}")))?;
        if !whole.is_dir() {
            return Err(CommandError::usage(format!("--path {shown} is not a folder")));
        }
        let root = whole.ancestors().find(|dir| dir.join(".git").exists()).unwrap_or(&whole).to_path_buf();
        let inside = whole.strip_prefix(&root).unwrap_or(Path::new(""));
        let parts: Vec<&str> = inside.components().filter_map(|part| part.as_os_str().to_str()).collect();
        Ok(Self { folder: parts.join("/"), root })
    }

    /// A folder as kustomize sees it: everything on this machine is in the tree.
    pub(crate) fn whole(folder: &Path) -> Result<Self, CommandError> {
        let shown = folder.display();
        let whole =
            folder.canonicalize().map_err(|error| CommandError::usage(format!("{shown}: {error}")))?;
        if !whole.is_dir() {
            return Err(CommandError::usage(format!("{shown} is not a folder")));
        }
        let parts: Vec<&str> = whole
            .components()
            .filter(|part| matches!(part, Component::Normal(_)))
            .filter_map(|part| part.as_os_str().to_str())
            .collect();
        let root = whole.ancestors().last().unwrap_or(Path::new("/")).to_path_buf();
        Ok(Self { folder: parts.join("/"), root })
    }

    /// The root of the tree.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The real place of a path, if it is below the root.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let wanted = self.root.join(path);
        let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        let real = wanted.canonicalize().ok().filter(|_| plain || path.is_empty())?;
        real.starts_with(&self.root).then_some(real)
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> TreeError {
    TreeError::Unreadable { path: path.into(), reason: error.to_string() }
}

impl Tree for DiskTree {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        let place = self.place(path).ok_or_else(|| TreeError::NotFound(path.into()))?;
        let about = fs::metadata(&place).map_err(|error| unreadable(path, &error))?;
        if about.is_dir() {
            return Err(TreeError::IsADirectory(path.into()));
        }
        if about.len() > MAX_FILE {
            return Err(TreeError::TooLarge { path: path.into(), limit: MAX_FILE as usize });
        }
        fs::read(&place).map(Cow::Owned).map_err(|error| unreadable(path, &error))
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        let about = fs::metadata(self.place(path)?).ok()?;
        Some(if about.is_dir() { EntryKind::Dir } else { EntryKind::File })
    }

    fn follow(&self, path: &str) -> Option<String> {
        let place = self.place(path)?;
        let parts = place.strip_prefix(&self.root).ok()?.components().map(|part| part.as_os_str().to_str());
        Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>, TreeError> {
        let place = self.place(dir).ok_or_else(|| TreeError::NotADirectory(dir.into()))?;
        let mut found = Vec::new();
        for entry in fs::read_dir(place).map_err(|error| unreadable(dir, &error))? {
            let Ok(name) = entry.map_err(|error| unreadable(dir, &error))?.file_name().into_string() else {
                continue;
            };
            let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
            if let Some(kind) = self.kind(&path).filter(|_| name != ".git") {
                found.push(DirEntry { name, kind });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use kustomize::{BuildOptions, build};

    use super::*;

    /// What kustomize says of a folder `app` whose file `name` is a link.
    fn built(name: &str, target: &str) -> Result<String, String> {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().canonicalize().unwrap();
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        fs::create_dir_all(dir.join("app/below")).unwrap();
        for path in ["app/below/map.yaml", "app/map.yaml", "secret.yaml"] {
            fs::write(dir.join(path), map).unwrap();
        }
        for path in ["app/kustomization.yaml", "kustomization-of-others.yaml"] {
            fs::write(
                dir.join(path),
                format!("resources: [{}]\n", if name == "a.yaml" { name } else { "map.yaml" }),
            )
            .unwrap();
        }
        let _ = fs::remove_file(dir.join("app").join(name));
        symlink(target, dir.join("app").join(name)).unwrap();
        let tree = DiskTree::whole(&dir.join("app")).map_err(|error| error.to_string())?;
        let built = build(&tree, &tree.folder, &BuildOptions::default());
        built
            .map(|built| built.to_yaml())
            .map_err(|error| error.to_string().replace(&dir.display().to_string(), ""))
    }

    #[test]
    fn links_are_read_as_far_as_they_stay_in_the_folder() {
        assert!(built("a.yaml", "below/map.yaml").unwrap().contains("kind: ConfigMap"));
        let outside = built("a.yaml", "../secret.yaml").unwrap_err();
        assert!(outside.contains("security; file '/app/a.yaml' is not in or below '/app'"), "{outside}");
        let outside = built("kustomization.yaml", "../kustomization-of-others.yaml").unwrap_err();
        assert!(outside.contains("unable to find one of 'kustomization.yaml'"), "{outside}");
    }
}
