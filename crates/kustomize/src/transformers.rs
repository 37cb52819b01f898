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

use crate::{resmap::ResMap, resource::Resource, schema::Schemas, target::BuildError};

/// What is done to one resource.
pub(crate) type Each<'t> = Box<dyn Fn(&mut Resource) -> Result<(), BuildError> + 't>;

/// Changes resources: each alone, or all of them. One of the two is to be implemented.
pub(crate) trait Transformer {
    /// What is done to each resource without a look at the others; nothing where all are needed. Several such steps go over
    /// the resources together.
    fn each(&self) -> Result<Option<Each<'_>>, BuildError> {
        Ok(None)
    }

    /// Changes what it is for; fails with the resource and field in the message.
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        match self.each()? {
            Some(each) => resources.list_mut().iter_mut().try_for_each(each),
            None => Ok(()),
        }
    }
}
