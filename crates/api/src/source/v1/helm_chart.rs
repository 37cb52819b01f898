use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OciVerification;
use super::verification::ChartVerification;
use crate::meta::{
    AGE, Artifact, Column, Condition, GoDuration, READY, STATUS, flux_kind, flux_object, flux_status,
    text_enum,
};

flux_kind! {
    /// A Helm chart, from a chart repository, a Git repository or a bucket, offered as an artifact.
    HelmChart {
        group: "source.toolkit.fluxcd.io", version: "v1", plural: "helmcharts",
        spec: HelmChartSpec, status: HelmChartStatus,
        short_names: ["hc"], category: "fluxcd-sources",
        columns: [
            Column::text("Chart", ".spec.chart"),
            Column::text("Version", ".spec.version"),
            Column::text("Source Kind", ".spec.sourceRef.kind"),
            Column::text("Source Name", ".spec.sourceRef.name"),
            AGE, READY, STATUS,
        ],
    }
}
flux_object!(HelmChart, HelmChartStatus, interval: |object| object.spec.interval.get().ok());
flux_status!(HelmChartStatus);

/// Which chart, in which version, from where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.verify) || self.sourceRef.kind == 'HelmRepository'",
    "message": "spec.verify is only supported when spec.sourceRef.kind is 'HelmRepository'",
}]))]
pub struct HelmChartSpec {
    /// Name of the chart in a HelmRepository, or its path in a GitRepository or Bucket.
    pub chart: String,
    /// A version or a range of versions; the highest that fits is taken. Only for HelmRepository: the others have one
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "*"))]
    pub version: Option<String>,
    /// The source that holds the chart, in the same namespace.
    pub source_ref: ChartSourceReference,
    /// How often the source is looked at, for example `5m`; some jitter is added.
    pub interval: GoDuration,
    /// When a new artifact is made: `ChartVersion`, when the chart's version changed; `Revision`, when the source's
    /// revision changed, which is then added to the version.
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
    /// True stops reconciliation; the artifact stays as it is. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// Checks the chart's signature and refuses what is not signed. Only for a HelmRepository of type oci; charts
    /// this one depends on are not checked. Default: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ChartVerification>")]
    pub verify: Option<OciVerification>,
}

text_enum! {
    /// When a chart is made anew.
    ReconcileStrategy {
        /// When its version changed.
        ChartVersion = "ChartVersion",
        /// When the revision of its source changed.
        Revision = "Revision",
    }
}

/// The source that holds a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ChartSourceReference {
    /// API version of the source. Without effect: the kind tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the source: `HelmRepository`, `GitRepository` or `Bucket`.
    pub kind: ChartSourceKind,
    /// Name of the source.
    pub name: String,
}

text_enum! {
    /// Kinds that hold charts.
    ChartSourceKind {
        /// A Helm repository.
        HelmRepository = "HelmRepository",
        /// A Git repository.
        GitRepository = "GitRepository",
        /// A bucket.
        Bucket = "Bucket",
    }
}

/// What was last made, from what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct HelmChartStatus {
    /// Generation of the object that was last reconciled; -1 before the first time.
    #[serde(skip_serializing_if = "crate::meta::is_zero")]
    pub observed_generation: i64,
    /// Conditions of the object; Ready is the summary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `reconcile.fluxcd.io/requestedAt` that was last handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Address that always serves the newest artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The artifact of the last successful reconciliation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
    /// Revision of the source the artifact was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_source_artifact_revision: Option<String>,
    /// Name of the chart as its Chart.yaml has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_chart_name: Option<String>,
    /// The values files the artifact was made with; those that were passed over are not among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_values_files: Vec<String>,
}
