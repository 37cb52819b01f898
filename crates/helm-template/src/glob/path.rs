//! Go's `path.Match`: `*`, `?` and `[…]`, none of which matches `/`; no `**`.

/// Whether a name fits a pattern; a broken pattern fits nothing.
pub(crate) fn path_match(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    matches(&pattern, &name)
}

/// Whether brackets are closed and no backslash stands at the end.
pub(crate) fn valid_path_pattern(pattern: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            '\\' if at + 1 >= pattern.len() => return false,
            '\\' => at += 2,
            '[' => match class(&pattern[at..], 'a') {
                Some((length, _)) => at += length,
                None => return false,
            },
            _ => at += 1,
        }
    }
    true
}

/// Greedy with one point of return: linear in pattern times name.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == '*' {
            retry = Some((p + 1, n));
            p += 1;
            continue;
        }
        if p == pattern.len() && n == name.len() {
            return true;
        }
        if let Some(length) = name.get(n).and_then(|c| one(&pattern[p..], *c)) {
            p += length;
            n += 1;
            continue;
        }
        match retry {
            Some((back, from)) if name.get(from).is_some_and(|c| *c != '/') => {
                (p, n) = (back, from + 1);
                retry = Some((back, from + 1));
            }
            _ => return false,
        }
    }
}

/// Characters of the pattern that match this one character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => (c != '/').then_some(1),
        '[' => class(pattern, c).and_then(|(length, found)| (found && c != '/').then_some(length)),
        '\\' => (*pattern.get(1)? == c).then_some(2),
        literal => (*literal == c).then_some(1),
    }
}

/// Length of a class, and whether the character is in it.
fn class(pattern: &[char], c: char) -> Option<(usize, bool)> {
    let mut at = 1;
    let negated = pattern.get(at) == Some(&'^');
    at += usize::from(negated);
    let (mut found, mut ranges) = (false, 0);
    loop {
        if pattern.get(at) == Some(&']') && ranges > 0 {
            return Some((at + 1, found != negated));
        }
        let low = member(pattern, &mut at)?;
        let mut high = low;
        if pattern.get(at) == Some(&'-') {
            at += 1;
            high = member(pattern, &mut at)?;
        }
        found |= (low..=high).contains(&c);
        ranges += 1;
    }
}

fn member(pattern: &[char], at: &mut usize) -> Option<char> {
    let mut c = *pattern.get(*at)?;
    if c == '-' || c == ']' {
        return None;
    }
    if c == '\\' {
        *at += 1;
        c = *pattern.get(*at)?;
    }
    *at += 1;
    (*at < pattern.len()).then_some(c)
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
