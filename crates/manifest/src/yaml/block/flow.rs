//! Flow collections on one line, of scalars that have nothing special about them.
use super::{Block, Spot};
use crate::yaml::{Entry, Mapping, Node, Scalar, Sequence};

impl Block<'_> {
    /// The collection there, and where it ends.
    pub(super) fn flow(&mut self, spot: Spot) -> Option<(Node, usize)> {
        // Columns count characters, not bytes.
        if !self.lines.text[spot.at..spot.line.end].is_ascii() {
            return None;
        }
        self.flow_node(spot)
    }

    fn flow_node(&mut self, spot: Spot) -> Option<(Node, usize)> {
        let mut end = spot.at;
        let node = match self.lines.byte(spot.at) {
            b'[' => self.collection(|block| block.flow_sequence(spot, &mut end))?,
            b'{' => self.collection(|block| block.flow_mapping(spot, &mut end))?,
            _ => {
                let (scalar, after) = self.flow_scalar(spot)?;
                end = after;
                Node::Scalar(scalar)
            }
        };
        Some((node, end))
    }

    fn flow_sequence(&mut self, spot: Spot, end: &mut usize) -> Option<Node> {
        let place = self.lines.place(spot.line, spot.at);
        let mark = self.items.len();
        let mut at = self.lines.skip_spaces(spot.at + 1, spot.line);
        if self.lines.byte(at) != b']' {
            loop {
                let (item, after) = self.flow_node(Spot { at, ..spot })?;
                self.items.push(item);
                at = self.lines.skip_spaces(after, spot.line);
                if !self.more(&mut at, spot, b']')? {
                    break;
                }
            }
        }
        *end = at + 1;
        let items = self.items.drain(mark..).collect();
        Some(Node::Sequence(Sequence { items, flow: true, place }))
    }

    fn flow_mapping(&mut self, spot: Spot, end: &mut usize) -> Option<Node> {
        let place = self.lines.place(spot.line, spot.at);
        let mark = self.entries.len();
        let mut at = self.lines.skip_spaces(spot.at + 1, spot.line);
        if self.lines.byte(at) != b'}' {
            loop {
                let (key, colon) = self.flow_scalar(Spot { at, ..spot })?;
                if self.lines.byte(colon) != b':' || self.lines.byte(colon + 1) != b' ' {
                    return None;
                }
                at = self.lines.skip_spaces(colon + 1, spot.line);
                let (value, after) = self.flow_node(Spot { at, ..spot })?;
                self.entries.push(Entry { key, value });
                at = self.lines.skip_spaces(after, spot.line);
                if !self.more(&mut at, spot, b'}')? {
                    break;
                }
            }
        }
        *end = at + 1;
        let entries = self.entries.drain(mark..).collect();
        Some(Node::Mapping(Mapping { entries, flow: true, place }))
    }

    /// Whether a comma is there, which goes by, or the closing bracket.
    fn more(&self, at: &mut usize, spot: Spot, close: u8) -> Option<bool> {
        match self.lines.byte(*at) {
            b',' => {
                *at = self.lines.skip_spaces(*at + 1, spot.line);
                Some(true)
            }
            byte => (byte == close).then_some(false),
        }
    }

    fn flow_scalar(&mut self, spot: Spot) -> Option<(Scalar, usize)> {
        if matches!(self.lines.byte(spot.at), b'"' | b'\'') {
            return self.quoted(spot);
        }
        let first = self.lines.byte(spot.at);
        if !(first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/' | b'.' | b'$')) {
            return None;
        }
        let mut end = spot.at;
        while self.is_plain_in_flow(end) {
            end += 1;
        }
        let place = self.lines.place(spot.line, spot.at);
        let text = &self.lines.text[spot.at..end];
        Some((self.plain(text, place)?, end))
    }

    fn is_plain_in_flow(&self, at: usize) -> bool {
        match self.lines.byte(at) {
            b'_' | b'-' | b'.' | b'/' | b'=' | b'+' | b'$' | b'~' | b'@' => true,
            b':' => self.lines.byte(at + 1).is_ascii_alphanumeric() || self.lines.byte(at + 1) == b'/',
            byte => byte.is_ascii_alphanumeric(),
        }
    }
}
