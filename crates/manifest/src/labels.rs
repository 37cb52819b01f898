//! Label selectors in their text form, read as Kubernetes reads them (`labels.Parse` of apimachinery):
//! `a=b, c!=d, e in (f, g), h notin (i), j, !k, l>1`.

/// Requirements that all must hold. The default selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

/// Why a text is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseSelectorError {
    /// Something else had to stand between requirements.
    #[error("found '{found}', expected: {expected}")]
    Between {
        /// What stands there; nothing at the end.
        found: String,
        /// What had to.
        expected: &'static str,
    },
    /// Something else had to stand within a requirement.
    #[error("unable to parse requirement: found '{found}', expected: {expected}")]
    Unexpected {
        /// What stands there; nothing at the end.
        found: String,
        /// What had to.
        expected: &'static str,
    },
    /// A key that no label can have.
    #[error("unable to parse requirement: key {0:?} is no name of a label")]
    Key(String),
    /// A value that no label can have.
    #[error("unable to parse requirement: value {value:?} of {key:?} is none of a label")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// `>` and `<` compare whole numbers.
    #[error(
        "unable to parse requirement: values[0]: Invalid value: {0:?}: for 'Gt', 'Lt' operators, the value must be an integer"
    )]
    Number(String),
}

impl LabelSelector {
    /// Reads a selector; the empty text selects everything.
    ///
    /// # Errors
    /// At the first requirement that cannot be read.
    pub fn parse(text: &str) -> Result<Self, ParseSelectorError> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        let mut requirements = Vec::new();
        while !parser.peek().is_empty() {
            if !parser.begins() {
                return Err(between(parser.peek(), "!, identifier, or 'end of string'"));
            }
            requirements.push(parser.requirement()?);
            match parser.next() {
                "" => {}
                "," if parser.begins() => {}
                "," => return Err(between(parser.peek(), "identifier after ','")),
                found => return Err(between(found, "',' or 'end of string'")),
            }
        }
        Ok(Self(requirements))
    }

    /// Whether labels (or annotations) fulfil all requirements; `value` says what stands under a key.
    #[must_use]
    pub fn matches<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> bool {
        self.0.iter().all(|requirement| requirement.test.holds(value(&requirement.key)))
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|want| want == value)),
            Self::NotIn(refused) => value.is_none_or(|value| refused.iter().all(|refuse| refuse != value)),
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

/// Words and signs; `==` and `!=` are one.
fn tokens(text: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '=' | '!' if rest[1..].starts_with('=') => 2,
            first if is_special(first) => 1,
            _ => rest.find(|c: char| is_special(c) || c.is_whitespace()).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn unexpected(found: &str, expected: &'static str) -> ParseSelectorError {
    ParseSelectorError::Unexpected { found: found.to_owned(), expected }
}

fn between(found: &str, expected: &'static str) -> ParseSelectorError {
    ParseSelectorError::Between { found: found.to_owned(), expected }
}

struct Parser<'t> {
    tokens: Vec<&'t str>,
    at: usize,
}

