use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, AccessFrom, Column, Condition, GoDuration, LocalObjectReference, READY, STATUS, Time, flux_kind,
    flux_object, flux_status,
};
use crate::source::v1::RegistryProvider;

flux_kind! {
    /// A container image whose tags are read from its registry.
    ImageRepository {
        group: "image.toolkit.fluxcd.io", version: "v1", plural: "imagerepositories",
        spec: ImageRepositorySpec, status: ImageRepositoryStatus,
        short_names: ["imgrepo", "imagerepo"], category: "fluxcd-images",
        columns: [
            Column::text("Image", ".spec.image"),
            Column::text("Tags", ".status.lastScanResult.tagCount"),
            READY, STATUS,
            Column::wide_text("Last scan", ".status.lastScanResult.scanTime"),
            AGE,
        ],
        substitution_disabled: false,
    }
}
flux_object!(ImageRepository, ImageRepositoryStatus, interval: |object| object.spec.interval.get().ok());
flux_status!(ImageRepositoryStatus);

/// Which image, how to log in, and which tags to leave out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImageRepositorySpec {
    /// The image, without scheme and tag: `ghcr.io/org/app`.
    pub image: String,
    /// How often the tags are read, for example `5m`; some jitter is added.
    pub interval: GoDuration,
    /// How long one scan may take. Default: the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = crate::schema::TIMEOUT_PATTERN))]
    pub timeout: Option<GoDuration>,
    /// The Secret to log in with, of type `kubernetes.io/dockerconfigjson`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the proxy to use: `address`, and `username` with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// The ServiceAccount whose image pull secrets (provider generic) or cloud identity (other providers) is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_account_name: Option<String>,
    /// The Secret with the registry's certificate authority (`ca.crt`) and a client certificate (`tls.crt` with
    /// `tls.key`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// True stops scanning; the last result stays. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// Which other namespaces' ImagePolicies may use this repository. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// Regular expressions of tags to leave out, at most 25.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("default" = ["^.*\\.sig$"], "maxItems" = 25))]
    pub exclusion_list: Vec<String>,
    /// How to log in: `generic` with the Secret, `aws`, `azure` or `gcp` with the cloud's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generic"))]
    pub provider: Option<RegistryProvider>,
    /// True allows plain HTTP. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub insecure: bool,
}

impl ImageRepositorySpec {
    /// How long one scan may take; none when neither timeout nor interval is a duration.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout.as_ref().unwrap_or(&self.interval).get().ok()
    }
}

/// What was last read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImageRepositoryStatus {
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
    /// The image's full name: `docker.io/library/alpine` for `alpine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_image_name: Option<String>,
    /// The last scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_scan_result: Option<ScanResult>,
    /// The exclusions of the last scan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed_exclusion_list: Vec<String>,
}

/// The outcome of a scan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ScanResult {
    /// Hash of the tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// How many tags there are.
    #[schemars(schema_with = "crate::schema::integer")]
    pub tag_count: i64,
    /// When the tags were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::date_time")]
    pub scan_time: Option<Time>,
    /// The last 10 tags of the alphabet, last first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub latest_tags: Vec<String>,
}
