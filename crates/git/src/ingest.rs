use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::{Buf, Bytes};
use gix_hash::Kind;
use gix_pack::{
    Bundle, FileData,
    data::{
        self,
        input::{BytesToEntriesIter, EntryDataMode, Mode},
    },
    index,
};
use tokio::sync::mpsc::Receiver;

use crate::{GitError, pack::Pack, temporary::Folder, unpack_budget::UnpackBudget};

/// Turns the pieces of a pack into something that can be read, on a blocking thread.
pub(crate) struct Ingest {
    pub(crate) pieces: Receiver<Bytes>,
    pub(crate) dir: Folder,
    /// Bytes of the largest object, and of the largest single allocation; half as much again is unpacked at one time.
    pub(crate) object_bytes: u64,
    /// Bytes that may be unpacked afterwards.
    pub(crate) effort: u64,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) url: String,
}

impl Ingest {
    /// Writes and indexes the pack; its checksum and that of every object is computed on the way.
    pub(crate) fn run(mut self) -> Result<Pack, GitError> {
        // Room for the largest object beside what is kept for the next deltas.
        let together = self.object_bytes.saturating_add(self.object_bytes / 2);
        let budget = UnpackBudget::new(together);
        let alloc_limit = usize::try_from(self.object_bytes).unwrap_or(usize::MAX);
        let written = self.write(&budget, alloc_limit);
        let bundle = written.map_err(|error| match budget.is_passed() {
            true => GitError::TooLarge {
                url: self.url.clone(),
                what: "size in bytes of objects that must be unpacked together",
                limit: together,
            },
            false => GitError::protocol(&self.url, format!("malformed pack: {error}")),
        })?;
        Ok(Pack::new(bundle, self.dir, alloc_limit, self.effort))
    }

    /// What `Bundle::write_to_directory` does, with a look at each object before it is unpacked.
    fn write(&mut self, budget: &UnpackBudget, alloc_limit: usize) -> Result<Bundle, String> {
        let path = self.dir.path().join("received.pack");
        let index_path = path.with_extension("idx");
        let file = Mutex::new(BufWriter::with_capacity(64 << 10, create(&path)?));
        let reader = Tee { pieces: &mut self.pieces, current: Bytes::new(), file: &file };
        let entries = BytesToEntriesIter::new_from_header(
            BufReader::new(reader),
            Mode::Verify,
            EntryDataMode::Crc32,
            Kind::Sha1,
        );
        let entries = entries.map_err(|error| error.to_string())?;
        let version = entries.version();
        let mut entries = entries.inspect(|entry| {
            if let Ok(entry) = entry {
                budget.note(entry);
            }
        });
        let resolver = || {
            locked(&file).flush()?;
            let pack = data::File::at(&path, Kind::Sha1).map_err(io::Error::other)?;
            Ok((admitted(budget.clone()), pack))
        };
        let mut index = BufWriter::new(create(&index_path)?);
        let outcome = index::write_data_iter_to_stream(
            index::Version::default(),
            resolver,
            &mut entries,
            Some(1),
            &mut gix_utils::progress::Discard,
            &mut index,
            &self.stop,
            Kind::Sha1,
            Some(alloc_limit),
            version,
        );
        outcome.map_err(|error| error.to_string())?;
        index.flush().map_err(|error| error.to_string())?;
        Bundle::at(index_path, Kind::Sha1).map_err(|error| error.to_string())
    }
}

fn create(path: &Path) -> Result<File, String> {
    File::create_new(path).map_err(|error| error.to_string())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of an entry, unless unpacking it would take too much memory.
fn admitted<P: FileData>(
    budget: UnpackBudget,
) -> impl for<'p> Fn(data::EntryRange, &'p data::File<P>) -> Option<&'p [u8]> + Send + Clone {
    move |range, pack| {
        let place = range.start;
        pack.entry_slice(range).filter(|bytes| budget.admits(place, bytes))
    }
}

/// Blocks for the next piece; what is read is kept in a file.
struct Tee<'a> {
    pieces: &'a mut Receiver<Bytes>,
    current: Bytes,
    file: &'a Mutex<BufWriter<File>>,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let fits = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..fits]);
        locked(self.file).write_all(&buffer[..fits])?;
        Ok(fits)
    }
}

/// Stops the blocking thread when the future that waits for it is dropped.
pub(crate) struct StopOnDrop(pub(crate) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
