use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, AccessFrom, Artifact, Column, Condition, GoDuration, LocalObjectReference, READY, STATUS, flux_kind,
    flux_object, flux_status, text_enum,
};

flux_kind! {
    /// A Helm chart repository whose index is offered as an artifact, or an OCI registry that holds charts.
    HelmRepository {
        group: "source.toolkit.fluxcd.io", version: "v1", plural: "helmrepositories",
        spec: HelmRepositorySpec, status: HelmRepositoryStatus,
        short_names: ["helmrepo"], category: "fluxcd-sources",
        columns: [Column::text("URL", ".spec.url"), AGE, READY, STATUS],
    }
}
flux_object!(HelmRepository, HelmRepositoryStatus, interval: |object| object.spec.interval());
flux_status!(HelmRepositoryStatus);

/// Which repository and how to log in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct HelmRepositorySpec {
    /// Address of the repository: `http://` or `https://`; with type oci also `oci://`.
    #[schemars(regex(pattern = r"^(http|https|oci)://.*$"))]
    pub url: String,
    /// The Secret to log in with: `username` and `password`; for type oci also of type
    /// `kubernetes.io/dockerconfigjson`. TLS keys in it (`certFile`, `keyFile`, `caFile`) are deprecated for
    /// certSecretRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the server's certificate authority (`ca.crt`) and a client certificate (`tls.crt` with
    /// `tls.key`). It wins over secretRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// True sends the login also to other hosts that the index names. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub pass_credentials: bool,
    /// How often the index is looked at, for example `5m`; some jitter is added. Required unless the type is oci.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// True allows plain HTTP. Only for type oci. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub insecure: bool,
    /// How long one fetch of the index, or one login, may take. Default: 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = crate::schema::TIMEOUT_PATTERN))]
    pub timeout: Option<GoDuration>,
    /// True stops reconciliation; the artifact stays as it is. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// Which other namespaces may use this repository. Never had an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_from: Option<AccessFrom>,
    /// `default` is a repository with an index, `oci` a registry. A repository of type oci is not reconciled; the
    /// charts of it are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "type")]
    pub type_: Option<HelmRepositoryType>,
    /// How to log in to a registry (type oci): `generic` with the Secret, `aws`, `azure` or `gcp` with the cloud's
    /// identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generic"))]
    pub provider: Option<RegistryProvider>,
}

impl HelmRepositorySpec {
    /// How often to look at the index; 1 minute when nothing is said.
    pub fn interval(&self) -> Option<Duration> {
        self.interval.as_ref().map_or(Some(Duration::from_secs(60)), |interval| interval.get().ok())
    }

    /// How long one operation may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_ref().map_or(super::DEFAULT_TIMEOUT, |timeout| timeout.get_or(super::DEFAULT_TIMEOUT))
    }
}

text_enum! {
    /// Forms of a Helm repository.
    HelmRepositoryType {
        /// With an index.
        Default = "default",
        /// A registry.
        Oci = "oci",
    }
}

text_enum! {
    /// How to log in to a registry.
    RegistryProvider {
        /// With the Secret.
        Generic = "generic",
        /// As an AWS identity.
        Aws = "aws",
        /// As an Azure identity.
        Azure = "azure",
        /// As a Google identity.
        Gcp = "gcp",
    }
}

/// What was last fetched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct HelmRepositoryStatus {
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
    /// Address that always serves the newest index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The index of the last successful reconciliation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
}
