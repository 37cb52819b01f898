//! Go's string and character constants.

use std::borrow::Cow;

/// Reads a quoted constant: `"…"` with escapes, or a raw string in back quotes, whose carriage returns are dropped.
pub(super) fn unquote(quoted: &str) -> Option<Cow<'_, [u8]>> {
    if let Some(raw) = quoted.strip_prefix('`') {
        let raw = raw.strip_suffix('`')?;
        return Some(if raw.contains('\r') {
            Cow::Owned(raw.replace('\r', "").into_bytes())
        } else {
            raw.as_bytes().into()
        });
    }
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !rest.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return Some(rest.as_bytes().into());
    }
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let (piece, tail) = unquote_char(rest, '"')?;
        match piece {
            Piece::Char(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            Piece::Byte(byte) => bytes.push(byte),
        }
        rest = tail;
    }
    Some(Cow::Owned(bytes))
}

/// Reads a character constant with its quotes; its code point or byte.
pub(super) fn unquote_rune(quoted: &str) -> Option<(u32, &str)> {
    let (piece, tail) = unquote_char(quoted.strip_prefix('\'')?, '\'')?;
    let code = match piece {
        Piece::Char(c) => u32::from(c),
        Piece::Byte(byte) => u32::from(byte),
    };
    Some((code, tail))
}

enum Piece {
    Char(char),
    Byte(u8),
}

fn unquote_char(text: &str, quote: char) -> Option<(Piece, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote || first == '\n' {
        return None;
    }
    if first != '\\' {
        return Some((Piece::Char(first), chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let plain = |c: char| Some((Piece::Char(c), rest));
    match escape {
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        'f' => plain('\u{c}'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\u{b}'),
        '\\' => plain('\\'),
        '\'' | '"' if escape == quote => plain(escape),
        'x' => code(rest, 2, 16).and_then(|(n, tail)| Some((Piece::Byte(u8::try_from(n).ok()?), tail))),
        'u' => code(rest, 4, 16).and_then(|(n, tail)| Some((Piece::Char(char::from_u32(n)?), tail))),
        'U' => code(rest, 8, 16).and_then(|(n, tail)| Some((Piece::Char(char::from_u32(n)?), tail))),
        '0'..='7' => {
            let (n, tail) = code(&text[1..], 3, 8)?;
            Some((Piece::Byte(u8::try_from(n).ok()?), tail))
        }
        _ => None,
    }
}

fn code(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let head = text.get(..digits)?;
    if !head.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(head, radix).ok()?, &text[digits..]))
}
