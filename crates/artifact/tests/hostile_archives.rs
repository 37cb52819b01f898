//! Archives that mean harm, or are broken. Nothing but the blob is ever written.
use std::io::Write;

use artifact::{Digest, Tree, UnpackError, UnpackLimits, unpack};
use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};

/// Unpacks and checks that the folder holds at most the blob, and nothing after a failure.
fn open(archive: &[u8], limits: &UnpackLimits) -> Result<Tree, UnpackError> {
    let dir = tempfile::tempdir().unwrap();
    let blob = dir.path().join("in").join("blob");
    std::fs::create_dir(dir.path().join("in")).unwrap();
    let result = unpack(archive, Digest::of(archive), &blob, limits);
    let names = |dir: &std::path::Path| std::fs::read_dir(dir).unwrap().count();
    assert_eq!((names(dir.path()), names(&dir.path().join("in"))), (1, usize::from(result.is_ok())));
    result
}

fn unpacked(archive: &[u8]) -> Result<Vec<String>, UnpackError> {
    let tree = open(archive, &UnpackLimits::default())?;
    Ok(tree.walk().map(|(path, _)| path.to_owned()).collect())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A header with any bytes as its name.
fn header(name: &[u8], kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o4777);
    header.set_cksum();
    header
}

fn entry(name: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut out = header(name, kind, content.len() as u64).as_bytes().to_vec();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn file(name: &str, content: &str) -> Vec<u8> {
    entry(name.as_bytes(), EntryType::Regular, content.as_bytes())
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&[entries.concat(), vec![0; 1024]].concat())
}

#[test]
fn names_that_leave_the_tree_refuse_the_whole_archive() {
    for bad in ["../x", "/etc/x", "a/../../x", "a/..", "..", "a\\..\\x", "..\\x"] {
        let bytes = archive(&[file("good", "1"), file(bad, "2")]);
        assert!(matches!(unpacked(&bytes), Err(UnpackError::Name(_))), "{bad}");
    }
}

#[test]
fn names_that_linux_takes_are_taken() {
    let odd = |name: &[u8]| entry(name, EntryType::Regular, name);
    let bytes = archive(&[
        odd(b"a\\b"),
        odd(b"C:\\x"),
        odd(b"d/caf\xe9.yaml"),
        odd(b"d/caf\xe8.yaml"),
        odd(b"tab\t"),
    ]);
    let names = ["C:\\x", "a\\b", "d", "d/cafè.yaml", "d/café.yaml", "tab\t"];
    assert_eq!(unpacked(&bytes).unwrap(), names);
    let tree = open(&bytes, &UnpackLimits::default()).unwrap();
    assert_eq!(tree.file_size("d/café.yaml"), Some(11));
    let twice = archive(&[odd(b"caf\xe9"), odd("café".as_bytes())]);
    assert!(matches!(unpacked(&twice), Err(UnpackError::Twice(_))));
}

#[test]
fn a_nul_in_a_long_name_is_refused() {
    let record = b"14 path=a\0../b\n";
    let pax = entry(b"p", EntryType::XHeader, &[b"15", &record[2..]].concat());
    assert!(matches!(unpacked(&archive(&[pax, file("x", "")])), Err(UnpackError::Name(_))));
}

