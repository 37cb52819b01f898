//! What all kinds share.

mod artifact;
mod conditions;
mod decode;
mod duration;
mod kind;
mod names;
mod object;
mod path;
mod references;
mod text_enum;

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

pub use self::artifact::Artifact;
pub use self::conditions::{ConditionType, Reason};
pub use self::decode::Envelope;
pub(crate) use self::decode::{decode_spec, decode_status, serialize_object};
pub use self::duration::{GoDuration, GoDurationError};
pub(crate) use self::kind::{
    AGE, READY, STATUS, flux_kind, flux_kind_without_status, flux_object, flux_resource, flux_status,
};
pub use self::kind::{Column, FluxKind, StatusForm};
pub use self::names::{annotations, event_keys, finalizers, groups, labels, secret_keys};
pub use self::object::{FluxObject, FluxStatus};
pub use self::path::rooted;
pub use self::references::{
    AccessFrom, CommonMetadata, CustomHealthCheck, DependencyReference, IgnoreRule, ImageOverride, Inventory,
    InventoryEntry, JsonPatchOp, JsonPatchOperation, KubeConfigReference, LegacyJsonPatch,
    LocalObjectReference, NamespaceSelector, NamespacedObjectKindReference, NamespacedObjectReference, Patch,
    SecretKeyReference, Selector, Snapshot, ValuesKind,
};
pub(crate) use self::text_enum::text_enum;

pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

pub(crate) fn is_zero(value: &i64) -> bool {
    *value == 0
}
