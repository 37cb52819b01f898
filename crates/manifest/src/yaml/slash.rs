use std::str::Chars;

use libyaml_safer::Mark;

use crate::yaml::{Place, YamlCause, YamlError};

/// Looks for `\/`, which libyaml takes and go-yaml does not know. Scalars come in the order of the text, which is gone
/// through once.
pub(super) struct Slashes<'a> {
    rest: Chars<'a>,
    /// Bytes that are gone: a mark's index counts bytes, its column characters.
    at: u64,
}

impl<'a> Slashes<'a> {
    /// `None` for a text that cannot hold one.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        text.contains("\\/").then(|| Self { rest: text.chars(), at: 0 })
    }

    /// Refuses a quoted scalar between two marks that has one.
    pub(super) fn check(&mut self, start: Mark, end: Mark) -> Result<(), YamlError> {
        while self.at < start.index
            && let Some(c) = self.rest.next()
        {
            self.at += c.len_utf8() as u64;
        }
        let (mut line, mut column, mut escape) = (start.line, start.column, None);
        while self.at < end.index
            && let Some(c) = self.rest.next()
        {
            self.at += c.len_utf8() as u64;
            if let Some(place) = escape.take() {
                if c == '/' {
                    return Err(refused(place));
                }
            } else if c == '\\' {
                escape = Some((line, column));
            }
            (line, column) = if c == '\n' { (line + 1, 0) } else { (line, column + 1) };
        }
        Ok(())
    }
}

fn refused((line, column): (u64, u64)) -> YamlError {
    let number = |n: u64| u32::try_from(n + 1).unwrap_or(u32::MAX);
    let place = Place { line: number(line), column: number(column) };
    let cause = YamlCause::Syntax("found unknown escape character".to_owned());
    YamlError::at(place.line, place.column, cause)
}

#[cfg(test)]
mod tests {
    use crate::yaml::{DuplicateKeys, Limits, parse_value};

    fn read(text: &str) -> Result<String, String> {
        let value = parse_value("", text, DuplicateKeys::LastWins, &Limits::default());
        value.map(|value| value.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_escaped_slash_is_refused_at_its_place() {
        let error = read("é: 'a\\/'\nb: [\"x\", \"y\\\\/\n\n  \\/\"]\n").unwrap_err();
        assert!(error.ends_with("yaml: line 4: found unknown escape character (column 3)"), "{error}");
        assert!(read("{\"a\": \"\\u00e9 \\/\"}").is_err());
        assert!(read("{\"a\\/b\": 1}").is_err());
    }

    #[test]
    fn characters_of_several_bytes_before_it_change_nothing() {
        let far = "{é: \"x\", ééé: aaaaaa, b: 'a\\/'}";
        assert!(read(far).is_ok(), "{far}");
        assert!(read("{éééééééé: \"x\\/y\", b: aaaaaaaaaaaaaaaaaaaa}").is_err());
    }

    #[test]
    fn slashes_without_an_escape_are_text() {
        for text in ["a: 'x\\/y'", "a: x\\/y", "a: \"x\\\\/y\"", "a: |\n  x\\/y\n", "# \\/\na: \"b/\""] {
            assert!(read(text).is_ok(), "{text}");
        }
    }
}
