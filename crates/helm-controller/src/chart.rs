//! The chart of a run with the values for it.

use api::meta::Artifact;
use helm_template::{Chart, ResolvedChart, Values};

use crate::sources::SourceKey;
use crate::work::About;

/// A chart as it was loaded from its source, with the values wanted.
pub(crate) struct Loaded {
    /// The chart.
    pub chart: Chart,
    /// Its dependencies done with for these values.
    pub resolved: ResolvedChart,
    /// The values wanted.
    pub values: Values,
    /// Digest of the values.
    pub values_digest: String,
    /// Name of the chart.
    pub name: String,
    /// Version of the chart; with the digest of an OCI artifact.
    pub version: String,
    /// Digest of the OCI artifact; empty for others.
    pub oci_digest: String,
    /// What events are about.
    pub about: About,
}

impl Loaded {
    /// Of a chart and values.
    ///
    /// # Errors
    /// When the chart's dependencies contradict each other.
    pub(crate) fn new(chart: Chart, values: Values, oci_digest: String) -> Result<Self, String> {
        let resolved = chart.resolve(&values).map_err(|error| error.to_string())?;
        let values_digest = helm_release::digest_values(&values);
        let about = About {
            revision: chart.version().to_owned(),
            token: values_digest.clone(),
            app_version: chart.app_version().to_owned(),
            oci_digest: oci_digest.clone(),
        };
        let (name, version) = (chart.name().to_owned(), chart.version().to_owned());
        Ok(Self { chart, resolved, values, values_digest, name, version, oci_digest, about })
    }

    /// The same chart for other values.
    ///
    /// # Errors
    /// When the chart's dependencies contradict each other.
    pub(crate) fn resolve(&self, values: &Values) -> Result<ResolvedChart, String> {
        if *values == self.values {
            return Ok(self.resolved.clone());
        }
        self.chart.resolve(values).map_err(|error| error.to_string())
    }
}

/// Why a chart does not fit its source. Texts are Flux's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MutateError {
    /// The chart's version is none.
    #[error("invalid chart version {0}")]
    Version(String),
    /// The tag is another version.
    #[error("artifact revision {tag} does not match chart version {version}")]
    OtherVersion {
        /// The tag.
        tag: String,
        /// Version of the chart.
        version: String,
    },
    /// The revision has no digest.
    #[error("invalid artifact revision {0}")]
    Revision(String),
}

/// Version and digest of a chart from an OCI artifact: the first 12 characters of the digest become build metadata of
/// the version, so that a tag that moved is another version. `None` for other sources.
///
/// # Errors
/// When the revision is not of this chart.
pub(crate) fn tracked(
    version: &str,
    source: &SourceKey,
    artifact: &Artifact,
) -> Result<Option<(String, String)>, MutateError> {
    use api::helm::v2::ChartRefKind::{ExternalArtifact, OCIRepository};
    let revision = artifact.revision.as_str();
    let has_digest = match source.kind {
        OCIRepository => true,
        ExternalArtifact => revision.contains(':'),
        _ => false,
    };
    if !has_digest {
        return Ok(None);
    }
    let parsed =
        semver_range::Version::parse(version).map_err(|_| MutateError::Version(version.to_owned()))?;
    let digest = match revision.split_once('@') {
        Some((tag, digest)) => {
            let tagged = semver_range::Version::parse(&tag.replace('_', "+"));
            match tagged {
                Ok(tagged) if !same_version(&tagged, &parsed) => {
                    let (tag, version) = (tag.to_owned(), version.to_owned());
                    return Err(MutateError::OtherVersion { tag, version });
                }
                Ok(_) => digest,
                Err(_) => revision,
            }
        }
        None => revision,
    };
    let bad = || MutateError::Revision(digest.to_owned());
    let parts: Vec<&str> = digest.split(':').collect();
    let [_, hex] = parts.as_slice() else { return Err(bad()) };
    let short: String = hex.chars().take(12).collect();
    if short.is_empty() || !short.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(bad());
    }
    let base = parsed.to_string();
    let base = base.split_once('+').map_or(base.as_str(), |(base, _)| base);
    Ok(Some((format!("{base}+{short}"), digest.to_owned())))
}

/// Build metadata does not tell versions apart.
fn same_version(a: &semver_range::Version, b: &semver_range::Version) -> bool {
    let plain = |version: &semver_range::Version| {
        let text = version.to_string();
        text.split_once('+').map_or(text.clone(), |(base, _)| base.to_owned())
    };
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::helm::v2::ChartRefKind;
    use runtime::Key;

    fn track(
        kind: ChartRefKind,
        version: &str,
        revision: &str,
    ) -> Result<Option<(String, String)>, MutateError> {
        let source = SourceKey { kind, key: Key::new("ns", "c") };
        tracked(version, &source, &Artifact { revision: revision.into(), ..Artifact::default() })
    }

    #[test]
    fn a_chart_from_oci_carries_its_digest() {
        let revision = "1.0.0@sha256:f9d7a162e891aaaa";
        let found = track(ChartRefKind::OCIRepository, "1.0.0", revision).unwrap().unwrap();
        assert_eq!(found, ("1.0.0+f9d7a162e891".to_owned(), "sha256:f9d7a162e891aaaa".to_owned()));
        assert_eq!(track(ChartRefKind::HelmChart, "1.0.0", "1.0.0"), Ok(None));
        assert_eq!(track(ChartRefKind::ExternalArtifact, "1.0.0", "1.0.0"), Ok(None));
    }

    #[test]
    fn a_tag_of_another_version_is_refused() {
        let error = track(ChartRefKind::OCIRepository, "1.0.1", "1.0.0@sha256:f9d7a162e891").unwrap_err();
        assert_eq!(error.to_string(), "artifact revision 1.0.0 does not match chart version 1.0.1");
        assert!(track(ChartRefKind::OCIRepository, "1.0.0+x", "1.0.0_y@sha256:abc").unwrap().is_some());
    }
}
