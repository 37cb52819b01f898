//! Text to tokens, one at a time, as the parser asks.

use memchr::memmem::Finder;

use super::tree::Span;
use crate::printf::{quote, rune_name};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    End,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Nil,
    Keyword,
}

/// A token; keywords are told apart by their text. What is wrong at an error says [`Lexer::message`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

pub(super) struct Lexer<'t> {
    input: &'t str,
    left: Finder<'t>,
    right: &'t str,
    at: usize,
    start: usize,
    parens: usize,
    inside: bool,
    /// What is wrong; nothing is read any more then.
    failed: Option<String>,
    loop_words: (bool, bool),
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphabetic() || unicode_digit(c)
}

/// Go's `unicode.IsDigit`, near enough: decimal digits.
fn unicode_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.is_numeric())
}

fn is_space_byte(byte: u8) -> bool {
    is_space(char::from(byte))
}

fn trims_left(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', space, ..] if is_space_byte(*space))
}

fn trims_right(text: &str) -> bool {
    matches!(text.as_bytes(), [space, b'-', ..] if is_space_byte(*space))
}

impl<'t> Lexer<'t> {
    /// `loop_words`: whether `break` and `continue` are keywords (no function of that name).
    pub(super) fn new(input: &'t str, (left, right): (&'t str, &'t str), loop_words: (bool, bool)) -> Self {
        Self {
            input,
            left: Finder::new(left),
            right,
            at: 0,
            start: 0,
            parens: 0,
            inside: false,
            failed: None,
            loop_words,
        }
    }

    /// What is wrong, where a token is an error.
    pub(super) fn message(&self) -> &str {
        self.failed.as_deref().unwrap_or_default()
    }

    pub(super) fn next_token(&mut self) -> Token {
        if self.failed.is_some() {
            return self.empty(Kind::End);
        }
        if self.inside { self.inside_action() } else { self.text() }
    }

