//! Literal blocks: `|`, `|-`, `|+`.
use super::{Block, Spot, scalar};
use crate::yaml::{Node, ScalarStyle, Tag};

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// A block as far as it is read.
struct Draft {
    text: String,
    /// Line breaks since the last line with something on it.
    breaks: usize,
    at: usize,
    number: u32,
}

/// A line of the block.
enum Piece {
    Blank(usize),
    Text(usize),
    End,
}

impl Block<'_> {
    /// Reads the block whose header is there and all its lines.
    pub(super) fn literal(&mut self, spot: Spot, around: usize) -> Option<Node> {
        let chomp = self.header(spot)?;
        self.count()?;
        let place = self.lines.place(spot.line, spot.at);
        let (at, number) = (spot.line.end + 1, spot.line.number() + 1);
        let mut draft = Draft { text: String::new(), breaks: 0, at, number };
        let indent = self.indent(&mut draft, around)?;
        let ended = self.body(&mut draft, indent)?;
        // A line that the text ends with has no break of its own.
        let kept = match chomp {
            Chomp::Strip => 0,
            Chomp::Clip => usize::from(ended),
            Chomp::Keep if ended => draft.breaks,
            Chomp::Keep => 0,
        };
        push_breaks(&mut draft.text, kept);
        self.lines.move_to(draft.at, draft.number);
        Some(Node::Scalar(scalar(draft.text, Tag::Str, ScalarStyle::Literal, place)))
    }

    fn header(&self, spot: Spot) -> Option<Chomp> {
        let (chomp, after) = match self.lines.byte(spot.at + 1) {
            b'-' => (Chomp::Strip, 2),
            b'+' => (Chomp::Keep, 2),
            _ => (Chomp::Clip, 1),
        };
        (self.lines.skip_spaces(spot.at + after, spot.line) == spot.line.end).then_some(chomp)
    }

    /// How far the first line with something on it is indented; the empty ones before it go by.
    fn indent(&self, draft: &mut Draft, around: usize) -> Option<usize> {
        let bytes = self.lines.text.as_bytes();
        while *bytes.get(draft.at)? == b'\n' {
            draft.breaks += 1;
            draft.at += 1;
            draft.number += 1;
        }
        let indent = bytes[draft.at..].iter().position(|byte| *byte != b' ')?;
        let fits = indent > around && !matches!(bytes[draft.at + indent], b'\n' | b'\t');
        fits.then_some(indent)
    }

    /// Reads the lines; whether the last of them has a line break.
    fn body(&self, draft: &mut Draft, indent: usize) -> Option<bool> {
        loop {
            let (piece, text) = (self.piece(draft.at, indent)?, self.lines.text);
            draft.number += 1;
            match piece {
                Piece::Blank(end) => {
                    draft.breaks += 1;
                    draft.at = end + 1;
                }
                Piece::Text(end) => {
                    push_breaks(&mut draft.text, draft.breaks);
                    draft.text.push_str(&text[draft.at + indent..end]);
                    draft.breaks = 1;
                    draft.at = end + 1;
                    if end == text.len() {
                        // Of blanks alone the composer takes another view.
                        return (!text.ends_with(' ')).then_some(false);
                    }
                }
                Piece::End => {
                    draft.number -= 1;
                    return Some(true);
                }
            }
        }
    }

    /// What the line there is to the block, and where it ends.
    fn piece(&self, at: usize, indent: usize) -> Option<Piece> {
        let bytes = self.lines.text.as_bytes();
        let spaces =
            bytes.get(at..).unwrap_or_default().iter().take(indent).take_while(|byte| **byte == b' ');
        let begin = at + spaces.count();
        match bytes.get(begin) {
            None if begin == at => Some(Piece::End),
            // Blanks that the text ends with.
            None => None,
            Some(b'\n') => Some(Piece::Blank(begin)),
            Some(_) if begin == at + indent => Some(Piece::Text(self.lines.line_end(begin))),
            Some(b'\t') => None,
            Some(_) => Some(Piece::End),
        }
    }
}

fn push_breaks(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n('\n', count));
}
