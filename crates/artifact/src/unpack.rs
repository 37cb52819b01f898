use std::{
    borrow::Cow,
    collections::HashMap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use flate2::bufread::GzDecoder;
use tar::{Entry, EntryType};
use thiserror::Error;

use crate::{
    Digest,
    tar_extension::Extension,
    tree::{Kind, Node, Tree},
};

/// What an archive may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of the uncompressed archive, headers included, so that empty entries count too.
    pub total: u64,
    /// Files and folders.
    pub entries: usize,
    /// Bytes of one path.
    pub path: usize,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self { total: 100 << 20, entries: 100_000, path: 4096 }
    }
}

/// Why an archive was refused. Names of entries are shown escaped and cut.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// Not gzip, cut off, or not a tarball.
    #[error("tar error: {0}")]
    Malformed(#[source] io::Error),
    /// A name that is absolute, climbs, or holds what no path of a tree holds.
    #[error("tar contained invalid name error {0}")]
    Name(String),
    /// A hard link, device or the like.
    #[error("tar file entry {name} contained unsupported file type {kind}")]
    Type {
        /// Entry.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// A path that is a file and a folder, or a file twice.
    #[error("tar contained {0} twice")]
    Twice(String),
    /// The archive is larger than allowed.
    #[error("tar is bigger than max archive size of {0} bytes")]
    TooLarge(u64),
    /// The archive has more entries than allowed.
    #[error("tar has more than {0} entries")]
    TooMany(usize),
    /// Bytes follow the end of the gzip stream.
    #[error("archive has data after its end")]
    Trailing,
    /// The contents cannot be kept.
    #[error("cannot keep the unpacked archive: {0}")]
    Disk(#[source] io::Error),
}

/// Unpacks a gzipped tarball into one file at `blob` and an index. Symbolic links are left out, as Flux's
/// consumers do; hard links, devices and names that could leave the tree refuse the whole archive. Nothing but
/// `blob` is ever written, and on failure it is removed.
///
/// # Errors
/// See [`UnpackError`].
pub fn unpack(
    archive: impl Read,
    digest: Digest,
    blob: &Path,
    limits: &UnpackLimits,
) -> Result<Tree, UnpackError> {
    let out = File::create(blob).map_err(UnpackError::Disk)?;
    let mut unpacker = Unpacker::new(BufWriter::with_capacity(64 * 1024, out), limits.clone());
    match unpacker.run(archive) {
        Ok(()) => Ok(Tree::new(digest, blob.to_owned(), unpacker.written, unpacker.nodes)),
        Err(error) => {
            let _ = std::fs::remove_file(blob);
            Err(error)
        }
    }
}

struct Unpacker {
    out: BufWriter<File>,
    limits: UnpackLimits,
    written: u64,
    nodes: Vec<Node>,
    seen: HashMap<Box<str>, Kind>,
}

impl Unpacker {
    fn new(out: BufWriter<File>, limits: UnpackLimits) -> Self {
        Self { out, limits, written: 0, nodes: Vec::new(), seen: HashMap::new() }
    }

    fn run(&mut self, archive: impl Read) -> Result<(), UnpackError> {
        let total = self.limits.total;
        let counted = Counted { inner: GzDecoder::new(BufReader::new(archive)), left: total };
        let mut archive = tar::Archive::new(counted);
        let mut extension = Extension::default();
        // Raw: extension headers are read by us, because the crate would read them whole, whatever their size.
        let entries = archive.entries().map_err(|error| malformed(error, total))?.raw(true);
        for entry in entries {
            let mut entry = entry.map_err(|error| malformed(error, total))?;
            if !extension.absorb(&mut entry).map_err(|error| malformed(error, total))? {
                self.entry(entry, std::mem::take(&mut extension))?;
            }
        }
        self.seen = HashMap::new();
        self.out.flush().map_err(UnpackError::Disk)?;
        check_end(archive.into_inner(), total)
    }

    fn entry(&mut self, mut entry: Entry<'_, impl Read>, extension: Extension) -> Result<(), UnpackError> {
        extension.check_size(entry.size()).map_err(UnpackError::Malformed)?;
        let raw = extension.path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = clean(&raw, self.limits.path).ok_or_else(|| UnpackError::Name(shown(&raw)))?;
        let unsupported = |kind| Err(UnpackError::Type { name: shown(&raw), kind });
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory => return self.dirs(&path),
            EntryType::Symlink => return Ok(()),
            EntryType::Link => return unsupported("hard link"),
            EntryType::Char | EntryType::Block => return unsupported("device"),
            EntryType::Fifo => return unsupported("named pipe"),
            EntryType::GNUSparse => return unsupported("sparse file"),
            _ => return unsupported("unknown"),
        }
        // Before ustar a folder was a file whose name ends in a slash.
        if raw.ends_with(b"/") {
            return self.dirs(&path);
        }
        if path.is_empty() {
            return Err(UnpackError::Name(shown(&raw)));
        }
        self.file(path, &mut entry)
    }

    fn file(&mut self, path: String, entry: &mut Entry<'_, impl Read>) -> Result<(), UnpackError> {
        if let Some((dir, _)) = path.rsplit_once('/') {
            self.dirs(dir)?;
        }
        let executable = entry.header().mode().unwrap_or(0) & 0o111 != 0;
        let size = entry.size();
        let offset = self.written;
        let copied = copy(entry, &mut self.out, self.limits.total)?;
        if copied != size {
            return Err(UnpackError::Malformed(io::ErrorKind::UnexpectedEof.into()));
        }
        self.written += copied;
        self.add(path, Kind::File { executable }, offset, size)
    }

    /// The folder and its parents, each once.
    fn dirs(&mut self, path: &str) -> Result<(), UnpackError> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends.filter(|end| *end > 0) {
            match self.seen.get(&path[..end]) {
                Some(Kind::Dir) => {}
                Some(Kind::File { .. }) => return Err(UnpackError::Twice(shown(&path.as_bytes()[..end]))),
                None => self.add(path[..end].to_owned(), Kind::Dir, 0, 0)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, kind: Kind, offset: u64, size: u64) -> Result<(), UnpackError> {
        if self.nodes.len() >= self.limits.entries {
            return Err(UnpackError::TooMany(self.limits.entries));
        }
        let path = path.into_boxed_str();
        if self.seen.insert(path.clone(), kind).is_some() {
            return Err(UnpackError::Twice(shown(path.as_bytes())));
        }
        self.nodes.push(Node { path, kind, offset, size });
        Ok(())
    }
}

/// Fails when the uncompressed bytes pass the limit, so that a small archive cannot become a large one.
struct Counted<R> {
    inner: R,
    left: u64,
}

/// Marks the error of a passed limit on its way through the tar reader.
#[derive(Debug, Error)]
#[error("size limit reached")]
struct LimitReached;

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(LimitReached))?;
        Ok(read)
    }
}

