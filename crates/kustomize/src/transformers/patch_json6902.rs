use serde::Deserialize;

use super::{
    Transformer,
    patch::{apply_operations, read_operations, target_of},
};
use crate::{
    json6902::Operation, kustomization::Selector, load::Loader, resmap::ResMap, schema::Schemas,
    selector::ResourceSelector, target::BuildError, transformers::PatchError,
};

/// The fields of `patchesJson6902`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct JsonPatchArgs {
    pub(crate) target: Option<Selector>,
    pub(crate) path: String,
    pub(crate) json_op: String,
}

/// Applies JSON patch operations to the resources of a target.
pub(crate) struct ApplyJsonPatch {
    operations: Vec<Operation>,
    target: ResourceSelector,
}

impl ApplyJsonPatch {
    pub(crate) fn new(args: &JsonPatchArgs, loader: &Loader<'_>) -> Result<Self, BuildError> {
        let target =
            args.target.as_ref().filter(|target| !target.name.is_empty()).ok_or(PatchError::NoTargetName)?;
        let text = match (args.path.is_empty(), args.json_op.is_empty()) {
            (true, true) => return Err(PatchError::Nothing.into()),
            (false, false) => return Err(PatchError::Both.into()),
            (false, true) => loader.load_text(&args.path)?,
            (true, false) => args.json_op.clone(),
        };
        let place = if args.path.is_empty() {
            format!("[patch: {text:?}]")
        } else {
            format!("[path: {:?}]", args.path)
        };
        let operations = read_operations(&text).map_err(|reason| PatchError::Neither { place, reason })?;
        if operations.is_empty() {
            return Err(PatchError::Empty(args.path.clone()).into());
        }
        Ok(Self { operations, target: target_of(target)? })
    }
}

impl Transformer for ApplyJsonPatch {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        for index in resources.select(&self.target)? {
            let (list, room) = resources.list_and_room();
            apply_operations(&mut list[index], &self.operations, room)?;
        }
        Ok(())
    }
}
