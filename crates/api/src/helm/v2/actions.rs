//! How each Helm action is done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{GoDuration, text_enum};

text_enum! {
    /// What becomes of the CRDs in a chart's `crds` directory.
    CrdsPolicy {
        /// Left alone.
        Skip = "Skip",
        /// Created where missing; under server-side apply existing ones are updated too.
        Create = "Create",
        /// Created, or replaced.
        CreateReplace = "CreateReplace",
    }
}

text_enum! {
    /// Whether server-side apply is used.
    ServerSideApply {
        /// Yes.
        Enabled = "enabled",
        /// No.
        Disabled = "disabled",
        /// As the release was made.
        Auto = "auto",
    }
}

text_enum! {
    /// What is done after a failure.
    ActionStrategyName {
        /// The failure is undone, then tried again.
        RemediateOnFailure = "RemediateOnFailure",
        /// It is tried again without undoing.
        RetryOnFailure = "RetryOnFailure",
    }
}

/// How a chart is installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Install {
    /// How long one Kubernetes operation may take. Default: spec.timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// What is done after a failure. Default: remediation, or retrying under the feature gate
    /// `DefaultToRetryOnFailure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<InstallStrategy>,
    /// How a failed installation is undone. Default: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<InstallRemediation>,
    /// True does not take over objects that others own. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_take_ownership: bool,
    /// True does not wait for objects to become ready. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_wait: bool,
    /// True does not wait for Jobs to end. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_wait_for_jobs: bool,
    /// True runs no hooks. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_hooks: bool,
    /// True does not check rendered objects against the cluster's OpenAPI. Default: false.
    #[serde(rename = "disableOpenAPIValidation", skip_serializing_if = "crate::meta::is_false")]
    pub disable_open_api_validation: bool,
    /// True does not check the values against the chart's schema. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_schema_validation: bool,
    /// True allows a name that was used by a deleted release still in the history. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub replace: bool,
    /// True leaves the chart's CRDs out. Deprecated: `crds: Skip`.
    #[serde(rename = "skipCRDs", skip_serializing_if = "crate::meta::is_false")]
    pub skip_crds: bool,
    /// What becomes of the CRDs in the chart's `crds` directory: `Skip`, they are left out; `Create`, they are created
    /// where missing; `CreateReplace`, they are created or replaced. They are never deleted. Default: Create.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crds: Option<CrdsPolicy>,
    /// True creates the target namespace when it does not exist; it is not deleted later. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub create_namespace: bool,
    /// Whether server-side apply is used. Default: true, or false under the feature gate `UseHelm3Defaults`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<bool>,
}

/// What is done after a failed installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.retryInterval) || self.name != 'RemediateOnFailure'",
    "message": ".retryInterval cannot be set when .name is 'RemediateOnFailure'",
}]))]
pub struct InstallStrategy {
    /// `RemediateOnFailure` undoes the failure and tries again; `RetryOnFailure` tries again without undoing.
    pub name: ActionStrategyName,
    /// How soon to try again. Only with RetryOnFailure. Default: 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<GoDuration>,
}

/// How a failed installation is undone: by uninstalling.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct InstallRemediation {
    /// How often it is tried again; a negative number is without end. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::integer")]
    pub retries: Option<i64>,
    /// True lets failed tests pass. Default: `test.ignoreFailures`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// True undoes the last failure too, when no retries remain. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
}

