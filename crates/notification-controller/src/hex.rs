//! Hexadecimal text.

use std::fmt::Write;

/// Lower case.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Either case; none when it is no hexadecimal text.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn text_and_bytes_are_one() {
        assert_eq!(encode(&[0, 255, 16]), "00ff10");
        assert_eq!(decode("00Ff10").unwrap(), [0, 255, 16]);
        assert!(decode("0").is_none() && decode("0g").is_none() && decode("é1").is_none());
    }
}
