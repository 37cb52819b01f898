use bytes::{Buf, Bytes, BytesMut};
use net::{LeastPace, Pace};

use crate::{GitError, stream::ByteStream};

/// One packet of Git's line protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    Data(Bytes),
    /// `0000`: end of a message.
    Flush,
    /// `0001`: end of a section.
    Delimiter,
    /// `0002`: end of an answer of a stateless connection.
    ResponseEnd,
}

/// Builds a request.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn line(&mut self, text: &str) {
        let length = text.len() + 5;
        self.0.extend_from_slice(format!("{length:04x}{text}\n").as_bytes());
    }

    /// A packet without a line end.
    pub(crate) fn packet(&mut self, content: &[u8]) {
        self.0.extend_from_slice(format!("{:04x}", content.len() + 4).as_bytes());
        self.0.extend_from_slice(content);
    }

    /// What is sent as it is: a pack.
    pub(crate) fn raw(&mut self, content: &[u8]) {
        self.0.extend_from_slice(content);
    }

    pub(crate) fn flush(&mut self) {
        self.0.extend_from_slice(b"0000");
    }

    pub(crate) fn delimiter(&mut self) {
        self.0.extend_from_slice(b"0001");
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

/// Length of the packets that only tell that the other end is there.
const KEEPALIVE: usize = 5;

/// Reads packets from a stream.
pub(crate) struct PacketReader<'a> {
    stream: ByteStream<'a>,
    buffer: BytesMut,
    url: &'a str,
    pace: Option<Pace>,
    /// Whether a packet came that holds more than the number of its side-band.
    begun: bool,
}

impl<'a> PacketReader<'a> {
    pub(crate) fn new(stream: ByteStream<'a>, url: &'a str) -> Self {
        Self { stream, buffer: BytesMut::new(), url, pace: None, begun: false }
    }

    pub(crate) fn url(&self) -> &'a str {
        self.url
    }

    /// The next packet.
    ///
    /// # Errors
    /// A broken stream, one that ends here, or bytes that are no packet.
    pub(crate) async fn next(&mut self) -> Result<Packet, GitError> {
        self.try_next().await?.ok_or_else(|| GitError::protocol(self.url, "unexpected EOF"))
    }

    /// The next packet, or nothing at the end of the stream.
    pub(crate) async fn try_next(&mut self) -> Result<Option<Packet>, GitError> {
        if !self.fill(4).await? {
            return match self.buffer.is_empty() {
                true => Ok(None),
                false => Err(GitError::protocol(self.url, "unexpected EOF")),
            };
        }
        let length = length(&self.buffer[..4]);
        let length = length.ok_or_else(|| GitError::protocol(self.url, "invalid pkt-len found"))?;
        let special = match length {
            0 => Some(Packet::Flush),
            1 => Some(Packet::Delimiter),
            2 => Some(Packet::ResponseEnd),
            3 => return Err(GitError::protocol(self.url, "invalid pkt-len found")),
            _ => None,
        };
        if let Some(packet) = special {
            self.buffer.advance(4);
            return Ok(Some(packet));
        }
        if !self.fill(length).await? {
            return Err(GitError::protocol(self.url, "unexpected EOF"));
        }
        self.buffer.advance(4);
        self.begun |= self.pace.is_some() && length > KEEPALIVE;
        Ok(Some(Packet::Data(self.buffer.split_to(length - 4).freeze())))
    }

    /// The next packet's text without its line end; nothing for the packets that end something.
    ///
    /// # Errors
    /// As [`PacketReader::next`], and what the server reports as its own error.
    pub(crate) async fn line(&mut self) -> Result<Option<Bytes>, GitError> {
        let Packet::Data(data) = self.next().await? else { return Ok(None) };
        let data = match data.last() {
            Some(b'\n') => data.slice(..data.len() - 1),
            _ => data,
        };
        match data.strip_prefix(b"ERR ") {
            Some(message) => Err(GitError::protocol(self.url, crate::error::shown(message))),
            None => Ok(Some(data)),
        }
    }

    /// From now on the bytes must come at this pace. Before the first of what was asked for a server may take its time, and
    /// tell by empty packets that it is still there.
    pub(crate) fn hold_to(&mut self, pace: Option<LeastPace>) {
        self.pace = pace.map(Pace::new);
    }

    /// Whether that many bytes are in the buffer; false at the end of the stream.
    async fn fill(&mut self, wanted: usize) -> Result<bool, GitError> {
        while self.buffer.len() < wanted {
            match self.chunk().await? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, GitError> {
        let counts = self.begun || !self.buffer.is_empty();
        let Some(pace) = self.pace.as_mut().filter(|_| counts) else { return self.stream.chunk().await };
        let size = |piece: &Result<Option<Bytes>, GitError>| match piece {
            Ok(Some(piece)) => piece.len(),
            _ => 0,
        };
        pace.wait(self.stream.chunk(), size).await.map_err(|cause| GitError::Network {
            url: self.url.to_owned(),
            cause: format!("the pack comes too slowly: {cause}"),
        })?
    }
}

fn length(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    usize::from_str_radix(text, 16).ok().filter(|length| *length <= 65520)
}