/// How a release is upgraded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Upgrade {
    /// How long one Kubernetes operation may take. Default: spec.timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// What is done after a failure. Default: remediation, or retrying under the feature gate
    /// `DefaultToRetryOnFailure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<UpgradeStrategy>,
    /// How a failed upgrade is undone. Default: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<UpgradeRemediation>,
    /// True does not take over objects that others own. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_take_ownership: bool,
    /// True does not wait for objects to become ready. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_wait: bool,
    /// True does not wait for Jobs to end. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_wait_for_jobs: bool,
    /// True runs no hooks. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_hooks: bool,
    /// True does not check rendered objects against the cluster's OpenAPI. Default: false.
    #[serde(rename = "disableOpenAPIValidation", skip_serializing_if = "crate::meta::is_false")]
    pub disable_open_api_validation: bool,
    /// True does not check the values against the chart's schema. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_schema_validation: bool,
    /// True replaces objects instead of patching them. Without effect under server-side apply. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub force: bool,
    /// True keeps the values of the last release and merges the new ones over them: the result then depends on
    /// history. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub preserve_values: bool,
    /// True deletes objects that a failed upgrade created. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub cleanup_on_fail: bool,
    /// What becomes of the CRDs in the chart's `crds` directory: `Skip`, they are left out; `Create`, they are created
    /// where missing; `CreateReplace`, they are created or replaced. They are never deleted. Default: Skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crds: Option<CrdsPolicy>,
    /// Whether server-side apply is used; `auto` does as the release was made. Default: auto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApply>,
    /// What is done when the chart's name changed: `Reinstall` uninstalls the release and installs anew;
    /// `InPlaceUpdate` upgrades it. Default: Reinstall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_name_change_strategy: Option<ChartNameChangeStrategy>,
}

/// What is done after a failed upgrade.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.retryInterval) || self.name == 'RetryOnFailure'",
    "message": ".retryInterval can only be set when .name is 'RetryOnFailure'",
}]))]
pub struct UpgradeStrategy {
    /// `RemediateOnFailure` undoes the failure and tries again; `RetryOnFailure` tries again without undoing.
    pub name: ActionStrategyName,
    /// How soon to try again. Only with RetryOnFailure. Default: 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<GoDuration>,
}

/// How a failed upgrade is undone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct UpgradeRemediation {
    /// How often it is tried again; a negative number is without end. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::integer")]
    pub retries: Option<i64>,
    /// True lets failed tests pass. Default: `test.ignoreFailures`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// True undoes the last failure too, when no retries remain. Default: false, or true when retries is more than 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
    /// `rollback` goes back to the last release that succeeded; `uninstall` removes the release. Default: rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<RemediationStrategy>,
}

text_enum! {
    /// How a failed upgrade is undone.
    RemediationStrategy {
        /// Back to the last good release.
        Rollback = "rollback",
        /// By removing the release.
        Uninstall = "uninstall",
    }
}

text_enum! {
    /// What is done when a chart's name changed.
    ChartNameChangeStrategy {
        /// The release is upgraded.
        InPlaceUpdate = "InPlaceUpdate",
        /// The release is removed and installed anew.
        Reinstall = "Reinstall",
    }
}

/// Whether and how a chart's tests are run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Test {
    /// True runs the tests after an installation or upgrade. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub enable: bool,
    /// How long one Kubernetes operation may take. Default: spec.timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// True lets failed tests pass. `ignoreTestFailures` of a remediation wins. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub ignore_failures: bool,
    /// The tests to run, or to leave out. Default: all are run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<TestFilter>>,
}

/// A test to run, or to leave out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct TestFilter {
    /// Name of the test.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// True leaves the test out. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub exclude: bool,
}

/// How a rollback is done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Rollback {
    /// How long one Kubernetes operation may take. Default: spec.timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// True does not wait for objects to become ready. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_wait: bool,
    /// True does not wait for Jobs to end. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_wait_for_jobs: bool,
    /// True runs no hooks. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_hooks: bool,
    /// Deprecated and without effect: once restarted Pods.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub recreate: bool,
    /// True replaces objects instead of patching them. Without effect under server-side apply. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub force: bool,
    /// True deletes objects that a failed rollback created. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub cleanup_on_fail: bool,
    /// Whether server-side apply is used; `auto` does as the release was made. Default: auto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<ServerSideApply>,
}

/// How a release is removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Uninstall {
    /// How long one Kubernetes operation may take. Default: spec.timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// True runs no hooks. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_hooks: bool,
    /// True keeps the release's history and marks it as deleted. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub keep_history: bool,
    /// True does not wait until the objects are gone. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub disable_wait: bool,
    /// What becomes of objects that the deleted ones own: `background`, deleted later; `foreground`, deleted first;
    /// `orphan`, left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "background"))]
    pub deletion_propagation: Option<DeletionPropagation>,
}

text_enum! {
    /// What becomes of owned objects.
    DeletionPropagation {
        /// Deleted later.
        Background = "background",
        /// Deleted first.
        Foreground = "foreground",
        /// Left.
        Orphan = "orphan",
    }
}
