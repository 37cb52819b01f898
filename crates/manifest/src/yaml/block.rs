//! A quick reader of the YAML that most files are: block collections, scalars on one line, literal blocks, flow
//! collections on one line. It makes the nodes that the composer makes, or gives up; then the composer reads, and says
//! what is wrong. So nothing here knows an error, and what is rare or doubtful is left alone.
mod flow;
mod lines;
mod literal;
mod scalar;

use self::lines::{Line, Lines};
use super::{Dialect, Entry, Limits, Mapping, Node, Place, Scalar, Sequence, Tag, Text};

/// Reads all documents; `None` when the text is not for this reader.
pub(super) fn documents(text: &str, dialect: Dialect, limits: &Limits) -> Option<Vec<Node>> {
    let mut block = Block::new(text, dialect, limits)?;
    let mut nodes = Vec::new();
    while let Some(node) = block.document()? {
        nodes.push(node);
    }
    Some(nodes)
}

/// Reads the first document, if there is one; `None` when the text is not for this reader.
pub(super) fn first(text: &str, dialect: Dialect, limits: &Limits) -> Option<Option<Node>> {
    Block::new(text, dialect, limits)?.document()
}

struct Block<'t> {
    lines: Lines<'t>,
    dialect: Dialect,
    limits: &'t Limits,
    nodes: usize,
    depth: usize,
    /// What collections hold that are not at their end yet, the outer ones first: each gets just the room it needs.
    entries: Vec<Entry>,
    items: Vec<Node>,
}

/// Where a value stands: in a line, at a byte of the text.
#[derive(Clone, Copy)]
struct Spot {
    line: Line,
    at: usize,
}

impl<'t> Block<'t> {
    fn new(text: &'t str, dialect: Dialect, limits: &'t Limits) -> Option<Self> {
        if text.len() > limits.bytes.min(u32::MAX as usize / 2) {
            return None;
        }
        let (entries, items) = (Vec::new(), Vec::new());
        Some(Self { lines: Lines::new(text)?, dialect, limits, nodes: 0, depth: 0, entries, items })
    }

    /// The next document; nothing at the end of the text.
    fn document(&mut self) -> Option<Option<Node>> {
        let Some(line) = self.lines.next else { return Some(None) };
        if self.lines.is_marker(line) {
            self.lines.bare_marker(line)?;
            self.lines.advance();
            if self.lines.next.is_none_or(|next| self.lines.is_marker(next)) {
                let place = Place::default();
                return Some(Some(Node::Scalar(self.plain("", place)?)));
            }
        }
        let node = self.node(None)?;
        let ended = self.lines.next.is_none_or(|next| self.lines.is_marker(next));
        ended.then_some(Some(node))
    }

    /// The node that begins with the next line, deeper than the column of the collection around it.
    fn node(&mut self, around: Option<usize>) -> Option<Node> {
        let line = self.lines.next?;
        self.lines.check(line)?;
        self.node_at(Spot { line, at: line.start + line.indent }, around)
    }

    fn node_at(&mut self, spot: Spot, around: Option<usize>) -> Option<Node> {
        if self.lines.is_dash(spot.at) {
            return self.collection(|block| block.sequence(spot));
        }
        match self.key(spot)? {
            Some((key, after)) => self.collection(|block| block.mapping(spot, key, after)),
            None => self.value(spot, around?),
        }
    }

    fn collection(&mut self, read: impl FnOnce(&mut Self) -> Option<Node>) -> Option<Node> {
        self.count()?;
        self.depth += 1;
        if self.depth > self.limits.depth {
            return None;
        }
        let node = read(self)?;
        self.depth -= 1;
        Some(node)
    }

    fn count(&mut self) -> Option<()> {
        self.nodes += 1;
        (self.nodes <= self.limits.nodes).then_some(())
    }

    /// The mapping whose first key ends before `after`.
    fn mapping(&mut self, mut spot: Spot, mut key: Scalar, mut after: usize) -> Option<Node> {
        let (column, place) = (spot.at - spot.line.start, self.lines.place(spot.line, spot.at));
        let mark = self.entries.len();
        loop {
            let value = self.entry(Spot { at: after, ..spot }, column)?;
            self.entries.push(Entry { key, value });
            let Some(line) = self.lines.next.filter(|line| line.indent == column) else { break };
            if self.lines.is_marker(line) {
                break;
            }
            self.lines.check(line)?;
            spot = Spot { line, at: line.start + column };
            (key, after) = self.key(spot)??;
        }
        let entries = self.entries.drain(mark..).collect();
        Some(Node::Mapping(Mapping { entries, flow: false, place }))
    }

    /// The value behind a key's colon.
    fn entry(&mut self, colon: Spot, column: usize) -> Option<Node> {
        let at = self.lines.skip_spaces(colon.at, colon.line);
        if !self.lines.ends(at, colon.line) {
            return self.value(Spot { at, ..colon }, column);
        }
        self.lines.advance();
        match self.lines.next {
            Some(next) if next.indent > column => self.node(Some(column)),
            Some(next) if next.indent == column && self.lines.is_dash(next.start + column) => self.node(None),
            _ => self.missing(colon),
        }
    }

    fn sequence(&mut self, mut spot: Spot) -> Option<Node> {
        let (column, place) = (spot.at - spot.line.start, self.lines.place(spot.line, spot.at));
        let mark = self.items.len();
        loop {
            let item = self.item(Spot { at: spot.at + 1, ..spot }, column)?;
            self.items.push(item);
            let Some(line) = self.lines.next.filter(|line| line.indent == column) else { break };
            if !self.lines.is_dash(line.start + column) {
                break;
            }
            self.lines.check(line)?;
            spot = Spot { line, at: line.start + column };
        }
        let items = self.items.drain(mark..).collect();
        Some(Node::Sequence(Sequence { items, flow: false, place }))
    }

    /// The value behind a dash.
    fn item(&mut self, dash: Spot, column: usize) -> Option<Node> {
        let at = self.lines.skip_spaces(dash.at, dash.line);
        if !self.lines.ends(at, dash.line) {
            return self.node_at(Spot { at, ..dash }, Some(column));
        }
        self.lines.advance();
        match self.lines.next {
            Some(next) if next.indent > column => self.node(Some(column)),
            _ => self.missing(dash),
        }
    }

    /// A value that is not written stands where it was waited for.
    fn missing(&mut self, spot: Spot) -> Option<Node> {
        let place = self.lines.place(spot.line, spot.at);
        Some(Node::Scalar(self.plain("", place)?))
    }

    /// A scalar or a flow collection; the line goes by.
    fn value(&mut self, spot: Spot, around: usize) -> Option<Node> {
        if self.lines.byte(spot.at) == b'|' {
            return self.literal(spot, around);
        }
        let (node, end) = match self.lines.byte(spot.at) {
            b'"' | b'\'' => {
                let (scalar, end) = self.quoted(spot)?;
                (Node::Scalar(scalar), end)
            }
            b'[' | b'{' => self.flow(spot)?,
            _ => (Node::Scalar(self.plain_in_block(spot)?), spot.line.end),
        };
        let rest = self.lines.skip_spaces(end, spot.line);
        let alone = rest == spot.line.end || (rest > end && self.lines.byte(rest) == b'#');
        self.lines.advance();
        alone.then_some(node)
    }
}

fn scalar(value: impl Into<Text>, tag: Tag, style: super::ScalarStyle, place: Place) -> Scalar {
    Scalar { value: value.into(), tag, style, place, twin: 0, open_tag: false }
}

#[cfg(test)]
mod tests;
