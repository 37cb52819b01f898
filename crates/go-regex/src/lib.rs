//! Regular expressions as Go reads them (RE2), for the `regex` crate, which has the same guarantees and another syntax at
//! the edges: there a minus behind a class and a bracket in a set are mistakes, and classes are of Unicode.
//!
//! Pure: text in, text out.
//!
//! ```
//! let pattern = go_regex::translate(r"^[\w-.]+$")?;
//! assert!(regex::Regex::new(&pattern).is_ok_and(|regex| regex.is_match("a-b.c")));
//! # Ok::<(), String>(())
//! ```

/// The same expression for the `regex` crate.
///
/// # Errors
/// For what Go refuses and the crate would take, in Go's words.
pub fn translate(source: &str) -> Result<String, String> {
    let mut translator =
        Translator { rest: source, out: String::with_capacity(source.len() + 16), repeat: Repeat::Nothing };
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    Ok(translator.out)
}

/// What a repetition operator would apply to.
#[derive(Clone, PartialEq, Eq)]
enum Repeat {
    /// The beginning of a group or alternative.
    Nothing,
    /// Something.
    Atom,
    /// Another repetition, with its text.
    Operator(String),
}

struct Translator<'s> {
    rest: &'s str,
    out: String,
    repeat: Repeat,
}

fn wrong(what: &str, piece: &str) -> String {
    format!("error parsing regexp: {what}: `{piece}`")
}