impl<'t> Parser<'t> {
    /// The empty text at the end.
    fn peek(&self) -> &'t str {
        self.tokens.get(self.at).copied().unwrap_or_default()
    }

    fn next(&mut self) -> &'t str {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Whether a requirement can begin here.
    fn begins(&self) -> bool {
        self.peek() == "!" || self.stands_word()
    }

    fn stands_word(&self) -> bool {
        !self.peek().is_empty() && !self.peek().starts_with(is_special)
    }

    /// A word, where one stands.
    fn word(&mut self) -> Option<&'t str> {
        self.stands_word().then(|| self.next())
    }

    fn requirement(&mut self) -> Result<Requirement, ParseSelectorError> {
        let absent = self.peek() == "!";
        self.at += usize::from(absent);
        let key = self.word().ok_or_else(|| unexpected(self.peek(), "identifier"))?;
        if !is_key(key) {
            return Err(ParseSelectorError::Key(key.to_owned()));
        }
        let test = match self.peek() {
            _ if absent => Test::Absent,
            "" | "," => Test::Exists,
            _ => self.test(key)?,
        };
        Ok(Requirement { key: key.to_owned(), test })
    }

    fn test(&mut self, key: &str) -> Result<Test, ParseSelectorError> {
        match self.next() {
            "in" => Ok(Test::In(self.values(key)?)),
            "notin" => Ok(Test::NotIn(self.values(key)?)),
            "=" | "==" => Ok(Test::In(vec![self.one(key)?])),
            "!=" => Ok(Test::NotIn(vec![self.one(key)?])),
            ">" => Ok(Test::Above(self.number()?)),
            "<" => Ok(Test::Below(self.number()?)),
            found => Err(unexpected(found, "in, notin, =, ==, !=, gt, lt")),
        }
    }

    /// One value, or none: `a=` asks for the empty one.
    fn one(&mut self, key: &str) -> Result<String, ParseSelectorError> {
        match self.peek() {
            "" | "," => Ok(String::new()),
            _ if self.stands_word() => self.value(key),
            found => Err(unexpected(found, "identifier")),
        }
    }

    /// A value of a list; where none stands it is the empty one.
    fn value(&mut self, key: &str) -> Result<String, ParseSelectorError> {
        let value = self.word().unwrap_or_default().to_owned();
        if is_value(&value) {
            Ok(value)
        } else {
            Err(ParseSelectorError::Value { key: key.to_owned(), value })
        }
    }

    fn number(&mut self) -> Result<i64, ParseSelectorError> {
        let text = self.word().unwrap_or_default();
        text.parse().map_err(|_| ParseSelectorError::Number(text.to_owned()))
    }

    /// `(a, b)`; an empty place between commas is the empty value.
    fn values(&mut self, key: &str) -> Result<Vec<String>, ParseSelectorError> {
        match self.next() {
            "(" => {}
            found => return Err(unexpected(found, "'('")),
        }
        let mut values = vec![self.value(key)?];
        loop {
            match self.next() {
                "," => values.push(self.value(key)?),
                ")" => return Ok(values),
                found => return Err(unexpected(found, "',' or ')'")),
            }
        }
    }
}

/// A qualified name: an optional DNS subdomain and a slash, then at most 63 characters.
fn is_key(key: &str) -> bool {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_label = |part: &str| {
        let plain = part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        !part.is_empty() && plain && !part.starts_with('-') && !part.ends_with('-')
    };
    let fits = |prefix: &str| prefix.len() <= 253 && prefix.split('.').all(is_label);
    !name.is_empty() && is_value(name) && prefix.is_none_or(fits)
}

/// Empty, or at most 63 characters of which the outer ones are letters or digits.
fn is_value(value: &str) -> bool {
    let outer = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && outer(value.chars().next())
        && outer(value.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::LabelSelector;

    fn matches(selector: &str) -> bool {
        let labels = [("app", "web"), ("tier", "2"), ("a.b/c", "x"), ("empty", "")];
        let value = |key: &str| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        LabelSelector::parse(selector).unwrap().matches(value)
    }

    #[test]
    fn selects_as_kubernetes_does() {
        for yes in [
            "",
            "  ",
            "app",
            "!none",
            "! none",
            "app=web",
            "app == web",
            "app!=db",
            "none!=x",
            "app in (db, web)",
            "app in(db,web)",
            "app notin (db)",
            "none notin (db)",
            "a.b/c",
            "empty=",
            "empty in ()",
            "empty in (a,)",
            "tier>1,tier<3",
            "in notin (x),!in",
        ] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["none", "!app", "app=db", "app!=web", "app in (db)", "app notin (web)", "app=web,tier>2"] {
            assert!(!matches(no), "{no}");
        }
    }

    #[test]
    fn refuses_what_is_no_selector() {
        for bad in [
            ",",
            "app,",
            "a b",
            "=x",
            "a=b=c",
            "a in b",
            "a in (",
            "a in (b",
            "a within (b)",
            "(b)",
            "a>b",
            "ü=1",
            "a=ü",
            "a=-b",
            "a=)",
            "a,,b",
            "A.b/c=1",
            "/a",
            "a/",
            "!a=b",
            "!!a",
            "a=b c",
        ] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn errors_say_what_was_expected() {
        let text = LabelSelector::parse("a b").unwrap_err().to_string();
        assert_eq!(text, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
        let text = LabelSelector::parse("a,").unwrap_err().to_string();
        assert_eq!(text, "found '', expected: identifier after ','");
    }
}
