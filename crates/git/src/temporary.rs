use std::{
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use tempfile::{Builder, TempDir};

/// How folders for received packs are called, so that those of a killed process are known.
const PREFIX: &str = "git-pack-";
/// Longer than any fetch takes: another process may be at work in the same folder.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder for one pack; it goes when dropped.
pub(crate) fn folder(parent: &Path) -> io::Result<TempDir> {
    Builder::new().prefix(PREFIX).tempdir_in(parent)
}

/// Removes what processes that were killed left behind. What cannot be removed stays for the next time.
pub(crate) fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && age.is_some_and(|age| age > ABANDONED) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_folders_of_ours_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - ABANDONED - Duration::from_secs(1);
        for (name, is_old) in [("git-pack-old", true), ("git-pack-new", false), ("other", true)] {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            if is_old {
                std::fs::File::open(&path).unwrap().set_modified(old).unwrap();
            }
        }
        sweep(parent.path());
        let left = |name: &str| parent.path().join(name).exists();
        assert_eq!((left("git-pack-old"), left("git-pack-new"), left("other")), (false, true, true));
    }
}
