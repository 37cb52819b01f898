use serde::Deserialize;

use super::{Each, Transformer, labels::set_strings};
use crate::{config::FieldSpec, kustomization::Strings, target::BuildError};

/// Sets annotations at fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddAnnotations {
    pub(crate) annotations: Strings,
    pub(crate) field_specs: Vec<FieldSpec>,
}

impl Transformer for AddAnnotations {
    fn each(&self) -> Result<Option<Each<'_>>, BuildError> {
        Ok(Some(set_strings(&self.annotations, &self.field_specs)))
    }
}
