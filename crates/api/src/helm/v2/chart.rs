//! Where a release's chart comes from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{GoDuration, LocalObjectReference, text_enum};
use crate::source::v1::{ChartSourceKind, ReconcileStrategy, VerificationProvider};

/// The HelmChart to make for a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ChartTemplate {
    /// Labels and annotations of the HelmChart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ChartTemplateMetadata>,
    /// The HelmChart's spec.
    pub spec: ChartTemplateSpec,
}

/// Labels and annotations of the HelmChart to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ChartTemplateMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The spec of the HelmChart to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ChartTemplateSpec {
    /// Name of the chart in a HelmRepository, or its path in a GitRepository or Bucket.
    #[schemars(length(min = 1, max = 2048))]
    pub chart: String,
    /// A version or a range of versions; the highest that fits is taken. Only for HelmRepository.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "*"))]
    pub version: Option<String>,
    /// The source that holds the chart.
    pub source_ref: ChartTemplateSource,
    /// How often the source is looked at, for example `5m`. Default: the HelmRelease's interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// When a new artifact is made: `ChartVersion`, when the chart's version changed; `Revision`, when the source's
    /// revision changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "ChartVersion"))]
    pub reconcile_strategy: Option<ReconcileStrategy>,
    /// Values files of the chart, as paths in the source, that are merged in order to be its values; the last one
    /// wins. Default: the chart's values.yaml, which is not included otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<String>,
    /// True passes over values files that do not exist. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub ignore_missing_values_files: bool,
    /// Checks the chart's signature and refuses what is not signed. Only for a HelmRepository of type oci; charts
    /// this one depends on are not checked. Default: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<ChartTemplateVerification>,
}

/// The source that holds a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ChartTemplateSource {
    /// API version of the source. Without effect: the kind tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the source: `HelmRepository`, `GitRepository` or `Bucket`.
    pub kind: ChartSourceKind,
    /// Name of the source.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the source. Default: that of the HelmRelease. Another one is refused under the flag
    /// `--no-cross-namespace-refs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// How a chart's signature is checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ChartTemplateVerification {
    /// The tool that signed the chart: `cosign` or `notation`.
    #[schemars(extend("default" = "cosign"))]
    pub provider: VerificationProvider,
    /// The Secret with what to trust. For cosign: public keys under `*.pub`; without a Secret the keyless signature is
    /// checked. For notation: `trustpolicy.json` and certificates under `*.crt` or `*.pem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
}

/// A source that offers a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ChartReference {
    /// API version of the source. Without effect: the kind tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the source: `OCIRepository`, `HelmChart` or `ExternalArtifact`.
    pub kind: ChartRefKind,
    /// Name of the source.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the source. Default: that of the HelmRelease. Another one is refused under the flag
    /// `--no-cross-namespace-refs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

text_enum! {
    /// Kinds that offer a chart.
    ChartRefKind {
        /// An OCI repository.
        OCIRepository = "OCIRepository",
        /// A chart made by source-controller.
        HelmChart = "HelmChart",
        /// An artifact made by another program.
        ExternalArtifact = "ExternalArtifact",
    }
}
