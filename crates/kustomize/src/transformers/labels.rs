use serde::Deserialize;

use super::Transformer;
use crate::{
    config::FieldSpec,
    fields::{Create, FieldError, for_each_field, set_entry},
    kustomization::Strings,
    resmap::ResMap,
    schema::Schemas,
    target::BuildError,
};

/// Sets labels at fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddLabels {
    pub(crate) labels: Strings,
    pub(crate) field_specs: Vec<FieldSpec>,
}

impl Transformer for AddLabels {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        Ok(set_strings(resources, &self.labels, &self.field_specs)?)
    }
}

/// Sets entries of the mappings that the specs name.
pub(super) fn set_strings(
    resources: &mut ResMap,
    entries: &Strings,
    specs: &[FieldSpec],
) -> Result<(), FieldError> {
    if entries.is_empty() {
        return Ok(());
    }
    let specs: Vec<_> = specs.iter().map(|spec| (spec, spec.parts())).collect();
    for resource in resources.list_mut() {
        for (spec, parts) in &specs {
            for_each_field(&mut resource.node, spec, parts, Some(Create::Mapping), &mut |node| {
                entries.iter().try_for_each(|(key, value)| set_entry(node, key, value))
            })?;
        }
    }
    Ok(())
}
