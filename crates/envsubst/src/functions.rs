//! The functions of a reference, over bytes: lengths and offsets are counted in bytes, as in the reference
//! implementation, so that a value may be cut inside a character; the end result is checked.

use crate::{
    error::Cause,
    pattern::{Budget, MatchError, matches},
    rune,
};

/// Largest intermediate value and steps left.
pub(crate) struct Bounds {
    pub(crate) max_bytes: usize,
    pub(crate) budget: Budget,
}

/// Applies the function to a value. Unknown operators (such as `,^`) leave the value alone, or give the
/// default when it is empty.
pub(crate) fn apply(
    function: &str,
    value: &[u8],
    args: &[Vec<u8>],
    bounds: &mut Bounds,
) -> Result<Vec<u8>, Cause> {
    let trim = |longest, suffix, bounds| trimmed(value, &args[0], longest, suffix, bounds);
    match function {
        "," => Ok(map_first(value, rune::lower)),
        ",," => Ok(map_all(value, rune::lower)),
        "^" => Ok(map_first(value, rune::upper)),
        "^^" => Ok(map_all(value, rune::upper)),
        "#" if args.is_empty() => Ok(value.len().to_string().into_bytes()),
        "#" => trim(false, false, bounds),
        "##" => trim(true, false, bounds),
        "%" => trim(false, true, bounds),
        "%%" => trim(true, true, bounds),
        ":" => Ok(substring(value, args)),
        "/#" => Ok(replace_prefix(value, args)),
        "/%" => Ok(replace_suffix(value, args)),
        "/" => replace(value, args, 1, bounds),
        "//" => replace(value, args, usize::MAX, bounds),
        _ => Ok(if value.is_empty() { args.concat() } else { value.to_vec() }),
    }
}

