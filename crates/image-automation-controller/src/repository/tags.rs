use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use kill_points::{Point, at as point};
use runtime::Key;
use serde::{Deserialize, Serialize};

/// The tags of the last scans: one file an ImageRepository, written aside and renamed, so that a crash leaves the old
/// one. Nothing is kept in memory.
#[derive(Clone, Debug)]
pub(crate) struct TagStore {
    root: PathBuf,
    /// Bytes of one file at most.
    limit: u64,
}

/// Why tags were not stored or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TagStoreError {
    #[error("cannot use the folder {path} for tags")]
    Folder {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot {action} the tags of {key}: {cause}")]
    File { action: &'static str, key: Key, cause: io::Error },
    #[error("the tags of {key} take {size} bytes, more than the limit of {limit}")]
    TooLarge { key: Key, size: u64, limit: u64 },
    #[error("{0} is no name of a file")]
    Name(Key),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    image: String,
    tags: Vec<String>,
}

impl TagStore {
    /// Opens a folder, and makes it where it is missing.
    pub(crate) fn open(root: &Path, limit: u64) -> Result<Self, TagStoreError> {
        let root = root.join("imagerepository");
        std::fs::create_dir_all(&root)
            .map_err(|cause| TagStoreError::Folder { path: root.clone(), cause })?;
        Ok(Self { root, limit })
    }

    /// The stored tags of an image; none where there are none, of another image, or unreadable ones: the registry is then
    /// asked again.
    pub(crate) fn read(&self, key: &Key, image: &str) -> Result<Vec<String>, TagStoreError> {
        let file = match File::open(self.file(key)?) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(TagStoreError::File { action: "read", key: key.clone(), cause }),
        };
        let mut content = Vec::new();
        let read = file.take(self.limit.saturating_add(1)).read_to_end(&mut content);
        read.map_err(|cause| TagStoreError::File { action: "read", key: key.clone(), cause })?;
        let stored: Option<Stored> = serde_json::from_slice(&content).ok();
        Ok(stored.filter(|stored| stored.image == image).map(|stored| stored.tags).unwrap_or_default())
    }

    /// Stores the tags of an image in the place of earlier ones.
    pub(crate) fn write(&self, key: &Key, image: &str, tags: Vec<String>) -> Result<(), TagStoreError> {
        let path = self.file(key)?;
        let failed = |cause| TagStoreError::File { action: "store", key: key.clone(), cause };
        let stored = Stored { image: image.to_owned(), tags };
        let content = serde_json::to_vec(&stored).map_err(|error| failed(io::Error::other(error)))?;
        let size = content.len() as u64;
        if size > self.limit {
            return Err(TagStoreError::TooLarge { key: key.clone(), size, limit: self.limit });
        }
        replace(&path, &content).map_err(failed)
    }

    /// Forgets the tags of an object.
    pub(crate) fn remove(&self, key: &Key) -> Result<(), TagStoreError> {
        match std::fs::remove_file(self.file(key)?) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(TagStoreError::File { action: "remove", key: key.clone(), cause })
            }
            _ => Ok(()),
        }
    }

    fn file(&self, key: &Key) -> Result<PathBuf, TagStoreError> {
        let plain = |text: &str| {
            !text.is_empty()
                && text != ".."
                && text != "."
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        };
        match plain(&key.namespace) && plain(&key.name) {
            true => Ok(self.root.join(&key.namespace).join(format!("{}.json", key.name))),
            false => Err(TagStoreError::Name(key.clone())),
        }
    }
}

/// Aside, synced, renamed.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    point(Point::FileBefore);
    let mut aside = tempfile::Builder::new().prefix(".tags-").tempfile_in(folder)?;
    aside.write_all(content)?;
    aside.as_file().sync_all()?;
    point(Point::FileAfter);
    point(Point::RenameBefore);
    aside.persist(path)?;
    point(Point::RenameAfter);
    File::open(folder)?.sync_all()
}

/// The revision of a list of tags: Adler-32 (RFC 1950) of it as JSON, in decimal, as Flux makes it.
pub(super) fn revision(tags: &[String]) -> String {
    let json = serde_json::to_vec(tags).unwrap_or_default();
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in json {
        low = (low + u32::from(byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    ((high << 16) | low).to_string()
}

#[cfg(test)]
mod tests {
    use super::{TagStore, TagStoreError, revision};
    use runtime::Key;

    fn tags(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn tags_are_kept_for_their_image_only() {
        let dir = tempfile::tempdir().unwrap();
        let store = TagStore::open(dir.path(), 1000).unwrap();
        let key = Key::new("ns", "app");
        assert!(store.read(&key, "r/a").unwrap().is_empty());
        store.write(&key, "r/a", tags(&["1", "2"])).unwrap();
        assert_eq!(store.read(&key, "r/a").unwrap(), ["1", "2"]);
        assert!(store.read(&key, "r/b").unwrap().is_empty());
        store.remove(&key).unwrap();
        store.remove(&key).unwrap();
        assert!(store.read(&key, "r/a").unwrap().is_empty());
    }

    #[test]
    fn a_damaged_file_is_no_tags_and_a_large_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = TagStore::open(dir.path(), 40).unwrap();
        let key = Key::new("ns", "app");
        store.write(&key, "r/a", tags(&["1"])).unwrap();
        std::fs::write(dir.path().join("imagerepository/ns/app.json"), "{\"image\":").unwrap();
        assert!(store.read(&key, "r/a").unwrap().is_empty());
        let many = tags(&["1234567890", "1234567890", "1234567890"]);
        assert!(matches!(store.write(&key, "r/a", many), Err(TagStoreError::TooLarge { .. })));
        assert!(matches!(store.read(&Key::new("..", "x"), "r/a"), Err(TagStoreError::Name(_))));
    }

    #[test]
    fn revisions_are_those_of_flux() {
        assert_eq!(revision(&tags(&["latest", "1.1.0", "1.0.0"])), "1612056133");
        assert_eq!(revision(&tags(&["1.0.0"])), "160432618");
    }
}
