use manifest::yaml::Node;
use serde::Deserialize;

use super::{Each, Transformer};
use crate::{
    config::FieldSpec,
    fields::{Create, FieldError, Fields, set_entry},
    kustomization::Strings,
    resource::Resource,
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
    fn each(&self) -> Result<Option<Each<'_>>, BuildError> {
        Ok(Some(set_strings(&self.labels, &self.field_specs)))
    }
}

/// Sets entries of the mappings that the specs name.
pub(super) fn set_strings<'t>(entries: &'t Strings, specs: &'t [FieldSpec]) -> Each<'t> {
    if entries.is_empty() {
        return Box::new(|_| Ok(()));
    }
    let fields = Fields::new(specs);
    Box::new(move |resource| Ok(set_in(resource, entries, &fields)?))
}

fn set_in(resource: &mut Resource, entries: &Strings, fields: &Fields<'_>) -> Result<(), FieldError> {
    // What is made at several fields is one value.
    let mut twins: Vec<_> = entries.values().map(|value| (resource.new_twin(value), 0)).collect();
    fields.for_each(&mut resource.node, Some(Create::Mapping), &mut |node| {
        let mut pairs = entries.iter().zip(&mut twins);
        pairs.try_for_each(|((key, value), twin)| set_twin(node, key, value, twin))
    })?;
    let single = twins.iter().filter(|(_, count)| *count < 2);
    single.for_each(|(twin, _)| resource.drop_twin(*twin));
    Ok(())
}

/// `twin`: its number, and how many there are.
fn set_twin(node: &mut Node, key: &str, value: &str, twin: &mut (u32, u32)) -> Result<(), FieldError> {
    let made = set_entry(node, key, value)?;
    if let Some(Node::Scalar(scalar)) = node.get_mut(key).filter(|_| made) {
        scalar.twin = twin.0;
        twin.1 += 1;
    }
    Ok(())
}
