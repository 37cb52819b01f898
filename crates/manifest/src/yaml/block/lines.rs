//! The lines of a text: blank ones and comments go by.
use crate::yaml::Place;

/// A line with something on it.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) start: usize,
    /// Spaces before what is on it.
    pub(super) indent: usize,
    /// Where its line break stands, or the text ends.
    pub(super) end: usize,
    /// Its number, from 1.
    number: u32,
}

pub(super) struct Lines<'t> {
    pub(super) text: &'t str,
    /// Whether there is a tab anywhere.
    tabs: bool,
    /// The line that comes next; nothing at the end.
    pub(super) next: Option<Line>,
}

impl<'t> Lines<'t> {
    /// `None` for a text with characters that need care: carriage returns, other line breaks, what YAML refuses.
    pub(super) fn new(text: &'t str) -> Option<Self> {
        if !is_usual(text) {
            return None;
        }
        let mut lines = Self { text, tabs: text.contains('\t'), next: None };
        lines.move_to(0, 1);
        Some(lines)
    }

    /// Looks for a line with something on it.
    pub(super) fn move_to(&mut self, mut start: usize, mut number: u32) {
        let bytes = self.text.as_bytes();
        self.next = loop {
            let mut at = start;
            while bytes.get(at) == Some(&b' ') {
                at += 1;
            }
            match bytes.get(at) {
                None => break None,
                Some(b'\n') => start = at + 1,
                Some(b'#') => start = self.line_end(at) + 1,
                Some(_) => {
                    break Some(Line { start, indent: at - start, end: self.line_end(at), number });
                }
            }
            number += 1;
        };
    }

    /// Takes the next line as read.
    pub(super) fn advance(&mut self) {
        if let Some(Line { end, number, .. }) = self.next {
            self.move_to(end + 1, number + 1);
        }
    }

    pub(super) fn line_end(&self, at: usize) -> usize {
        self.text.as_bytes()[at..].iter().position(|byte| *byte == b'\n').map_or(self.text.len(), |n| at + n)
    }

    /// The byte there; a line break behind the end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(b'\n')
    }

    /// Whether a blank, a line break or the end is there.
    pub(super) fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\n')
    }

    pub(super) fn is_dash(&self, at: usize) -> bool {
        self.byte(at) == b'-' && self.is_blank(at + 1)
    }

    /// Whether the line is `---`, alone or with something behind it.
    pub(super) fn is_marker(&self, line: Line) -> bool {
        line.indent == 0 && self.text[line.start..].starts_with("---") && self.is_blank(line.start + 3)
    }

    /// Nothing may stand behind the marker.
    pub(super) fn bare_marker(&self, line: Line) -> Option<()> {
        (self.skip_spaces(line.start + 3, line) == line.end).then_some(())
    }

    /// Refuses lines with tabs, directives and the other marker.
    pub(super) fn check(&self, line: Line) -> Option<()> {
        let text = &self.text[line.start..line.end];
        let tab = self.tabs && text.contains('\t');
        (!tab && !text.starts_with('%') && !text.starts_with("...")).then_some(())
    }

    pub(super) fn skip_spaces(&self, mut at: usize, line: Line) -> usize {
        while at < line.end && self.byte(at) == b' ' {
            at += 1;
        }
        at
    }

    /// Whether the line ends there, but for a comment; blanks are behind.
    pub(super) fn ends(&self, at: usize, line: Line) -> bool {
        at == line.end || self.byte(at) == b'#'
    }

    #[expect(clippy::cast_possible_truncation, reason = "a text of this reader is shorter than 4 GiB")]
    pub(super) fn place(&self, line: Line, at: usize) -> Place {
        Place { line: line.number, column: (at - line.start) as u32 + 1 }
    }
}

impl Line {
    pub(super) fn number(self) -> u32 {
        self.number
    }
}

/// Whether all characters are such that libyaml takes them and only the line feed ends a line.
fn is_usual(text: &str) -> bool {
    let control = |byte: u8| (byte < b' ') & (byte != b'\n') & (byte != b'\t') | (byte == 0x7f);
    let controls = text.as_bytes().iter().fold(false, |found, byte| found | control(*byte));
    !controls && (text.is_ascii() || text.chars().all(is_usual_char))
}

fn is_usual_char(c: char) -> bool {
    c.is_ascii()
        || matches!(c, '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}
