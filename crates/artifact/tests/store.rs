//! The store on disk.
use std::{io::Read, path::Path, time::Duration};

use artifact::{ArtifactPath, Check, Digest, LocalStore, Retention, Store, StoreError, Stored};

fn path(file: &str) -> ArtifactPath {
    ArtifactPath::new("GitRepository", "ns", "name", file).unwrap()
}

fn store(dir: &Path) -> LocalStore {
    LocalStore::open(dir, "source-controller.flux-system.svc.cluster.local.", Retention::default()).unwrap()
}

fn put(store: &LocalStore, file: &str, content: &str) -> Stored {
    store.put(&path(file), &mut |out| Ok(out.write_all(content.as_bytes())?)).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_stored_artifact_has_its_path_digest_size_and_url() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let stored = put(&store, "abc.tar.gz", "content");
    assert_eq!(stored, Stored { path: path("abc.tar.gz"), digest: Digest::of(b"content"), size: 7 });
    assert_eq!(
        store.url(&stored.path),
        "http://source-controller.flux-system.svc.cluster.local./gitrepository/ns/name/abc.tar.gz"
    );
    let mut read = String::new();
    store.open(&stored.path).unwrap().read_to_string(&mut read).unwrap();
    assert_eq!(read, "content");
}

#[test]
fn changed_and_missing_files_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let stored = put(&store, "a", "content");
    assert_eq!(store.check(&stored.path, &stored.digest).unwrap(), Check::Good);
    std::fs::write(dir.path().join(stored.path.as_str()), "other").unwrap();
    let changed = Check::Changed { found: Digest::of(b"other") };
    assert_eq!(store.check(&stored.path, &stored.digest).unwrap(), changed);
    assert!(store.remove(&stored.path).unwrap());
    assert!(!store.remove(&stored.path).unwrap());
    assert_eq!(store.check(&stored.path, &stored.digest).unwrap(), Check::Missing);
}

#[test]
fn a_failed_write_leaves_the_old_artifact_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let stored = put(&store, "a", "old");
    let failed = store.put(&path("a"), &mut |out| {
        out.write_all(b"new, but never finished")?;
        Err("disk of the other side is full".into())
    });
    assert!(matches!(failed, Err(StoreError::Fill(_))));
    assert_eq!(store.check(&stored.path, &stored.digest).unwrap(), Check::Good);
    assert_eq!(names(&dir.path().join("gitrepository/ns/name")), ["a"]);
    assert_eq!(names(&dir.path().join(".unfinished")), [""; 0]);
}

#[test]
fn what_a_crash_left_unfinished_is_gone_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let stored = put(&store(dir.path()), "a", "good");
    std::fs::write(dir.path().join(".unfinished/half"), "hal").unwrap();
    let store = store(dir.path());
    assert_eq!(names(&dir.path().join(".unfinished")), [""; 0]);
    assert_eq!(store.check(&stored.path, &stored.digest).unwrap(), Check::Good);
}

#[test]
fn collection_keeps_the_current_artifact_and_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        LocalStore::open(dir.path(), "h", Retention { ttl: Duration::from_secs(60), records: 2 }).unwrap();
    for (file, age) in [("1", 90), ("2", 30), ("3", 20), ("4", 10)] {
        put(&store, file, file);
        let file = std::fs::File::options().write(true).open(dir.path().join(path(file).as_str())).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    let removed = store.collect(&path("4")).unwrap();
    assert_eq!(removed, ["gitrepository/ns/name/1", "gitrepository/ns/name/2"]);
    assert_eq!(store.collect(&path("4")).unwrap(), [""; 0]);
    let nowhere = ArtifactPath::new("k", "ns", "none", "f").unwrap();
    assert_eq!(store.collect(&nowhere).unwrap(), [""; 0]);
}

#[test]
fn an_object_goes_with_all_its_artifacts() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    put(&store, "a", "1");
    put(&store, "b", "2");
    assert!(store.remove_object(&path("a")).unwrap());
    assert!(!store.remove_object(&path("a")).unwrap());
    assert_eq!(names(&dir.path().join("gitrepository/ns")), [""; 0]);
}

#[test]
fn a_stable_name_follows_the_newest_artifact() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    for content in ["1", "2"] {
        put(&store, content, content);
        let stable = store.link(&path(content), "latest.tar.gz").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join(stable.as_str())).unwrap(), content);
    }
    assert!(store.link(&path("1"), "../x").is_err());
}

#[test]
fn many_writers_of_one_path_leave_one_whole_artifact() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let contents: Vec<String> = (0..8).map(|at| at.to_string().repeat(50_000)).collect();
    std::thread::scope(|scope| {
        for content in &contents {
            scope.spawn(|| put(&store, "a", content));
        }
    });
    let found = std::fs::read_to_string(dir.path().join(path("a").as_str())).unwrap();
    assert!(contents.contains(&found));
}
