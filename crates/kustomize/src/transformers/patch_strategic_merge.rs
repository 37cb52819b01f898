use serde::Deserialize;

use super::{Transformer, patch::apply_to};
use crate::{
    load::Loader,
    resmap::ResMap,
    resource::{Resource, parse_limits, parse_resources},
    schema::Schemas,
    target::BuildError,
    transformers::PatchError,
};

/// The fields of `patchesStrategicMerge`: files or texts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MergePatchArgs {
    pub(crate) paths: Vec<String>,
    pub(crate) patches: String,
}

/// Applies strategic merge patches to the resources they name.
pub(crate) struct ApplyMergePatches(Vec<Resource>);

impl ApplyMergePatches {
    pub(crate) fn new(args: &MergePatchArgs, loader: &Loader<'_>) -> Result<Self, BuildError> {
        let mut patches = Vec::new();
        for path in &args.paths {
            // An entry may be the patch itself.
            match parse_resources(path, &parse_limits()) {
                Ok(inline) => patches.extend(inline),
                Err(_) => patches.extend(load(loader, path)?),
            }
        }
        if !args.patches.is_empty() {
            patches.extend(parse_resources(&args.patches, &parse_limits())?);
        }
        if patches.is_empty() {
            return Err(PatchError::Empty(args.paths.join(" ")).into());
        }
        Ok(Self(patches))
    }
}

fn load(loader: &Loader<'_>, path: &str) -> Result<Vec<Resource>, BuildError> {
    let text = loader.load_text(path)?;
    parse_resources(&text, &parse_limits()).map_err(|error| BuildError::from(error).in_file(path))
}

impl Transformer for ApplyMergePatches {
    fn transform(&self, resources: &mut ResMap, schemas: &Schemas) -> Result<(), BuildError> {
        for patch in &self.0 {
            let index = resources.find(patch.original_id())?;
            apply_to(resources, &[index], patch, schemas)?;
        }
        Ok(())
    }
}
