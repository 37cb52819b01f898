use manifest::yaml::Node;
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
        // What is made at several fields is one value.
        let twins: Vec<_> = entries.values().map(|value| resource.new_twin(value)).collect();
        for (spec, parts) in &specs {
            for_each_field(&mut resource.node, spec, parts, Some(Create::Mapping), &mut |node| {
                let mut pairs = entries.iter().zip(&twins);
                pairs.try_for_each(|((key, value), twin)| set_twin(node, key, value, *twin))
            })?;
        }
        resource.sync_twins();
    }
    Ok(())
}

fn set_twin(node: &mut Node, key: &str, value: &str, twin: u32) -> Result<(), FieldError> {
    let made = set_entry(node, key, value)?;
    if let Some(Node::Scalar(scalar)) = node.get_mut(key).filter(|_| made) {
        scalar.twin = twin;
    }
    Ok(())
}
