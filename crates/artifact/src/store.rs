use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::RwLock,
    time::SystemTime,
};

use kill_points::{Point, at as point};
use thiserror::Error;

use crate::{Algorithm, ArtifactPath, Digest, Digester, Retention, garbage::garbage};

/// Cause of a failed write that came from the caller.
type FillError = Box<dyn std::error::Error + Send + Sync>;

/// Writes the content of an artifact.
pub type Fill<'a> = &'a mut dyn FnMut(&mut dyn Write) -> Result<(), FillError>;

/// A stored artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it lies.
    pub path: ArtifactPath,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// What a stored file is, compared with what status says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Present and unchanged.
    Good,
    /// Not there.
    Missing,
    /// Something else than what was stored.
    Changed {
        /// Digest of what is there.
        found: Digest,
    },
}

/// A failed operation on stored artifacts.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The caller's content could not be produced.
    #[error("{0}")]
    Fill(#[source] FillError),
    /// Disk or permissions.
    #[error("cannot {action} '{path}': {source}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// Path below the storage root.
        path: String,
        /// Cause.
        source: io::Error,
    },
}

/// Keeps artifacts and says where they are served. Calls block; run them on a blocking thread.
pub trait Store: Send + Sync {
    /// Writes an artifact; at any crash the path holds either what it held before or all of the new content.
    ///
    /// # Errors
    /// What `fill` returned, or the disk's refusal.
    fn put(&self, path: &ArtifactPath, fill: Fill<'_>) -> Result<Stored, StoreError>;

    /// Reads the file again and compares.
    ///
    /// # Errors
    /// Only what keeps it from being judged; an absent file is an answer.
    fn check(&self, path: &ArtifactPath, digest: &Digest) -> Result<Check, StoreError>;

    /// Opens an artifact for reading.
    ///
    /// # Errors
    /// Absent, or the disk's refusal.
    fn open(&self, path: &ArtifactPath) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Removes one artifact; false when there was none.
    ///
    /// # Errors
    /// The disk's refusal.
    fn remove(&self, path: &ArtifactPath) -> Result<bool, StoreError>;

    /// Removes all artifacts of an object; false when there were none.
    ///
    /// # Errors
    /// The disk's refusal.
    fn remove_object(&self, path: &ArtifactPath) -> Result<bool, StoreError>;

    /// Removes the object's old artifacts beside `current`; gives their paths.
    ///
    /// # Errors
    /// The disk's refusal.
    fn collect(&self, current: &ArtifactPath) -> Result<Vec<String>, StoreError>;

    /// Points a stable name in the object's folder at an artifact.
    ///
    /// # Errors
    /// A name that is not a file name, or the disk's refusal.
    fn link(&self, path: &ArtifactPath, name: &str) -> Result<ArtifactPath, StoreError>;

    /// The URL consumers fetch an artifact from.
    fn url(&self, path: &ArtifactPath) -> String;
}

/// A [`Store`] in a folder.
pub struct LocalStore {
    root: PathBuf,
    address: String,
    retention: Retention,
    /// Writers share it; removal of folders excludes them.
    folders: RwLock<()>,
}

/// Where files grow before they get their name. The server never serves names that start with a dot.
const UNFINISHED: &str = ".unfinished";

impl LocalStore {
    /// Opens the folder `root`, makes it if need be, and removes what an earlier crash left unfinished.
    /// `address` is `host` or `host:port` as it stands in URLs (`--storage-adv-addr`).
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn open(root: impl Into<PathBuf>, address: &str, retention: Retention) -> Result<Self, StoreError> {
        let root = root.into();
        let unfinished = root.join(UNFINISHED);
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished).map_err(|source| disk("create", UNFINISHED, source))?;
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self { root, address, retention, folders: RwLock::new(()) })
    }

    /// The folder that the file server serves.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn local(&self, path: &ArtifactPath) -> PathBuf {
        self.root.join(path.as_str())
    }

    fn place(&self, file: tempfile::NamedTempFile, path: &ArtifactPath) -> Result<(), StoreError> {
        let at = |action| move |source| disk(action, path.as_str(), source);
        let target = self.local(path);
        let dir = self.root.join(path.dir());
        let _shared = self.folders.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        fs::create_dir_all(&dir).map_err(at("create the folder of"))?;
        point(Point::RenameBefore);
        file.persist(&target).map_err(|error| disk("rename", path.as_str(), error.error))?;
        point(Point::RenameAfter);
        File::open(&dir).and_then(|dir| dir.sync_all()).map_err(at("sync the folder of"))
    }
}

