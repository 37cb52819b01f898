//! Regular expressions as Go reads them (RE2), on Rust's engine: both run in linear time.

use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// Largest compiled expression in bytes.
const MAX_PROGRAM: usize = 1 << 20;
/// Longest expression in bytes.
const MAX_TEXT: usize = 4096;
/// Most expressions that are kept compiled.
const MAX_KEPT: usize = 1000;

/// Compiles an expression; none when it is no valid one.
pub(crate) fn compile(text: &str) -> Option<Regex> {
    if text.len() > MAX_TEXT {
        return None;
    }
    RegexBuilder::new(&translated(text)?).size_limit(MAX_PROGRAM).build().ok()
}

/// The classes `\d`, `\w`, `\s` and the border `\b` are ASCII in Go; `[`, `&&`, `--` and `~~` inside of a set are plain
/// characters there. None for what Go refuses and Rust takes.
fn translated(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    let mut in_set = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut out, &mut rest, in_set)?,
            '[' if in_set && rest.peek() == Some(&':') => out.push('['),
            '[' if in_set => out.push_str("\\["),
            '[' => {
                in_set = true;
                out.push('[');
                open_set(&mut out, &mut rest);
            }
            ']' if in_set => {
                in_set = false;
                out.push(']');
            }
            ':' if in_set && out.ends_with('[') && !out.ends_with("\\[") => posix(&mut out, &mut rest),
            '&' | '~' if in_set => out.extend(['\\', c]),
            other => out.push(other),
        }
    }
    Some(out)
}

/// A `]` right after the opening is a plain character.
fn open_set(out: &mut String, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if rest.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    if rest.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
}

/// `[:alpha:]`, copied to its end.
fn posix(out: &mut String, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    out.push(':');
    for c in rest.by_ref() {
        out.push(c);
        if c == ']' {
            break;
        }
    }
}

fn escape(out: &mut String, rest: &mut std::iter::Peekable<std::str::Chars<'_>>, in_set: bool) -> Option<()> {
    let c = rest.next()?;
    let plain = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        'b' if !in_set => "(?-u:\\b)",
        'B' if !in_set => "(?-u:\\B)",
        'Q' => return quoted(out, rest),
        // What Rust knows and Go does not.
        'u' | 'U' | '<' | '>' | 'Z' | 'G' | 'K' => return None,
        other => {
            out.extend(['\\', other]);
            return Some(());
        }
    };
    out.push_str(plain);
    Some(())
}

/// `\Q...\E` is plain text.
fn quoted(out: &mut String, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        if c == '\\' && rest.peek() == Some(&'E') {
            rest.next();
            break;
        }
        text.push(c);
    }
    out.push_str(&regex::escape(&text));
    Some(())
}

/// Compiled expressions by their text.
#[derive(Default)]
pub(crate) struct Patterns {
    kept: HashMap<String, Option<Arc<Regex>>>,
}

impl Patterns {
    /// The compiled expression; none when it is no valid one.
    pub(crate) fn get(&mut self, text: &str) -> Option<Arc<Regex>> {
        if let Some(found) = self.kept.get(text) {
            return found.clone();
        }
        if self.kept.len() >= MAX_KEPT {
            self.kept.clear();
        }
        let compiled = compile(text).map(Arc::new);
        self.kept.insert(text.to_owned(), compiled.clone());
        compiled
    }
}

#[cfg(test)]
mod tests {
    use super::compile;

    fn check(pattern: &str, text: &str, expected: bool) {
        let compiled = compile(pattern).unwrap_or_else(|| panic!("{pattern}"));
        assert_eq!(compiled.is_match(text), expected, "{pattern} on {text}");
    }

    #[test]
    fn classes_are_ascii_as_in_go() {
        check(r"^\d+s$", "12s", true);
        check(r"^\d$", "\u{663}", false);
        check(r"^\w$", "\u{fc}", false);
        check(r"^[\w-]+$", "a-b", true);
        check(r"^\pL$", "\u{fc}", true);
        check(r"a\b", "a\u{fc}", true);
    }

    #[test]
    fn sets_are_those_of_go() {
        check("^[a&&b]$", "&", true);
        check("^[[a]$", "[", true);
        check("^[]a]$", "]", true);
        check("^[^]a]$", "b", true);
        check("^[[:alpha:]_]+$", "ab_", true);
    }

    #[test]
    fn quotes_and_flags_are_read() {
        check(r"^\Qa.b\E$", "a.b", true);
        check(r"^\Qa.b\E$", "axb", false);
        check("(?i)upper CASE", "UPPER case", true);
        check("(?m)^line two", "one\nline two", true);
        check("failed.line", "failed\nline", false);
        check("", "anything", true);
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in ["(", "[a", "*a", r"\", r"(?=a)", r"\1"] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
        assert!(compile(&"a".repeat(5000)).is_none());
        assert!(compile("(a{1000}){1000}").is_none());
    }
}
