//! Keys and scalars on one line.
use super::{Block, Spot, scalar};
use crate::yaml::{Place, Scalar, ScalarStyle, Tag, resolve_plain};

/// A key may be 1,024 characters long, quotes included.
const LONGEST_KEY: usize = 1_000;

impl Block<'_> {
    /// A plain scalar.
    pub(super) fn plain(&mut self, text: &str, place: Place) -> Option<Scalar> {
        self.count()?;
        Some(scalar(text, resolve_plain(self.dialect, text), ScalarStyle::Plain, place))
    }

    /// The key there and what follows its colon; `Some(None)` when no key is there.
    pub(super) fn key(&mut self, spot: Spot) -> Option<Option<(Scalar, usize)>> {
        let quoted = matches!(self.lines.byte(spot.at), b'"' | b'\'');
        let (end, text) = if quoted { self.quoted_key(spot)? } else { self.plain_key(spot) };
        if self.lines.byte(end) != b':' || !self.lines.is_blank(end + 1) {
            return Some(None);
        }
        let written = &self.lines.text[spot.at..end];
        if written.len() > LONGEST_KEY || written.ends_with(' ') || !written.is_ascii() {
            return None;
        }
        let place = self.lines.place(spot.line, spot.at);
        let key = match text {
            Some(text) => self.quoted_scalar(spot, text)?,
            None => self.plain(written, place)?,
        };
        Some(Some((key, end + 1)))
    }

    /// Where a plain key ends, or the line.
    fn plain_key(&self, spot: Spot) -> (usize, Option<String>) {
        if !self.starts_plain(spot.at) {
            return (spot.line.end, None);
        }
        (self.plain_end(spot), None)
    }

    fn quoted_key(&self, spot: Spot) -> Option<(usize, Option<String>)> {
        let (text, end) = self.quoted_text(spot.at, spot.line.end)?;
        Some((end, Some(text)))
    }

    /// Where a plain scalar ends: before a colon with a blank, before a comment, with the line.
    fn plain_end(&self, spot: Spot) -> usize {
        let bytes = &self.lines.text.as_bytes()[..spot.line.end];
        let mut at = spot.at;
        while at < bytes.len() {
            match bytes[at] {
                b':' if self.lines.is_blank(at + 1) => break,
                b'#' if at > spot.at && bytes[at - 1] == b' ' => break,
                _ => at += 1,
            }
        }
        at
    }

    /// A plain scalar as the value of a block collection: nothing but a comment may follow.
    pub(super) fn plain_in_block(&mut self, spot: Spot) -> Option<Scalar> {
        if !self.starts_plain(spot.at) {
            return None;
        }
        let end = self.plain_end(spot);
        if self.lines.byte(end) == b':' {
            return None;
        }
        let text = self.lines.text[spot.at..end].trim_end_matches(' ');
        let place = self.lines.place(spot.line, spot.at);
        self.plain(text, place)
    }

    /// Whether a plain scalar may begin there; `?` and `:` are left to the composer.
    fn starts_plain(&self, at: usize) -> bool {
        match self.lines.byte(at) {
            b'-' => !self.lines.is_blank(at + 1),
            b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>'
            | b'\'' | b'"' | b'%' | b'@' | b'`' | b' ' | b'\n' => false,
            _ => true,
        }
    }

    /// A quoted scalar, and where it ends.
    pub(super) fn quoted(&mut self, spot: Spot) -> Option<(Scalar, usize)> {
        let (text, end) = self.quoted_text(spot.at, spot.line.end)?;
        Some((self.quoted_scalar(spot, text)?, end))
    }

    fn quoted_scalar(&mut self, spot: Spot, text: String) -> Option<Scalar> {
        self.count()?;
        let double = self.lines.byte(spot.at) == b'"';
        let style = if double { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted };
        Some(scalar(text, Tag::Str, style, self.lines.place(spot.line, spot.at)))
    }

    /// What stands between the quote there and its fellow on the same line, and where that one is behind.
    fn quoted_text(&self, at: usize, end: usize) -> Option<(String, usize)> {
        let quote = self.lines.byte(at);
        let mut text = String::new();
        let mut from = at + 1;
        loop {
            let rest = &self.lines.text.as_bytes()[from..end];
            let stop = rest.iter().position(|byte| *byte == quote || (*byte == b'\\' && quote == b'"'))?;
            text.push_str(&self.lines.text[from..from + stop]);
            from += stop + 2;
            match (rest[stop], rest.get(stop + 1)) {
                (b'\\', escape) => text.push(unescaped(*escape?)?),
                (b'\'', Some(b'\'')) => text.push('\''),
                _ => return Some((text, from - 1)),
            }
        }
    }
}

/// The usual escapes.
fn unescaped(escape: u8) -> Option<char> {
    Some(match escape {
        b'n' => '\n',
        b't' => '\t',
        b'"' => '"',
        b'\\' => '\\',
        _ => return None,
    })
}
