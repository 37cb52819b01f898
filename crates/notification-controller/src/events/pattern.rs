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
    RegexBuilder::new(&go_regex::translate(text).ok()?).size_limit(MAX_PROGRAM).build().ok()
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
        check(r"^[\w-.]+$", "a-b.c", true);
        check(r"^[\d-_]+$", "1-_", true);
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