fn malformed(error: io::Error, total: u64) -> UnpackError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if inner.is::<LimitReached>() {
            return UnpackError::TooLarge(total);
        }
        cause = match inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as _),
            None => inner.source(),
        };
    }
    UnpackError::Malformed(error)
}

fn copy(from: &mut impl Read, to: &mut impl Write, total: u64) -> Result<u64, UnpackError> {
    let mut copied = 0;
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).map_err(|error| malformed(error, total))?;
        if read == 0 {
            return Ok(copied);
        }
        to.write_all(&buffer[..read]).map_err(UnpackError::Disk)?;
        copied += read as u64;
    }
}

/// Reads to the end of the gzip stream, which checks its sum, and then expects nothing more. Zeros after the
/// tarball's end are its usual padding.
fn check_end<R: Read>(mut rest: Counted<GzDecoder<BufReader<R>>>, total: u64) -> Result<(), UnpackError> {
    let mut buffer = [0; 4096];
    loop {
        let read = rest.read(&mut buffer).map_err(|error| malformed(error, total))?;
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Err(UnpackError::Trailing);
        }
        if read == 0 {
            break;
        }
    }
    let after = rest.inner.into_inner().read(&mut buffer).map_err(UnpackError::Malformed)?;
    if after == 0 { Ok(()) } else { Err(UnpackError::Trailing) }
}

/// The path without `.` parts and slashes at its end; empty for the root. Nothing for a name that is not a plain
/// relative path. A backslash is a character as others, unless it would climb where it parts folders.
fn clean(raw: &[u8], longest: usize) -> Option<String> {
    let text = text_of(raw);
    let bad = text.is_empty() || text.starts_with('/') || text.contains('\0') || text.len() > longest;
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let climbs = parts.iter().any(|part| part.split('\\').any(|part| part == ".."));
    (!bad && !climbs).then(|| parts.join("/"))
}

/// A name as text. Names on Linux are bytes: one that is no UTF-8 stands as the character of that number, as in Latin-1,
/// so that names that differ mostly stay different. None of these characters means anything in a path.
fn text_of(raw: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(raw) {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    for chunk in raw.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    Cow::Owned(text)
}

fn shown(raw: &[u8]) -> String {
    format!("{:?}", text_of(raw).chars().take(200).collect::<String>())
}
