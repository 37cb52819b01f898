use crate::{
    error::{Cause, SubstituteError},
    functions::{Bounds, apply},
    parse::{Piece, Reference, parse},
    pattern::Budget,
};

/// What a reference to an unset variable without default means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// An error: Flux's strict mode, the default since 2.9.
    Fail,
    /// The empty string.
    Empty,
}

/// Bounds of one substitution; exceeding one is an error that says so.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Levels of references within references.
    pub depth: usize,
    /// Bytes of the result, and of any value on the way.
    pub bytes: usize,
    /// Steps of pattern matching, which grows with the square of a value's length.
    pub steps: u64,
}

impl Default for Limits {
    /// 32 levels, 16 MiB, 50 million steps (about a tenth of a second).
    fn default() -> Self {
        Self { depth: 32, bytes: 16 << 20, steps: 50_000_000 }
    }
}

/// Replaces the references in a text by the values `lookup` gives, within the default [`Limits`].
///
/// # Errors
/// When a reference cannot be parsed, a variable is unset under [`Unset::Fail`], or a limit is exceeded.
pub fn substitute<'v>(
    text: &str,
    lookup: impl Fn(&str) -> Option<&'v str>,
    unset: Unset,
) -> Result<String, SubstituteError> {
    substitute_within(text, lookup, unset, Limits::default())
}

/// As [`substitute`], with limits of the caller.
///
/// # Errors
/// As [`substitute`].
pub fn substitute_within<'v>(
    text: &str,
    lookup: impl Fn(&str) -> Option<&'v str>,
    unset: Unset,
    limits: Limits,
) -> Result<String, SubstituteError> {
    let pieces = parse(text, limits.depth)?;
    let bounds = Bounds { max_bytes: limits.bytes, budget: Budget(limits.steps) };
    let mut evaluation = Evaluation { lookup, unset, bounds };
    let mut out = Vec::with_capacity(text.len());
    for piece in &pieces {
        evaluation.piece(piece, &mut out)?;
    }
    // Each reference is checked on its own, with its line; this cannot fail after that.
    String::from_utf8(out).map_err(|_| SubstituteError { cause: Cause::NotUtf8, line: 1, variable: None })
}

/// Whether Flux takes the name: `^[_[:alpha:]][_[:alpha:][:digit:]]*$`.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    let word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    name.chars().all(word) && name.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

struct Evaluation<L> {
    lookup: L,
    unset: Unset,
    bounds: Bounds,
}

impl<'v, L: Fn(&str) -> Option<&'v str>> Evaluation<L> {
    /// A piece of the text itself: what it adds must be whole characters.
    fn piece(&mut self, piece: &Piece, out: &mut Vec<u8>) -> Result<(), SubstituteError> {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Reference(reference) => {
                let value = self.reference(reference)?;
                if std::str::from_utf8(&value).is_err() {
                    return Err(at(Cause::NotUtf8, reference));
                }
                out.extend_from_slice(&value);
                if out.len() > self.bounds.max_bytes {
                    return Err(at(Cause::TooLarge, reference));
                }
            }
        }
        Ok(())
    }

    fn reference(&mut self, reference: &Reference) -> Result<Vec<u8>, SubstituteError> {
        let args = reference.args.iter().map(|arg| self.argument(arg)).collect::<Result<Vec<_>, _>>()?;
        let value = match (self.lookup)(&reference.name) {
            Some(value) => value,
            None if self.unset == Unset::Fail && !is_default(&reference.function) => {
                return Err(at(Cause::NotSet, reference));
            }
            None => "",
        };
        let result = apply(&reference.function, value.as_bytes(), &args, &mut self.bounds);
        let result = result.map_err(|cause| at(cause, reference))?;
        if result.len() > self.bounds.max_bytes { Err(at(Cause::TooLarge, reference)) } else { Ok(result) }
    }

    fn argument(&mut self, piece: &Piece) -> Result<Vec<u8>, SubstituteError> {
        match piece {
            Piece::Text(text) => Ok(text.as_bytes().to_vec()),
            Piece::Reference(reference) => self.reference(reference),
        }
    }
}

/// Functions that say themselves what an unset variable is.
fn is_default(function: &str) -> bool {
    matches!(function, "=" | ":=" | ":-" | ":?" | ":+")
}

fn at(cause: Cause, reference: &Reference) -> SubstituteError {
    SubstituteError { cause, line: reference.line, variable: Some(reference.name.clone()) }
}
