use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, Condition, GoDuration, LocalObjectReference, READY, STATUS, flux_kind, flux_object, flux_status,
    text_enum,
};
use crate::notification::EventKind;

/// Default of `interval`.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(600);

flux_kind! {
    /// A webhook that asks objects to reconcile.
    Receiver {
        group: "notification.toolkit.fluxcd.io", version: "v1", plural: "receivers",
        spec: ReceiverSpec, status: ReceiverStatus,
        short_names: [], category: "fluxcd-notifications",
        columns: [AGE, READY, STATUS],
    }
}
flux_object!(Receiver, ReceiverStatus, interval: |object| object.spec.interval());
flux_status!(ReceiverStatus);

/// Who calls, how the call is checked, and what it asks to reconcile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
        "message": "generic-oidc receivers must define at least one oidcProvider",
    },
    {
        "rule": "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
        "message": "oidcProviders can only be set when type is generic-oidc",
    },
    {
        "rule": "self.type != 'generic-oidc' || !has(self.secretRef)",
        "message": "secretRef cannot be set when type is generic-oidc",
    },
    {
        "rule": "self.type == 'generic-oidc' || has(self.secretRef)",
        "message": "secretRef is required when type is not generic-oidc",
    },
]))]
pub struct ReceiverSpec {
    /// Who calls: it decides how a call is checked and read.
    #[serde(rename = "type")]
    pub type_: ReceiverType,
    /// How often the Secret is looked at, for example `10m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "10m"))]
    pub interval: Option<GoDuration>,
    /// The events of the caller that count, for example `push` for GitHub or `Push Hook` for GitLab. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The objects that are asked to reconcile.
    pub resources: Vec<ReceiverResource>,
    /// A CEL expression of type bool over `res` (the object's metadata) and `req` (the call's body) that says whether
    /// an object is asked to reconcile. Default: all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_filter: Option<String>,
    /// The Secret with the key `token` that calls are checked with; for gcr also `email` and `audience`. Required, but
    /// not allowed for generic-oidc.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The issuers whose tokens are accepted. Only for generic-oidc, and required there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["issuerURL"]))]
    pub oidc_providers: Vec<OidcProvider>,
    /// True refuses calls. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
}

impl ReceiverSpec {
    /// How often to look at the Secret; 10 minutes when nothing is said.
    pub fn interval(&self) -> Option<Duration> {
        self.interval.as_ref().map_or(Some(DEFAULT_INTERVAL), |interval| interval.get().ok())
    }
}

text_enum! {
    /// Callers.
    ReceiverType {
        /// Anyone who knows the address.
        Generic = "generic",
        /// Anyone who signs the body with the token.
        GenericHmac = "generic-hmac",
        /// Anyone with a token of a trusted issuer.
        GenericOidc = "generic-oidc",
        /// GitHub.
        GitHub = "github",
        /// GitLab.
        GitLab = "gitlab",
        /// Bitbucket Server.
        Bitbucket = "bitbucket",
        /// Harbor.
        Harbor = "harbor",
        /// Docker Hub.
        DockerHub = "dockerhub",
        /// Quay.
        Quay = "quay",
        /// Google Container Registry and Artifact Registry.
        Gcr = "gcr",
        /// Nexus.
        Nexus = "nexus",
        /// Azure Container Registry.
        Acr = "acr",
        /// CDEvents.
        CdEvents = "cdevents",
    }
}

/// Objects that are asked to reconcile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ReceiverResource {
    /// API version of the objects. Default: the newest of the kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the objects.
    pub kind: EventKind,
    /// Name of the object, or `*` for all.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the objects. Default: that of the Receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub namespace: Option<String>,
    /// Labels the objects must have, all of them. Only with the name `*`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// A CEL expression as resourceFilter, for these objects only; both must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// An issuer of tokens, and what its tokens must say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OidcProvider {
    /// Address of the issuer, equal to the claim `iss`.
    #[serde(rename = "issuerURL")]
    #[schemars(regex(pattern = "^https?://"))]
    pub issuer_url: String,
    /// What the claim `aud` must hold. Default: notification-controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Named CEL expressions over `claims`, made in order; a later one can use `vars.<name>` of the ones before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<OidcVariable>,
    /// CEL expressions over `claims` and `vars` that must all be true.
    #[schemars(length(min = 1))]
    pub validations: Vec<OidcValidation>,
}

/// A named expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OidcVariable {
    /// The name, a CEL identifier.
    pub name: String,
    /// The CEL expression.
    pub expression: String,
}

/// An expression that must be true.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct OidcValidation {
    /// The CEL expression, of type bool.
    pub expression: String,
    /// What the caller is told when it is false.
    pub message: String,
}

/// Where the webhook listens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ReceiverStatus {
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
    /// Path of the webhook: `/hook/` and the SHA-256 of token, name and namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_path: Option<String>,
}
