//! What is unpacked: artifacts, their ignore rules, stored releases.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::Path,
};

use artifact::{Digest, Ignore, IgnoreFile, Kind, Tree, UnpackError, UnpackLimits, pack, unpack};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};

/// Small enough that every archive ends in a moment.
const ENTRIES: usize = 200;
const PATH: usize = 300;

fn gzipped(tar: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(tar)?;
    gzip.finish()
}

fn unpacked(archive: &[u8], blob: &Path, limits: &UnpackLimits) -> Result<Tree, UnpackError> {
    unpack(archive, Digest::of(archive), blob, limits)
}

type Entries = BTreeMap<String, Option<(bool, Vec<u8>)>>;

/// Folders, and files with their content.
fn entries(tree: &Tree) -> io::Result<Entries> {
    let entry = |(path, kind): (&str, Kind)| match kind {
        Kind::Dir => Ok((path.to_owned(), None)),
        Kind::File { executable } => Ok((path.to_owned(), Some((executable, tree.read(path)?)))),
    };
    tree.walk().map(entry).collect()
}

/// An archive is refused and leaves nothing, or holds only what a tree may hold, and comes out of another archive as it
/// was. What does not begin as gzip is packed first: a sum that is wrong would hide what is behind it.
pub(crate) fn tarball(data: &[u8]) {
    let archive = if data.starts_with(&[0x1f, 0x8b]) { Ok(data.to_vec()) } else { gzipped(data) };
    let (Ok(archive), Ok(dir)) = (archive, tempfile::tempdir()) else { return };
    let blob = dir.path().join("blob");
    let limits = UnpackLimits { total: 1 << 20, entries: ENTRIES, path: PATH };
    let Ok(tree) = unpacked(&archive, &blob, &limits) else {
        assert!(!blob.exists(), "a refused archive leaves a file");
        return;
    };
    let Ok(found) = entries(&tree) else { panic!("a file of the tree cannot be read") };
    assert!(found.len() <= ENTRIES, "more entries than allowed");
    for path in found.keys() {
        let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        assert!(plain && path.len() <= PATH, "{path:?} is no path of a tree");
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert_eq!(tree.kind(parent), Some(Kind::Dir), "{path:?} lies in no folder");
    }
    let Ok(again) = pack(&tree, Vec::new(), |_, _| true) else { panic!("the tree cannot be packed") };
    let again = unpacked(&again, &dir.path().join("again"), &UnpackLimits::default());
    let same = again.is_ok_and(|again| entries(&again).is_ok_and(|again| again == found));
    assert!(same, "what is packed again comes out otherwise");
}

/// Ignore files of a tree, the rules of the spec at `=== spec`, and a path a line at `=== paths`.
pub(crate) fn ignore(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mut rules, mut spec, mut paths) = (Vec::new(), None, String::new());
    for (name, text) in crate::tree::files(&text, "") {
        match name.as_str() {
            "spec" => spec = Some(text),
            "paths" => paths = text,
            _ => rules.push(IgnoreFile { dir: name, text }),
        }
    }
    let ignore = Ignore::new(&rules, spec.as_deref());
    for path in paths.lines().take(50) {
        for is_dir in [false, true] {
            let _ = ignore.excludes(path, is_dir);
        }
    }
}

/// A release in a Secret is refused, or reads as the same again once written.
pub(crate) fn release(data: &[u8]) {
    let none = BTreeMap::new();
    let _ = helm_release::decode(data, &none);
    let Ok(release) = helm_release::decode(STANDARD.encode(data).as_bytes(), &none) else { return };
    let _ = (release.chart_metadata(), release.status(), release.values());
    let Ok(written) = helm_release::encode(&release) else { return };
    let Ok(again) = helm_release::decode(&written, &none) else { panic!("what was written is not read") };
    let Ok(rewritten) = helm_release::encode(&again) else { panic!("what was read is not written") };
    assert_eq!(plain(&rewritten), plain(&written), "a release changes when it is written twice");
}

/// The JSON of a written release.
fn plain(written: &[u8]) -> Option<String> {
    let packed = STANDARD.decode(written).ok()?;
    let mut json = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut json).ok()?;
    Some(json)
}
