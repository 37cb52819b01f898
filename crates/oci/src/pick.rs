use std::sync::Arc;

use regex::Regex;
use semver_range::{Constraint, ConstraintError, Version};
use thiserror::Error;

use crate::{NameError, OciError, Reference, Session};

/// Which tag is the newest of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range<'a> {
    /// The range, as Flux writes it.
    pub semver: &'a str,
    /// Only tags that this regular expression, in Go's syntax, finds something in.
    pub filter: Option<&'a str>,
    /// `_` in tags stands for `+`, as Helm writes versions of charts.
    pub helm: bool,
}

/// No tag for a range.
#[derive(Debug, Error)]
pub enum PickError {
    /// The list could not be read.
    #[error(transparent)]
    List(#[from] OciError),
    /// The filter is no regular expression of Go's; in Go's words.
    #[error("{0}")]
    Filter(String),
    /// The range is none.
    #[error("semver '{range}' parse error: {cause}")]
    Range {
        /// As given.
        range: String,
        /// Why.
        cause: ConstraintError,
    },
    /// Nothing fits.
    #[error("no match found for semver: {0}")]
    None(String),
    /// The tags were not looked at to the end.
    #[error("looking for a tag: {0}")]
    Ended(String),
    /// The tag that fits cannot be asked for.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Bytes of a compiled filter.
const FILTER_SIZE: usize = 1 << 20;

impl Session {
    /// The tag with the highest version in the range.
    ///
    /// # Errors
    /// See [`PickError`].
    pub async fn pick(&self, range: &Range<'_>) -> Result<Reference, PickError> {
        let tags = self.tags().await?;
        Ok(Reference::tag(&highest_aside(SemverTags::new(range)?, tags).await?)?)
    }
}

/// A filter may take long: it holds up no worker, and ends when nobody waits for it any more.
async fn highest_aside(kept: SemverTags, tags: Vec<String>) -> Result<String, PickError> {
    let waits = Arc::new(());
    let watched = Arc::downgrade(&waits);
    let work = move || kept.highest_while(&tags, &|| watched.strong_count() > 0);
    let found = tokio::task::spawn_blocking(work).await;
    drop(waits);
    found.map_err(|error| PickError::Ended(error.to_string()))?
}

/// A range, ready to look at tags.
pub struct SemverTags {
    range: String,
    constraint: Constraint,
    filter: Option<Regex>,
    helm: bool,
}

impl SemverTags {
    /// Reads range and filter.
    ///
    /// # Errors
    /// [`PickError::Filter`], [`PickError::Range`].
    pub fn new(range: &Range<'_>) -> Result<Self, PickError> {
        let filter = range.filter.filter(|filter| !filter.is_empty());
        let filter = filter.map(compile).transpose().map_err(PickError::Filter)?;
        let constraint = Constraint::parse(range.semver)
            .map_err(|cause| PickError::Range { range: range.semver.to_owned(), cause })?;
        Ok(Self { range: range.semver.to_owned(), constraint, filter, helm: range.helm })
    }

    /// The tag with the highest version.
    ///
    /// # Errors
    /// [`PickError::None`].
    pub fn highest(&self, tags: &[String]) -> Result<String, PickError> {
        self.highest_while(tags, &|| true)
    }

    fn highest_while(&self, tags: &[String], goes_on: &dyn Fn() -> bool) -> Result<String, PickError> {
        let tags = tags.iter().take_while(|_| goes_on());
        let kept = tags.filter(|tag| self.filter.as_ref().is_none_or(|filter| filter.is_match(tag)));
        let versions = kept.filter_map(|tag| Version::parse_tag(&self.version(tag)).ok());
        let fitting = versions.filter(|version| self.constraint.matches(version));
        let highest = fitting.max().ok_or_else(|| PickError::None(self.range.clone()))?;
        let text = highest.original();
        Ok(if self.helm { text.replace('+', "_") } else { text.to_owned() })
    }

    fn version(&self, tag: &str) -> String {
        if self.helm { tag.replace('_', "+") } else { tag.to_owned() }
    }
}

fn compile(filter: &str) -> Result<Regex, String> {
    let translated = go_regex::translate(filter)?;
    let built = regex::RegexBuilder::new(&translated).size_limit(FILTER_SIZE).build();
    built.map_err(|error| go_regex::reason(filter, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(semver: &str, filter: Option<&str>, helm: bool, tags: &[&str]) -> Result<String, String> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let range = Range { semver, filter, helm };
        SemverTags::new(&range).and_then(|tags_of| tags_of.highest(&tags)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_highest_version_of_the_range_is_picked() {
        let tags = ["latest", "1.0.0", "v1.2.0", "1.10.0-rc.1", "2.0.0", "1.9"];
        assert_eq!(pick("1.x", None, false, &tags).unwrap(), "v1.2.0");
        assert_eq!(pick(">=1.0.0-0", Some("rc"), false, &tags).unwrap(), "1.10.0-rc.1");
        assert_eq!(pick("3.x", None, false, &tags).unwrap_err(), "no match found for semver: 3.x");
        assert!(pick("nope!", None, false, &tags).unwrap_err().starts_with("semver 'nope!' parse error: "));
        let error = pick("*", Some("("), false, &tags).unwrap_err();
        assert_eq!(error, "error parsing regexp: missing closing ): `(`");
        assert_eq!(pick(">=1.0.0-0", Some(r"[\d-a]rc"), false, &tags).unwrap(), "1.10.0-rc.1");
    }

    /// A hundred thousand tags of letters without order, each of which takes many steps to look at.
    fn noise() -> Vec<String> {
        let mut state = 1_u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 63 == 0 { 'a' } else { 'b' }
        };
        (0..100_000).map(|_| (0..128).map(|_| letter()).collect()).collect()
    }

    /// Remembers for each `a` where it stands, and finds nothing.
    const SLOW: &str = "a[ab]{60}a[ab]{40}[^ab]";

    // One thread: what holds it up holds up everything; and it waits for what was begun before it ends.
    #[tokio::test]
    async fn a_filter_that_takes_long_holds_up_nothing_and_ends_with_whoever_waits() {
        let range = Range { semver: "*", filter: Some(SLOW), helm: false };
        let mut work = Box::pin(highest_aside(SemverTags::new(&range).unwrap(), noise()));
        for _ in 0..20 {
            tokio::select! {
                biased;
                _ = &mut work => panic!("the filter takes long"),
                () = tokio::time::sleep(std::time::Duration::from_millis(1)) => {}
            }
        }
    }

    #[test]
    fn versions_of_charts_have_a_plus_for_the_underscore() {
        assert_eq!(pick("1.x", None, true, &["1.0.0", "1.1.0_build.5"]).unwrap(), "1.1.0_build.5");
        assert_eq!(pick("1.x", None, false, &["1.0.0", "1.1.0_build.5"]).unwrap(), "1.0.0");
    }
}
