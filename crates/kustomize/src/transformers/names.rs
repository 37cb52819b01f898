use manifest::yaml::Text;
use serde::Deserialize;

use super::{Each, Transformer};
use crate::{
    config::FieldSpec,
    fields::{Create, for_each_field, scalar_mut, set_text},
    resid::GvkRef,
    resource::Resource,
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
    fn each(&self) -> Result<Option<Each<'_>>, BuildError> {
        let note = |resource: &mut Resource| push(&mut resource.prefixes, &self.prefix);
        Ok(Some(rename(self.field_specs.as_deref().unwrap_or_default(), &self.prefix, "", note)))
    }
}

impl Transformer for AddSuffix {
    fn each(&self) -> Result<Option<Each<'_>>, BuildError> {
        let note = |resource: &mut Resource| push(&mut resource.suffixes, &self.suffix);
        Ok(Some(rename(self.field_specs.as_deref().unwrap_or_default(), "", &self.suffix, note)))
    }
}

fn push(list: &mut Vec<Text>, text: &str) {
    if !text.is_empty() {
        list.push(text.into());
    }
}

fn rename<'t>(
    specs: &'t [FieldSpec],
    prefix: &'t str,
    suffix: &'t str,
    note: impl Fn(&mut Resource) + 't,
) -> Each<'t> {
    let specs: Vec<_> = specs.iter().map(|spec| (spec, spec.parts())).collect();
    Box::new(move |resource| {
        if KEPT.iter().any(|kind| resource.original_id().gvk.is_selected(*kind)) {
            return Ok(());
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
        Ok(())
    })
}
