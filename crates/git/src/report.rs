use bytes::{Buf, Bytes, BytesMut};

use crate::{
    GitError,
    error::shown,
    packet::{Packet, PacketReader},
};

/// What became of a push.
#[derive(Default)]
pub(crate) struct Report {
    /// `ok`, or why the pack could not be read.
    pub(crate) unpack: Option<String>,
    /// References that did not move, and why.
    pub(crate) refused: Vec<(String, String)>,
    /// What hooks of the server said to people, cut.
    pub(crate) said: String,
}

/// Bytes of a report at most.
const LONGEST: usize = 1 << 20;
/// Characters of what hooks say that are kept.
const SAID: usize = 500;

/// Reads the server's answer to a push. With side bands the report is a stream of packets inside of packets.
pub(crate) async fn read(reader: &mut PacketReader<'_>, banded: bool) -> Result<Report, GitError> {
    let mut report = Report::default();
    let (mut inner, mut said, mut seen) = (BytesMut::new(), Vec::new(), 0);
    while let Some(packet) = reader.try_next().await? {
        let Packet::Data(data) = packet else { break };
        seen += data.len();
        if seen > LONGEST {
            return Err(GitError::protocol(reader.url(), "the report of the push is too long"));
        }
        match (banded, data.first()) {
            (false, _) => report.line(&data),
            (true, Some(1)) => {
                inner.extend_from_slice(&data[1..]);
                while let Some(line) = packet_of(&mut inner) {
                    report.line(&line);
                }
            }
            (true, Some(2)) => said.extend_from_slice(&data[1..]),
            (true, Some(3)) => return Err(GitError::protocol(reader.url(), shown(&data[1..]))),
            (true, _) => return Err(GitError::protocol(reader.url(), "unknown side-band")),
        }
    }
    report.said = people(&said);
    Ok(report)
}

/// The next whole packet of the report; those that end something are skipped.
fn packet_of(buffer: &mut BytesMut) -> Option<Bytes> {
    loop {
        let digits = std::str::from_utf8(buffer.get(..4)?).ok()?;
        let length = usize::from_str_radix(digits, 16).ok()?;
        if length < 4 {
            buffer.advance(4);
            continue;
        }
        if buffer.len() < length {
            return None;
        }
        buffer.advance(4);
        return Some(buffer.split_to(length - 4).freeze());
    }
}

impl Report {
    /// `unpack <result>`, `ok <name>`, `ng <name> <reason>`.
    fn line(&mut self, line: &[u8]) {
        let text = shown(line);
        if let Some(result) = text.strip_prefix("unpack ") {
            self.unpack = Some(result.to_owned());
        } else if let Some(refused) = text.strip_prefix("ng ") {
            let (name, reason) = refused.split_once(' ').unwrap_or((refused, "refused"));
            self.refused.push((name.to_owned(), reason.to_owned()));
        }
    }
}

/// Lines for people on one line, without progress that is overwritten.
fn people(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines = text.split('\n').filter_map(|line| line.rsplit('\r').find(|part| !part.trim().is_empty()));
    let lines: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ").chars().filter(|c| !c.is_control()).take(SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_across_the_borders_of_bands() {
        let mut buffer = BytesMut::from(&b"000eunpack ok\n00"[..]);
        assert_eq!(packet_of(&mut buffer).as_deref(), Some(&b"unpack ok\n"[..]));
        assert_eq!(packet_of(&mut buffer), None);
        buffer.extend_from_slice(b"000000 0008ok x");
        assert_eq!(packet_of(&mut buffer), None);
    }

    #[test]
    fn what_is_said_to_people_is_one_bounded_line() {
        assert_eq!(
            people(b"Counting: 1%\rCounting: 100%\n\n  no\x1b[31m way\n"),
            "Counting: 100% no[31m way"
        );
        assert_eq!(people(&vec![b'x'; 9999]).len(), SAID);
    }
}
