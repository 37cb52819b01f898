//! Files as a layer: a gzip-compressed tar archive whose bytes depend on the files alone.
use std::io::Write;

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::rootfs::{Entry, Files};

/// A layer.
pub(crate) struct Layer {
    /// The compressed archive.
    pub(crate) blob: Vec<u8>,
    /// The digest of the archive before compression.
    pub(crate) diff_id: String,
}

/// `sha256:` and the digest.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(bytes))
}

/// The SHA-256 of bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Archives in the order of paths, owned by root, with the epoch as time.
pub(crate) fn layer(files: &Files) -> Result<Layer> {
    let mut archive = Builder::new(Vec::new());
    for (path, entry) in files {
        let content = entry.content.as_deref().unwrap_or_default();
        archive.append_data(&mut header(entry, content.len()), path_of(path, entry), content)?;
    }
    let archive = archive.into_inner()?;
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::new(6));
    gzip.write_all(&archive)?;
    Ok(Layer { blob: gzip.finish()?, diff_id: digest(&archive) })
}

fn path_of(path: &str, entry: &Entry) -> String {
    if entry.content.is_none() { format!("{path}/") } else { path.to_owned() }
}

fn header(entry: &Entry, size: usize) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(if entry.content.is_none() { EntryType::Directory } else { EntryType::Regular });
    header.set_mode(entry.mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size as u64);
    header
}

#[cfg(test)]
mod tests {
    use super::{digest, layer};
    use crate::rootfs::{Entry, Files};

    #[test]
    fn a_layer_depends_on_its_files_alone() {
        let file = |text: &str| Entry { content: Some(text.into()), mode: 0o644 };
        let files: Files = [("b".to_owned(), file("2")), ("a".to_owned(), file("1"))].into();
        let (one, two) = (layer(&files).unwrap(), layer(&files).unwrap());
        assert_eq!((digest(&one.blob), &one.diff_id), (digest(&two.blob), &two.diff_id));
        let other: Files = [("a".to_owned(), file("1"))].into();
        assert_ne!(layer(&other).unwrap().diff_id, one.diff_id);
    }

    #[test]
    fn the_empty_digest_is_the_known_one() {
        assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
