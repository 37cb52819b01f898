use std::{
    collections::HashMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, future::BoxFuture};
use kill_points::{Point, at as point};
use net::{Client, Flights};

use crate::{Digest, FetchError, FetchLimits, Tree, UnpackLimits, fetch, unpack};

/// Settings of a [`Cache`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Folder of the cache; what is in it from an earlier process is removed.
    pub dir: PathBuf,
    /// Bytes on disk above which trees that nobody holds are dropped, least recently used first.
    pub max_bytes: u64,
    /// Bytes in memory above which they are dropped too: files that hold nothing have names all the same.
    pub max_index_bytes: u64,
    /// Limits of downloads.
    pub fetch: FetchLimits,
    /// Limits of archives.
    pub unpack: UnpackLimits,
}

impl CacheOptions {
    /// Half a gigabyte in `dir`, an eighth of one in memory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            max_bytes: 512 << 20,
            max_index_bytes: 128 << 20,
            fetch: FetchLimits::default(),
            unpack: UnpackLimits::default(),
        }
    }
}

/// What a download comes to, with the URL it is from.
type Load = (String, Result<Arc<Tree>, FetchError>);

/// Unpacked artifacts on disk, shared by the process, each fetched once. A tree stays as long as somebody holds
/// it; beyond that the least recently used ones go first. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    options: CacheOptions,
    client: Client,
    flights: Flights<Digest, Load>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<Digest, Kept>,
    /// Counts uses, so that the least recent one is known.
    clock: u64,
    /// Names blobs.
    serial: u64,
}

struct Kept {
    tree: Arc<Tree>,
    weight: u64,
    used: u64,
}

impl Cache {
    /// Opens the folder and empties it.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn open(options: CacheOptions, client: Client) -> io::Result<Self> {
        match std::fs::remove_dir_all(&options.dir) {
            // A mount point cannot be removed itself; its content is gone by then.
            Err(error) if !options.dir.is_dir() && error.kind() != io::ErrorKind::NotFound => {
                return Err(error);
            }
            _ => std::fs::create_dir_all(&options.dir)?,
        }
        let (flights, state) = (Flights::default(), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { options, client, flights, state }) })
    }

    /// The tree of the artifact with this digest, from the cache or from `url`. Calls for the same digest at
    /// the same time share one download; dropping one of them does not stop it for the others, dropping all of them does.
    /// One that fails fails for those alone who wanted it from the same URL.
    ///
    /// # Errors
    /// See [`FetchError`]; a failure is not remembered.
    pub async fn get(&self, url: &str, digest: &Digest) -> Result<Arc<Tree>, FetchError> {
        loop {
            if let Some(tree) = self.inner.lock().touch(digest) {
                return Ok(tree);
            }
            let (from, result) = self.inner.flights.join(digest.clone(), self.load(url, digest)).await;
            if result.is_ok() || from == url {
                return result;
            }
        }
    }

    fn load(&self, url: &str, digest: &Digest) -> BoxFuture<'static, Load> {
        let inner = self.inner.clone();
        let (url, digest) = (url.to_owned(), digest.clone());
        async move {
            let result = inner.keep(&url, digest).await;
            (url, result)
        }
        .boxed()
    }

    /// Bytes on disk, and how many trees there are.
    pub fn usage(&self) -> (u64, usize) {
        let state = self.inner.lock();
        (state.bytes(), state.kept.len())
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree, kept before the flight ends, so that who comes next finds the one or the other.
    async fn keep(&self, url: &str, digest: Digest) -> Result<Arc<Tree>, FetchError> {
        // It may have landed between the look at the cache and the flight.
        if let Some(tree) = self.lock().touch(&digest) {
            return Ok(tree);
        }
        let tree = self.load(url, digest).await?;
        self.lock().keep(tree.clone(), &self.options);
        Ok(tree)
    }

    async fn load(&self, url: &str, digest: Digest) -> Result<Arc<Tree>, FetchError> {
        let dir = &self.options.dir;
        point(Point::FetchBefore);
        let download = fetch(&self.client, url, &digest, dir, &self.options.fetch).await?;
        point(Point::FetchAfter);
        let blob = self.lock().next_blob(dir);
        let limits = self.options.unpack.clone();
        let work = tokio::task::spawn_blocking(move || {
            let archive =
                File::open(download.file.path()).map_err(|error| FetchError::Disk(error.to_string()))?;
            point(Point::UnpackBefore);
            let tree = unpack(archive, digest, &blob, &limits);
            point(Point::UnpackAfter);
            tree.map_err(|error| FetchError::Unpack(error.to_string()))
        });
        let tree = work.await.map_err(|error| FetchError::Unpack(error.to_string()))??;
        Ok(Arc::new(tree))
    }
}

impl State {
    fn touch(&mut self, digest: &Digest) -> Option<Arc<Tree>> {
        self.clock += 1;
        let kept = self.kept.get_mut(digest)?;
        kept.used = self.clock;
        Some(kept.tree.clone())
    }

    fn keep(&mut self, tree: Arc<Tree>, options: &CacheOptions) {
        self.clock += 1;
        let weight = tree.weight();
        self.kept.insert(tree.digest().clone(), Kept { tree, weight, used: self.clock });
        while self.bytes() > options.max_bytes || self.weight() > options.max_index_bytes {
            let Some(oldest) = self.oldest_unused() else { break };
            self.kept.remove(&oldest);
        }
    }

    /// Trees that only the cache holds may go.
    fn oldest_unused(&self) -> Option<Digest> {
        let unused = self.kept.iter().filter(|(_, kept)| Arc::strong_count(&kept.tree) == 1);
        unused.min_by_key(|(_, kept)| kept.used).map(|(digest, _)| digest.clone())
    }

    fn bytes(&self) -> u64 {
        self.kept.values().map(|kept| kept.tree.size()).sum()
    }

    fn weight(&self) -> u64 {
        self.kept.values().map(|kept| kept.weight).sum()
    }

    fn next_blob(&mut self, dir: &Path) -> PathBuf {
        self.serial += 1;
        dir.join(format!("{}.blob", self.serial))
    }
}
