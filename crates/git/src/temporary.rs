use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use tempfile::{Builder, TempDir};

/// How folders for received packs are called, so that those of a killed process are known.
const PREFIX: &str = "git-pack-";
/// Name of the file in a folder that is locked for as long as the folder is in use. The lock goes with its process,
/// however that ends.
const LOCK: &str = "in-use";
/// Much longer than a folder is there without its lock.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A folder for one pack; it goes when dropped.
pub(crate) struct Folder {
    dir: TempDir,
    _lock: File,
}

impl Folder {
    /// A new one in this folder.
    pub(crate) fn new(parent: &Path) -> io::Result<Self> {
        let dir = Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::create_new(dir.path().join(LOCK))?;
        // Where a file system has no locks, age alone tells what is abandoned.
        let _ = lock.try_lock();
        Ok(Self { dir, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes what processes that were killed left behind; another process may be at work in the same folder, for as long as
/// it likes. What cannot be removed stays for the next time.
pub(crate) fn sweep(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && age.is_some_and(|age| age > ABANDONED) && !is_in_use(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn is_in_use(folder: &Path) -> bool {
    let lock = File::open(folder.join(LOCK)).map(|lock| lock.try_lock());
    matches!(lock, Ok(Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make_old(folder: &Path) {
        let old = SystemTime::now() - ABANDONED - Duration::from_secs(1);
        File::open(folder).unwrap().set_modified(old).unwrap();
    }

    #[test]
    fn only_old_folders_of_ours_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        for (name, is_old) in [("git-pack-old", true), ("git-pack-new", false), ("other", true)] {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            if is_old {
                make_old(&path);
            }
        }
        sweep(parent.path());
        let left = |name: &str| parent.path().join(name).exists();
        assert_eq!((left("git-pack-old"), left("git-pack-new"), left("other")), (false, true, true));
    }

    #[test]
    fn a_folder_in_use_stays_however_old_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::new(parent.path()).unwrap();
        make_old(folder.path());
        sweep(parent.path());
        assert!(folder.path().exists());
        // As a killed process leaves it: the lock is gone, the folder is not.
        let Folder { dir, _lock: lock } = folder;
        drop(lock);
        sweep(parent.path());
        assert!(!dir.path().exists());
    }
}
