use std::io::{self, BufRead, Read};

/// A text for the scanner, in pieces: it decodes all that it is handed at once, and a decoded letter takes four bytes.
pub(super) struct Input<'t> {
    text: &'t [u8],
    last_break: &'static [u8],
}

/// Bytes of a piece.
const PIECE: usize = 4 << 10;

impl<'t> Input<'t> {
    /// The scanner needs a last line break. What is added is taken off again where a block scalar ends with it; a text
    /// that has its own gets no second one, which `|+` would keep.
    pub(super) fn new(text: &'t str) -> Self {
        let last_break: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
        Self { text: text.as_bytes(), last_break }
    }

    /// With a last line break more, whatever the text ends with.
    pub(super) fn with_break(text: &'t str) -> Self {
        Self { text: text.as_bytes(), last_break: b"\n" }
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.text.is_empty() {
            return Ok(self.last_break);
        }
        Ok(&self.text[..self.text.len().min(PIECE)])
    }

    fn consume(&mut self, amount: usize) {
        if self.text.is_empty() {
            self.last_break = self.last_break.get(amount..).unwrap_or_default();
        } else {
            self.text = self.text.get(amount..).unwrap_or_default();
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.fill_buf()?;
        let count = piece.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, PIECE};
    use crate::yaml::{DuplicateKeys, Limits, parse_value};
    use std::io::Read;

    #[test]
    fn a_text_comes_whole_and_ends_with_one_break() {
        let read = |mut input: Input<'_>| {
            let mut text = String::new();
            input.read_to_string(&mut text).unwrap();
            text
        };
        let long = "ä".repeat(3 * PIECE);
        for text in ["", "a", "a\n", &long] {
            assert_eq!(read(Input::new(text)), format!("{}\n", text.trim_end()));
            assert_eq!(read(Input::with_break(text)), format!("{text}\n"));
        }
    }

    #[test]
    fn letters_on_the_edge_of_a_piece_are_read() {
        for before in PIECE - 8..PIECE + 2 {
            let text = "x".repeat(before) + "ä€🙂";
            // A flow collection over two lines is nothing for the quick reader.
            let yaml = format!("[\n{text}]");
            let read = parse_value("f", &yaml, DuplicateKeys::Refuse, &Limits::default()).unwrap();
            assert_eq!(read, serde_json::json!([text]));
        }
    }
}
