use std::{cmp::Ordering, fmt};

/// The longest text that is read as a version or constraint, in bytes.
pub(crate) const MAX_LENGTH: usize = 1024;

/// A semantic version, with the text it was read from.
///
/// Order and equality follow semver 2.0: build metadata does not count.
#[derive(Clone, Debug)]
pub struct Version {
    /// Major number.
    pub major: u64,
    /// Minor number; 0 when the text had none.
    pub minor: u64,
    /// Patch number; 0 when the text had none.
    pub patch: u64,
    /// Pre-release without the dash; empty for a release.
    pub pre: String,
    /// Build metadata without the plus; empty when there is none.
    pub build: String,
    original: String,
}

/// Why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid semantic version: {0}")]
pub struct VersionError(String);

impl Version {
    /// Reads `1`, `1.2`, `1.2.3`, each with an optional leading `v`, pre-release and build metadata.
    /// Leading zeros of the three numbers are tolerated, as in Helm charts and image tags.
    ///
    /// # Errors
    /// When the text has another form, a number is over 64 bits, or the text is over 1,024 bytes.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let bad = || VersionError(text.chars().take(80).collect());
        let parts = Parts::split(text).ok_or_else(bad)?;
        let mut numbers = [0; 3];
        for (slot, digits) in numbers.iter_mut().zip(&parts.numbers) {
            *slot = number(digits).ok_or_else(bad)?;
        }
        let [major, minor, patch] = numbers;
        Ok(Self { major, minor, patch, pre: parts.pre, build: parts.build, original: text.to_owned() })
    }

    /// Reads a tag as Flux does: a version in which two dots or more stand, wherever they do. `v1.2.3` and
    /// `1.22-alpine3.19` are read, `1.2` and `1.22-alpine` are not.
    ///
    /// # Errors
    /// As [`Version::parse`], and when a dot is missing.
    pub fn parse_tag(text: &str) -> Result<Self, VersionError> {
        match text.splitn(3, '.').count() {
            3 => Self::parse(text),
            _ => Err(VersionError(text.chars().take(80).collect())),
        }
    }

    /// The text it was read from.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Whether it is a pre-release.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }

    fn numbers(&self) -> [u64; 3] {
        [self.major, self.minor, self.patch]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers().cmp(&other.numbers()).then_with(|| compare_pre(&self.pre, &other.pre))
    }
}

/// A release is above its pre-releases; else identifiers are compared one by one (semver 2.0, rule 11).
pub(crate) fn compare_pre(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => compare_identifiers(a, b),
    }
}

fn compare_identifiers(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) => return compare_identifier(x, y),
        }
    }
}

/// Numbers are below words; a number over 64 bits counts as a word, as in the reference.
fn compare_identifier(x: &str, y: &str) -> Ordering {
    match (number(x), number(y)) {
        (Some(m), Some(n)) => m.cmp(&n),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => x.cmp(y),
    }
}

fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The pieces of a version or of a constraint's bound: one to three numbers (or wildcards), pre-release, build.
pub(crate) struct Parts {
    pub(crate) numbers: Vec<String>,
    pub(crate) pre: String,
    pub(crate) build: String,
}

impl Parts {
    pub(crate) fn split(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let text = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
        let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
        let numbers: Vec<String> = core.split('.').map(str::to_owned).collect();
        let valid = numbers.len() <= 3
            && numbers.iter().all(|part| !part.is_empty())
            && pre.is_none_or(valid_pre)
            && build.is_none_or(valid_identifiers);
        valid.then(|| Self {
            numbers,
            pre: pre.unwrap_or_default().to_owned(),
            build: build.unwrap_or_default().to_owned(),
        })
    }
}

fn valid_identifiers(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

fn valid_pre(text: &str) -> bool {
    let leading_zero = |part: &str| {
        part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    valid_identifiers(text) && !text.split('.').any(leading_zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_semver_does() {
        let order =
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-2x", "1.0.0", "1.0.1", "1.10.0", "2"];
        let mut sorted: Vec<Version> = order.iter().map(|text| Version::parse(text).unwrap()).collect();
        sorted.sort();
        let mut want: Vec<&str> = order.to_vec();
        // `2x` is a word and stands before `alpha` in byte order.
        let moved = want.remove(3);
        want.insert(0, moved);
        assert_eq!(sorted.iter().map(Version::original).collect::<Vec<_>>(), want);
    }

    #[test]
    fn tags_need_two_dots_wherever_they_stand() {
        for good in ["v1.2.3", "01.2.3", "v2025.07.03", "1.2-rc.1", "1.22-alpine3.19", "1-a.b.c", "1.2+a.b"] {
            assert!(Version::parse_tag(good).is_ok(), "{good}");
        }
        for bad in ["1.2", "v1", "1.2-5", "1.2-beta5", "1.2.beta", "1.2.3.4", "1-a.b+"] {
            assert!(Version::parse_tag(bad).is_err(), "{bad}");
        }
        assert!(Version::parse("1.2").is_ok() && Version::parse("1.2-5").is_ok());
    }

    #[test]
    fn refuses_what_is_no_version() {
        for bad in [
            "",
            "v",
            "1.",
            ".1",
            "1.2.3.4",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-01",
            "1.2.3-a_b",
            "a",
            " 1",
            "99999999999999999999",
        ] {
            assert!(Version::parse(bad).is_err(), "{bad}");
        }
        assert!(Version::parse(&format!("1.2.3-{}", "a".repeat(MAX_LENGTH))).is_err());
    }

    #[test]
    fn build_metadata_does_not_count() {
        assert_eq!(Version::parse("1.2.3+a").unwrap(), Version::parse("1.2.3+b").unwrap());
    }
}
