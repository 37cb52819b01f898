use crate::{GitError, Oid, packet::Message, packet::PacketReader};

/// A reference of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteRef {
    pub(crate) name: String,
    /// What it points to: a commit, or a tag object.
    pub(crate) id: Oid,
    /// What a tag object ends at.
    pub(crate) peeled: Option<Oid>,
}

impl RemoteRef {
    /// The commit.
    pub(crate) fn commit(&self) -> Oid {
        self.peeled.unwrap_or(self.id)
    }
}

/// References listed by one server at most.
const MOST: usize = 500_000;
/// Bytes of all lines of a list. A hundred thousand references of pull requests are a fifth of it.
const MOST_BYTES: usize = 64 << 20;
/// Bytes of a name.
const LONGEST: usize = 4096;

/// Collects references from lines.
pub(crate) struct RefList<'a> {
    url: &'a str,
    found: Vec<RemoteRef>,
    bytes: usize,
}

impl<'a> RefList<'a> {
    pub(crate) fn new(url: &'a str) -> Self {
        Self { url, found: Vec::new(), bytes: 0 }
    }

    /// `<id> <name>`; a line `<id> <name>^{}` tells what the tag before it ends at.
    pub(crate) fn old_line(&mut self, line: &[u8]) -> Result<(), GitError> {
        let (id, name) = self.split(line)?;
        if let Some(tag) = name.strip_suffix("^{}") {
            // The empty repository announces its capabilities on a name that is none.
            if let Some(last) = self.found.last_mut().filter(|last| last.name == tag) {
                last.peeled = Some(id);
            }
            return Ok(());
        }
        self.push(RemoteRef { name: name.to_owned(), id, peeled: None })
    }

    /// `<id> <name>[ peeled:<id>][ symref-target:<name>]`. Servers may tell of more than was asked for.
    fn line(&mut self, line: &[u8], prefixes: &[String]) -> Result<(), GitError> {
        if line.starts_with(b"unborn ") {
            return Ok(());
        }
        let (id, rest) = self.split(line)?;
        let mut words = rest.split(' ');
        let name = words.next().unwrap_or_default();
        if !prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            return Ok(());
        }
        let peeled = words.find_map(|word| word.strip_prefix("peeled:")).and_then(Oid::from_hex);
        self.push(RemoteRef { name: name.to_owned(), id, peeled })
    }

    fn push(&mut self, reference: RemoteRef) -> Result<(), GitError> {
        if self.found.len() == MOST {
            return Err(self.too_large("number of references", MOST));
        }
        self.found.push(reference);
        Ok(())
    }

    fn split<'l>(&mut self, line: &'l [u8]) -> Result<(Oid, &'l str), GitError> {
        self.bytes += line.len();
        if self.bytes > MOST_BYTES {
            return Err(self.too_large("size of the references in bytes", MOST_BYTES));
        }
        let malformed = || GitError::protocol(self.url, "malformed reference line");
        let (id, name) = line.split_at_checked(41).ok_or_else(malformed)?;
        let id = id.strip_suffix(b" ").and_then(Oid::from_hex_bytes).ok_or_else(malformed)?;
        match name.iter().position(|byte| *byte == b' ').unwrap_or(name.len()) {
            0..=LONGEST => Ok((id, std::str::from_utf8(name).unwrap_or(""))),
            _ => Err(GitError::protocol(self.url, "a reference with a name that is too long")),
        }
    }

    fn too_large(&self, what: &'static str, limit: usize) -> GitError {
        GitError::TooLarge { url: self.url.to_owned(), what, limit: limit as u64 }
    }

    pub(crate) fn finish(self) -> Vec<RemoteRef> {
        self.found
    }
}

/// The request of version 2 for references that start with one of the prefixes.
pub(crate) fn list_request(prefixes: &[String]) -> Message {
    let mut message = Message::default();
    message.line("command=ls-refs");
    message.line("agent=sluice");
    message.line("object-format=sha1");
    message.delimiter();
    message.line("peel");
    for prefix in prefixes {
        message.line(&format!("ref-prefix {prefix}"));
    }
    message.flush();
    message
}

/// The references of an answer that start with one of the prefixes.
pub(crate) async fn read_list(
    reader: &mut PacketReader<'_>,
    prefixes: &[String],
    url: &str,
) -> Result<Vec<RemoteRef>, GitError> {
    let mut list = RefList::new(url);
    while let Some(line) = reader.line().await? {
        list.line(&line, prefixes)?;
    }
    Ok(list.finish())
}
