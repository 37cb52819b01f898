use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{
    AGE, Column, Condition, GoDuration, NamespacedObjectReference, READY, STATUS, flux_kind, flux_object,
    flux_status, text_enum,
};

flux_kind! {
    /// The rule by which one tag of an ImageRepository is the latest.
    ImagePolicy {
        group: "image.toolkit.fluxcd.io", version: "v1", plural: "imagepolicies",
        spec: ImagePolicySpec, status: ImagePolicyStatus,
        short_names: ["imgpol", "imagepol"], category: "fluxcd-images",
        columns: [
            Column::text("Image", ".status.latestRef.name"),
            Column::text("Tag", ".status.latestRef.tag"),
            READY, STATUS, AGE,
        ],
        substitution_disabled: false,
    }
}
flux_object!(ImagePolicy, ImagePolicyStatus,
    interval: |object| object.spec.interval.as_ref().and_then(|interval| interval.get().ok()));
flux_status!(ImagePolicyStatus);

/// Which tags are looked at and which of them wins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')",
        "message": "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'",
    },
    {
        "rule": "has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'",
        "message": "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'",
    },
]))]
pub struct ImagePolicySpec {
    /// The ImageRepository with the tags. One of another namespace must allow it by its accessFrom.
    pub image_repository_ref: NamespacedObjectReference,
    /// Which tag wins: exactly one rule.
    pub policy: ImagePolicyChoice,
    /// Which tags are looked at. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_tags: Option<TagFilter>,
    /// Whether the digest of the winning tag is noted in status.latestRef: `Never`; `IfNotPresent`, once for each tag;
    /// `Always`, anew at each interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Never"))]
    pub digest_reflection_policy: Option<DigestReflectionPolicy>,
    /// How often the digest is read anew. Required with digestReflectionPolicy Always, and only allowed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// True stops reconciliation; the last choice stays. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
}

text_enum! {
    /// Whether a tag's digest is noted.
    DigestReflectionPolicy {
        /// Read anew at each interval.
        Always = "Always",
        /// Read once for each tag.
        IfNotPresent = "IfNotPresent",
        /// Not noted.
        Never = "Never",
    }
}

/// The rule by which a tag wins. Exactly one field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImagePolicyChoice {
    /// The highest version in a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semver: Option<SemverPolicy>,
    /// The first or last of the alphabet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alphabetical: Option<AlphabeticalPolicy>,
    /// The lowest or highest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numerical: Option<NumericalPolicy>,
}

/// The highest version in a range.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct SemverPolicy {
    /// The range, for example `>=1.0.0 <2.0.0`.
    pub range: String,
}

/// The first or last of the alphabet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct AlphabeticalPolicy {
    /// `asc` picks the last (of a to z: z), `desc` the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "asc"))]
    pub order: Option<SortOrder>,
}

/// The lowest or highest number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct NumericalPolicy {
    /// `asc` picks the highest (of 0 to 9: 9), `desc` the lowest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "asc"))]
    pub order: Option<SortOrder>,
}

text_enum! {
    /// The order in which tags stand; the last one wins.
    SortOrder {
        /// Rising.
        Ascending = "asc",
        /// Falling.
        Descending = "desc",
    }
}

/// Which tags are looked at, and which part of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct TagFilter {
    /// A regular expression that tags must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The part of the tag that the policy compares, made from the pattern's groups: `$ts`. Default: the whole tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract: Option<String>,
}

/// The last choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImagePolicyStatus {
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
    /// The image with the winning tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_ref: Option<ImageRef>,
    /// The image that won before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_previous_ref: Option<ImageRef>,
}

/// An image with tag and digest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImageRef {
    /// Name of the image, without tag.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// The digest, as `<algorithm>:<hex>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
