//! What was last released.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{Condition, GoDuration, Inventory, Time, flux_status, text_enum};

flux_status!(HelmReleaseStatus);

/// What was last released, and what was tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct HelmReleaseStatus {
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
    /// Generation of the object that was last tried.
    #[serde(skip_serializing_if = "crate::meta::is_zero")]
    pub last_attempted_generation: i64,
    /// Digest of the post-renderers of the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_post_renderers_digest: Option<String>,
    /// Digest of the common metadata of the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_common_metadata_digest: Option<String>,
    /// Name and namespace of the HelmChart that was made, as `<namespace>/<name>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_chart: Option<String>,
    /// Namespace where Helm stores the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub storage_namespace: Option<String>,
    /// The releases made, newest first, down to the last one that succeeded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<ReleaseSnapshot>,
    /// The objects of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// The last action: `install` or `upgrade`. It tells which remediation counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_release_action: Option<ReleaseAction>,
    /// How long the last action took.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_attempted_release_action_duration: Option<GoDuration>,
    /// Failures since the object last changed or succeeded.
    #[serde(skip_serializing_if = "crate::meta::is_zero")]
    pub failures: i64,
    /// Failed installations since the object last changed or succeeded.
    #[serde(skip_serializing_if = "crate::meta::is_zero")]
    pub install_failures: i64,
    /// Failed upgrades since the object last changed or succeeded.
    #[serde(skip_serializing_if = "crate::meta::is_zero")]
    pub upgrade_failures: i64,
    /// Version of the chart that was last tried. For an OCIRepository the first 12 characters of the digest are added:
    /// `1.2.3+0123456789ab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// Digest of the chart that was last tried. Only for an OCIRepository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision_digest: Option<String>,
    /// SHA-1 of the values that were last tried. Deprecated: lastAttemptedConfigDigest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_values_checksum: Option<String>,
    /// Helm's number of the last release that succeeded. Deprecated: history.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::integer")]
    pub last_release_revision: Option<i64>,
    /// Digest of the values that were last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_config_digest: Option<String>,
    /// Value of the annotation `reconcile.fluxcd.io/forceAt` that was last handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_force_at: Option<String>,
    /// Value of the annotation `reconcile.fluxcd.io/resetAt` that was last handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reset_at: Option<String>,
}

text_enum! {
    /// Actions that make a release.
    ReleaseAction {
        /// The first release.
        Install = "install",
        /// A later one.
        Upgrade = "upgrade",
    }
}

/// One release as Helm stored it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ReleaseSnapshot {
    /// Version of the way digest is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Digest of the stored release, as `<algorithm>:<hex>`.
    pub digest: String,
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Helm's number of the release.
    #[schemars(schema_with = "crate::schema::integer")]
    pub version: i64,
    /// State of the release, in Helm's words.
    pub status: String,
    /// The action that made this entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Name of the chart.
    pub chart_name: String,
    /// Version of the chart.
    pub chart_version: String,
    /// Version of the chart's application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// Digest of the values, as `<algorithm>:<hex>`.
    pub config_digest: String,
    /// When the release was first deployed.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub first_deployed: Time,
    /// When the release was last deployed.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_deployed: Time,
    /// When the release was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date_time")]
    pub deleted: Option<Time>,
    /// The tests that were run, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_hooks: Option<BTreeMap<String, TestHookStatus>>,
    /// Digest of the OCI artifact the chart came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci_digest: Option<String>,
}

impl Default for ReleaseSnapshot {
    fn default() -> Self {
        Self {
            api_version: None,
            digest: String::new(),
            name: String::new(),
            namespace: String::new(),
            version: 0,
            status: String::new(),
            action: None,
            chart_name: String::new(),
            chart_version: String::new(),
            app_version: None,
            config_digest: String::new(),
            first_deployed: Time(jiff::Timestamp::UNIX_EPOCH),
            last_deployed: Time(jiff::Timestamp::UNIX_EPOCH),
            deleted: None,
            test_hooks: None,
            oci_digest: None,
        }
    }
}

/// One run of a test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct TestHookStatus {
    /// When the test was last started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_started: Option<Time>,
    /// When the test last ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_completed: Option<Time>,
    /// How the test ended, in Helm's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}
