use std::sync::Arc;

use crate::{
    GitError,
    packet::{Packet, PacketReader},
    refs::{RefList, RemoteRef},
};

/// Which protocol the server speaks, and what it can do.
pub(crate) enum Dialect {
    /// Version 2: references are asked for.
    Two(Capabilities),
    /// Versions 0 and 1: references came with the capabilities.
    Zero(Capabilities, Arc<[RemoteRef]>),
}

/// Words the server announced.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capabilities(Vec<String>);

impl Capabilities {
    /// Whether the capability is announced, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word.split('=').next() == Some(name))
    }

    /// Whether the value of a capability of version 2 holds this word, as in `fetch=shallow filter`.
    pub(crate) fn value_has(&self, name: &str, wanted: &str) -> bool {
        let value = self.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value.is_some_and(|value| value.split(' ').any(|word| word == wanted))
    }

    fn object_format(&self) -> &str {
        self.0.iter().find_map(|word| word.strip_prefix("object-format=")).unwrap_or("sha1")
    }
}

const MOST_CAPABILITIES: usize = 1000;
/// Bytes of all capabilities.
const MOST_CAPABILITY_BYTES: usize = 1 << 20;

/// Reads the server's first answer.
pub(crate) async fn handshake(reader: &mut PacketReader<'_>, url: &str) -> Result<Dialect, GitError> {
    let mut line = reader.line().await?;
    if line.as_ref().is_some_and(|line| line.starts_with(b"# service=")) {
        // The service line of HTTP ends with a flush; some servers leave both out.
        if reader.next().await? != Packet::Flush {
            return Err(GitError::protocol(url, "no flush after the service line"));
        }
        line = reader.line().await?;
    }
    if line.as_ref().is_some_and(|line| &line[..] == b"version 1") {
        line = reader.line().await?;
    }
    let dialect = match line {
        Some(line) if &line[..] == b"version 2" => Dialect::Two(capability_lines(reader, url).await?),
        Some(line) => old_references(reader, url, &line).await?,
        None => Dialect::Zero(Capabilities::default(), Arc::default()),
    };
    let (Dialect::Two(found) | Dialect::Zero(found, _)) = &dialect;
    match found.object_format() {
        "sha1" => Ok(dialect),
        other => Err(GitError::protocol(
            url,
            format!("object format {} is not supported", crate::error::shown(other.as_bytes())),
        )),
    }
}

async fn capability_lines(reader: &mut PacketReader<'_>, url: &str) -> Result<Capabilities, GitError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(line) = reader.line().await? {
        bytes += line.len();
        if found.len() == MOST_CAPABILITIES || bytes > MOST_CAPABILITY_BYTES {
            return Err(GitError::protocol(url, "too many capabilities"));
        }
        found.push(String::from_utf8_lossy(&line).into_owned());
    }
    Ok(Capabilities(found))
}

/// `<id> <name>\0<capabilities>`, then one reference a line.
async fn old_references(reader: &mut PacketReader<'_>, url: &str, first: &[u8]) -> Result<Dialect, GitError> {
    let mut halves = first.splitn(2, |byte| *byte == 0);
    let (reference, words) = (halves.next().unwrap_or_default(), halves.next());
    let words = words.ok_or_else(|| GitError::protocol(url, "server does not speak git's protocol"))?;
    let words = String::from_utf8_lossy(words).split(' ').map(str::to_owned).collect();
    let mut list = RefList::new(url);
    list.old_line(reference)?;
    while let Some(line) = reader.line().await? {
        if !line.starts_with(b"shallow ") {
            list.old_line(&line)?;
        }
    }
    Ok(Dialect::Zero(Capabilities(words), list.finish().into()))
}
