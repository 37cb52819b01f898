use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ChartReference, ChartTemplate, HelmReleaseStatus, Install, Rollback, Test, Uninstall, Upgrade};
use crate::meta::{
    AGE, CommonMetadata, CustomHealthCheck, DependencyReference, GoDuration, IgnoreRule, ImageOverride,
    KubeConfigReference, LegacyJsonPatch, Patch, READY, STATUS, ValuesKind, flux_kind, flux_object,
    text_enum,
};

/// Default of `timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

flux_kind! {
    /// A Helm chart with values that is released to a cluster and kept released.
    HelmRelease {
        group: "helm.toolkit.fluxcd.io", version: "v2", plural: "helmreleases",
        spec: HelmReleaseSpec, status: HelmReleaseStatus,
        short_names: ["hr"], category: "fluxcd-appliers",
        columns: [AGE, READY, STATUS],
    }
}
flux_object!(HelmRelease, HelmReleaseStatus, interval: |object| object.spec.interval.get().ok());

/// Which chart, with which values, where to, and how each Helm action is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))",
    "message": "either chart or chartRef must be set",
}]))]
pub struct HelmReleaseSpec {
    /// The chart, as a template for a HelmChart that is made for this release. Exactly one of chart and chartRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartTemplate>,
    /// A source that offers the chart. Exactly one of chart and chartRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_ref: Option<ChartReference>,
    /// How often the release is looked at, for example `10m`; some jitter is added. A new chart is released at once.
    pub interval: GoDuration,
    /// The cluster to release to. With serviceAccountName, that ServiceAccount of the other cluster is impersonated.
    /// Default: the cluster the controller runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_config: Option<KubeConfigReference>,
    /// True stops reconciliation; the release stays, also when this HelmRelease is deleted. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// Name of the release. Default: `<targetNamespace>-<name>`, or the name without target namespace; longer ones
    /// are cut to 53 characters with a hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 53))]
    pub release_name: Option<String>,
    /// Namespace to release to. Default: that of the HelmRelease.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub target_namespace: Option<String>,
    /// Namespace where Helm stores the release. Default: that of the HelmRelease.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub storage_namespace: Option<String>,
    /// HelmReleases that must be ready before this one is reconciled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<DependencyReference>,
    /// How long one Kubernetes operation of a Helm action, such as a hook's Job, may take. Default: 5m0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// How many revisions Helm keeps; 0 keeps all. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::integer")]
    pub max_history: Option<i64>,
    /// The ServiceAccount of this namespace to impersonate. Default: the controller's own, or what the flag
    /// `--default-service-account` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// True keeps one client for all steps of a reconciliation; false makes a new one for each, which charts need that
    /// bring the kinds they use. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_client: Option<bool>,
    /// Whether objects that differ from the release are found and put right. Default: not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_detection: Option<DriftDetection>,
    /// How installation is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// How upgrades are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// Whether and how the chart's tests are run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// How a rollback is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// How uninstallation is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uninstall: Option<Uninstall>,
    /// ConfigMaps and Secrets with values, merged in order; a later one wins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values_from: Vec<ValuesReference>,
    /// Values; they win over valuesFrom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::any_value")]
    pub values: Option<Value>,
    /// Changes to what the chart renders, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_renderers: Vec<PostRenderer>,
    /// What becomes of hooks in post-rendering: `nohooks`, they are left out; `combined`, they are rendered together
    /// with the rest; `separate`, by themselves. Default: combined, or nohooks under the feature gate
    /// `UseHelm3Defaults`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_render_strategy: Option<PostRenderStrategy>,
    /// Labels and annotations put on every object of the release; they win over those of the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// How to wait for objects to become ready. Default: poller, or legacy under the feature gate
    /// `UseHelm3Defaults`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_strategy: Option<WaitStrategy>,
    /// How to tell the health of objects of custom kinds. Used where an action waits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_check_exprs: Vec<CustomHealthCheck>,
}

impl HelmReleaseSpec {
    /// How long one Kubernetes operation may take where the action says nothing.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_ref().map_or(DEFAULT_TIMEOUT, |timeout| timeout.get_or(DEFAULT_TIMEOUT))
    }
}

/// What is done about objects that differ from the release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct DriftDetection {
    /// `enabled` puts them right, `warn` reports them, `disabled` does not look. Default: disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<DriftDetectionMode>,
    /// Fields that are left to others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<IgnoreRule>,
}

text_enum! {
    /// What is done about drift.
    DriftDetectionMode {
        /// Put right.
        Enabled = "enabled",
        /// Reported.
        Warn = "warn",
        /// Not looked for.
        Disabled = "disabled",
    }
}

/// A ConfigMap or Secret with values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ValuesReference {
    /// `Secret` or `ConfigMap`.
    pub kind: ValuesKind,
    /// Name of the object, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in the object's data. Default: values.yaml.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253), regex(pattern = r"^[\-._a-zA-Z0-9]+$"))]
    pub values_key: Option<String>,
    /// The value's place, as `--set` of Helm writes it (`a.b[0]`). The value is then one scalar. Default: the values
    /// are merged at the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 250), regex(pattern = r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$"))]
    pub target_path: Option<String>,
    /// True passes over an object that does not exist; a missing key stays an error. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub optional: bool,
    /// True sets the value at targetPath as it is, as `--set-literal` of Helm does, where commas, brackets, dots and
    /// equal signs mean nothing. Without effect when targetPath is not set. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub literal: bool,
}

/// One change to what a chart renders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct PostRenderer {
    /// Changes made by kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Kustomize>,
}

/// Changes made by kustomize.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Kustomize {
    /// Strategic merge and JSON patches, applied in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
    /// Container images to rename or to pin to a tag or digest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageOverride>,
    /// Of earlier API versions: strategic merge patches as inline objects; they act as `patches` do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub patches_strategic_merge: Vec<Value>,
    /// Of earlier API versions: JSON patches as inline lists; they act as `patches` do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "patchesJson6902")]
    #[schemars(skip)]
    pub patches_json6902: Vec<LegacyJsonPatch>,
}

text_enum! {
    /// What becomes of hooks in post-rendering.
    PostRenderStrategy {
        /// They are left out.
        NoHooks = "nohooks",
        /// They are rendered with the rest.
        Combined = "combined",
        /// They are rendered by themselves.
        Separate = "separate",
    }
}

/// How to wait for objects to become ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct WaitStrategy {
    /// `poller` reads the status of the objects, `legacy` looks as Helm 3 does.
    pub name: WaitStrategyName,
}

text_enum! {
    /// Ways to wait.
    WaitStrategyName {
        /// By the status of the objects.
        Poller = "poller",
        /// As Helm 3.
        Legacy = "legacy",
    }
}
