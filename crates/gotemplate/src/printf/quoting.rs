//! Go's quoted strings and names of characters.

use std::fmt::Write;

/// Go's `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the plain space.
pub(crate) fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    // Behind another letter Rust escapes a character in debug output just when it is not printable.
    let pair: String = ['a', c].iter().collect();
    pair.escape_debug().count() == 2
}

/// Go's `strconv.Quote`.
pub(crate) fn quote(bytes: &[u8]) -> String {
    quote_with(bytes, '"', false)
}

/// A character in single quotes.
pub(super) fn quote_rune(c: char, ascii: bool) -> String {
    let mut out = String::from('\'');
    escape(&mut out, c, '\'', ascii);
    out.push('\'');
    out
}

pub(super) fn quote_with(bytes: &[u8], quote: char, ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push(quote);
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(&mut out, c, quote, ascii));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push(quote);
    out
}

fn escape(out: &mut String, c: char, quote: char, ascii: bool) {
    match c {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c == quote || c == '\\' => {
            out.push('\\');
            out.push(c);
        }
        c if (!ascii || c.is_ascii()) && is_print(c) => out.push(c),
        c => {
            let code = u32::from(c);
            let _ = match code {
                0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                0..0x1_0000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Whether a string can stand in back quotes.
pub(super) fn can_backquote(bytes: &[u8]) -> bool {
    let bad = |c: char| c == '\u{FEFF}' || (c < ' ' && c != '\t') || c == '`' || c == '\u{7F}';
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(bad))
}

/// `%#U`: `U+0040 '@'`.
pub(crate) fn rune_name(c: char) -> String {
    let code = u32::from(c);
    if is_print(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}
