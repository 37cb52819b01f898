use serde::Deserialize;

use super::Transformer;
use crate::{
    config::FieldSpec,
    fields::{Create, FieldError, for_each_field, scalar_mut, set_text},
    resid::GvkRef,
    resmap::ResMap,
    resource::Resource,
    schema::Schemas,
    target::BuildError,
};

/// Puts a text before names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddPrefix {
    pub(crate) prefix: String,
    /// Absent is not the same as empty in an object of `transformers`.
    pub(crate) field_specs: Option<Vec<FieldSpec>>,
}

/// Puts a text behind names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AddSuffix {
    pub(crate) suffix: String,
    /// Absent is not the same as empty in an object of `transformers`.
    pub(crate) field_specs: Option<Vec<FieldSpec>>,
}

/// Kinds whose names are never changed.
const KEPT: [GvkRef<'_>; 3] = [
    GvkRef { group: "", version: "", kind: "CustomResourceDefinition" },
    GvkRef { group: "apiregistration.k8s.io", version: "", kind: "APIService" },
    GvkRef { group: "", version: "", kind: "Namespace" },
];

impl Transformer for AddPrefix {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        let note = |resource: &mut Resource| push(&mut resource.prefixes, &self.prefix);
        Ok(rename(resources, self.field_specs.as_deref().unwrap_or_default(), &self.prefix, "", note)?)
    }
}

impl Transformer for AddSuffix {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        let note = |resource: &mut Resource| push(&mut resource.suffixes, &self.suffix);
        Ok(rename(resources, self.field_specs.as_deref().unwrap_or_default(), "", &self.suffix, note)?)
    }
}

fn push(list: &mut Vec<String>, text: &str) {
    if !text.is_empty() {
        list.push(text.to_owned());
    }
}

fn rename(
    resources: &mut ResMap,
    specs: &[FieldSpec],
    prefix: &str,
    suffix: &str,
    note: impl Fn(&mut Resource),
) -> Result<(), FieldError> {
    let specs: Vec<_> = specs.iter().map(|spec| (spec, spec.parts())).collect();
    for resource in resources.list_mut() {
        if KEPT.iter().any(|kind| resource.original_id().gvk.is_selected(*kind)) {
            continue;
        }
        for (spec, parts) in &specs {
            if !resource.original_id().gvk.is_selected(spec.gvk()) {
                continue;
            }
            if spec.path == "metadata/name" {
                note(resource);
                if !(prefix.is_empty() && suffix.is_empty()) {
                    resource.store_previous_id();
                }
            }
            for_each_field(&mut resource.node, spec, parts, Some(Create::Scalar), &mut |node| {
                let text = format!("{prefix}{}{suffix}", scalar_mut(node)?.value);
                set_text(node, &text)
            })?;
        }
    }
    Ok(())
}
