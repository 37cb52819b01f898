use api::image::v1::{ImagePolicyChoice, SortOrder, TagFilter};
use semver_range::{Constraint, Version};

use super::filter::Filter;
use crate::regex::RegexError;

/// Why no tag is the latest. The wording is Flux's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChoiceError {
    #[error("invalid policy: {0}")]
    Policy(String),
    #[error("failed to filter tags: invalid regular expression pattern '{pattern}': {cause}")]
    Filter { pattern: String, cause: RegexError },
    #[error("failed to filter tags: {what} takes more than {limit} bytes")]
    TooLarge { what: &'static str, limit: usize },
    #[error("version list argument cannot be empty")]
    Empty,
    #[error("unable to determine latest version from provided list")]
    NoMatch,
    #[error("failed to parse invalid numeric value '{0}'")]
    Number(String),
    #[error("given up, because the run is outdated")]
    Stopped,
}

impl ChoiceError {
    /// Only a change of the policy helps.
    pub(super) fn is_invalid(&self) -> bool {
        matches!(self, Self::Policy(_) | Self::Filter { .. } | Self::TooLarge { .. })
    }
}

/// The rule of a policy.
enum Rule {
    Semver(Constraint),
    Alphabetical { descending: bool },
    Numerical { descending: bool },
}

/// The latest of the tags by policy and filter; the filter's extract is compared, the tag is given. Blocks, until `stop`
/// says otherwise.
pub(super) fn choose(
    policy: &ImagePolicyChoice,
    filter: Option<&TagFilter>,
    tags: &[String],
    stop: &dyn Fn() -> bool,
) -> Result<String, ChoiceError> {
    let rule = rule(policy)?;
    let Some(filter) = filter else { return latest(&rule, tags) };
    let filter = Filter::new(filter)?;
    let filtered = filter.apply(tags, stop)?;
    let values: Vec<String> = filtered.iter().map(|(value, _)| value.clone()).collect();
    let found = latest(&rule, &values)?;
    let tag = filtered.into_iter().find(|(value, _)| *value == found).map(|(_, tag)| tag);
    tag.ok_or(ChoiceError::NoMatch)
}

fn rule(policy: &ImagePolicyChoice) -> Result<Rule, ChoiceError> {
    let descending = |order: Option<&SortOrder>| match order {
        None => Ok(false),
        Some(order) => match order.to_string().to_ascii_uppercase().as_str() {
            "" | "ASC" => Ok(false),
            "DESC" => Ok(true),
            other => Err(ChoiceError::Policy(format!(
                "invalid order argument provided: '{other}', must be one of: ASC, DESC"
            ))),
        },
    };
    if let Some(semver) = &policy.semver {
        let range = Constraint::parse(&semver.range);
        return range.map(Rule::Semver).map_err(|error| ChoiceError::Policy(error.to_string()));
    }
    if let Some(alphabetical) = &policy.alphabetical {
        return Ok(Rule::Alphabetical { descending: descending(alphabetical.order.as_ref())? });
    }
    if let Some(numerical) = &policy.numerical {
        return Ok(Rule::Numerical { descending: descending(numerical.order.as_ref())? });
    }
    Err(ChoiceError::Policy("given ImagePolicyChoice object is invalid".to_owned()))
}

fn latest(rule: &Rule, tags: &[String]) -> Result<String, ChoiceError> {
    if tags.is_empty() {
        return Err(ChoiceError::Empty);
    }
    match rule {
        Rule::Semver(range) => highest(range, tags).ok_or(ChoiceError::NoMatch),
        Rule::Alphabetical { descending: true } => tags.iter().min().cloned().ok_or(ChoiceError::Empty),
        Rule::Alphabetical { descending: false } => tags.iter().max().cloned().ok_or(ChoiceError::Empty),
        Rule::Numerical { descending } => numerical(*descending, tags),
    }
}

/// Of equal versions the first one wins; what is no version as Flux reads tags is passed over.
fn highest(range: &Constraint, tags: &[String]) -> Option<String> {
    let mut best: Option<Version> = None;
    for tag in tags {
        let Ok(version) = Version::parse_tag(tag) else { continue };
        if range.matches(&version) && best.as_ref().is_none_or(|best| version > *best) {
            best = Some(version);
        }
    }
    best.map(|version| version.original().to_owned())
}

/// Of equal numbers the last one wins; a tag that is no number is an error.
fn numerical(descending: bool, tags: &[String]) -> Result<String, ChoiceError> {
    let mut best: Option<(f64, &String)> = None;
    for tag in tags {
        let number = number(tag).ok_or_else(|| ChoiceError::Number(tag.clone()))?;
        let loses = best.is_some_and(|(best, _)| if descending { number > best } else { number < best });
        if !loses {
            best = Some((number, tag));
        }
    }
    best.map(|(_, tag)| tag.clone()).ok_or(ChoiceError::Empty)
}