impl<'s> Translator<'s> {
    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.repeat = Repeat::Atom;
    }

    fn step(&mut self) -> Result<(), String> {
        let Some(c) = self.rest.chars().next() else { return Ok(()) };
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.open(),
            '|' => {
                self.take(1);
                self.out.push('|');
                self.repeat = Repeat::Nothing;
                Ok(())
            }
            '*' | '+' | '?' => {
                let lazy = usize::from(self.rest[1..].starts_with('?'));
                let operator = self.take(1 + lazy);
                self.operator(operator)
            }
            '{' => self.braces(),
            c => {
                let text = self.take(c.len_utf8());
                self.atom(text);
                Ok(())
            }
        }
    }

    fn operator(&mut self, operator: &str) -> Result<(), String> {
        match std::mem::replace(&mut self.repeat, Repeat::Operator(operator.to_owned())) {
            Repeat::Nothing => Err(wrong("missing argument to repetition operator", operator)),
            Repeat::Operator(before) => {
                Err(wrong("invalid nested repetition operator", &format!("{before}{operator}")))
            }
            Repeat::Atom => {
                self.out.push_str(operator);
                Ok(())
            }
        }
    }

    /// `{2}`, `{2,}` and `{2,3}` repeat; any other brace is a character.
    fn braces(&mut self) -> Result<(), String> {
        let Some(length) = repetition(self.rest) else {
            self.take(1);
            self.atom(r"\{");
            return Ok(());
        };
        let lazy = usize::from(self.rest[length..].starts_with('?'));
        let text = self.take(length + lazy);
        let numbers: Vec<u32> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().unwrap_or(u32::MAX))
            .collect();
        let reversed = numbers.len() == 2 && numbers[1] < numbers[0];
        if reversed || numbers.iter().any(|number| *number > 1_000) {
            return Err(wrong("invalid repeat count", text));
        }
        self.operator(text)
    }

    fn open(&mut self) -> Result<(), String> {
        if !self.rest.starts_with("(?") {
            self.take(1);
            self.out.push('(');
            self.repeat = Repeat::Nothing;
            return Ok(());
        }
        let whole = self.rest;
        let named = whole.starts_with("(?P<")
            || (whole.starts_with("(?<") && !whole.starts_with("(?<=") && !whole.starts_with("(?<!"));
        let end = if named { whole.find('>') } else { whole.find([':', ')']) };
        let Some(end) = end else {
            return Err(if named {
                wrong("invalid named capture", whole)
            } else {
                wrong("missing closing )", whole)
            });
        };
        let text = self.take(end + 1);
        let flags = text[2..end].chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
        if !named && !flags {
            let bad = whole.char_indices().skip(2).find(|(_, c)| !matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
            let piece = bad.map_or(text, |(at, c)| &whole[..at + c.len_utf8()]);
            return Err(wrong("invalid or unsupported Perl syntax", piece));
        }
        self.out.push_str(text);
        self.repeat = if text.ends_with(')') { Repeat::Atom } else { Repeat::Nothing };
        if text.ends_with(')') {
            self.repeat = Repeat::Nothing;
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(c) = self.rest[1..].chars().next() else {
            return Err("error parsing regexp: trailing backslash at end of expression: ``".to_owned());
        };
        if c == 'Q' {
            return self.quoted();
        }
        let text = match c {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => r"[\t\n\f\r ]",
            'S' => r"[^\t\n\f\r ]",
            'b' => r"(?-u:\b)",
            'B' => r"(?-u:\B)",
            'A' | 'z' => {
                let text = self.take(2);
                self.atom(text);
                return Ok(());
            }
            'p' | 'P' => {
                let text = self.property()?;
                self.atom(text);
                return Ok(());
            }
            _ => {
                let text = literal(self.escaped_character()?);
                self.atom(&text);
                return Ok(());
            }
        };
        self.take(2);
        self.atom(text);
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), String> {
        self.take(2);
        let end = self.rest.find(r"\E");
        let text = self.take(end.unwrap_or(self.rest.len()));
        if end.is_some() {
            self.take(2);
        }
        for c in text.chars() {
            let escaped = regex::escape(&c.to_string());
            self.atom(&escaped);
        }
        Ok(())
    }

    /// `\pL`, `\p{Greek}` and their negations, in a class or out of it.
    fn property(&mut self) -> Result<&'s str, String> {
        let end = match self.rest[2..].chars().next() {
            Some('{') => self.rest.find('}').map(|end| end + 1),
            Some(c) => Some(2 + c.len_utf8()),
            None => None,
        };
        match end {
            Some(end) => Ok(self.take(end)),
            None => Err(wrong("invalid character class range", self.rest)),
        }
    }

    /// The character that an escape stands for, in a class or out of it.
    fn escaped_character(&mut self) -> Result<char, String> {
        let whole = self.rest;
        self.take(1);
        let Some(c) = self.rest.chars().next() else {
            return Err("error parsing regexp: trailing backslash at end of expression: ``".to_owned());
        };
        self.take(c.len_utf8());
        let found = match c {
            '1'..='7' if !self.rest.starts_with(|c| matches!(c, '0'..='7')) => None,
            '0'..='7' => {
                let more = self.rest.chars().take(2).take_while(|c| matches!(c, '0'..='7')).count();
                self.take(more);
                u32::from_str_radix(&whole[1..2 + more], 8).ok()
            }
            'x' => self.hexadecimal(),
            'a' => Some(7),
            'f' => Some(12),
            't' => Some(9),
            'n' => Some(10),
            'r' => Some(13),
            'v' => Some(11),
            c => (c.is_ascii() && !c.is_ascii_alphanumeric()).then_some(u32::from(c)),
        };
        let consumed = &whole[..whole.len() - self.rest.len()];
        found.and_then(char::from_u32).ok_or_else(|| wrong("invalid escape sequence", consumed))
    }

    /// What follows `\x`: two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        if !self.rest.starts_with('{') {
            let length = self.rest.chars().take(2).map(char::len_utf8).sum();
            let digits = self.take(length);
            let fits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            return fits.then(|| u32::from_str_radix(digits, 16).ok())?;
        }
        self.take(1);
        let length = self.rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let digits = self.take(length);
        let after = self.rest.chars().next()?;
        self.take(after.len_utf8());
        if after == '}' { u32::from_str_radix(digits, 16).ok() } else { None }
    }

    fn class(&mut self) -> Result<(), String> {
        let whole = self.rest;
        let negated = whole[1..].starts_with('^');
        self.take(1 + usize::from(negated));
        self.out.push_str(if negated { "[^" } else { "[" });
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if !self.class_of_characters()? {
                self.class_range(whole)?;
            }
        }
        self.take(1);
        self.atom("]");
        Ok(())
    }

    /// `[:alpha:]`, `\pL`, `\d` inside a class; false when something else is there.
    fn class_of_characters(&mut self) -> Result<bool, String> {
        if self.rest.starts_with("[:")
            && let Some(end) = self.rest.find(":]")
        {
            let name = self.take(end + 2);
            if !NAMED_CLASSES.contains(&name[2..end].trim_start_matches('^')) {
                return Err(wrong("invalid character class range", name));
            }
            self.out.push_str(name);
            return Ok(true);
        }
        let Some(escaped) = self.rest.strip_prefix('\\') else { return Ok(false) };
        let text = match escaped.chars().next() {
            Some('p' | 'P') => {
                let text = self.property()?;
                self.out.push_str(text);
                return Ok(true);
            }
            Some('d') => "0-9",
            Some('D') => "[^0-9]",
            Some('w') => "0-9A-Za-z_",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => r"\t\n\f\r ",
            Some('S') => r"[^\t\n\f\r ]",
            _ => return Ok(false),
        };
        self.take(2);
        self.out.push_str(text);
        Ok(true)
    }

    /// One character, or a range of them. A minus that begins no range is a character, wherever it stands.
    fn class_range(&mut self, class: &str) -> Result<(), String> {
        let range = self.rest;
        let low = self.class_character(class)?;
        self.out.push_str(&literal(low));
        let mut after = self.rest.chars();
        if (after.next(), after.next().is_some_and(|c| c != ']')) != (Some('-'), true) {
            return Ok(());
        }
        self.take(1);
        let high = self.class_character(class)?;
        if high < low {
            let consumed = &range[..range.len() - self.rest.len()];
            return Err(wrong("invalid character class range", consumed));
        }
        self.out.push('-');
        self.out.push_str(&literal(high));
        Ok(())
    }

    fn class_character(&mut self, class: &str) -> Result<char, String> {
        match self.rest.chars().next() {
            None => Err(wrong("missing closing ]", class)),
            Some('\\') => self.escaped_character(),
            Some(c) => {
                self.take(c.len_utf8());
                Ok(c)
            }
        }
    }
}

