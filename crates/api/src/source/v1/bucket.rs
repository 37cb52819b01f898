use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, AccessFrom, Artifact, Column, Condition, GoDuration, LocalObjectReference, READY, STATUS, flux_kind,
    flux_object, flux_status, text_enum,
};

flux_kind! {
    /// A bucket of an object store whose files are offered as an artifact.
    Bucket {
        group: "source.toolkit.fluxcd.io", version: "v1", plural: "buckets",
        spec: BucketSpec, status: BucketStatus,
        short_names: [], category: "fluxcd-sources",
        columns: [Column::text("Endpoint", ".spec.endpoint"), AGE, READY, STATUS],
    }
}
flux_object!(Bucket, BucketStatus, interval: |object| object.spec.interval.get().ok());
flux_status!(BucketStatus);

/// Which bucket, how to log in and what to keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)",
        "message": "STS configuration is only supported for the 'aws' and 'generic' Bucket providers",
    },
    {
        "rule": "self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'",
        "message": "'aws' is the only supported STS provider for the 'aws' Bucket provider",
    },
    {
        "rule": "self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'",
        "message": "'ldap' is the only supported STS provider for the 'generic' Bucket provider",
    },
    {
        "rule": "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)",
        "message": "spec.sts.secretRef is not required for the 'aws' STS provider",
    },
    {
        "rule": "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)",
        "message": "spec.sts.certSecretRef is not required for the 'aws' STS provider",
    },
    {
        "rule": "self.provider != 'generic' || !has(self.serviceAccountName)",
        "message": "ServiceAccountName is not supported for the 'generic' Bucket provider",
    },
    {
        "rule": "!has(self.secretRef) || !has(self.serviceAccountName)",
        "message": "cannot set both .spec.secretRef and .spec.serviceAccountName",
    },
]))]
pub struct BucketSpec {
    /// The API of the store and how to log in: `generic` for S3-compatible stores, `aws`, `gcp` or `azure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generic"))]
    pub provider: Option<BucketProvider>,
    /// Name of the bucket.
    pub bucket_name: String,
    /// Host and port of the store's API, without scheme; for azure the account's URL.
    pub endpoint: String,
    /// Where to get temporary credentials. Only for the providers aws and generic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sts: Option<BucketSts>,
    /// True uses plain HTTP. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub insecure: bool,
    /// Region of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Only files whose keys begin with this are taken; the server filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The Secret to log in with: `accesskey` and `secretkey` for S3; `serviceaccount` for gcp; for azure an account
    /// key (`accountKey`), a SAS key (`sasKey`) or a service principal (`tenantId`, `clientId` with `clientSecret` or
    /// `clientCertificate`). Not together with serviceAccountName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The ServiceAccount whose cloud identity is used. Not for the provider generic. Default: the controller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the store's certificate authority (`ca.crt`) and a client certificate (`tls.crt` with
    /// `tls.key`). Only for the provider generic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// The Secret with the proxy to use: `address`, and `username` with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// How often the bucket is looked at, for example `5m`; some jitter is added.
    pub interval: GoDuration,
    /// How long one fetch of all files may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = crate::schema::TIMEOUT_PATTERN))]
    #[schemars(extend("default" = "60s"))]
    pub timeout: Option<GoDuration>,
    /// What to leave out of the artifact, one pattern a line as in `.gitignore`; applied after a `.sourceignore` in
    /// the bucket's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<String>,
    /// True stops reconciliation; the artifact stays as it is. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// Of earlier API versions: never had an effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub access_from: Option<AccessFrom>,
}

impl BucketSpec {
    /// How long one operation may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_ref().map_or(super::DEFAULT_TIMEOUT, |timeout| timeout.get_or(super::DEFAULT_TIMEOUT))
    }
}

text_enum! {
    /// APIs of object stores.
    BucketProvider {
        /// S3-compatible.
        Generic = "generic",
        /// AWS S3.
        Aws = "aws",
        /// Google Cloud Storage.
        Gcp = "gcp",
        /// Azure Blob Storage.
        Azure = "azure",
    }
}

/// Where to get temporary credentials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct BucketSts {
    /// The protocol: `aws` or `ldap`.
    pub provider: StsProvider,
    /// Address of the service, `http://` or `https://`.
    #[schemars(regex(pattern = r"^(http|https)://.*$"))]
    pub endpoint: String,
    /// The Secret with `username` and `password`. Only for ldap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The Secret with the service's certificate authority (`ca.crt`) and a client certificate (`tls.crt` with
    /// `tls.key`). Only for ldap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
}

text_enum! {
    /// Protocols for temporary credentials.
    StsProvider {
        /// AWS Security Token Service.
        Aws = "aws",
        /// MinIO's LDAP login.
        Ldap = "ldap",
    }
}

/// What was last fetched, with which settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct BucketStatus {
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
}