#[test]
fn links_are_skipped_or_refused_and_never_followed() {
    let link = |kind, target: &str| {
        let mut header = header(b"link", kind, 0);
        header.as_ustar_mut().unwrap().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    for target in ["/etc", "../..", "link", "nowhere"] {
        let bytes = archive(&[link(EntryType::Symlink, target), file("link/passwd", "mine")]);
        assert_eq!(unpacked(&bytes).unwrap(), ["link", "link/passwd"]);
        let bytes = archive(&[link(EntryType::Link, target)]);
        assert!(matches!(unpacked(&bytes), Err(UnpackError::Type { kind: "hard link", .. })));
    }
}

#[test]
fn devices_pipes_and_unknown_types_are_refused() {
    let kinds =
        [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse, EntryType::new(b'?')];
    for kind in kinds {
        let bytes = archive(&[entry(b"x", kind, b"")]);
        assert!(matches!(unpacked(&bytes), Err(UnpackError::Type { .. })), "{kind:?}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(header(b"zeros", EntryType::Regular, 300 << 20).as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..300 {
        out.write_all(&zeros).unwrap();
    }
    let bytes = out.finish().unwrap();
    assert!(bytes.len() < 1 << 20);
    assert!(matches!(unpacked(&bytes), Err(UnpackError::TooLarge(_))));
}

#[test]
fn many_tiny_entries_stop_at_the_limit() {
    let entries: Vec<Vec<u8>> = (0..2000).map(|at| file(&format!("f{at}"), "")).collect();
    let few = UnpackLimits { entries: 1000, ..UnpackLimits::default() };
    assert!(matches!(open(&archive(&entries), &few), Err(UnpackError::TooMany(1000))));
    let deep = "d/".repeat(45) + "f";
    let few = UnpackLimits { entries: 10, ..UnpackLimits::default() };
    assert!(matches!(open(&archive(&[file(&deep, "")]), &few), Err(UnpackError::TooMany(10))));
    let short = UnpackLimits { path: 20, ..UnpackLimits::default() };
    assert!(matches!(open(&archive(&[file(&deep, "")]), &short), Err(UnpackError::Name(_))));
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let whole = archive(&[file("a", "content"), file("b", "more")]);
    for length in 0..whole.len() {
        assert!(unpacked(&whole[..length]).is_err(), "{length}");
    }
    assert!(unpacked(&whole).is_ok());
}

#[test]
fn data_after_the_end_is_refused() {
    let whole = archive(&[file("a", "content")]);
    assert!(matches!(unpacked(&[&whole[..], b"x"].concat()), Err(UnpackError::Trailing)));
    assert!(unpacked(&[&whole[..], &whole[..]].concat()).is_err());
    let hidden = gzip(&[file("a", "1"), vec![0; 1024], file("smuggled", "2")].concat());
    assert!(matches!(unpacked(&hidden), Err(UnpackError::Trailing)));
}

#[test]
fn two_sizes_that_differ_smuggle_nothing() {
    for size in ["0", "512", "99999999999999999999", "-1"] {
        let record = format!("{} size={size}\n", "size=".len() + size.len() + 4);
        let pax = entry(b"p", EntryType::XHeader, record.as_bytes());
        let body = file("inner", "smuggled");
        let bytes = archive(&[pax, entry(b"outer", EntryType::Regular, &body), file("z", "")]);
        assert!(matches!(unpacked(&bytes), Err(UnpackError::Malformed(_))), "{size}");
    }
}

#[test]
fn an_extension_header_of_a_megabyte_is_refused() {
    let pax = entry(b"p", EntryType::XHeader, &vec![b'1'; 1 << 20]);
    assert!(matches!(unpacked(&archive(&[pax])), Err(UnpackError::Malformed(_))));
    let name = entry(b"n", EntryType::GNULongName, &vec![b'a'; 1 << 20]);
    assert!(matches!(unpacked(&archive(&[name, file("x", "")])), Err(UnpackError::Malformed(_))));
}

#[test]
fn one_path_is_one_thing() {
    for entries in [
        [file("a", "1"), file("a", "2")],
        [file("a", "1"), file("a/b", "2")],
        [file("a/b", "1"), file("a", "2")],
        [file("./a", "1"), file("a", "2")],
        [file("a", "1"), entry(b"a/", EntryType::Directory, b"")],
    ] {
        assert!(matches!(unpacked(&archive(&entries)), Err(UnpackError::Twice(_))));
    }
    // A file system that folds case is not ours: these are two files everywhere.
    assert_eq!(unpacked(&archive(&[file("A", "1"), file("a", "2")])).unwrap(), ["A", "a"]);
}

#[test]
fn garbage_is_refused() {
    for bytes in [&b""[..], b"x", b"\x1f\x8b", b"\x1f\x8b\x08\0\0\0\0\0\0\xff"] {
        assert!(unpacked(bytes).is_err());
    }
    assert!(unpacked(&gzip(&[0xff; 2048])).is_err());
    let mut bad_sum = file("a", "1");
    bad_sum[150] ^= 1;
    assert!(unpacked(&archive(&[bad_sum])).is_err());
}

#[test]
fn what_other_tools_write_is_read() {
    let long = format!("{}/f", "d".repeat(120));
    let mut gnu = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, mode) in [("./a/", 0o755), (&long, 0o644)] {
        let mut header = Header::new_gnu();
        header.set_size(0);
        header.set_mode(mode);
        header.set_entry_type(if path.ends_with('/') { EntryType::Directory } else { EntryType::Regular });
        gnu.append_data(&mut header, path, std::io::empty()).unwrap();
    }
    let bytes = gnu.into_inner().unwrap().finish().unwrap();
    assert_eq!(unpacked(&bytes).unwrap(), ["a".to_owned(), "d".repeat(120), long]);
}