/// A number as Go's `strconv.ParseFloat` reads it, without its hexadecimal form: digits may be parted by `_`, and what
/// is too large is none.
fn number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let parted = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| digit(at.checked_sub(1)) && digit(Some(at + 1)));
    let number: f64 = parted.then(|| text.replace('_', ""))?.parse().ok()?;
    let spelled = text.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("inf");
    (number.is_finite() || number.is_nan() || spelled).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::{ChoiceError, choose};
    use api::image::v1::{
        AlphabeticalPolicy, ImagePolicyChoice, NumericalPolicy, SemverPolicy, SortOrder, TagFilter,
    };

    fn semver(range: &str) -> ImagePolicyChoice {
        ImagePolicyChoice { semver: Some(SemverPolicy { range: range.into() }), ..Default::default() }
    }

    fn alphabetical(order: Option<SortOrder>) -> ImagePolicyChoice {
        ImagePolicyChoice { alphabetical: Some(AlphabeticalPolicy { order }), ..Default::default() }
    }

    fn numerical(order: Option<SortOrder>) -> ImagePolicyChoice {
        ImagePolicyChoice { numerical: Some(NumericalPolicy { order }), ..Default::default() }
    }

    fn filter(pattern: &str, extract: &str) -> TagFilter {
        TagFilter {
            pattern: Some(pattern.into()),
            extract: Some(extract.into()).filter(|text: &String| !text.is_empty()),
        }
    }

    fn check(policy: &ImagePolicyChoice, filter: Option<&TagFilter>, tags: &[&str], expected: &str) {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let found = choose(policy, filter, &tags, &|| false).unwrap_or_else(|error| error.to_string());
        assert_eq!(found, expected);
    }

    #[test]
    fn the_highest_version_in_the_range_wins() {
        let tags = ["1.0.0", "1.1.0", "2.0.0", "v1.2.0", "1.3", "1.2.0-rc.1", "latest"];
        check(&semver("1.x"), None, &tags, "v1.2.0");
        check(&semver(">=1.0.0-0 <1.2.0"), None, &tags, "1.2.0-rc.1");
        check(&semver("*"), None, &["2024.01.02", "2024.01.10"], "2024.01.10");
        let alpine = ["1.21.0-alpine3.18", "1.22-alpine3.19", "1.23-alpine"];
        check(&semver(">=1.0.0-0"), None, &alpine, "1.22-alpine3.19");
        check(&semver(">=5.0.0"), None, &tags, "unable to determine latest version from provided list");
        check(&semver("not a range"), None, &tags, "invalid policy: improper constraint: \"not a range\"");
    }

    #[test]
    fn rising_order_picks_the_last() {
        let tags = ["alpha", "beta", "1", "Beta"];
        check(&alphabetical(None), None, &tags, "beta");
        check(&alphabetical(Some(SortOrder::Descending)), None, &tags, "1");
        check(&numerical(None), None, &["9", "10", "8.5", "1e1"], "1e1");
        check(&numerical(Some(SortOrder::Descending)), None, &["9", "10", "8.5"], "8.5");
        check(&numerical(None), None, &["1_0", "9", "inf"], "inf");
        check(&numerical(None), None, &["9", "x1"], "failed to parse invalid numeric value 'x1'");
        check(&numerical(None), None, &["9", "1e400"], "failed to parse invalid numeric value '1e400'");
        check(&numerical(None), None, &[], "version list argument cannot be empty");
    }

    #[test]
    fn the_extract_is_compared_and_the_tag_is_given() {
        let tags = ["main-abc-100", "main-def-200", "dev-abc-300"];
        let by_time = filter("^main-[a-f]+-(?P<ts>[0-9]+)$", "$ts");
        check(&numerical(None), Some(&by_time), &tags, "main-def-200");
        check(&alphabetical(None), Some(&filter("^main-", "")), &tags, "main-def-200");
        check(
            &alphabetical(None),
            Some(&filter("^(x)-", "$1")),
            &tags,
            "version list argument cannot be empty",
        );
        let missing = filter("^main-.*$", "$missing");
        check(&numerical(None), Some(&missing), &tags, "failed to parse invalid numeric value ''");
        let expected = "failed to filter tags: invalid regular expression pattern '(': \
                        error parsing regexp: missing closing ): `(`";
        check(&numerical(None), Some(&filter("(", "")), &tags, expected);
    }

    #[test]
    fn what_only_the_owner_can_mend_is_told_apart() {
        assert!(choose(&ImagePolicyChoice::default(), None, &[], &|| false).unwrap_err().is_invalid());
        assert!(!ChoiceError::Empty.is_invalid());
    }
}
