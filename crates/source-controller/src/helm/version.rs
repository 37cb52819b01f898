//! Which version of a chart a text means: exactly that one, or the highest of a range.

use semver_range::{Constraint, Version};

use crate::helm::index::ChartVersion;

/// Why no version fits. `found` is said by the caller, who knows where it looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PickError {
    /// The text is no range.
    Range(String),
    /// Nothing fits.
    None,
}

/// The version of an index; of equal ones the newer.
pub(crate) fn of_index<'a>(
    versions: &'a [ChartVersion],
    wanted: &str,
) -> Result<&'a ChartVersion, PickError> {
    if let Some(exact) = versions.iter().find(|found| !wanted.is_empty() && found.version == wanted) {
        return Ok(exact);
    }
    let constraint = constraint(wanted)?;
    let parsed = versions.iter().filter_map(|found| Some((Version::parse_tag(&found.version).ok()?, found)));
    let fitting = parsed.filter(|(version, _)| constraint.matches(version));
    let highest = fitting.max_by(|a, b| a.0.cmp(&b.0).then(a.1.created.cmp(&b.1.created)));
    highest.map(|(_, found)| found).ok_or(PickError::None)
}

/// The version of a registry's tags, in which `_` stands for `+`.
pub(crate) fn of_tags(tags: &[String], wanted: &str) -> Result<String, PickError> {
    let versions: Vec<String> = tags.iter().map(|tag| tag.replace('_', "+")).collect();
    if let Some(exact) = versions.iter().find(|found| !wanted.is_empty() && *found == wanted) {
        return Ok(exact.clone());
    }
    let constraint = constraint(wanted)?;
    let parsed = versions.iter().filter_map(|found| Version::parse_tag(found).ok());
    let highest = parsed.filter(|version| constraint.matches(version)).max();
    highest.map(|version| version.original().to_owned()).ok_or(PickError::None)
}

fn constraint(wanted: &str) -> Result<Constraint, PickError> {
    let range = if wanted.is_empty() { "*" } else { wanted };
    Constraint::parse(range).map_err(|error| PickError::Range(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{PickError, of_index, of_tags};
    use crate::helm::index::ChartVersion;

    fn check(versions: &[&str], wanted: &str, expected: Option<&str>) {
        let entry = |version: &&str| ChartVersion {
            version: (*version).into(),
            url: None,
            created: None,
            digest: None,
        };
        let entries: Vec<ChartVersion> = versions.iter().map(entry).collect();
        let found = of_index(&entries, wanted).map(|found| found.version.clone());
        assert_eq!(found.ok().as_deref(), expected, "{wanted}");
        let tags: Vec<String> = versions.iter().map(|version| version.replace('+', "_")).collect();
        assert_eq!(of_tags(&tags, wanted).ok().as_deref(), expected, "{wanted}");
    }

    #[test]
    fn a_version_is_itself_and_a_range_its_highest() {
        let versions = ["1.0.0", "1.5.0", "2.0.0-rc.1", "1.1.0+build.5", "v1.4.0"];
        check(&versions, "1.0.0", Some("1.0.0"));
        check(&versions, "", Some("1.5.0"));
        check(&versions, "*", Some("1.5.0"));
        check(&versions, "1.1.x", Some("1.1.0+build.5"));
        check(&versions, ">=2.0.0-0", Some("2.0.0-rc.1"));
        check(&versions, "3.x", None);
        assert!(matches!(of_tags(&[], "nope!"), Err(PickError::Range(_))));
    }
}