impl Store for LocalStore {
    fn put(&self, path: &ArtifactPath, fill: Fill<'_>) -> Result<Stored, StoreError> {
        let at = |action| move |source| disk(action, path.as_str(), source);
        point(Point::FileBefore);
        let file = tempfile::NamedTempFile::new_in(self.root.join(UNFINISHED)).map_err(at("create"))?;
        let mut out = Hashed::new(BufWriter::with_capacity(64 * 1024, file.as_file()), Algorithm::Sha256);
        fill(&mut out).map_err(StoreError::Fill)?;
        out.flush().map_err(at("write"))?;
        let (digest, size) = out.finish();
        file.as_file().sync_all().map_err(at("sync"))?;
        point(Point::FileAfter);
        self.place(file, path)?;
        Ok(Stored { path: path.clone(), digest, size })
    }

    fn check(&self, path: &ArtifactPath, digest: &Digest) -> Result<Check, StoreError> {
        let file = match File::open(self.local(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Check::Missing),
            Err(error) => return Err(disk("open", path.as_str(), error)),
        };
        let found =
            digest_of(file, digest.algorithm()).map_err(|error| disk("read", path.as_str(), error))?;
        Ok(if found == *digest { Check::Good } else { Check::Changed { found } })
    }

    fn open(&self, path: &ArtifactPath) -> Result<Box<dyn Read + Send>, StoreError> {
        let file = File::open(self.local(path)).map_err(|error| disk("open", path.as_str(), error))?;
        Ok(Box::new(BufReader::new(file)))
    }

    fn remove(&self, path: &ArtifactPath) -> Result<bool, StoreError> {
        gone(fs::remove_file(self.local(path))).map_err(|error| disk("remove", path.as_str(), error))
    }

    fn remove_object(&self, path: &ArtifactPath) -> Result<bool, StoreError> {
        let _alone = self.folders.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dir = self.root.join(path.dir());
        point(Point::RemoveBefore);
        let removed = gone(fs::remove_dir_all(dir)).map_err(|error| disk("remove", path.dir(), error));
        point(Point::RemoveAfter);
        removed
    }

    fn collect(&self, current: &ArtifactPath) -> Result<Vec<String>, StoreError> {
        let dir = self.root.join(current.dir());
        let at = |error| disk("collect garbage in", current.dir(), error);
        let found = match garbage(&dir, &self.local(current), &self.retention, SystemTime::now()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            found => found.map_err(at)?,
        };
        let mut removed = Vec::new();
        for file in found {
            point(Point::CollectBefore);
            if gone(fs::remove_file(&file)).map_err(at)? {
                point(Point::CollectAfter);
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                removed.push(format!("{}/{name}", current.dir()));
            }
        }
        Ok(removed)
    }

    fn link(&self, path: &ArtifactPath, name: &str) -> Result<ArtifactPath, StoreError> {
        let at = |error| disk("link", path.as_str(), error);
        let stable = ArtifactPath::parse(&format!("{}/{name}", path.dir()));
        let stable = stable.map_err(|error| at(io::Error::other(error)))?;
        let temporary =
            self.root.join(UNFINISHED).join(format!("{}.link", Digest::of(stable.as_str().as_bytes()).hex()));
        gone(fs::remove_file(&temporary)).map_err(at)?;
        std::os::unix::fs::symlink(path.file(), &temporary).map_err(at)?;
        fs::rename(&temporary, self.local(&stable)).map_err(at)?;
        Ok(stable)
    }

    fn url(&self, path: &ArtifactPath) -> String {
        format!("http://{}/{path}", self.address)
    }
}

/// Whether something was removed; what was not there is no error.
fn gone(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn disk(action: &'static str, path: &str, source: io::Error) -> StoreError {
    StoreError::Disk { action, path: path.to_owned(), source }
}

pub(crate) fn digest_of(mut file: impl Read, algorithm: Algorithm) -> io::Result<Digest> {
    let mut digester = Digester::new(algorithm);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digester.finish()),
            read => digester.update(&buffer[..read]),
        }
    }
}

/// Counts and digests what is written through it.
pub struct Hashed<W> {
    inner: W,
    digester: Digester,
    size: u64,
}

impl<W: Write> Hashed<W> {
    /// Writes to `inner`.
    pub fn new(inner: W, algorithm: Algorithm) -> Self {
        Self { inner, digester: Digester::new(algorithm), size: 0 }
    }

    /// The digest of everything written, and its bytes.
    pub fn finish(self) -> (Digest, u64) {
        (self.digester.finish(), self.size)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digester.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
