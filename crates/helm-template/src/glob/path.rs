//! Go's `path.Match`: `*`, `?` and `[…]`, none of which matches `/`; no `**`.

/// Whether a name fits a pattern; a broken pattern fits nothing.
///
/// Greedy with one point of return: linear in pattern times name.
pub(crate) fn path_match(pattern: &str, name: &str) -> bool {
    let (mut p, mut n) = (pattern, name);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        if let Some(rest) = p.strip_prefix('*') {
            retry = Some((rest, n));
            p = rest;
            continue;
        }
        if p.is_empty() && n.is_empty() {
            return true;
        }
        if let Some((length, rest)) = first(n).and_then(|(c, rest)| Some((one(p, c)?, rest))) {
            (p, n) = (&p[length..], rest);
            continue;
        }
        match retry.and_then(|(back, from)| Some((back, first(from).filter(|(c, _)| *c != '/')?.1))) {
            Some((back, from)) => {
                (p, n) = (back, from);
                retry = Some((back, from));
            }
            None => return false,
        }
    }
}

/// Whether brackets are closed and no backslash stands at the end.
pub(crate) fn valid_path_pattern(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some((c, tail)) = first(rest) {
        rest = match c {
            '\\' => match first(tail) {
                Some((_, tail)) => tail,
                None => return false,
            },
            '[' => match class(rest, 'a') {
                Some((length, _)) => &rest[length..],
                None => return false,
            },
            _ => tail,
        };
    }
    true
}

fn first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    Some((chars.next()?, chars.as_str()))
}

/// Bytes of the pattern that match this one character.
fn one(pattern: &str, c: char) -> Option<usize> {
    let (begin, rest) = first(pattern)?;
    match begin {
        '?' => (c != '/').then_some(1),
        '[' => class(pattern, c).and_then(|(length, found)| (found && c != '/').then_some(length)),
        '\\' => (first(rest)?.0 == c).then_some(1 + c.len_utf8()),
        literal => (literal == c).then_some(c.len_utf8()),
    }
}

/// Bytes of a class, and whether the character is in it.
fn class(pattern: &str, c: char) -> Option<(usize, bool)> {
    let mut rest = &pattern[1..];
    let negated = rest.starts_with('^');
    rest = rest.strip_prefix('^').unwrap_or(rest);
    let (mut found, mut ranges) = (false, 0);
    loop {
        if let Some(tail) = rest.strip_prefix(']').filter(|_| ranges > 0) {
            return Some((pattern.len() - tail.len(), found != negated));
        }
        let low = member(&mut rest)?;
        let mut high = low;
        if let Some(tail) = rest.strip_prefix('-') {
            rest = tail;
            high = member(&mut rest)?;
        }
        found |= (low..=high).contains(&c);
        ranges += 1;
    }
}

fn member(rest: &mut &str) -> Option<char> {
    let (mut c, mut tail) = first(rest)?;
    if c == '-' || c == ']' {
        return None;
    }
    if c == '\\' {
        (c, tail) = first(tail)?;
    }
    *rest = tail;
    (!tail.is_empty()).then_some(c)
}

#[cfg(test)]
mod tests {
    use super::{path_match, valid_path_pattern};

    #[test]
    fn patterns_match_as_gos() {
        for (pattern, name, expect) in [
            ("*", "abc", true),
            ("*", "a/b", false),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxbxx", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("\\*", "*", true),
            ("templates/*", "templates/a.yaml", true),
            ("templates/*", "templates/a/b.yaml", false),
            ("*/x", "a/x", true),
            ("", "", true),
            ("*a*a*a*a*b", &"a".repeat(2000), false),
            ("*[é-ü\\]]?", "xö→", true),
            ("\\é*ü", "éaü", true),
            ("é?", "é/", false),
        ] {
            assert_eq!(path_match(pattern, name), expect, "{pattern} on {name}");
        }
    }

    #[test]
    fn broken_patterns_are_known() {
        for pattern in ["[", "[a", "[]a]", "a\\", "[a-]", "[^]"] {
            assert!(!valid_path_pattern(pattern), "{pattern}");
        }
        assert!(valid_path_pattern("[a-z]*\\["));
    }
}
