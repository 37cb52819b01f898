use ::regex::{Regex, RegexBuilder};
use regex_syntax::ast;

/// A regular expression that cannot be used, in Go's words where Go has them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegexError {
    #[error("error parsing regexp: {what}: `{part}`")]
    Syntax { what: String, part: String },
    #[error("expression is too large")]
    TooLarge,
}

/// Bytes of an expression, and of the program made of it, at most.
const LONGEST: usize = 4096;
const PROGRAM: usize = 1 << 20;

/// Compiles an expression; matching takes time linear in the text, as with Go's.
pub(crate) fn compile(text: &str) -> Result<Regex, RegexError> {
    if text.len() > LONGEST {
        return Err(RegexError::TooLarge);
    }
    // What Go reads differently: there a class of one kind of bracket does not nest.
    ast::parse::Parser::new().parse(text).map_err(|error| syntax(text, &error))?;
    RegexBuilder::new(text).size_limit(PROGRAM).dfa_size_limit(PROGRAM).build().map_err(|error| match error {
        ::regex::Error::CompiledTooBig(_) => RegexError::TooLarge,
        other => {
            let what = other.to_string().lines().last().unwrap_or_default().trim().to_owned();
            RegexError::Syntax { what, part: text.to_owned() }
        }
    })
}

/// The words of Go's regexp/syntax for the commonest mistakes.
fn syntax(text: &str, error: &ast::Error) -> RegexError {
    use ast::ErrorKind::{
        ClassRangeInvalid, ClassUnclosed, EscapeUnexpectedEof, EscapeUnrecognized, GroupNameDuplicate,
        GroupUnclosed, GroupUnopened, RepetitionCountInvalid, RepetitionMissing, UnsupportedLookAround,
    };
    let from = error.span().start.offset;
    let (rest, part) = (text.get(from..), text.get(from..error.span().end.offset));
    let (rest, part) = (rest.unwrap_or(text), part.unwrap_or(text));
    let (what, part) = match error.kind() {
        GroupUnclosed => ("missing closing )", text),
        GroupUnopened => ("unexpected )", text),
        ClassUnclosed => ("missing closing ]", rest),
        ClassRangeInvalid => ("invalid character class range", part),
        // The span is empty and stands before the operator.
        RepetitionMissing => ("missing argument to repetition operator", operator(rest)),
        RepetitionCountInvalid => ("invalid repeat count", part),
        EscapeUnexpectedEof => ("trailing backslash at end of expression", ""),
        EscapeUnrecognized => ("invalid escape sequence", part),
        GroupNameDuplicate { .. } => ("duplicate capture group name", part),
        UnsupportedLookAround => ("invalid or unsupported Perl syntax", part),
        other => return RegexError::Syntax { what: other.to_string(), part: part.to_owned() },
    };
    RegexError::Syntax { what: what.to_owned(), part: part.to_owned() }
}

/// The first character.
fn operator(rest: &str) -> &str {
    let end = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
    &rest[..end]
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
    fn expressions_that_grow_are_refused() {
        assert_eq!(compile("(((a{1000}){1000}){1000})").unwrap_err(), RegexError::TooLarge);
        assert_eq!(compile(&"a".repeat(5000)).unwrap_err(), RegexError::TooLarge);
    }
}
