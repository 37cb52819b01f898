use std::{cmp::Ordering, sync::LazyLock};

use regex::Regex;

use crate::version::{MAX_LENGTH, Parts, Version, compare_pre};

/// One number of a bound, or a wildcard; numbers that are absent count as wildcards.
const BOUND: &str = r"v?[0-9xX*]+(?:\.[0-9xX*]+)?(?:\.[0-9xX*]+)?(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?";
const OPERATOR: &str = r"!=|>=|=>|<=|=<|~>|=|>|<|~|\^|";
const SPACE: &str = r"[\t\n\x0C\r ]";

static HYPHEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("{SPACE}*({BOUND}){SPACE}+-{SPACE}+({BOUND}){SPACE}*")));
static GROUP: LazyLock<Regex> = LazyLock::new(|| {
    let term = format!("(?:{OPERATOR}){SPACE}*{BOUND}");
    pattern(&format!("^{SPACE}*{term}{SPACE}*(?:(?:{SPACE}+|,{SPACE}*){term}{SPACE}*)*$"))
});
static TERM: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("({OPERATOR}){SPACE}*({BOUND})")));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant")
}

/// A set of versions: groups joined by `||`, each a list of comparisons that must all hold.
#[derive(Clone, Debug)]
pub struct Constraint {
    groups: Vec<Vec<Comparison>>,
    original: String,
}

/// Why a text is no constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("improper constraint: {0:?}")]
pub struct ConstraintError(String);

impl Constraint {
    /// Reads `>=1.2 <2`, `>= 1.2, < 2`, `^1.2`, `~1.2.3`, `1.2.x`, `1.2 - 1.4`, `!=1.2.3` and groups of them with `||`.
    ///
    /// # Errors
    /// When the text has another form or is over 1,024 bytes. The empty text is refused, as in the reference.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let bad = || ConstraintError(text.chars().take(80).collect());
        if text.len() > MAX_LENGTH {
            return Err(bad());
        }
        let plain = HYPHEN.replace_all(text, ">= $1, <= $2 ");
        let groups: Option<Vec<_>> = plain.split("||").map(group).collect();
        Ok(Self { groups: groups.ok_or_else(bad)?, original: text.to_owned() })
    }

    /// Whether the version is in the set. A pre-release is only in a group that names a pre-release itself.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let names_prerelease = group.iter().any(|comparison| comparison.bound.is_prerelease());
            (names_prerelease || !version.is_prerelease())
                && group.iter().all(|comparison| comparison.holds(version))
        })
    }

    /// The text it was read from.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }
}

fn group(text: &str) -> Option<Vec<Comparison>> {
    if !GROUP.is_match(text) {
        return None;
    }
    TERM.captures_iter(text).map(|found| Comparison::parse(&found[1], &found[2])).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// From which number on the bound is open: `*`, `1` or `1.x`, `1.2` or `1.2.x`, `1.2.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Major,
    Minor,
    Patch,
    Nothing,
}

#[derive(Clone, Debug)]
struct Comparison {
    operator: Operator,
    bound: Version,
    open: Open,
}

impl Comparison {
    fn parse(operator: &str, bound: &str) -> Option<Self> {
        let operator = match operator {
            "" | "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            ">=" | "=>" => Operator::GreaterOrEqual,
            "<" => Operator::Less,
            "<=" | "=<" => Operator::LessOrEqual,
            "~" | "~>" => Operator::Tilde,
            "^" => Operator::Caret,
            _ => return None,
        };
        let parts = Parts::split(bound)?;
        let open = open_from(&parts.numbers);
        let known = match open {
            Open::Major => 0,
            Open::Minor => 1,
            Open::Patch => 2,
            Open::Nothing => 3,
        };
        let mut text = (0..3)
            .map(|at| parts.numbers.get(at).filter(|_| at < known).map_or("0", String::as_str))
            .collect::<Vec<_>>()
            .join(".");
        if !parts.pre.is_empty() {
            text = format!("{text}-{}", parts.pre);
        }
        Some(Self { operator, bound: Version::parse(&text).ok()?, open })
    }

    fn holds(&self, version: &Version) -> bool {
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => *version == self.bound,
            Operator::Equal | Operator::Tilde => self.tilde(version),
            Operator::NotEqual => self.not_equal(version),
            Operator::Greater => self.greater(version),
            Operator::GreaterOrEqual => *version >= self.bound,
            Operator::Less => *version < self.bound,
            Operator::LessOrEqual => self.less_or_equal(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn same_major(&self, version: &Version) -> bool {
        version.major == self.bound.major
    }

    fn same_minor(&self, version: &Version) -> bool {
        version.minor == self.bound.minor
    }

    /// `~1` stays below 2, `~1.2` and `~1.2.3` below 1.3; `~*` and `~0.0.0` are everything from the bound on.
    fn tilde(&self, version: &Version) -> bool {
        let zero = (self.bound.major, self.bound.minor, self.bound.patch) == (0, 0, 0);
        if *version < self.bound {
            return false;
        }
        if zero && !matches!(self.open, Open::Minor | Open::Patch) {
            return true;
        }
        self.same_major(version) && (self.open == Open::Minor || self.same_minor(version))
    }

    /// The first number that is not zero stays the same.
    fn caret(&self, version: &Version) -> bool {
        if *version < self.bound {
            return false;
        }
        if self.bound.major > 0 || self.open == Open::Minor {
            return self.same_major(version);
        }
        if version.major > 0 {
            return false;
        }
        if self.bound.minor > 0 || self.open == Open::Patch {
            return self.same_minor(version);
        }
        version.minor == 0 && version.patch == self.bound.patch
    }

    fn not_equal(&self, version: &Version) -> bool {
        match self.open {
            Open::Nothing | Open::Major => *version != self.bound,
            Open::Minor => !self.same_major(version),
            Open::Patch => {
                !self.same_major(version)
                    || !self.same_minor(version)
                    || compare_pre(&version.pre, &self.bound.pre) != Ordering::Equal
            }
        }
    }

    /// `>1` begins at 2 and `>1.2` at 1.3: what the open part covers is not greater.
    fn greater(&self, version: &Version) -> bool {
        if matches!(self.open, Open::Nothing) || !self.same_major(version) {
            return *version > self.bound;
        }
        match self.open {
            Open::Minor => false,
            Open::Patch => version.minor > self.bound.minor,
            Open::Major | Open::Nothing => *version > self.bound,
        }
    }

    /// `<=1.2` holds for 1.2.9: what the open part covers is still equal.
    fn less_or_equal(&self, version: &Version) -> bool {
        match self.open {
            Open::Nothing => *version <= self.bound,
            Open::Minor => version.major <= self.bound.major,
            Open::Major | Open::Patch => {
                (version.major, version.minor) <= (self.bound.major, self.bound.minor)
            }
        }
    }
}

fn open_from(numbers: &[String]) -> Open {
    let open = |at: usize| numbers.get(at).is_none_or(|part| matches!(part.as_str(), "x" | "X" | "*"));
    match (open(0), open(1), open(2)) {
        (true, _, _) => Open::Major,
        (_, true, _) => Open::Minor,
        (_, _, true) => Open::Patch,
        _ => Open::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_constraint() {
        for bad in ["", "latest", "> > 1", "1 2 ||", "1.2.3.4", "^", "1|2", "1x", "**", ">=1.2;<2"] {
            assert!(Constraint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_later_x_does_not_close_an_earlier_one() {
        let any = Constraint::parse("x.5.1").unwrap();
        assert!(any.matches(&Version::parse("9.9.9").unwrap()));
    }
}
