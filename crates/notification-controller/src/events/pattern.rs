//! Regular expressions as Go reads them (RE2), on Rust's engine: both run in linear time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use regex::{Regex, RegexBuilder};

/// Largest compiled expression in bytes. The time of a match is that of the text times this.
const MAX_PROGRAM: usize = 256 << 10;
/// Most memory in bytes that an expression takes to be faster.
const MAX_CACHE: usize = 256 << 10;
/// Longest expression in bytes.
const MAX_TEXT: usize = 4096;
/// Most expressions that are kept compiled.
const MAX_KEPT: usize = 1000;

/// Compiles an expression; none when it is no valid one.
pub(crate) fn compile(text: &str) -> Option<Regex> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut builder = RegexBuilder::new(&go_regex::translate(text).ok()?);
    builder.size_limit(MAX_PROGRAM).dfa_size_limit(MAX_CACHE).build().ok()
}

/// Compiled expressions by their text. The lock is held neither while one is compiled nor while it is matched.
#[derive(Default)]
pub(crate) struct Patterns {
    kept: Mutex<HashMap<String, Option<Arc<Regex>>>>,
}

impl Patterns {
    /// The compiled expression; none when it is no valid one.
    pub(crate) fn get(&self, text: &str) -> Option<Arc<Regex>> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(text) {
            return found.clone();
        }
        let compiled = compile(text).map(Arc::new);
        let mut kept = lock();
        if kept.len() >= MAX_KEPT {
            // Any one: who has more expressions than are kept must not make all be compiled anew.
            let leaves = kept.keys().next().cloned();
            leaves.and_then(|text| kept.remove(&text));
        }
        kept.insert(text.to_owned(), compiled.clone());
        compiled
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_KEPT, Patterns, compile};

    fn check(pattern: &str, text: &str, expected: bool) {
        let compiled = compile(pattern).unwrap_or_else(|| panic!("{pattern}"));
        assert_eq!(compiled.is_match(text), expected, "{pattern} on {text}");
    }

    #[test]
    fn one_more_than_is_kept_costs_one() {
        let patterns = Patterns::default();
        (0..=MAX_KEPT).for_each(|number| drop(patterns.get(&number.to_string())));
        assert_eq!(patterns.kept.lock().unwrap().len(), MAX_KEPT);
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
