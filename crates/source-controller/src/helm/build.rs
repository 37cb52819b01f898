//! What a chart is built to, and why it may not be.

use helm_template::{Chart, Limits};
use semver_range::Version;

use crate::status::{SourceReason, StepError};

/// What a chart is to be built with.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Values files to merge; empty when the chart's own values stay.
    pub(crate) values_files: Vec<String>,
    pub(crate) ignore_missing: bool,
    /// Build metadata for the version.
    pub(crate) metadata: Option<String>,
    /// The chart that is stored, unless the spec changed since.
    pub(crate) cached: Option<Cached>,
    pub(crate) limits: Limits,
}

/// The chart that is stored.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Those that were merged, when not all of the spec were.
    pub(crate) values_files: Option<Vec<String>>,
}

/// A chart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Build {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) values_files: Vec<String>,
    /// It was packed here; else it is the publisher's archive.
    pub(crate) packaged: bool,
    /// Dependencies that were fetched for it.
    pub(crate) dependencies: usize,
    /// The archive; none when it is the one that is stored.
    pub(crate) archive: Option<Vec<u8>>,
}

impl Build {
    /// What it is, in one line.
    pub(crate) fn summary(&self) -> String {
        let action = if self.packaged { "packaged" } else { "pulled" };
        let merged = match self.values_files.as_slice() {
            [] => String::new(),
            files => format!(" and merged values files [{}]", files.join(" ")),
        };
        format!("{action} '{}' chart with version '{}'{merged}", self.name, self.version)
    }

    /// The reason of its conditions and events.
    pub(crate) fn reason(&self) -> SourceReason {
        if self.packaged { SourceReason::ChartPackageSucceeded } else { SourceReason::ChartPullSucceeded }
    }
}

impl Order {
    /// The version with the build metadata.
    pub(crate) fn version(&self, version: &str) -> Result<String, StepError> {
        let Some(metadata) = &self.metadata else { return Ok(version.to_owned()) };
        let parsed = Version::parse(version).map_err(|error| {
            Fault::MetadataPatch
                .error(format!("failed to parse version from chart metadata as SemVer: {error}"))
        })?;
        let text = parsed.to_string();
        let bare = text.split_once('+').map_or(text.as_str(), |(bare, _)| bare);
        Ok(format!("{bare}+{metadata}"))
    }

    /// The build that is stored already, when it is this one.
    pub(crate) fn cached(&self, name: &str, version: &str, packaged: bool) -> Option<Build> {
        let cached =
            self.cached.as_ref().filter(|cached| cached.name == name && cached.version == version)?;
        Some(Build {
            name: name.to_owned(),
            version: version.to_owned(),
            values_files: cached.values_files.clone().unwrap_or_else(|| self.values_files.clone()),
            packaged,
            ..Build::default()
        })
    }
}

/// Why a chart was not built; the words are Flux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Reference,
    Pull,
    MetadataPatch,
    ValuesFiles,
    Dependency,
    Package,
}

impl Fault {
    /// The error of a step.
    pub(crate) fn error(self, cause: impl std::fmt::Display) -> StepError {
        let (reason, summary) = match self {
            Self::Reference => (SourceReason::InvalidChartReference, "invalid chart reference"),
            Self::Pull => (SourceReason::ChartPullError, "chart pull error"),
            Self::MetadataPatch => (SourceReason::MetadataPatchError, "chart metadata patch error"),
            Self::ValuesFiles => (SourceReason::ValuesFilesError, "values files merge error"),
            Self::Dependency => (SourceReason::DependencyBuildError, "dependency build error"),
            Self::Package => (SourceReason::ChartPackageError, "chart package error"),
        };
        let message = format!("{summary}: {cause}");
        match self {
            Self::Reference => StepError::fetch(reason, message).stalled(),
            Self::Pull => StepError::fetch(reason, message),
            Self::MetadataPatch | Self::ValuesFiles => StepError::build(reason, message).stalled(),
            Self::Dependency | Self::Package => StepError::build(reason, message),
        }
    }
}

/// Packs a chart. Equal charts give equal bytes: no time of packing is in them.
pub(crate) fn package(chart: &Chart) -> Result<Vec<u8>, StepError> {
    chart.package(0).map_err(|error| Fault::Package.error(format!("failed to package chart: {error}")))
}

/// The values files that change anything: the chart's own values alone do not.
pub(crate) fn effective(values_files: &[String]) -> Vec<String> {
    match values_files {
        [one] if api::meta::rooted(one) == "values.yaml" => Vec::new(),
        files => files.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Build, Cached, Order, effective};
    use helm_template::Limits;

    fn order(metadata: Option<&str>) -> Order {
        Order {
            values_files: vec!["a.yaml".into()],
            ignore_missing: false,
            metadata: metadata.map(str::to_owned),
            cached: Some(Cached { name: "app".into(), version: "1.0.0".into(), values_files: None }),
            limits: Limits::default(),
        }
    }

    #[test]
    fn metadata_replaces_that_of_the_version() {
        assert_eq!(order(Some("3")).version("1.0.0+old").unwrap(), "1.0.0+3");
        assert_eq!(order(None).version("v1.0").unwrap(), "v1.0");
        assert!(
            order(Some("3")).version("x").unwrap_err().message.starts_with("chart metadata patch error: ")
        );
    }

    #[test]
    fn only_the_same_name_and_version_are_cached() {
        let cached = order(None).cached("app", "1.0.0", true).unwrap();
        let summary = "packaged 'app' chart with version '1.0.0' and merged values files [a.yaml]";
        assert_eq!((cached.summary().as_str(), cached.archive), (summary, None));
        assert!(order(None).cached("app", "1.0.1", true).is_none());
        let pulled = Build { name: "app".into(), version: "1.0.0".into(), ..Build::default() };
        assert_eq!(pulled.summary(), "pulled 'app' chart with version '1.0.0'");
    }

    #[test]
    fn the_charts_own_values_are_no_values_files() {
        assert!(effective(&["./values.yaml".into()]).is_empty());
        assert_eq!(effective(&["values.yaml".into(), "b.yaml".into()]).len(), 2);
    }
}
