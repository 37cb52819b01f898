/// What a pattern says about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Silent,
    Exclude,
    Include,
}

/// One line of an ignore file, bound to the folder it was found in.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    domain: Vec<String>,
    parts: Vec<String>,
    include: bool,
    dirs_only: bool,
}

impl Pattern {
    pub(crate) fn parse(line: &str, dir: &str) -> Self {
        let (include, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let line = if line.ends_with("\\ ") { line } else { line.trim_end_matches(' ') };
        let (dirs_only, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
        Self {
            domain: dir.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            parts: line.split('/').map(str::to_owned).collect(),
            include,
            dirs_only,
        }
    }

    pub(crate) fn judge(&self, path: &[&str], is_dir: bool) -> Verdict {
        let inside = path.len() > self.domain.len() && self.domain.iter().zip(path).all(|(a, b)| a == b);
        if !inside {
            return Verdict::Silent;
        }
        let path = &path[self.domain.len()..];
        let hit = match &self.parts[..] {
            [name] => self.matches_name(name, path, is_dir),
            parts => self.matches_path(parts, path, is_dir),
        };
        match (hit, self.include) {
            (false, _) => Verdict::Silent,
            (true, true) => Verdict::Include,
            (true, false) => Verdict::Exclude,
        }
    }

    /// A pattern without a slash: any part of the path may have that name.
    fn matches_name(&self, name: &str, path: &[&str], is_dir: bool) -> bool {
        let hit = path.iter().position(|part| matches(name, part));
        hit.is_some_and(|at| is_dir || !self.dirs_only || at + 1 < path.len())
    }

    /// A pattern with a slash: its parts in order from the folder of the file, as a prefix of the path.
    fn matches_path(&self, parts: &[String], path: &[&str], is_dir: bool) -> bool {
        let mut rest = path;
        let mut any_depth = false;
        let mut hit = false;
        for (at, part) in parts.iter().enumerate() {
            match part.as_str() {
                "" => any_depth = false,
                "**" if at + 1 == parts.len() => break,
                "**" => any_depth = true,
                part if part.contains("**") => return false,
                part => {
                    let found = rest.iter().position(|name| matches(part, name));
                    // After `**` a part that is found nowhere leaves an earlier hit undone, but does not end
                    // the search: nothing is left then for the parts that follow.
                    match found {
                        Some(at) if at == 0 || any_depth => (hit, rest) = (true, &rest[at + 1..]),
                        None if any_depth && !rest.is_empty() => (hit, rest) = (false, &[]),
                        _ => return false,
                    }
                    any_depth = false;
                }
            }
        }
        hit && (is_dir || !self.dirs_only || !rest.is_empty())
    }
}

/// Shell matching of one name as Go's `path/filepath.Match` does it: `*`, `?`, `[a-z]`, `[^a]`, `\` escapes.
/// A malformed pattern matches nothing.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while p < pattern.len() || n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        let step = name.get(n).and_then(|c| single(&pattern[p.min(pattern.len())..], *c));
        match (step, star) {
            (Some(used), _) => (p, n) = (p + used, n + 1),
            (None, Some((after, from))) if from < name.len() => {
                star = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
            (None, _) => return false,
        }
    }
    true
}

/// How many characters of the pattern match this one character of the name.
fn single(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => class(pattern, c),
        '\\' => (pattern.get(1) == Some(&c)).then_some(2),
        literal => (*literal == c).then_some(1),
    }
}

fn class(pattern: &[char], c: char) -> Option<usize> {
    let negated = pattern.get(1) == Some(&'^');
    let mut at = if negated { 2 } else { 1 };
    let start = at;
    let mut inside = false;
    while *pattern.get(at)? != ']' || at == start {
        let (low, after) = class_char(pattern, at)?;
        let (high, after) = match pattern.get(after) {
            Some('-') => class_char(pattern, after + 1)?,
            _ => (low, after),
        };
        inside |= low <= c && c <= high;
        at = after;
    }
    (inside != negated).then_some(at + 1)
}

fn class_char(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match pattern.get(at)? {
        '\\' => Some((*pattern.get(at + 1)?, at + 2)),
        '-' | ']' => None,
        c => Some((*c, at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name) in [
            ("*.png", "a.png"),
            ("a*b*c", "aXbYbc"),
            ("?", "é"),
            ("[a-c]x", "bx"),
            ("[^a]", "b"),
            ("\\*", "*"),
            ("*", ""),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.png", "a.pngx"),
            ("?", ""),
            ("[^a]", "a"),
            ("[a", "a"),
            ("[]", "x"),
            ("\\", "x"),
            ("a", "ab"),
            ("ab", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    fn check(line: &str, path: &str, is_dir: bool, expected: Verdict) {
        let parts: Vec<&str> = path.split('/').collect();
        assert_eq!(Pattern::parse(line, "").judge(&parts, is_dir), expected, "{line} {path}");
    }

    #[test]
    fn slashes_anchor_and_stars_cross_folders() {
        check("/a", "a/b", false, Verdict::Exclude);
        check("/a", "b/a", false, Verdict::Silent);
        check("a/b", "x/a/b", false, Verdict::Silent);
        check("**/b", "x/a/b", false, Verdict::Exclude);
        check("**/b", "b", false, Verdict::Exclude);
        check("a/**", "a/x/y", false, Verdict::Exclude);
        check("a/**/z", "a/x/y/z", false, Verdict::Exclude);
        check("a/**/z", "a/x/y", false, Verdict::Silent);
        check("x**y/z", "xay/z", false, Verdict::Silent);
        check("!/a", "a", false, Verdict::Include);
    }

    #[test]
    fn hostile_patterns_end_quickly() {
        let pattern = "*a".repeat(200);
        assert!(!matches(&pattern, &"a".repeat(190)));
        assert!(matches(&pattern, &"a".repeat(2000)));
    }
}