fn map_all(value: &[u8], map: fn(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    rune::all(value).for_each(|c| rune::push(&mut out, map(c)));
    out
}

fn map_first(value: &[u8], map: fn(char) -> char) -> Vec<u8> {
    let Some((c, width)) = rune::first(value) else { return Vec::new() };
    let mut out = Vec::with_capacity(value.len());
    rune::push(&mut out, map(c));
    out.extend_from_slice(&value[width..]);
    out
}

/// `${v:start}` and `${v:start:length}`; a negative number counts from the end, and what is no number leaves
/// the value as it is.
fn substring(value: &[u8], args: &[Vec<u8>]) -> Vec<u8> {
    let Some(start) = number(&args[0]) else { return value.to_vec() };
    let len = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let start = if start < 0 { start.saturating_add(len).max(0) } else { start };
    let end = match args.get(1).map(|arg| number(arg)) {
        None => len,
        Some(None) => return value.to_vec(),
        Some(Some(length)) if length < 0 => len.saturating_add(length),
        Some(Some(length)) => start.saturating_add(length).min(len),
    };
    let at = |index: i64| usize::try_from(index).unwrap_or(usize::MAX);
    value.get(at(start)..at(end)).unwrap_or_default().to_vec()
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn trimmed(
    value: &[u8],
    pattern: &[u8],
    longest: bool,
    suffix: bool,
    bounds: &mut Bounds,
) -> Result<Vec<u8>, Cause> {
    if !suffix {
        return Ok(value[prefix_len(value, pattern, longest, &mut bounds.budget)?..].to_vec());
    }
    // A suffix is the prefix of the reversed value under the reversed pattern: classes are reversed too.
    let (value, pattern) = (rune::reversed(value), rune::reversed(pattern));
    let len = prefix_len(&value, &pattern, longest, &mut bounds.budget)?;
    Ok(rune::reversed(&value[len..]))
}

/// Bytes of the shortest or longest non-empty prefix that the pattern matches; 0 when there is none or the
/// pattern is malformed.
fn prefix_len(value: &[u8], pattern: &[u8], longest: bool, budget: &mut Budget) -> Result<usize, Cause> {
    let mut found = 0;
    for len in (1..=value.len()).rev() {
        match matches(pattern, &value[..len], budget) {
            Ok(true) if longest => return Ok(len),
            Ok(true) => found = len,
            Ok(false) => {}
            Err(MatchError::Malformed) => return Ok(0),
            Err(MatchError::TooExpensive) => return Err(Cause::TooExpensive),
        }
    }
    Ok(found)
}

fn replace_prefix(value: &[u8], args: &[Vec<u8>]) -> Vec<u8> {
    match args {
        [from, to] => {
            value.strip_prefix(from.as_slice()).map_or_else(|| value.to_vec(), |rest| [to, rest].concat())
        }
        _ => value.to_vec(),
    }
}

fn replace_suffix(value: &[u8], args: &[Vec<u8>]) -> Vec<u8> {
    match args {
        [from, to] => {
            value.strip_suffix(from.as_slice()).map_or_else(|| value.to_vec(), |rest| [rest, to].concat())
        }
        _ => value.to_vec(),
    }
}

/// Replaces up to `limit` occurrences; an empty text to replace stands before every character and at the end.
fn replace(value: &[u8], args: &[Vec<u8>], limit: usize, bounds: &mut Bounds) -> Result<Vec<u8>, Cause> {
    let from = args[0].as_slice();
    let to = args.get(1).map(Vec::as_slice).unwrap_or_default();
    let text = |bytes| std::str::from_utf8(bytes).ok();
    match (text(value), text(from), text(to)) {
        (Some(value), Some(from), Some(to)) => replace_text(value, from, to, limit, bounds.max_bytes),
        _ => replace_bytes(value, from, to, limit, bounds),
    }
}

fn replace_text(value: &str, from: &str, to: &str, limit: usize, max: usize) -> Result<Vec<u8>, Cause> {
    let found = value.matches(from).take(limit).count();
    if value.len().saturating_add(found.saturating_mul(to.len())) > max {
        return Err(Cause::TooLarge);
    }
    Ok(value.replacen(from, to, limit).into_bytes())
}

/// The same for values cut inside a character.
fn replace_bytes(
    value: &[u8],
    from: &[u8],
    to: &[u8],
    limit: usize,
    bounds: &mut Bounds,
) -> Result<Vec<u8>, Cause> {
    let steps = value.len().saturating_mul(from.len());
    bounds.budget.spend(steps).map_err(|_| Cause::TooExpensive)?;
    let mut out = Vec::new();
    let mut rest = value;
    for done in 0..limit {
        let Some(at) = next_occurrence(rest, from, done) else { break };
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
        if out.len() > bounds.max_bytes {
            return Err(Cause::TooLarge);
        }
    }
    out.extend_from_slice(rest);
    Ok(out)
}

fn next_occurrence(text: &[u8], from: &[u8], done: usize) -> Option<usize> {
    if !from.is_empty() {
        return find(text, from);
    }
    if done == 0 { Some(0) } else { rune::first(text).map(|(_, width)| width) }
}

fn find(text: &[u8], from: &[u8]) -> Option<usize> {
    text.windows(from.len()).position(|window| window == from)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Budget, Cause, replace_bytes};

    fn replaced(value: &[u8], from: &[u8], to: &[u8], limit: usize) -> Result<Vec<u8>, Cause> {
        replace_bytes(value, from, to, limit, &mut Bounds { max_bytes: 12, budget: Budget(100) })
    }

    #[test]
    fn bytes_that_are_no_characters_are_replaced_as_text_is() {
        assert_eq!(replaced(b"\xc3ab\xc3ab", b"a", b"xy", usize::MAX), Ok(b"\xc3xyb\xc3xyb".to_vec()));
        assert_eq!(replaced(b"\xc3ab\xc3ab", b"a", b"", 1), Ok(b"\xc3b\xc3ab".to_vec()));
        assert_eq!(replaced(b"\xc3ab", b"none", b"x", usize::MAX), Ok(b"\xc3ab".to_vec()));
    }

    #[test]
    fn nothing_stands_before_every_character_and_at_the_end() {
        assert_eq!(replaced(b"\xc3a", b"", b"-", usize::MAX), Ok(b"-\xc3-a-".to_vec()));
        assert_eq!(replaced(b"\xc3a", b"", b"-", 1), Ok(b"-\xc3a".to_vec()));
    }

    #[test]
    fn what_grows_too_large_or_takes_too_long_is_refused() {
        assert_eq!(replaced(b"\xc3aaa", b"a", b"12345678", usize::MAX), Err(Cause::TooLarge));
        assert_eq!(replaced(&[0xc3; 30], b"1234", b"", 1), Err(Cause::TooExpensive));
    }
}
