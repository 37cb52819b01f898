use std::{
    cmp::Ordering,
    io::{self, Read, Write},
};

use flate2::{Compression, GzBuilder, write::GzEncoder};
use thiserror::Error;

use crate::{
    tar_header::{self, EntryType},
    tree::{Kind, Tree},
};

/// Writing a tarball failed.
#[derive(Debug, Error)]
pub enum PackError {
    /// The output cannot be written.
    #[error("cannot write the archive: {0}")]
    Write(#[source] io::Error),
    /// The content of a file cannot be read.
    #[error("cannot read '{path}': {source}")]
    Read {
        /// Path in the archive.
        path: String,
        /// Cause.
        source: io::Error,
    },
    /// A file is shorter or longer than it was announced.
    #[error("'{0}' changed its size while it was read")]
    Size(String),
    /// Entries must come in walk order, or the archive would not be reproducible.
    #[error("'{0}' is out of order or twice in the archive")]
    Order(String),
}

/// Writes a tarball as source-controller does: gzip over ustar, folders 0750, files 0600 or 0700, no times,
/// owners or links, the root folder as first entry. Equal trees give equal bytes.
///
/// Entries must come in walk order: names sorted by bytes within a folder, a folder right before its content. A path is
/// bytes, as names on Linux are, with slashes and relative to the root.
pub struct Packer<W: Write> {
    out: GzEncoder<W>,
    last: Vec<u8>,
}

impl<W: Write> Packer<W> {
    /// Starts an archive with the entry of its root.
    ///
    /// # Errors
    /// [`PackError::Write`].
    pub fn new(out: W) -> Result<Self, PackError> {
        // 255 says that the operating system is unknown, as Go's gzip writes it.
        let out = GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::new(6));
        let mut packer = Self { out, last: Vec::new() };
        packer.write(&tar_header::header(b".", EntryType::Dir))?;
        Ok(packer)
    }

    /// Adds a folder.
    ///
    /// # Errors
    /// [`PackError::Order`], [`PackError::Write`].
    pub fn dir(&mut self, path: impl AsRef<[u8]>) -> Result<(), PackError> {
        let path = path.as_ref();
        self.advance(path)?;
        self.write(&tar_header::header(path, EntryType::Dir))
    }

    /// Adds a file of exactly `size` bytes.
    ///
    /// # Errors
    /// [`PackError::Size`] when the content has another size, else reading, writing or order.
    pub fn file(
        &mut self,
        path: impl AsRef<[u8]>,
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), PackError> {
        let path = path.as_ref();
        self.advance(path)?;
        self.write(&tar_header::header(path, EntryType::File { executable, size }))?;
        self.copy(path, size, content)?;
        self.write(tar_header::padding(size))
    }

    /// Ends the archive and gives the output back, flushed of everything written here.
    ///
    /// # Errors
    /// [`PackError::Write`].
    pub fn finish(mut self) -> Result<W, PackError> {
        self.write(&tar_header::trailer())?;
        self.out.finish().map_err(PackError::Write)
    }

    fn copy(&mut self, path: &[u8], size: u64, content: &mut dyn Read) -> Result<(), PackError> {
        let mut left = size;
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = content.read(&mut buffer);
            let read = read.map_err(|source| PackError::Read { path: text(path), source })?;
            if read == 0 {
                break;
            }
            left = left.checked_sub(read as u64).ok_or_else(|| PackError::Size(text(path)))?;
            self.write(&buffer[..read])?;
        }
        if left == 0 { Ok(()) } else { Err(PackError::Size(text(path))) }
    }

    fn advance(&mut self, path: &[u8]) -> Result<(), PackError> {
        let in_order = self.last.is_empty() || walk_order(&self.last, path) == Ordering::Less;
        if path.is_empty() || path.starts_with(b"/") || path.contains(&0) || !in_order {
            return Err(PackError::Order(text(path)));
        }
        path.clone_into(&mut self.last);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.out.write_all(bytes).map_err(PackError::Write)
    }
}

/// The order of a walk over folders: part by part.
pub(crate) fn walk_order(a: &[u8], b: &[u8]) -> Ordering {
    let parts = |path| <[u8]>::split(path, |byte| *byte == b'/');
    parts(a).cmp(parts(b))
}

/// A path for a message.
fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Packs a whole [`Tree`] again, without the paths that `keep` refuses (path, whether a folder).
///
/// # Errors
/// As [`Packer`].
pub fn pack<W: Write>(tree: &Tree, out: W, mut keep: impl FnMut(&str, bool) -> bool) -> Result<W, PackError> {
    let mut packer = Packer::new(out)?;
    for (path, kind) in tree.walk() {
        match kind {
            Kind::Dir if keep(path, true) => packer.dir(path)?,
            Kind::File { executable } if keep(path, false) => {
                let content = tree.read(path);
                let content = content.map_err(|source| PackError::Read { path: path.to_owned(), source })?;
                packer.file(path, executable, content.len() as u64, &mut content.as_slice())?;
            }
            Kind::Dir | Kind::File { .. } => {}
        }
    }
    packer.finish()
}
