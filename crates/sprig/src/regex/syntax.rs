//! Go's syntax to the `regex` crate's, and Go's words for what is wrong.

use std::fmt::Write;

/// The same expression for the `regex` crate.
///
/// # Errors
/// For what Go refuses and the crate would take.
pub(super) fn translate(source: &str) -> Result<String, String> {
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
            _ => {
                let text = self.character_escape()?;
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

    /// An escape that stands for characters, in a class or out of it.
    fn character_escape(&mut self) -> Result<String, String> {
        let c = self.rest[1..].chars().next().unwrap_or('\\');
        match c {
            'p' | 'P' => {
                let braced = self.rest[2..].starts_with('{');
                let end = if braced { self.rest.find('}').map(|end| end + 1) } else { Some(3) };
                match end.filter(|end| self.rest.is_char_boundary(*end) && *end <= self.rest.len()) {
                    Some(end) => Ok(self.take(end).to_owned()),
                    None => Err(wrong("invalid character class range", self.rest)),
                }
            }
            'a' | 'f' | 't' | 'n' | 'r' | 'v' => Ok(self.take(2).to_owned()),
            'x' => {
                let braced = self.rest[2..].starts_with('{');
                let end = if braced { self.rest.find('}').map_or(0, |end| end + 1) } else { 4 };
                if end == 0 || !self.rest.is_char_boundary(end) || end > self.rest.len() {
                    return Err(wrong("invalid escape sequence", self.rest));
                }
                Ok(self.take(end).to_owned())
            }
            '0'..='7' => self.octal(c),
            c if c.is_ascii_punctuation() => {
                self.take(2);
                Ok(regex::escape(&c.to_string()))
            }
            c => Err(wrong("invalid escape sequence", &self.rest[..1 + c.len_utf8()])),
        }
    }

    /// `\123`; a single digit from 1 to 7 would be a back reference.
    fn octal(&mut self, first: char) -> Result<String, String> {
        let digits = self.rest[1..].chars().take(3).take_while(|c| matches!(c, '0'..='7')).count();
        if first != '0' && digits == 1 {
            return Err(wrong("invalid escape sequence", &self.rest[..2]));
        }
        let text = self.take(1 + digits);
        let code = u32::from_str_radix(&text[1..], 8).unwrap_or_default();
        let mut out = String::new();
        let _ = write!(out, "\\x{{{code:x}}}");
        Ok(out)
    }

    fn class(&mut self) -> Result<(), String> {
        let whole = self.rest;
        let unclosed = || wrong("missing closing ]", whole);
        let negated = whole[1..].starts_with('^');
        self.take(1 + usize::from(negated));
        self.out.push_str(if negated { "[^" } else { "[" });
        let mut first = true;
        let mut before = None;
        loop {
            let Some(c) = self.rest.chars().next() else { return Err(unclosed()) };
            match c {
                ']' if !first => break,
                '[' if self.rest.starts_with("[:") && self.rest.contains(":]") => {
                    let end = self.rest.find(":]").unwrap_or_default() + 2;
                    let name = self.take(end);
                    self.out.push_str(name);
                }
                '\\' => self
                    .class_escape()
                    .map_err(|error| if self.rest.len() < 2 { unclosed() } else { error })?,
                '-' => {
                    self.take(1);
                    let edge = first || self.rest.starts_with(']');
                    let after = self.rest.chars().next().filter(|c| !matches!(c, ']' | '[' | '\\'));
                    if let (Some(low), Some(high), false) = (before, after, edge)
                        && high < low
                    {
                        return Err(wrong("invalid character class range", &format!("{low}-{high}")));
                    }
                    self.out.push_str(if edge { r"\-" } else { "-" });
                }
                '[' | ']' | '&' | '~' | '^' | '#' | ' ' => {
                    self.take(1);
                    if c != ' ' && c != '#' {
                        self.out.push('\\');
                    }
                    self.out.push(c);
                }
                c => {
                    let text = self.take(c.len_utf8());
                    self.out.push_str(text);
                }
            }
            before = (!matches!(c, '[' | '\\' | '-')).then_some(c);
            first = false;
        }
        self.take(1);
        self.atom("]");
        Ok(())
    }

    fn class_escape(&mut self) -> Result<(), String> {
        let text = match self.rest[1..].chars().next() {
            Some('d') => "0-9",
            Some('D') => "[^0-9]",
            Some('w') => "0-9A-Za-z_",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => r"\t\n\f\r ",
            Some('S') => r"[^\t\n\f\r ]",
            Some(_) => {
                let text = self.character_escape()?;
                self.out.push_str(&text);
                return Ok(());
            }
            None => return Err(wrong("missing closing ]", self.rest)),
        };
        self.take(2);
        self.out.push_str(text);
        Ok(())
    }
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

/// Go's words for what the crate refuses.
pub(super) fn reason(source: &str, error: &regex::Error) -> String {
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
