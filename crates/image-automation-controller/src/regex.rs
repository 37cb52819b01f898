use ::regex::{Regex, RegexBuilder};

/// A regular expression that cannot be used, in Go's words where Go has them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegexError {
    #[error("{0}")]
    Syntax(String),
    #[error("expression is too large")]
    TooLarge,
}

/// Bytes of an expression, and of the program made of it, at most.
const LONGEST: usize = 4096;
const PROGRAM: usize = 1 << 20;

/// Compiles an expression in Go's syntax; matching takes time linear in the text, as with Go's.
pub(crate) fn compile(text: &str) -> Result<Regex, RegexError> {
    if text.len() > LONGEST {
        return Err(RegexError::TooLarge);
    }
    let translated = go_regex::translate(text).map_err(RegexError::Syntax)?;
    let built = RegexBuilder::new(&translated).size_limit(PROGRAM).dfa_size_limit(PROGRAM).build();
    built.map_err(|error| match error {
        ::regex::Error::CompiledTooBig(_) => RegexError::TooLarge,
        other => RegexError::Syntax(go_regex::reason(text, &other)),
    })
}

#[cfg(test)]
mod tests {
    use super::{RegexError, compile};

    fn refused(text: &str) -> String {
        compile(text).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_told_in_gos_words() {
        assert_eq!(refused("("), "error parsing regexp: missing closing ): `(`");
        assert_eq!(refused("a)"), "error parsing regexp: unexpected ): `a)`");
        assert_eq!(refused("x[a-"), "error parsing regexp: missing closing ]: `[a-`");
        assert_eq!(refused("*"), "error parsing regexp: missing argument to repetition operator: `*`");
        assert_eq!(refused("[z-a]"), "error parsing regexp: invalid character class range: `z-a`");
    }

    #[test]
    fn what_go_reads_is_read() {
        let pattern = compile(r"^[\w-.]+-(?P<ts>\d+)$").unwrap();
        assert_eq!(&pattern.captures("main-a.b-123").unwrap()["ts"], "123");
        assert!(pattern.captures("main+b-123").is_none());
        assert!(compile("^[^[]+$").unwrap().is_match("1.0.0"));
        assert!(compile(r"^[\d-_]+$").unwrap().is_match("2024-01_02"));
    }

    #[test]
    fn expressions_that_grow_are_refused() {
        assert_eq!(compile("(((a{1000}){1000}){1000})").unwrap_err(), RegexError::TooLarge);
        assert_eq!(compile(&"a".repeat(5000)).unwrap_err(), RegexError::TooLarge);
    }
}
