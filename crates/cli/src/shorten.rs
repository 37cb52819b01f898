/// Lengths of what is taken for a digest or a commit.
const DIGEST: std::ops::RangeInclusive<usize> = 40..=128;
/// What is left of it.
const KEPT: usize = 8;

/// Cuts every digest and commit in a text to its first 8 digits, as `flux get` does.
pub(crate) fn shorten(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        out.push_str(if is_digest(&rest[..word]) { &rest[..KEPT] } else { &rest[..word] });
        let between = rest[word..].find(is_word).map_or(rest.len(), |at| word + at);
        out.push_str(&rest[word..between]);
        rest = &rest[between..];
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_digest(word: &str) -> bool {
    DIGEST.contains(&word.len()) && word.bytes().all(|b| matches!(b, b'a'..=b'f' | b'0'..=b'9'))
}

#[cfg(test)]
mod tests {
    use super::shorten;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn commits_are_cut_to_eight_digits() {
        assert_eq!(shorten(&format!("main@sha1:{COMMIT}")), "main@sha1:01234567");
        assert_eq!(shorten(&format!("'{COMMIT}' of é {COMMIT}.")), "'01234567' of é 01234567.");
    }

    #[test]
    fn other_words_stay() {
        for text in
            ["", "6.1.0+0123456", &format!("x{COMMIT}"), &format!("{COMMIT}_"), &COMMIT.to_uppercase()]
        {
            assert_eq!(shorten(text), text);
        }
    }
}
