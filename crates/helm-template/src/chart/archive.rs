//! Unpacking of chart archives, as Helm's loader does, within limits.
use std::io::Read;

use flate2::read::GzDecoder;

use super::Limits;

/// Why an archive cannot be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Not gzip, or not tar, or cut off.
    #[error("{0}")]
    Damaged(String),
    /// Nothing in it.
    #[error("no files in chart archive")]
    Empty,
    /// A path that begins with `/`.
    #[error("chart illegally contains absolute paths")]
    Absolute,
    /// A path without the chart's folder in front.
    #[error("chart illegally contains content outside the base directory: {0:?}")]
    Outside(String),
    /// A path with `..`.
    #[error("chart illegally references parent directory")]
    Parent,
    /// A path such as `c:/x`.
    #[error("chart contains illegally named files")]
    Drive,
    /// `Chart.yaml` without a folder.
    #[error("chart yaml not in base directory")]
    Flat,
    /// The compressed archive is over its limit.
    #[error("chart archive is larger than the maximum size {0}")]
    Archive(u64),
    /// All files together are over the limit.
    #[error("decompressed chart is larger than the maximum size {0}")]
    Chart(u64),
    /// One file is over the limit.
    #[error("decompressed chart file {name:?} is larger than the maximum file size {limit}")]
    File {
        /// Its path in the archive.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// More files than the limit.
    #[error("chart has more than {0} files")]
    Files(usize),
}

/// What is left of the limits, shared by an archive and the archives in it.
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) files: usize,
}

impl Budget {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { bytes: limits.chart_bytes, files: limits.files }
    }

    /// Takes one file of this size.
    pub(super) fn take(&mut self, name: &str, bytes: u64, limits: &Limits) -> Result<(), ArchiveError> {
        if bytes >= self.bytes {
            return Err(ArchiveError::Chart(limits.chart_bytes));
        }
        if bytes > limits.file_bytes {
            return Err(ArchiveError::File { name: name.to_owned(), limit: limits.file_bytes });
        }
        self.files = self.files.checked_sub(1).ok_or(ArchiveError::Files(limits.files))?;
        self.bytes -= bytes;
        Ok(())
    }
}

/// Paths below the chart's folder, and contents.
pub(super) fn unpack(
    tgz: &[u8],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    if tgz.len() as u64 > limits.archive_bytes {
        return Err(ArchiveError::Archive(limits.archive_bytes));
    }
    // Headers and padding count too, so that an archive of nothing but folders ends.
    let room = limits.chart_bytes.saturating_add(limits.files as u64 * 2048);
    let mut archive = tar::Archive::new(GzDecoder::new(tgz).take(room));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir()
            || raw.ends_with('/')
            || kind.is_pax_global_extensions()
            || kind.is_pax_local_extensions()
        {
            continue;
        }
        let name = inner_path(&raw)?;
        budget.take(&raw, entry.size(), limits)?;
        let mut data = Vec::with_capacity(usize::try_from(entry.size()).unwrap_or(0));
        entry.read_to_end(&mut data).map_err(damaged)?;
        files.push((name, data));
    }
    if files.is_empty() { Err(ArchiveError::Empty) } else { Ok(files) }
}

fn damaged(error: std::io::Error) -> ArchiveError {
    let text = error.to_string();
    ArchiveError::Damaged(if text.contains("invalid gzip header") {
        "gzip: invalid header".to_owned()
    } else if error.kind() == std::io::ErrorKind::UnexpectedEof {
        "unexpected EOF".to_owned()
    } else {
        text
    })
}

/// The path without the first folder, cleaned.
fn inner_path(raw: &str) -> Result<String, ArchiveError> {
    let delimiter = if raw.contains('\\') { '\\' } else { '/' };
    let (first, rest) = raw.split_once(delimiter).unwrap_or((raw, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return Err(ArchiveError::Absolute);
    }
    let clean = clean(&rest);
    if clean == "." {
        return Err(ArchiveError::Outside(raw.to_owned()));
    }
    if clean.starts_with("..") {
        return Err(ArchiveError::Parent);
    }
    let bytes = clean.as_bytes();
    if bytes.len() >= 3 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && bytes[2] == b'/' {
        return Err(ArchiveError::Drive);
    }
    if first == "Chart.yaml" {
        return Err(ArchiveError::Flat);
    }
    Ok(clean)
}

/// Go's `path.Clean` of a relative path.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::{ArchiveError, Budget, clean, inner_path, unpack};
    use crate::chart::Limits;

    fn tgz(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (name, data) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(data.len() as u64);
            header.set_cksum();
            tar.append(&header, *data).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn check(entries: &[(&str, &[u8])], limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
        unpack(&tgz(entries), limits, &mut Budget::of(limits))
    }

    #[test]
    fn the_charts_folder_is_taken_off() {
        let files = check(&[("c/Chart.yaml", b"x"), ("c/./templates//a", b"y")], &Limits::default()).unwrap();
        assert_eq!(files, [("Chart.yaml".into(), b"x".to_vec()), ("templates/a".into(), b"y".to_vec())]);
    }

    #[test]
    fn hostile_paths_are_refused() {
        for (path, expect) in [
            ("c//etc/passwd", ArchiveError::Absolute),
            ("c/../x", ArchiveError::Parent),
            ("c/a/../../x", ArchiveError::Parent),
            ("c", ArchiveError::Outside("c".into())),
            ("Chart.yaml/x", ArchiveError::Flat),
            ("c/c:/x", ArchiveError::Drive),
            ("c\\..\\x", ArchiveError::Parent),
        ] {
            assert_eq!(check(&[(path, b"")], &Limits::default()).unwrap_err(), expect, "{path}");
        }
    }

    #[test]
    fn sizes_and_counts_are_bounded() {
        let limits = Limits { chart_bytes: 100, file_bytes: 10, files: 2, ..Limits::default() };
        let big = check(&[("c/a", &[0; 11])], &limits).unwrap_err();
        assert_eq!(big, ArchiveError::File { name: "c/a".into(), limit: 10 });
        let many = check(&[("c/a", b""), ("c/b", b""), ("c/c", b"")], &limits).unwrap_err();
        assert_eq!(many, ArchiveError::Files(2));
        let whole = Limits { chart_bytes: 15, ..limits };
        assert_eq!(
            check(&[("c/a", &[0; 9]), ("c/b", &[0; 9])], &whole).unwrap_err(),
            ArchiveError::Chart(15)
        );
    }

    #[test]
    fn what_is_no_archive_is_said() {
        let limits = Limits::default();
        let error = unpack(b"hello, world, this is text", &limits, &mut Budget::of(&limits)).unwrap_err();
        assert_eq!(error, ArchiveError::Damaged("gzip: invalid header".into()));
        let mut cut = tgz(&[("c/a", &[7; 4000])]);
        cut.truncate(cut.len() / 2);
        assert!(matches!(unpack(&cut, &limits, &mut Budget::of(&limits)), Err(ArchiveError::Damaged(_))));
    }

    #[test]
    fn paths_are_cleaned_as_go_does() {
        assert_eq!(clean("a/../../b"), "../b");
        assert_eq!(clean("a/b/.."), "a");
        assert_eq!(inner_path("c/a b").unwrap(), "a b");
    }
}
