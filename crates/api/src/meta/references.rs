//! References to other objects, and the small structures several kinds share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Time, text_enum};

/// An object in the same namespace; the field's own documentation says of which kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct LocalObjectReference {
    /// Name of the object.
    pub name: String,
}

impl LocalObjectReference {
    /// A reference by name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// An object that may be in another namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct NamespacedObjectReference {
    /// Name of the object.
    pub name: String,
    /// Namespace of the object. Default: the namespace of the object that refers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl NamespacedObjectReference {
    /// The namespace, or that of the referring object.
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        named_or(self.namespace.as_deref(), own)
    }
}

/// An object of a stated kind that may be in another namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct NamespacedObjectKindReference {
    /// API version of the object, as `group/version`. Default: the version the cluster prefers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the object.
    pub kind: String,
    /// Name of the object.
    pub name: String,
    /// Namespace of the object. Default: the namespace of the object that refers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// An object that must be ready first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct DependencyReference {
    /// Name of the object, which is of the same kind as the one that depends on it.
    pub name: String,
    /// Namespace of the object. Default: the namespace of the object that depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A CEL expression of type bool over `self` (the dependent object) and `dep` (the dependency) that says whether
    /// the dependency is ready. It replaces the built-in check; with the feature gate `AdditiveCELDependencyCheck`
    /// both must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_expr: Option<String>,
}

impl DependencyReference {
    /// The namespace, or that of the dependent object.
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        named_or(self.namespace.as_deref(), own)
    }
}

/// A key of a Secret in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct SecretKeyReference {
    /// Name of the Secret.
    pub name: String,
    /// Key in the Secret's data. The field that refers to it says what stands for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How to reach another cluster: exactly one of the two fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "has(self.configMapRef) || has(self.secretRef)",
        "message": "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified",
    },
    {
        "rule": "!has(self.configMapRef) || !has(self.secretRef)",
        "message": "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified",
    },
]))]
pub struct KubeConfigReference {
    /// Name of a ConfigMap that says how to log in with workload identity instead of a stored credential. Its keys:
    /// `provider` (required: `aws`, `azure`, `gcp` or `generic`); `cluster`, the cluster's full resource name at the
    /// cloud provider (not for `generic`; required when `address` or `ca.crt` is missing); `address`, the API
    /// server's address (required for `generic`; else it must be one of the cluster's); `ca.crt`, its certificate
    /// authority, PEM; `audiences`, one a line, for the ServiceAccount token (default: the address for `generic`, the
    /// provider's own for others); `serviceAccountName`, a ServiceAccount in the same namespace (default: the
    /// controller's).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<LocalObjectReference>,
    /// The Secret with a kubeconfig file. Default key: `value`, else `value.yaml`. The file must be self-contained:
    /// helper programs named in it are not installed beside the controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretKeyReference>,
}

/// Labels and annotations put on everything that is applied. They win over those in the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct CommonMetadata {
    /// Annotations to set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Labels to set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Selects objects; an object must match all fields that are set. Group, version, kind, name and namespace are
/// regular expressions that must match the whole value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Selector {
    /// API group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// API version, without the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A label selector expression (`app=web,tier!=cache`) matched against the annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation_selector: Option<String>,
    /// A label selector expression (`app=web,tier!=cache`) matched against the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,
}

/// A patch and what it applies to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Patch {
    /// The patch, inline as YAML or JSON: a strategic merge patch (an object), or a JSON patch of RFC 6902 (a list of
    /// operations).
    pub patch: String,
    /// The objects to patch. Default: the one the patch itself names; a JSON patch needs a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Selector>,
}

/// Changes the name, tag or digest of a container image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct ImageOverride {
    /// The image as the source has it, without tag or digest.
    pub name: String,
    /// The image's new name. Default: unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    /// The new tag. Default: unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_tag: Option<String>,
    /// The new digest, which replaces tag and digest; `newTag` is then ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// How to tell the health of the objects of a custom kind: CEL expressions of type bool over the object's top-level
/// fields, tried in the order inProgress, failed, current.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct CustomHealthCheck {
    /// API version of the objects, as `group/version`.
    pub api_version: String,
    /// Kind of the objects. Default: all kinds of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// True when the object is in its wanted state.
    pub current: String,
    /// True while the object is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_progress: Option<String>,
    /// True when the object cannot reach its wanted state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// Fields that are left to others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct IgnoreRule {
    /// JSON pointers (RFC 6901) of the fields, for example `/spec/replicas`.
    pub paths: Vec<String>,
    /// The objects the rule is for. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Selector>,
}

/// Which namespaces may use an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct AccessFrom {
    /// Namespaces that match one of these may use the object. An empty selector matches all.
    pub namespace_selectors: Vec<NamespaceSelector>,
}

/// Selects namespaces by label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct NamespaceSelector {
    /// Labels a namespace must have, all of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// A JSON patch as earlier API versions wrote it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct LegacyJsonPatch {
    /// The operations, in order.
    pub patch: Vec<JsonPatchOperation>,
    /// The objects to patch.
    pub target: Selector,
}

/// One operation of a JSON patch (RFC 6902).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct JsonPatchOperation {
    /// What to do.
    pub op: JsonPatchOp,
    /// JSON pointer of the place.
    pub path: String,
    /// JSON pointer of the place to move or copy from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The value to test, add or replace with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::any_value")]
    pub value: Option<Value>,
}

text_enum! {
    /// Operations of a JSON patch.
    JsonPatchOp {
        /// The value must be there.
        Test = "test",
        /// Take away.
        Remove = "remove",
        /// Add.
        Add = "add",
        /// Put in the place of another.
        Replace = "replace",
        /// Move from another place.
        Move = "move",
        /// Copy from another place.
        Copy = "copy",
    }
}

text_enum! {
    /// Kinds that hold values.
    ValuesKind {
        /// A Secret.
        Secret = "Secret",
        /// A ConfigMap.
        ConfigMap = "ConfigMap",
    }
}

/// The objects that were applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Inventory {
    /// The objects, in the order of application.
    pub entries: Vec<InventoryEntry>,
}

/// An applied object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct InventoryEntry {
    /// The object's identity: `<namespace>_<name>_<group>_<kind>`.
    pub id: String,
    /// The version of the API it was applied with.
    pub v: String,
}

/// One outcome of reconciling one content. The same outcome again only moves its last time and its count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct Snapshot {
    /// Digest of the content, as `<algorithm>:<hex>`.
    pub digest: String,
    /// When this outcome was first seen.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub first_reconciled: Time,
    /// When this outcome was last seen.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_reconciled: Time,
    /// How long the last of these reconciliations took.
    #[schemars(with = "String")]
    pub last_reconciled_duration: super::GoDuration,
    /// The outcome: the reason of the Ready condition.
    pub last_reconciled_status: String,
    /// How many reconciliations had this outcome.
    pub total_reconciliations: i64,
    /// More about the content, for example its revision.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            digest: String::new(),
            first_reconciled: Time(jiff::Timestamp::UNIX_EPOCH),
            last_reconciled: Time(jiff::Timestamp::UNIX_EPOCH),
            last_reconciled_duration: super::GoDuration::default(),
            last_reconciled_status: String::new(),
            total_reconciliations: 0,
            metadata: BTreeMap::new(),
        }
    }
}

fn named_or<'a>(namespace: Option<&'a str>, own: &'a str) -> &'a str {
    namespace.filter(|namespace| !namespace.is_empty()).unwrap_or(own)
}
