use super::Transformer;
use crate::{hash::content_hash, resmap::ResMap, schema::Schemas, target::BuildError};

/// Appends the hash of its content to the name of each generated object that asks for it. Every build ends with one;
/// `transformers` may run it sooner.
pub(crate) struct AddHashes;

impl Transformer for AddHashes {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        if !resources.iter().any(|resource| resource.needs_hash) {
            return Ok(());
        }
        for resource in resources.list_mut().iter_mut().filter(|resource| resource.needs_hash) {
            let hash = content_hash(&resource.node)?;
            resource.store_previous_id();
            let name = format!("{}-{hash}", resource.id().name);
            resource.set_name(&name);
        }
        Ok(())
    }
}
