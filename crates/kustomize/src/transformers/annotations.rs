use serde::Deserialize;

use super::{Transformer, labels::set_strings};
use crate::{config::FieldSpec, kustomization::Strings, resmap::ResMap, schema::Schemas, target::BuildError};

/// Sets annotations at fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddAnnotations {
    pub(crate) annotations: Strings,
    pub(crate) field_specs: Vec<FieldSpec>,
}

impl Transformer for AddAnnotations {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        Ok(set_strings(resources, &self.annotations, &self.field_specs)?)
    }
}
