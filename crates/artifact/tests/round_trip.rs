//! What is packed comes out again.
use std::collections::BTreeMap;

use artifact::{Digest, Kind, Packer, Tree, UnpackLimits, pack, unpack};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, proptest};

#[derive(Clone, Debug, PartialEq)]
struct Content {
    executable: bool,
    bytes: Vec<u8>,
}

/// Files by path; a path that would be a folder of another is left out.
fn files() -> impl Strategy<Value = BTreeMap<String, Content>> {
    let part = "[a-c.é-]{1,3}|[a-z]{90,120}";
    let path = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let content = (any::<bool>(), prop::collection::vec(any::<u8>(), 0..1500));
    let content = content.prop_map(|(executable, bytes)| Content { executable, bytes });
    prop::collection::btree_map(path, content, 0..12).prop_map(without_clashes)
}

fn without_clashes(files: BTreeMap<String, Content>) -> BTreeMap<String, Content> {
    let names: Vec<String> = files.keys().cloned().collect();
    let dotted = |path: &str| path.split('/').any(|part| part == "." || part == "..");
    let parent = |path: &str| names.iter().any(|other| other.starts_with(&format!("{path}/")));
    files.into_iter().filter(|(path, _)| !dotted(path) && !parent(path)).collect()
}

fn packed(files: &BTreeMap<String, Content>) -> Vec<u8> {
    let mut paths: BTreeMap<Vec<&str>, Option<&Content>> = BTreeMap::new();
    for (path, content) in files {
        let parts: Vec<&str> = path.split('/').collect();
        for end in 1..parts.len() {
            paths.insert(parts[..end].to_vec(), None);
        }
        paths.insert(parts, Some(content));
    }
    let mut packer = Packer::new(Vec::new()).unwrap();
    for (parts, content) in paths {
        let path = parts.join("/");
        match content {
            None => packer.dir(&path).unwrap(),
            Some(Content { executable, bytes }) => {
                packer.file(&path, *executable, bytes.len() as u64, &mut bytes.as_slice()).unwrap();
            }
        }
    }
    packer.finish().unwrap()
}

fn tree(archive: &[u8], dir: &tempfile::TempDir) -> Tree {
    unpack(archive, Digest::of(archive), &dir.path().join("blob"), &UnpackLimits::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn packed_trees_come_out_equal(files in files()) {
        let archive = packed(&files);
        let dir = tempfile::tempdir().unwrap();
        let tree = tree(&archive, &dir);
        let mut found = BTreeMap::new();
        for (path, kind) in tree.walk() {
            let Kind::File { executable } = kind else { continue };
            found.insert(path.to_owned(), Content { executable, bytes: tree.read(path).unwrap() });
        }
        assert_eq!(found, files);
        assert_eq!(pack(&tree, Vec::new(), |_, _| true).unwrap(), archive);
    }

    #[test]
    fn lists_agree_with_the_walk(files in files()) {
        let dir = tempfile::tempdir().unwrap();
        let tree = tree(&packed(&files), &dir);
        let mut walked: Vec<String> = Vec::new();
        collect(&tree, "", &mut walked);
        assert_eq!(walked, tree.walk().map(|(path, _)| path.to_owned()).collect::<Vec<_>>());
    }
}

fn collect(tree: &Tree, dir: &str, into: &mut Vec<String>) {
    for (name, kind) in tree.list(dir).unwrap() {
        let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
        assert_eq!(tree.kind(&path), Some(kind));
        into.push(path.clone());
        if kind == Kind::Dir {
            collect(tree, &path, into);
        }
    }
}

#[test]
fn paths_outside_of_the_tree_do_not_exist() {
    let dir = tempfile::tempdir().unwrap();
    let file = Content { executable: false, bytes: b"x".to_vec() };
    let tree = tree(&packed(&BTreeMap::from([("a/b".to_owned(), file)])), &dir);
    for outside in ["..", "a/../a", "/a", "a/", ".", "a//b", "/etc/passwd", "a/b/c"] {
        assert_eq!(tree.kind(outside), None, "{outside}");
        assert_eq!(tree.read(outside).unwrap_err().kind(), std::io::ErrorKind::NotFound);
        assert_eq!(tree.list(outside).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
    assert_eq!(tree.read("a").unwrap_err().kind(), std::io::ErrorKind::IsADirectory);
    assert_eq!(tree.list("a/b").unwrap_err().kind(), std::io::ErrorKind::NotADirectory);
    assert_eq!(
        (tree.kind(""), tree.kind("a"), tree.file_size("a/b")),
        (Some(Kind::Dir), Some(Kind::Dir), Some(1))
    );
}