    fn rest(&self) -> &'t str {
        &self.input[self.at..]
    }

    fn byte(&self) -> Option<u8> {
        self.input.as_bytes().get(self.at).copied()
    }

    fn peek(&self) -> Option<char> {
        match self.byte() {
            Some(byte) if !byte.is_ascii() => self.rest().chars().next(),
            byte => byte.map(char::from),
        }
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn bump_if(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        self.peek().is_some_and(wanted) && self.bump().is_some()
    }

    fn bump_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.bump_if(&wanted) {}
    }

    fn bump_word(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at += 1;
        }
        self.bump_while(is_alphanumeric);
    }

    fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.input.len());
    }

    /// Skips spaces, as a `-` at the delimiter before them asks.
    fn trim(&mut self) {
        let rest = self.rest();
        self.skip(rest.len() - rest.trim_start_matches(is_space).len());
    }

    fn token(&mut self, kind: Kind) -> Token {
        let token = Token { kind, span: Span::new(self.start, self.at) };
        self.ignore();
        token
    }

    /// A token of no text.
    fn empty(&self, kind: Kind) -> Token {
        Token { kind, span: Span::new(self.start, self.start) }
    }

    fn ignore(&mut self) {
        self.start = self.at;
    }

    fn error(&mut self, message: String) -> Token {
        self.failed = Some(message);
        self.empty(Kind::Error)
    }

    fn text(&mut self) -> Token {
        loop {
            let Some(found) = self.left.find(self.rest().as_bytes()) else {
                self.skip(self.rest().len());
                return self.token(if self.at > self.start { Kind::Text } else { Kind::End });
            };
            if let Some(token) = self.text_before(found) {
                return token;
            }
            if let Some(token) = self.left_delim() {
                return token;
            }
        }
    }

    /// Bytes of the left delimiter.
    fn left_len(&self) -> usize {
        self.left.needle().len()
    }

    fn text_before(&mut self, found: usize) -> Option<Token> {
        if found == 0 {
            return None;
        }
        let before = &self.rest()[..found];
        let trims = trims_left(&self.rest()[found + self.left_len()..]);
        let kept = if trims { before.trim_end_matches(is_space).len() } else { found };
        self.skip(kept);
        let token = self.token(Kind::Text);
        self.skip(found - kept);
        self.ignore();
        (kept > 0).then_some(token)
    }

    /// The delimiter, or nothing when it opened a comment that is now behind.
    fn left_delim(&mut self) -> Option<Token> {
        self.skip(self.left_len());
        let marker = if trims_left(self.rest()) { 2 } else { 0 };
        if self.rest()[marker..].starts_with("/*") {
            self.skip(marker);
            self.ignore();
            return self.comment();
        }
        let token = self.token(Kind::LeftDelim);
        self.inside = true;
        self.skip(marker);
        self.ignore();
        self.parens = 0;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        self.skip(2);
        let Some(end) = self.rest().find("*/") else { return Some(self.error("unclosed comment".into())) };
        self.skip(end + 2);
        let Some(trims) = self.at_right_delim() else {
            return Some(self.error("comment ends before closing delimiter".into()));
        };
        self.close(trims);
        self.ignore();
        None
    }

    /// Whether the right delimiter is here, and if so whether it trims.
    fn at_right_delim(&self) -> Option<bool> {
        if self.byte().is_some_and(is_space_byte) && trims_right(self.rest()) && self.right_at(self.at + 2) {
            return Some(true);
        }
        self.right_at(self.at).then_some(false)
    }

    /// Whether the right delimiter is at a place. Asked of every byte that may end a word: the first byte tells most.
    fn right_at(&self, at: usize) -> bool {
        let (input, right) = (self.input.as_bytes(), self.right.as_bytes());
        input.get(at) == right.first() && input[at..].starts_with(right)
    }

    fn close(&mut self, trims: bool) {
        self.skip(if trims { 2 } else { 0 } + self.right.len());
        if trims {
            self.trim();
        }
    }

    fn right_delim(&mut self, trims: bool) -> Token {
        if trims {
            self.skip(2);
            self.ignore();
        }
        self.skip(self.right.len());
        let token = self.token(Kind::RightDelim);
        if trims {
            self.trim();
            self.ignore();
        }
        self.inside = false;
        token
    }

    fn inside_action(&mut self) -> Token {
        if let Some(trims) = self.at_right_delim() {
            if self.parens > 0 {
                return self.error("unclosed left paren".into());
            }
            return self.right_delim(trims);
        }
        let Some(next) = self.peek() else { return self.error("unclosed action".into()) };
        if is_space(next) {
            return self.space();
        }
        let number = matches!(next, '+' | '-' | '0'..='9')
            || (next == '.' && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()))
            || self.rest() == ".";
        if number {
            return self.number();
        }
        if is_alphanumeric(next) {
            return self.word();
        }
        self.bump();
        self.punctuation(next)
    }

    fn punctuation(&mut self, c: char) -> Token {
        match c {
            '=' => self.token(Kind::Assign),
            ':' if self.peek() == Some('=') => {
                self.bump();
                self.token(Kind::Declare)
            }
            ':' => self.error("expected :=".into()),
            '|' => self.token(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw_string(),
            '$' => self.field_or_variable(Kind::Variable),
            '.' => self.field_or_variable(Kind::Field),
            '(' => {
                self.parens += 1;
                self.token(Kind::LeftParen)
            }
            ')' if self.parens == 0 => self.error("unexpected right paren".into()),
            ')' => {
                self.parens -= 1;
                self.token(Kind::RightParen)
            }
            c if c.is_ascii_graphic() => self.token(Kind::Char),
            c => self.error(format!("unrecognized character in action: {}", rune_name(c))),
        }
    }

    fn space(&mut self) -> Token {
        let begin = self.at;
        while self.byte().is_some_and(is_space_byte) {
            self.at += 1;
        }
        let (last, count) = (self.at - 1, self.at - begin);
        if trims_right(&self.input[last..]) && self.right_at(last + 2) {
            self.at = last;
            if count == 1 {
                return self.right_delim(true);
            }
        }
        self.token(Kind::Space)
    }

    fn word(&mut self) -> Token {
        self.bump_word();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let word = &self.input[self.start..self.at];
        self.token(match word {
            "nil" => Kind::Nil,
            "true" | "false" => Kind::Bool,
            "break" if self.loop_words.0 => Kind::Keyword,
            "continue" if self.loop_words.1 => Kind::Keyword,
            "block" | "define" | "else" | "end" | "if" | "range" | "template" | "with" => Kind::Keyword,
            _ => Kind::Identifier,
        })
    }

    fn bad_character(&mut self) -> Token {
        let name = self.peek().map_or_else(|| "U+FFFFFFFFFFFFFFFF".to_owned(), rune_name);
        self.error(format!("bad character {name}"))
    }

    fn field_or_variable(&mut self, kind: Kind) -> Token {
        if self.at_terminator() {
            return self.token(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        self.bump_word();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.token(kind)
    }

    fn at_terminator(&self) -> bool {
        match self.byte() {
            None | Some(b'.' | b',' | b'|' | b':' | b')' | b'(' | b' ' | b'\t' | b'\r' | b'\n') => true,
            Some(_) => self.right_at(self.at),
        }
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Token {
        loop {
            while self
                .byte()
                .is_some_and(|byte| byte.is_ascii() && !matches!(byte, b'"' | b'\'' | b'\\' | b'\n'))
            {
                self.at += 1;
            }
            match self.bump() {
                Some('\\') if self.peek().is_some_and(|c| c != '\n') => {
                    self.bump();
                }
                None | Some('\n' | '\\') => return self.error(unterminated.to_owned()),
                Some(c) if c == quote => return self.token(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Token {
        let Some(end) = self.rest().find('`') else {
            self.skip(self.rest().len());
            return self.error("unterminated raw quoted string".into());
        };
        self.skip(end + 1);
        self.token(Kind::RawString)
    }

    fn number(&mut self) -> Token {
        let complex = match self.scan_number() {
            false => None,
            true if matches!(self.peek(), Some('+' | '-')) => {
                (self.scan_number() && self.input[..self.at].ends_with('i')).then_some(true)
            }
            true => Some(false),
        };
        match complex {
            None => {
                let text = &self.input[self.start..self.at];
                self.error(format!("bad number syntax: {}", quote(text.as_bytes())))
            }
            Some(true) => self.token(Kind::Complex),
            Some(false) => self.token(Kind::Number),
        }
    }

    fn scan_number(&mut self) -> bool {
        self.bump_if(|c| matches!(c, '+' | '-'));
        let mut digits = "0123456789_";
        if self.bump_if(|c| c == '0') {
            if self.bump_if(|c| matches!(c, 'x' | 'X')) {
                digits = "0123456789abcdefABCDEF_";
            } else if self.bump_if(|c| matches!(c, 'o' | 'O')) {
                digits = "01234567_";
            } else if self.bump_if(|c| matches!(c, 'b' | 'B')) {
                digits = "01_";
            }
        }
        self.bump_while(|c| digits.contains(c));
        if self.bump_if(|c| c == '.') {
            self.bump_while(|c| digits.contains(c));
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.bump_if(|c| exponent.contains(c)) {
            self.bump_if(|c| matches!(c, '+' | '-'));
            self.bump_while(|c| c.is_ascii_digit() || c == '_');
        }
        self.bump_if(|c| c == 'i');
        !self.bump_if(is_alphanumeric)
    }
}
