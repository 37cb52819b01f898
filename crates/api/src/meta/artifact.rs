use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Time;

/// What a source offers for download.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Artifact {
    /// Path of the file below the root of the storage, for example
    /// `gitrepository/flux-system/app/<sha>.tar.gz`.
    pub path: String,
    /// Address from which consumers fetch the file. Consumers must check what they get against the digest.
    pub url: String,
    /// The state of the origin the artifact was made from, for people and for comparison: a Git commit
    /// (`main@sha1:<hex>`), an OCI digest (`latest@sha256:<hex>`), a chart version.
    pub revision: String,
    /// Digest of the file as `<algorithm>:<hex>`.
    #[schemars(regex(pattern = r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"))]
    pub digest: String,
    /// Time at which the file was stored.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_update_time: Time,
    /// Size of the file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// What the origin says of itself, for example the annotations of an OCI manifest.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Default for Artifact {
    fn default() -> Self {
        Self {
            path: String::new(),
            url: String::new(),
            revision: String::new(),
            digest: String::new(),
            last_update_time: Time(jiff::Timestamp::UNIX_EPOCH),
            size: None,
            metadata: BTreeMap::new(),
        }
    }
}

impl Artifact {
    /// True when both name the same content at the same revision.
    pub fn has_same_content(&self, other: &Self) -> bool {
        self.revision == other.revision && self.digest == other.digest
    }
}
