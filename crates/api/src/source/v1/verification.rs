use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{LocalObjectReference, text_enum};

/// How the signature of an OCI artifact is checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OciVerification {
    /// The tool that signed the artifact: `cosign` or `notation`.
    #[schemars(extend("default" = "cosign"))]
    pub provider: VerificationProvider,
    /// The Secret with what to trust. For cosign: public keys under `*.pub`; without a Secret the keyless signature is
    /// checked. For notation: `trustpolicy.json` and certificates under `*.crt` or `*.pem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// Whose keyless signatures are accepted: one of these must match. Default: anyone's.
    #[serde(rename = "matchOIDCIdentity", skip_serializing_if = "Vec::is_empty")]
    pub match_oidc_identity: Vec<OidcIdentityMatch>,
    /// The Secret with the key `trusted_root.json`: the Sigstore trust root for keyless signatures. Default: that of
    /// the public Sigstore instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_root_secret_ref: Option<LocalObjectReference>,
}

text_enum! {
    /// Tools that sign OCI artifacts.
    VerificationProvider {
        /// Sigstore's cosign.
        Cosign = "cosign",
        /// The Notary Project's notation.
        Notation = "notation",
    }
}

/// The identity of a keyless signature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OidcIdentityMatch {
    /// A regular expression for the issuer in the certificate.
    pub issuer: String,
    /// A regular expression for the subject in the certificate.
    pub subject: String,
}

/// As [`OciVerification`], without a trust root of its own: the schema of HelmChart.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "a schema only")]
pub(super) struct ChartVerification {
    /// The tool that signed the chart: `cosign` or `notation`.
    #[schemars(extend("default" = "cosign"))]
    provider: VerificationProvider,
    /// The Secret with what to trust. For cosign: public keys under `*.pub`; without a Secret the keyless signature is
    /// checked. For notation: `trustpolicy.json` and certificates under `*.crt` or `*.pem`.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_ref: Option<LocalObjectReference>,
    /// Whose keyless signatures are accepted: one of these must match. Default: anyone's.
    #[serde(rename = "matchOIDCIdentity", skip_serializing_if = "Vec::is_empty")]
    match_oidc_identity: Vec<OidcIdentityMatch>,
}
