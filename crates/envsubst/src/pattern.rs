//! Shell patterns (`*`, `?`, `[a-z]`, `\c`) over bytes, as the reference matches them: a star also matches
//! a slash, and a star is never tried again once what follows it has matched somewhere.

use crate::rune;

/// A pattern that cannot be matched with: an open class, a trailing backslash.
#[derive(Debug, PartialEq)]
pub(crate) enum MatchError {
    Malformed,
    TooExpensive,
}

/// Steps that may still be taken over all matches of one text.
pub(crate) struct Budget(pub(crate) u64);

impl Budget {
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), MatchError> {
        self.0 = self.0.checked_sub(steps as u64 + 1).ok_or(MatchError::TooExpensive)?;
        Ok(())
    }
}

/// Whether the pattern matches the whole name.
pub(crate) fn matches(pattern: &[u8], name: &[u8], budget: &mut Budget) -> Result<bool, MatchError> {
    let (mut pattern, mut name) = (pattern, name);
    while !pattern.is_empty() {
        let (star, chunk, rest) = split_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(true);
        }
        match place(chunk, name, star, pattern.is_empty(), budget)? {
            Some(left) => name = left,
            None => return Ok(false),
        }
    }
    Ok(name.is_empty())
}

/// Finds where a chunk matches, and gives what is left of the name after it.
fn place<'n>(
    chunk: &[u8],
    name: &'n [u8],
    star: bool,
    last: bool,
    budget: &mut Budget,
) -> Result<Option<&'n [u8]>, MatchError> {
    let tries = if star { name.len() } else { 0 };
    for skipped in 0..=tries {
        budget.spend(chunk.len())?;
        match match_chunk(chunk, &name[skipped..])? {
            Some(left) if left.is_empty() || !last => return Ok(Some(left)),
            _ => {}
        }
    }
    Ok(None)
}

/// Leading stars, the part up to the next star outside a class, and the rest.
fn split_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|c| **c == b'*').count();
    let pattern = &pattern[stars..];
    let (mut at, mut in_class) = (0, false);
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => at += usize::from(at + 1 < pattern.len()),
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    (stars > 0, &pattern[..at], &pattern[at..])
}

/// Matches a chunk at the beginning of a name; gives what is left of the name.
fn match_chunk<'n>(mut chunk: &[u8], mut name: &'n [u8]) -> Result<Option<&'n [u8]>, MatchError> {
    while let Some(&head) = chunk.first() {
        let Some((c, width)) = rune::first(name) else { return Ok(None) };
        match head {
            b'[' => {
                let (hit, rest) = class(&chunk[1..], c)?;
                if !hit {
                    return Ok(None);
                }
                (chunk, name) = (rest, &name[width..]);
            }
            b'?' => (chunk, name) = (&chunk[1..], &name[width..]),
            _ => {
                let literal = if head == b'\\' { &chunk[1..] } else { chunk };
                let byte = *literal.first().ok_or(MatchError::Malformed)?;
                if byte != name[0] {
                    return Ok(None);
                }
                (chunk, name) = (&literal[1..], &name[1..]);
            }
        }
    }
    Ok(Some(name))
}

/// A class after its `[`: whether it holds the character, and what follows its `]`.
fn class(chunk: &[u8], c: char) -> Result<(bool, &[u8]), MatchError> {
    let negated = chunk.first() == Some(&b'^');
    let mut rest = if negated { &chunk[1..] } else { chunk };
    let (mut hit, mut ranges) = (false, 0);
    loop {
        if ranges > 0 && rest.first() == Some(&b']') {
            return Ok((hit != negated, &rest[1..]));
        }
        let low;
        (low, rest) = class_char(rest)?;
        let mut high = low;
        if rest.first() == Some(&b'-') {
            (high, rest) = class_char(&rest[1..])?;
        }
        hit |= (low..=high).contains(&c);
        ranges += 1;
    }
}

fn class_char(chunk: &[u8]) -> Result<(char, &[u8]), MatchError> {
    if matches!(chunk.first(), None | Some(b'-' | b']')) {
        return Err(MatchError::Malformed);
    }
    let chunk = chunk.strip_prefix(b"\\").unwrap_or(chunk);
    let (c, width) = rune::first(chunk).ok_or(MatchError::Malformed)?;
    let rest = &chunk[width..];
    let invalid = c == rune::INVALID && width == 1;
    if invalid || rest.is_empty() { Err(MatchError::Malformed) } else { Ok((c, rest)) }
}

#[cfg(test)]
mod tests {
    use super::{Budget, MatchError, matches};

    fn check(pattern: &str, name: &str) -> Result<bool, MatchError> {
        matches(pattern.as_bytes(), name.as_bytes(), &mut Budget(1_000))
    }

    #[test]
    fn a_star_in_a_class_is_a_letter_like_others() {
        for (pattern, name, fits) in [
            ("a[*]c", "a*c", true),
            ("a[*]c", "abbc", false),
            ("[x*]*c", "*bbc", true),
            ("[x*]*c", "ybbc", false),
            ("a\\*c", "a*c", true),
            ("a\\*c", "abc", false),
        ] {
            assert_eq!(check(pattern, name), Ok(fits), "{pattern} {name}");
        }
    }

    #[test]
    fn open_classes_and_long_searches_are_refused() {
        assert_eq!(check("[a", "a"), Err(MatchError::Malformed));
        let long = "a".repeat(200);
        assert_eq!(check(&format!("*{}b", "a".repeat(50)), &long), Err(MatchError::TooExpensive));
    }
}
