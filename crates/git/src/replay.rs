//! What a server sends, read without a server: the readers of answers over given bytes, for fuzz targets.
//!
//! Each takes the pieces in which the bytes arrive, since nothing may depend on their borders.
use bytes::Bytes;
use gix_object::Kind;
use tokio::sync::mpsc;

use crate::{
    Commit, GitError, Oid, Selector, Tag,
    handshake::{Capabilities, Dialect, handshake},
    ingest::Ingest,
    new_objects::NewObjects,
    object::tree_lines,
    packet::PacketReader,
    receive::{self, PackLimits},
    refs::{RemoteRef, read_list},
    report,
    resolve::{Found, choose},
    stream::ByteStream,
    temporary::Folder,
};

const URL: &str = "https://example.com/app.git";

fn reader(pieces: &[&[u8]]) -> PacketReader<'static> {
    let pieces: Vec<Bytes> = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
    PacketReader::new(ByteStream::Given(pieces.into_iter()), URL)
}

async fn list(pieces: &[&[u8]]) -> Result<Vec<RemoteRef>, GitError> {
    let mut reader = reader(pieces);
    match handshake(&mut reader, URL).await? {
        Dialect::Zero(_, refs) => Ok(refs.to_vec()),
        Dialect::Two(_) => read_list(&mut reader, &[String::new()], URL).await,
    }
}

/// The first answer of a server and its references: their names and commits.
///
/// # Errors
/// See [`GitError`].
pub async fn references(pieces: &[&[u8]]) -> Result<Vec<(String, Oid)>, GitError> {
    let refs = list(pieces).await?;
    Ok(refs.into_iter().map(|found| (found.name.clone(), found.commit())).collect())
}

/// Which commits a selector may mean among the references of an answer.
///
/// # Errors
/// See [`GitError`].
pub async fn chosen(pieces: &[&[u8]], selector: &Selector) -> Result<Vec<Oid>, GitError> {
    let refs = list(pieces).await?;
    let wanted = selector.wanted().map_err(|error| GitError::protocol(URL, error.to_string()))?;
    Ok(match choose(&wanted, &refs, URL)? {
        Found::One(resolved) => vec![resolved.commit],
        Found::Tie(all) => all.into_iter().map(|resolved| resolved.commit).collect(),
    })
}

/// The bytes of the pack in the answer to a fetch, as far as `bytes` and `objects` allow.
///
/// # Errors
/// See [`GitError`].
pub async fn pack(pieces: &[&[u8]], bytes: u64, objects: u64) -> Result<Vec<u8>, GitError> {
    let mut reader = reader(pieces);
    receive::preamble(&mut reader, &Dialect::Two(Capabilities::default()), URL).await?;
    // Room for as many pieces as there are bytes, so that nothing waits.
    let room = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let (sender, mut receiver) = mpsc::channel(room.max(1));
    receive::pack(&mut reader, PackLimits { bytes, objects, pace: None }, URL, sender).await?;
    let mut read = Vec::new();
    while let Some(piece) = receiver.recv().await {
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

/// Takes a pack in, object by object, of which none may be larger than `object_bytes`.
///
/// # Errors
/// See [`GitError`].
pub fn ingest(pack: &[u8], object_bytes: u64) -> Result<(), GitError> {
    let (sender, pieces) = mpsc::channel(1);
    let dir = Folder::new(&std::env::temp_dir()).map_err(|error| GitError::Disk(error.to_string()))?;
    // The channel has room for the one piece.
    drop(sender.try_send(Bytes::copy_from_slice(pack)));
    drop(sender);
    Ingest {
        pieces,
        dir,
        object_bytes,
        effort: u64::MAX,
        stop: std::sync::Arc::default(),
        url: URL.to_owned(),
    }
    .run()
    .map(drop)
}

/// The answer to a push: what it says of the pack, and how many references were refused.
///
/// # Errors
/// See [`GitError`].
pub async fn pushed(pieces: &[&[u8]], banded: bool) -> Result<(Option<String>, usize), GitError> {
    let report = report::read(&mut reader(pieces), banded).await?;
    Ok((report.unpack, report.refused.len()))
}

/// The content of an object, read as each kind that names others: how many lines it has as a folder, the commit, and the
/// tag with what it points to.
pub fn objects(content: &[u8]) -> (Option<usize>, Option<Commit>, Option<(Tag, Oid)>) {
    let id = NewObjects::default().add(Kind::Blob, content.to_vec());
    (tree_lines(content).map(|lines| lines.len()), Commit::parse(id, content), Tag::parse(id, content))
}
