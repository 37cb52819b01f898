//! Characters of byte strings as Go reads them: values may be cut inside a character by a substring, and
//! Go then goes on with the bytes that are left.

/// What Go decodes from a byte that begins no character.
pub(crate) const INVALID: char = '\u{FFFD}';

/// The first character and its width in bytes; an invalid byte is [`INVALID`] of width 1; `None` at the end.
pub(crate) fn first(bytes: &[u8]) -> Option<(char, usize)> {
    let lead = *bytes.first()?;
    let width = match lead {
        0x00..=0x7F => return Some((char::from(lead), 1)),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Some((INVALID, 1)),
    };
    let text = bytes.get(..width).and_then(|part| std::str::from_utf8(part).ok());
    Some(text.and_then(|text| text.chars().next()).map_or((INVALID, 1), |c| (c, width)))
}

/// All characters in order.
pub(crate) fn all(bytes: &[u8]) -> impl Iterator<Item = char> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (c, width) = first(rest)?;
        rest = &rest[width..];
        Some(c)
    })
}

/// Appends one character.
pub(crate) fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The string with its characters in reverse order.
pub(crate) fn reversed(bytes: &[u8]) -> Vec<u8> {
    let chars: Vec<char> = all(bytes).collect();
    let mut out = Vec::with_capacity(bytes.len());
    chars.iter().rev().for_each(|c| push(&mut out, *c));
    out
}

/// Simple (one to one) upper case, as Go's `unicode.ToUpper`; Rust has the full mapping only.
pub(crate) fn upper(c: char) -> char {
    let mut full = c.to_uppercase();
    match (full.next(), full.next()) {
        (Some(single), None) => single,
        _ => upper_of_iota_subscript(c),
    }
}

/// Greek letters with iota subscript have a single upper case letter beside the two of the full mapping.
fn upper_of_iota_subscript(c: char) -> char {
    match c {
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => offset(c, 8),
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => offset(c, 9),
        _ => c,
    }
}

fn offset(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// Simple lower case, as Go's `unicode.ToLower`: the first character of the full mapping.
pub(crate) fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::{INVALID, first, upper};

    #[test]
    fn characters_of_every_width_and_bytes_that_are_none() {
        for (text, width) in [("a", 1), ("é", 2), ("€", 3), ("😀", 4)] {
            assert_eq!(first(text.as_bytes()), text.chars().next().map(|c| (c, width)), "{text}");
            if width > 1 {
                assert_eq!(first(&text.as_bytes()[..width - 1]), Some((INVALID, 1)), "{text} is cut");
                assert_eq!(first(&text.as_bytes()[1..]), Some((INVALID, 1)), "{text} is begun late");
            }
        }
        assert_eq!(first(b"\xff"), Some((INVALID, 1)));
        assert_eq!(first(b""), None);
    }

    #[test]
    fn greek_letters_with_iota_subscript_have_their_single_capital() {
        let pairs =
            [('\u{1F80}', '\u{1F88}'), ('\u{1FA7}', '\u{1FAF}'), ('\u{1FB3}', '\u{1FBC}'), ('ß', 'ß')];
        for (small, capital) in pairs {
            assert_eq!(upper(small), capital, "{small}");
        }
    }
}
