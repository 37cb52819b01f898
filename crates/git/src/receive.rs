use bytes::Bytes;
use net::LeastPace;
use tokio::sync::mpsc::Sender;

use crate::{
    GitError, Oid,
    handshake::{Capabilities, Dialect},
    packet::{Message, Packet, PacketReader},
};

/// What to ask for.
pub(crate) struct Wants<'a> {
    pub(crate) ids: &'a [Oid],
    /// Only the wanted commits, without their history.
    pub(crate) shallow: bool,
}

/// Whether the server gives commits by id, whatever references point to.
pub(crate) fn gives_any_commit(dialect: &Dialect) -> bool {
    match dialect {
        // Version 2 has no such restriction.
        Dialect::Two(_) => true,
        Dialect::Zero(found, _) => {
            found.has("allow-reachable-sha1-in-want") || found.has("allow-any-sha1-in-want")
        }
    }
}

/// The request for a pack; no haves, as nothing is kept between fetches.
pub(crate) fn request(dialect: &Dialect, wants: &Wants<'_>, url: &str) -> Result<Bytes, GitError> {
    match dialect {
        Dialect::Two(found) => Ok(request_two(found, wants)),
        Dialect::Zero(found, _) => request_zero(found, wants, url),
    }
}

fn request_two(found: &Capabilities, wants: &Wants<'_>) -> Bytes {
    let mut message = Message::default();
    message.line("command=fetch");
    message.line("agent=sluice");
    message.line("object-format=sha1");
    message.delimiter();
    message.line("ofs-delta");
    message.line("no-progress");
    for id in wants.ids {
        message.line(&format!("want {id}"));
    }
    if wants.shallow && found.value_has("fetch", "shallow") {
        message.line("deepen 1");
    }
    message.line("done");
    message.flush();
    message.into_bytes()
}

fn request_zero(found: &Capabilities, wants: &Wants<'_>, url: &str) -> Result<Bytes, GitError> {
    if !found.has("side-band-64k") {
        return Err(GitError::protocol(url, "server lacks side-band-64k"));
    }
    // Some servers (Azure DevOps) refuse clients without multi_ack_detailed, although nothing is acknowledged.
    let asked = ["multi_ack_detailed", "side-band-64k", "ofs-delta", "no-progress", "shallow"];
    let words: Vec<&str> = asked.into_iter().filter(|word| found.has(word)).collect();
    let mut message = Message::default();
    for (at, id) in wants.ids.iter().enumerate() {
        match at {
            0 => message.line(&format!("want {id} {} agent=sluice", words.join(" "))),
            _ => message.line(&format!("want {id}")),
        }
    }
    if wants.shallow && found.has("shallow") {
        message.line("deepen 1");
    }
    message.flush();
    message.line("done");
    Ok(message.into_bytes())
}

/// Reads what stands before the pack. Afterwards the reader gives side-band packets.
pub(crate) async fn preamble(
    reader: &mut PacketReader<'_>,
    dialect: &Dialect,
    url: &str,
) -> Result<(), GitError> {
    loop {
        let Some(line) = reader.line().await? else { continue };
        let is_pack = match dialect {
            Dialect::Two(_) => line.starts_with(b"packfile"),
            Dialect::Zero(..) => line.starts_with(b"NAK") || line.starts_with(b"ACK "),
        };
        let expected =
            [&b"shallow"[..], b"unshallow", b"acknowledgments", b"NAK", b"ACK ", b"ready", b"wanted-refs"];
        match is_pack {
            true => return Ok(()),
            false if expected.iter().any(|start| line.starts_with(start)) => {}
            false => return Err(GitError::protocol(url, "unexpected line before the pack")),
        }
    }
}

/// Passes the pack's bytes on until its end.
pub(crate) async fn pack(
    reader: &mut PacketReader<'_>,
    limits: PackLimits,
    url: &str,
    out: Sender<Bytes>,
) -> Result<(), GitError> {
    let mut gate = Gate { limits, url, seen: 0, head: Vec::new() };
    reader.hold_to(limits.pace);
    loop {
        let data = match reader.try_next().await? {
            Some(Packet::Data(data)) => data,
            Some(Packet::Flush | Packet::ResponseEnd) | None => return Ok(()),
            Some(Packet::Delimiter) => {
                return Err(GitError::protocol(url, "unexpected delimiter in the pack"));
            }
        };
        match data.first() {
            Some(1) => {
                let piece = data.slice(1..);
                gate.check(&piece)?;
                // A closed channel means that the other side failed; it has the better error.
                if out.send(piece).await.is_err() {
                    return Ok(());
                }
            }
            Some(2) | None => {}
            Some(3) => return Err(GitError::protocol(url, crate::error::shown(&data[1..]))),
            Some(_) => return Err(GitError::protocol(url, "unknown side-band")),
        }
    }
}

/// How large a pack may be, and how slowly it may come.
#[derive(Clone, Copy)]
pub(crate) struct PackLimits {
    pub(crate) bytes: u64,
    pub(crate) objects: u64,
    pub(crate) pace: Option<LeastPace>,
}

struct Gate<'a> {
    limits: PackLimits,
    url: &'a str,
    seen: u64,
    /// The first 12 bytes, which announce the number of objects.
    head: Vec<u8>,
}

impl Gate<'_> {
    fn check(&mut self, piece: &[u8]) -> Result<(), GitError> {
        self.seen += piece.len() as u64;
        if self.seen > self.limits.bytes {
            return Err(self.too_large("size of the pack in bytes", self.limits.bytes));
        }
        if self.head.len() < 12 {
            self.head.extend(piece.iter().take(12 - self.head.len()));
            if let Ok(head) = <&[u8; 12]>::try_from(&self.head[..]) {
                return self.check_head(*head);
            }
        }
        Ok(())
    }

    fn check_head(&self, head: [u8; 12]) -> Result<(), GitError> {
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2, count @ ..] = head else {
            return Err(GitError::protocol(self.url, "answer holds no pack"));
        };
        if u64::from(u32::from_be_bytes(count)) > self.limits.objects {
            return Err(self.too_large("number of objects", self.limits.objects));
        }
        Ok(())
    }

    fn too_large(&self, what: &'static str, limit: u64) -> GitError {
        GitError::TooLarge { url: self.url.to_owned(), what, limit }
    }
}
