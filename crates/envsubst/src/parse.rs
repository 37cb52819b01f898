//! Text to a list of pieces. The grammar is that of the reference implementation, which is no bash: how far
//! each argument reaches is decided by the character classes below.

use crate::error::{Cause, SubstituteError};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Literal text, escapes resolved.
    Text(String),
    /// A reference `${…}`.
    Reference(Reference),
}

/// One `${name<function>args}`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    pub(crate) name: String,
    /// The operator as written: empty, `#`, `:=`, `//` and so on.
    pub(crate) function: String,
    pub(crate) args: Vec<Piece>,
    pub(crate) line: usize,
}

/// Which characters an escape may stand before, inside the text being read.
#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    None,
    /// `$$`, as in plain text.
    Dollar,
    /// `$$`, `\/` and `\\`, as in the arguments of a replacement.
    DollarAndBackslash,
}

type Parsed<T> = Result<T, SubstituteError>;

/// Parses a whole text; references may be nested `max_depth` levels deep.
pub(crate) fn parse(text: &str, max_depth: usize) -> Parsed<Vec<Piece>> {
    let mut parser = Parser { text, pos: 0, line: 1, counted: 0, max_depth };
    let mut pieces = Vec::new();
    while parser.peek().is_some() {
        pieces.push(parser.piece(Escapes::Dollar, 0, |_| true)?);
    }
    Ok(pieces)
}

