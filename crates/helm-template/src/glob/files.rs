//! The patterns of `.Files.Glob`: `*`, `**`, `?`, `[…]`, `[!…]` and `{a,b}`.
use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

/// Bytes a compiled pattern may take.
const COMPILED: usize = 1 << 20;

/// A pattern over paths of files.
pub(crate) struct FilesPattern(Option<Regex>);

impl FilesPattern {
    /// Compiles a pattern; one that cannot be read matches everything, as in Helm.
    pub(crate) fn new(pattern: &str) -> Self {
        let text = translate(pattern).map(|body| format!("^(?s:{body})$"));
        Self(text.and_then(|text| RegexBuilder::new(&text).size_limit(COMPILED).build().ok()))
    }

    /// Whether a path fits.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(path))
    }
}

fn translate(pattern: &str) -> Option<String> {
    let chars: Vec<char> = pattern.chars().collect();
    let (mut out, mut at, mut open) = (String::new(), 0, 0usize);
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            '*' if chars.get(at) == Some(&'*') => {
                while chars.get(at) == Some(&'*') {
                    at += 1;
                }
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => out.push_str(&class(&chars, &mut at)?),
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            ',' if open > 0 => out.push('|'),
            '\\' => {
                literal(&mut out, *chars.get(at)?);
                at += 1;
            }
            other => literal(&mut out, other),
        }
    }
    (open == 0).then_some(out)
}

fn class(chars: &[char], at: &mut usize) -> Option<String> {
    let mut out = String::from("[");
    if chars.get(*at) == Some(&'!') {
        out.push('^');
        *at += 1;
    }
    let end = *at + chars[*at..].iter().position(|c| *c == ']')?;
    let body = &chars[*at..end];
    *at = end + 1;
    match body {
        [] => return None,
        [low, '-', high] if low <= high => {
            let _ = write!(out, "\\x{{{:x}}}-\\x{{{:x}}}", u32::from(*low), u32::from(*high));
        }
        [_, '-', _] => return None,
        list => {
            for c in list {
                let _ = write!(out, "\\x{{{:x}}}", u32::from(*c));
            }
        }
    }
    out.push(']');
    Some(out)
}

fn literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use super::FilesPattern;

    #[test]
    fn stars_stop_at_slashes_unless_doubled() {
        for (pattern, path, expect) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "a/b.txt", false),
            ("**.txt", "a/b.txt", true),
            ("a/**", "a/b/c", true),
            ("a/*", "a/b/c", false),
            ("a/?", "a/b", true),
            ("{a,b/*}.x", "b/c.x", true),
            ("{a,b}.x", "c.x", false),
            ("[a-c].x", "b.x", true),
            ("[!a-c].x", "b.x", false),
            ("[abc].x", "c.x", true),
            (r"\*.x", "*.x", true),
            ("a.b", "aXb", false),
            ("a,b", "a,b", true),
        ] {
            assert_eq!(FilesPattern::new(pattern).matches(path), expect, "{pattern} on {path}");
        }
    }

    #[test]
    fn what_cannot_be_read_matches_everything() {
        assert!(FilesPattern::new("{a").matches("x/y"));
        assert!(FilesPattern::new("[").matches("x/y"));
    }
}
