use std::collections::BTreeMap;

/// Cases that are known to fail, each with its reason.
#[derive(Clone, Debug, Default)]
pub struct Gaps(BTreeMap<String, String>);

/// A line of a gaps file that is not `case  # reason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gaps line {line}: want '<case>  # reason'")]
pub struct GapError {
    /// Line, from 1.
    pub line: usize,
}

impl Gaps {
    /// Reads lines `case  # reason`; lines that begin with `#` are comments.
    ///
    /// # Errors
    /// At the first line without a reason: a gap nobody can explain is a bug.
    pub fn parse(text: &str) -> Result<Self, GapError> {
        let mut gaps = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let split = line.split_once('#').map(|(case, reason)| (case.trim(), reason.trim()));
            let (case, reason) =
                split.filter(|(_, reason)| !reason.is_empty()).ok_or(GapError { line: at + 1 })?;
            gaps.insert(case.to_owned(), reason.to_owned());
        }
        Ok(Self(gaps))
    }

    /// Why a case is a gap.
    #[must_use]
    pub fn reason(&self, case: &str) -> Option<&str> {
        self.0.get(case).map(String::as_str)
    }

    /// Listed cases that are not among those that ran.
    pub fn unknown<'g>(&'g self, ran: &'g [String]) -> impl Iterator<Item = &'g str> {
        self.0.keys().map(String::as_str).filter(|case| !ran.iter().any(|name| name == case))
    }
}

#[cfg(test)]
mod tests {
    use super::{GapError, Gaps};

    #[test]
    fn every_gap_needs_a_reason() {
        let gaps = Gaps::parse("# all\n\na/b  # not yet\n").unwrap();
        assert_eq!(gaps.reason("a/b"), Some("not yet"));
        assert_eq!(gaps.reason("a/c"), None);
        assert_eq!(Gaps::parse("a/b\n").unwrap_err(), GapError { line: 1 });
        assert_eq!(Gaps::parse("a/b #\n").unwrap_err(), GapError { line: 1 });
    }
}
