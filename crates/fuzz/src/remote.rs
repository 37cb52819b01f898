//! What servers send, and the names by which they are called.

use artifact::{ArtifactPath, Digest};
use git::{Refspec, RemoteUrl, Selector, replay};
use oci::{Manifest, Range, Reference, Repository, SemverTags};
use tokio::runtime::{Builder, Runtime};

/// Pieces in which an answer arrives: nothing may depend on them.
fn pieces(data: &[u8]) -> [Vec<&[u8]>; 2] {
    [vec![data], data.chunks(3).collect()]
}

fn runtime() -> Option<Runtime> {
    Builder::new_current_thread().build().ok()
}

/// Packets, as references, as a pack and as the report of a push.
pub(crate) fn git_answer(data: &[u8]) {
    let Some(runtime) = runtime() else { return };
    let read = |pieces: &[&[u8]]| {
        let text = |error: git::GitError| error.to_string();
        let refs = runtime.block_on(replay::references(pieces)).map_err(text);
        let pack = runtime.block_on(replay::pack(pieces, 2_000, 100)).map_err(text);
        let pushed =
            [false, true].map(|banded| runtime.block_on(replay::pushed(pieces, banded)).map_err(text));
        (refs, pack, pushed)
    };
    let [whole, cut] = pieces(data);
    let found = read(&whole);
    assert!(found.1.iter().all(|pack| pack.len() <= 2_000), "a pack above the limit");
    assert_eq!(read(&cut), found, "the pieces of an answer change it");
    for (semver, name) in [(Some(">=0.0.0-0"), None), (None, Some("refs/heads/main"))] {
        let selector = Selector {
            semver: semver.map(str::to_owned),
            name: name.map(str::to_owned),
            ..Selector::default()
        };
        let _ = runtime.block_on(replay::chosen(&whole, &selector));
    }
}

/// The content of an object.
pub(crate) fn git_object(data: &[u8]) {
    let (_, commit, tag) = replay::objects(data);
    if let Some(commit) = commit {
        assert!(commit.short_subject().chars().count() <= 53, "a long subject is not cut");
        assert!(commit.signed_payload.len() <= data.len(), "more is signed than was sent");
    }
    if let Some((tag, _)) = tag {
        assert!(data.starts_with(&tag.signed_payload), "what a tag signs is not its beginning");
    }
}

/// A pack without its sum, which is put behind it: a wrong one would hide what is before it.
pub(crate) fn git_pack(data: &[u8]) {
    use sha1::Digest as _;
    let sum = sha1::Sha1::digest(data);
    let _ = replay::ingest(&[data, &sum[..]].concat(), 1 << 16);
}

/// A name a line, read as each kind of name. What is printed reads as the same.
pub(crate) fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines() {
        let _ = (Refspec::parse(line), Reference::digest(line));
        if let Ok(url) = RemoteUrl::parse(line) {
            let again = RemoteUrl::parse(url.as_str());
            assert!(again.is_ok_and(|again| again.as_str() == url.as_str()), "{:?}", url.as_str());
        }
        if let Ok(repository) = Repository::parse(line) {
            assert_eq!(Repository::parse(&repository.to_string()), Ok(repository));
        }
        if let Ok(path) = ArtifactPath::parse(line) {
            assert!(!path.as_str().split('/').any(|part| part.starts_with('.')), "{path:?} climbs");
            assert_eq!(ArtifactPath::parse(path.as_str()), Ok(path));
        }
        if let Ok(digest) = line.parse::<Digest>() {
            assert_eq!(digest.to_string().parse(), Ok(digest));
        }
        if let Ok(tag) = Reference::tag(line) {
            assert!(!tag.as_str().contains(['/', '?', '#', '%']), "{tag:?} leaves its place in a URL");
        }
    }
}

/// A manifest, or a range and tags.
pub(crate) fn oci(data: &[u8]) {
    if let Ok(manifest) = serde_json::from_slice::<Manifest>(data) {
        let again = serde_json::to_vec(&manifest).ok().and_then(|text| serde_json::from_slice(&text).ok());
        assert_eq!(again, Some(manifest), "a manifest changes when it is written");
    }
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let (semver, filter) = (lines.next().unwrap_or_default(), lines.next());
    let tags: Vec<String> = lines.map(str::to_owned).collect();
    for helm in [false, true] {
        let Ok(range) = SemverTags::new(&Range { semver, filter, helm }) else { return };
        if let Ok(picked) = range.highest(&tags) {
            assert!(helm || tags.contains(&picked), "{picked:?} is none of the tags");
        }
    }
}
