use std::{
    io::{self, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::{Buf, Bytes};
use gix_pack::{Bundle, bundle::write::Options, data::input::Mode};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

use crate::{GitError, pack::Pack};

/// Turns the pieces of a pack into something that can be read, on a blocking thread.
pub(crate) struct Ingest {
    pub(crate) pieces: Receiver<Bytes>,
    pub(crate) dir: TempDir,
    /// Largest object, and largest single allocation, in bytes.
    pub(crate) object_bytes: u64,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) url: String,
}

impl Ingest {
    /// Writes and indexes the pack; its checksum and that of every object is computed on the way.
    pub(crate) fn run(self) -> Result<Pack, GitError> {
        let alloc_limit = usize::try_from(self.object_bytes).unwrap_or(usize::MAX);
        let options = Options {
            thread_limit: Some(1),
            iteration_mode: Mode::Verify,
            alloc_limit_bytes: Some(alloc_limit),
            ..Options::default()
        };
        let reader = PieceReader { pieces: self.pieces, current: Bytes::new() };
        let written = write(reader, self.dir.path(), &self.stop, options);
        let bundle =
            written.map_err(|error| GitError::protocol(&self.url, format!("malformed pack: {error}")))?;
        Ok(Pack::new(bundle, self.dir, alloc_limit))
    }
}

fn write(reader: PieceReader, dir: &Path, stop: &AtomicBool, options: Options) -> Result<Bundle, String> {
    let outcome = Bundle::write_to_directory(
        &mut BufReader::new(reader),
        Some(dir),
        &mut gix_utils::progress::Discard,
        stop,
        None::<gix_object::find::Never>,
        gix_hash::Kind::Sha1,
        options,
    );
    let bundle = outcome.map_err(|error| error.to_string())?.to_bundle();
    bundle.ok_or("it has no index")?.map_err(|error| error.to_string())
}

/// Blocks for the next piece.
struct PieceReader {
    pieces: Receiver<Bytes>,
    current: Bytes,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let fits = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..fits]);
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
