//! What changes resources, one file each. Each is made from the kustomization's fields or from an object of
//! `transformers`.

mod annotations;
mod hashes;
mod images;
mod labels;
mod names;
mod namespace;
mod patch;
mod patch_json6902;
mod patch_strategic_merge;
mod replacements;
mod replicas;
mod value_add;

pub(crate) use self::{
    annotations::AddAnnotations,
    hashes::AddHashes,
    images::SetImage,
    labels::AddLabels,
    names::{AddPrefix, AddSuffix},
    namespace::SetNamespace,
    patch::{ApplyPatch, PatchArgs},
    patch_json6902::{ApplyJsonPatch, JsonPatchArgs},
    patch_strategic_merge::{ApplyMergePatches, MergePatchArgs},
    replacements::{ReplacementArgs, Replacements},
    replicas::SetReplicas,
    value_add::AddValue,
};

pub use self::{images::ImageError, patch::PatchError, replicas::ReplicaError, value_add::ValueAddError};

use crate::{resmap::ResMap, schema::Schemas, target::BuildError};

/// Changes resources.
pub(crate) trait Transformer {
    /// Changes what it is for; fails with the resource and field in the message.
    fn transform(&self, resources: &mut ResMap, schemas: &Schemas) -> Result<(), BuildError>;
}