const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// A character that means nothing else, in a class or out of it.
fn literal(c: char) -> String {
    format!(r"\x{{{:x}}}", u32::from(c))
}

/// The length of a repetition in braces.
fn repetition(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let inner = &text[1..end];
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = match inner.split_once(',') {
        None => number(inner),
        Some((low, high)) => number(low) && (high.is_empty() || number(high)),
    };
    fits.then_some(end + 1)
}

/// Go's words for what the crate refuses of the translation of `source`.
#[must_use]
pub fn reason(source: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let has = |words: &str| text.contains(words);
    if has("unclosed group") {
        return wrong("missing closing )", source);
    }
    if has("unopened group") {
        return wrong("unexpected )", source);
    }
    if has("unclosed character class") {
        return wrong("missing closing ]", source);
    }
    if has("invalid character class range") {
        return wrong("invalid character class range", source);
    }
    if has("Unicode property not found") {
        return wrong("invalid character class range", source);
    }
    if has("size limit") || has("exceeds") {
        return wrong("expression too large", &source.chars().take(80).collect::<String>());
    }
    wrong("invalid syntax", source)
}

#[cfg(test)]
mod tests {
    use super::{reason, translate};
    use regex::Regex;

    fn compile(source: &str) -> Result<Regex, String> {
        let translated = translate(source)?;
        Regex::new(&translated).map_err(|error| reason(source, &error))
    }

    fn check(source: &str, text: &str, expected: bool) {
        let compiled = compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(compiled.is_match(text), expected, "{source} on {text}");
    }

    #[test]
    fn a_minus_beside_a_class_is_a_character() {
        check(r"^[\w-.]+$", "a-b.c_1", true);
        check(r"^[\w-.]+$", "a+b", false);
        check(r"^[\d-_]+$", "1-_", true);
        check(r"^[\d-_]+$", "a", false);
        check("^[[:alpha:]-_]+$", "a-_", true);
        check(r"^[\p{Greek}-x]+$", "\u{3b1}-x", true);
        check("^[-a]+$", "-a", true);
        check("^[a-]+$", "-a", true);
    }

    #[test]
    fn brackets_and_doubled_signs_in_a_set_are_characters() {
        check("^[^[]$", "a", true);
        check("^[^[]$", "[", false);
        check("^[a[]$", "[", true);
        check("^[]a]$", "]", true);
        check("^[a&&b]$", "&", true);
        check("^[!--]$", "-", true);
        check("^[a~~b]$", "~", true);
    }

    #[test]
    fn classes_are_ascii() {
        check(r"^\d$", "\u{663}", false);
        check(r"^\w$", "\u{fc}", false);
        check(r"a\b", "a\u{fc}", true);
        check(r"^\pL$", "\u{fc}", true);
        check(r"^\Qa.b\E$", "a.b", true);
        check("^a{,2}$", "a{,2}", true);
    }

    #[test]
    fn mistakes_are_told_in_gos_words() {
        for (source, expected) in [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("x[a-", "missing closing ]: `[a-`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("a**", "invalid nested repetition operator: `**`"),
            (r"(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            (r"\1", r"invalid escape sequence: `\1`"),
        ] {
            assert_eq!(compile(source).unwrap_err(), format!("error parsing regexp: {expected}"));
        }
    }
}
