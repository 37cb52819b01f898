use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OciVerification, RegistryProvider};
use crate::meta::{
    AGE, Artifact, Column, Condition, GoDuration, LocalObjectReference, READY, STATUS, flux_kind,
    flux_object, flux_status, text_enum,
};

flux_kind! {
    /// An OCI repository whose content at a tag or digest is offered as an artifact.
    OCIRepository {
        group: "source.toolkit.fluxcd.io", version: "v1", plural: "ocirepositories",
        spec: OCIRepositorySpec, status: OCIRepositoryStatus,
        short_names: ["ocirepo"], category: "fluxcd-sources",
        columns: [Column::text("URL", ".spec.url"), READY, STATUS, AGE],
    }
}
flux_object!(OCIRepository, OCIRepositoryStatus, interval: |object| object.spec.interval.get().ok());
flux_status!(OCIRepositoryStatus);

/// Which repository, which of its artifacts, how to log in and what to keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OCIRepositorySpec {
    /// Address of the repository, without tag: `oci://ghcr.io/org/app`.
    #[schemars(regex(pattern = r"^oci://.*$"))]
    pub url: String,
    /// The artifact to fetch. Default: the tag `latest`.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<OCIRepositoryRef>,
    /// The layer to take and what to do with it. Default: the first one, extracted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_selector: Option<LayerSelector>,
    /// How to log in: `generic` with the Secret, `aws`, `azure` or `gcp` with the cloud's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generic"))]
    pub provider: Option<RegistryProvider>,
    /// The Secret to log in with, of type `kubernetes.io/dockerconfigjson`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Checks the signature and refuses what is not signed. Default: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<OciVerification>,
    /// The ServiceAccount whose image pull secrets (provider generic) or cloud identity (other providers) is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the registry's certificate authority (`ca.crt`) and a client certificate (`tls.crt` with
    /// `tls.key`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// The Secret with the proxy to use: `address`, and `username` with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// How often the repository is looked at, for example `5m`; some jitter is added.
    pub interval: GoDuration,
    /// How long one registry operation, such as a pull, may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = crate::schema::TIMEOUT_PATTERN))]
    #[schemars(extend("default" = "60s"))]
    pub timeout: Option<GoDuration>,
    /// What to leave out of the artifact, one pattern a line as in `.gitignore`. Default: files of Git and of CI
    /// systems, images and archives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// True allows plain HTTP, and TLS with any certificate when there is no certSecretRef. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub insecure: bool,
    /// True stops reconciliation; the artifact stays as it is. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
}

impl OCIRepositorySpec {
    /// How long one operation may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_ref().map_or(super::DEFAULT_TIMEOUT, |timeout| timeout.get_or(super::DEFAULT_TIMEOUT))
    }
}

/// The artifact to fetch. Of several fields the first of digest, semver, tag counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OCIRepositoryRef {
    /// The digest of the manifest, `sha256:<hex>`; wins over all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// A range of versions: the highest tag in it; wins over tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// A regular expression that tags must match to be looked at by semver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver_filter: Option<String>,
    /// A tag. Default: latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Which layer of an OCI artifact to take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct LayerSelector {
    /// The first layer of this media type is taken. Default: the first layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// `extract` unpacks the layer, a gzip-compressed tar archive, and packs it anew; `copy` stores it as it is.
    /// Default: extract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<LayerOperation>,
}

text_enum! {
    /// What to do with a layer.
    LayerOperation {
        /// Unpack and pack anew.
        Extract = "extract",
        /// Store as it is.
        Copy = "copy",
    }
}

/// What was last fetched, with which settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OCIRepositoryStatus {
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
    /// The ignore patterns the artifact was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_ignore: Option<String>,
    /// The layer selector the artifact was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_layer_selector: Option<LayerSelector>,
}
