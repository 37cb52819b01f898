//! A release as Helm stores it. Field order is that of Helm's Go structs, and with it that of the JSON.
use std::{collections::BTreeMap, fmt, str::FromStr};

use helm_template::{Hook, Metadata, Values};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One revision of a release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What happened to it.
    #[serde(default)]
    pub info: Info,
    /// The chart: metadata, templates, default values, files. See `ResolvedChart::to_release_json`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub chart: Value,
    /// The user's values.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// The objects that are no hooks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// The hooks.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<ReleaseHook>,
    /// Revision, from 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: i64,
    /// Namespace of the objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// `ssa` or `csa`; empty means `csa`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub apply_method: String,
    /// Labels of the Secret that are not Helm's own.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
    /// Fields of a newer Helm, kept.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What happened to a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Time of the first revision, RFC 3339.
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub first_deployed: Option<String>,
    /// Time of this revision, RFC 3339.
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub last_deployed: Option<String>,
    /// When it was uninstalled, RFC 3339.
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub deleted: Option<String>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The rendered `NOTES.txt`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// Fields of a newer Helm, kept.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Where a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In the cluster.
    Deployed,
    /// Gone, its history kept.
    Uninstalled,
    /// A newer revision took its place.
    Superseded,
    /// Not wholly applied, or its hooks or tests failed.
    Failed,
    /// On its way out.
    Uninstalling,
    /// First install under way.
    PendingInstall,
    /// Upgrade under way.
    PendingUpgrade,
    /// Rollback under way.
    PendingRollback,
    /// Not known.
    #[serde(other)]
    Unknown,
}

impl Status {
    /// Whether an action is under way, or was when its owner died.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }

    /// Helm's word, as in the Secret's label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = std::convert::Infallible;

    /// Any other word is [`Status::Unknown`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            Self::Deployed,
            Self::Uninstalled,
            Self::Superseded,
            Self::Failed,
            Self::Uninstalling,
            Self::PendingInstall,
            Self::PendingUpgrade,
            Self::PendingRollback,
        ];
        Ok(all.into_iter().find(|status| status.as_str() == text).unwrap_or(Self::Unknown))
    }
}

/// A hook and its last run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHook {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Kind of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The template it came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// When it runs.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Its last run.
    #[serde(default)]
    pub last_run: LastRun,
    /// Hooks of an event run from the lowest weight to the highest.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When its object is deleted.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<String>,
    /// When its log is shown.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub output_log_policies: Vec<String>,
}

/// The last run of a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// RFC 3339.
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// Empty before the first run, then `Running`, `Succeeded`, `Failed` or `Unknown`.
    #[serde(default)]
    pub phase: String,
}

impl Release {
    /// What `Chart.yaml` of its chart says; empty when the release has none.
    #[must_use]
    pub fn chart_metadata(&self) -> Metadata {
        Metadata::from_json(&self.chart["metadata"]).unwrap_or_default()
    }

    /// Its status; unknown when not stated.
    #[must_use]
    pub fn status(&self) -> Status {
        self.info.status.unwrap_or(Status::Unknown)
    }

    /// Sets status and description together, as Helm does.
    pub fn set_status(&mut self, status: Status, description: impl Into<String>) {
        self.info.status = Some(status);
        self.info.description = description.into();
    }

    /// The user's values.
    #[must_use]
    pub fn values(&self) -> Values {
        Values::from_json(self.config.clone())
    }
}

impl From<Hook> for ReleaseHook {
    fn from(hook: Hook) -> Self {
        Self {
            name: hook.name,
            kind: hook.kind,
            path: hook.path,
            manifest: hook.manifest,
            events: hook.events,
            last_run: LastRun::default(),
            weight: hook.weight,
            delete_policies: hook.delete_policies,
            output_log_policies: hook.output_log_policies,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Helm 3 writes times that are not set as empty texts.
fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(from)?;
    Ok(text.filter(|text| !text.is_empty() && text != "0001-01-01T00:00:00Z"))
}

/// Go writes empty lists and maps as null.
fn or_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