struct Parser<'t> {
    text: &'t str,
    pos: usize,
    /// Line of `counted`, so that lines are counted once over the whole text.
    line: usize,
    counted: usize,
    max_depth: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self, c: char) {
        self.pos += c.len_utf8();
    }

    fn line_here(&mut self) -> usize {
        self.line += self.text[self.counted..self.pos].matches('\n').count();
        self.counted = self.pos;
        self.line
    }

    /// A reference, or the text up to the next one or to a character that is not accepted.
    fn piece(&mut self, escapes: Escapes, depth: usize, accept: fn(char) -> bool) -> Parsed<Piece> {
        if self.rest().starts_with("${") {
            return self.reference(depth + 1).map(Piece::Reference);
        }
        let line = self.line_here();
        let text = self.literal(escapes, accept);
        if text.is_empty() { Err(bad(Cause::Argument, line, None)) } else { Ok(Piece::Text(text)) }
    }

    fn literal(&mut self, escapes: Escapes, accept: fn(char) -> bool) -> String {
        let mut out = String::new();
        while let Some(c) = self.peek() {
            if self.rest().starts_with("${") {
                break;
            }
            if let Some(escaped) = self.escaped(escapes) {
                self.pos += 2;
                out.push(escaped);
                continue;
            }
            if !accept(c) {
                break;
            }
            self.advance(c);
            out.push(c);
        }
        out
    }

    fn escaped(&self, escapes: Escapes) -> Option<char> {
        let rest = self.rest();
        if escapes != Escapes::None && rest.starts_with("$$") {
            return Some('$');
        }
        let backslash = escapes == Escapes::DollarAndBackslash;
        let next = rest.strip_prefix('\\').filter(|_| backslash)?.chars().next()?;
        matches!(next, '/' | '\\').then_some(next)
    }

    fn reference(&mut self, depth: usize) -> Parsed<Reference> {
        let line = self.line_here();
        if depth > self.max_depth {
            return Err(bad(Cause::TooDeep, line, None));
        }
        self.pos += 2;
        if self.peek() == Some('#') {
            return self.length(line);
        }
        let name = self.name();
        if name.is_empty() {
            return Err(bad(Cause::VariableName, line, None));
        }
        let mut reference = Reference { name, function: String::new(), args: Vec::new(), line };
        self.function(&mut reference, depth).map_err(|error| SubstituteError {
            variable: error.variable.or(Some(reference.name.clone())),
            ..error
        })?;
        Ok(reference)
    }

    fn name(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        self.pos += end;
        name
    }

    /// `${#name}`.
    fn length(&mut self, line: usize) -> Parsed<Reference> {
        self.pos += 1;
        let name = self.name();
        if name.is_empty() {
            return Err(bad(Cause::BadSubstitution, line, None));
        }
        let mut reference = Reference { name, function: "#".into(), args: Vec::new(), line };
        match self.close(&mut reference) {
            Ok(()) => Ok(reference),
            Err(error) => Err(SubstituteError { variable: Some(reference.name), ..error }),
        }
    }

    fn function(&mut self, into: &mut Reference, depth: usize) -> Parsed<()> {
        match self.peek() {
            Some(':') => self.default_or_substring(into, depth),
            Some('=') => {
                self.operator(into, 1);
                self.default(into, depth)
            }
            Some(',' | '^') => {
                self.operator(into, if self.nth_is(1, &[',', '^']) { 2 } else { 1 });
                self.close(into)
            }
            Some('/') => self.replacement(into, depth),
            Some(hash @ ('#' | '%')) => self.trim(into, depth, hash),
            Some('}') => self.close(into),
            _ => Err(bad(Cause::MissingClosingBrace, into.line, None)),
        }
    }

    fn operator(&mut self, into: &mut Reference, len: usize) {
        into.function = self.rest()[..len].to_owned();
        self.pos += len;
    }

    fn nth_is(&self, index: usize, set: &[char]) -> bool {
        self.rest().chars().nth(index).is_some_and(|c| set.contains(&c))
    }

    fn default_or_substring(&mut self, into: &mut Reference, depth: usize) -> Parsed<()> {
        if self.nth_is(1, &['=', '-', '?', '+']) {
            self.operator(into, 2);
            return self.default(into, depth);
        }
        // The reference steps back by the width of the character after the colon, and so loses its place
        // when that is not one byte wide.
        if !self.rest().as_bytes().get(1).is_some_and(u8::is_ascii) {
            return Err(bad(Cause::BadSubstitution, into.line, None));
        }
        self.operator(into, 1);
        self.substring(into, depth)
    }

    fn default(&mut self, into: &mut Reference, depth: usize) -> Parsed<()> {
        while self.peek() != Some('}') {
            let arg = self.piece(Escapes::None, depth, not_closing)?;
            into.args.push(arg);
        }
        self.close(into)
    }

    fn substring(&mut self, into: &mut Reference, depth: usize) -> Parsed<()> {
        let start = self.piece(Escapes::None, depth, |c| c != ':' && c != '}')?;
        into.args.push(start);
        if self.peek() == Some(':') {
            self.skip_all(':');
            let length = self.piece(Escapes::None, depth, not_closing)?;
            into.args.push(length);
        }
        self.close(into)
    }

    fn trim(&mut self, into: &mut Reference, depth: usize, mark: char) -> Parsed<()> {
        self.operator(into, if self.nth_is(1, &[mark]) { 2 } else { 1 });
        let pattern = self.piece(Escapes::None, depth, not_closing)?;
        into.args.push(pattern);
        self.close(into)
    }

    fn replacement(&mut self, into: &mut Reference, depth: usize) -> Parsed<()> {
        self.operator(into, if self.nth_is(1, &['/', '#', '%']) { 2 } else { 1 });
        // Up to the slash, whatever stands before it: a closing brace too.
        let from = self.piece(Escapes::DollarAndBackslash, depth, |c| c != '/')?;
        into.args.push(from);
        if self.peek() != Some('/') {
            return Err(bad(Cause::BadSubstitution, into.line, None));
        }
        self.skip_all('/');
        if self.peek() != Some('}') {
            let to = self.piece(Escapes::DollarAndBackslash, depth, not_closing)?;
            into.args.push(to);
        }
        self.close(into)
    }

    fn skip_all(&mut self, c: char) {
        while self.peek() == Some(c) {
            self.advance(c);
        }
    }

    fn close(&mut self, into: &mut Reference) -> Parsed<()> {
        if self.peek() != Some('}') {
            return Err(bad(Cause::BadSubstitution, into.line, None));
        }
        self.advance('}');
        Ok(())
    }
}

fn not_closing(c: char) -> bool {
    c != '}'
}

fn bad(cause: Cause, line: usize, variable: Option<String>) -> SubstituteError {
    SubstituteError { cause, line, variable }
}
