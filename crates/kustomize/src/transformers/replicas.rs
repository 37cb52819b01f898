use manifest::yaml::{ScalarStyle, Tag};
use serde::Deserialize;

use super::Transformer;
use crate::{
    config::FieldSpec,
    fields::{Create, for_each_field, scalar_mut},
    kustomization::Replica,
    resmap::ResMap,
    schema::Schemas,
    target::BuildError,
};

/// Why replicas cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaError {
    /// Nothing that can be scaled has the name.
    #[error("resource with name {name} does not match a config with the following GVK [{kinds}]")]
    NoMatch {
        /// The name.
        name: String,
        /// What can be scaled.
        kinds: String,
    },
}

/// Sets the number of replicas of the resource of a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SetReplicas {
    pub(crate) replica: Replica,
    pub(crate) field_specs: Vec<FieldSpec>,
}

impl Transformer for SetReplicas {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        let mut found = false;
        for spec in &self.field_specs {
            let parts = spec.parts();
            for resource in resources.list_mut() {
                let named = |id: crate::resid::ResId<'_>| {
                    id.name == self.replica.name && id.gvk.is_selected(spec.gvk())
                };
                if !resource.any_id(named) {
                    continue;
                }
                found = true;
                for_each_field(&mut resource.node, spec, &parts, Some(Create::Scalar), &mut |node| {
                    let scalar = scalar_mut(node)?;
                    scalar.value = self.replica.count.to_string().into();
                    scalar.tag = if scalar.style == ScalarStyle::Plain { Tag::Int } else { Tag::Str };
                    Ok(())
                })?;
            }
        }
        if found { Ok(()) } else { Err(self.no_match().into()) }
    }
}

impl SetReplicas {
    fn no_match(&self) -> ReplicaError {
        let kinds: Vec<_> = self.field_specs.iter().map(|spec| spec.gvk().to_string()).collect();
        ReplicaError::NoMatch { name: self.replica.name.clone(), kinds: kinds.join(" ") }
    }
}
