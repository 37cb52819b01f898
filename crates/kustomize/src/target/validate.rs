//! `validators`: they look, and may leave nothing behind but a label that says so.

use manifest::yaml::DuplicateKeys;

use super::{BuildError, Target};
use crate::{resmap::ResMap, resource::Resource};

/// The label that a validator may set.
const VALIDATED_BY: &str = "validated-by";

/// What a validator changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorError {
    /// It added or removed resources.
    #[error(
        "validator shouldn't modify the resource map: lists have different number of entries: {before} and {after}"
    )]
    Count {
        /// Resources before.
        before: usize,
        /// Resources after.
        after: usize,
    },
    /// It renamed a resource.
    #[error("validator shouldn't modify the resource map: id in self missing from other; id: {0}")]
    Missing(String),
    /// Two resources have come to have the same id.
    #[error("validator shouldn't modify the resource map: id in self matches many in other; id: {0}")]
    Many(String),
    /// It changed a resource.
    #[error("validator shouldn't modify the resource map: nodes unequal: {0}")]
    Changed(String),
}

impl Target<'_> {
    /// Runs the validators; fails when one changes more than its label.
    pub(super) fn validate(&self, resources: &mut ResMap) -> Result<(), BuildError> {
        let schemas = self.session.schemas();
        for (validator, _) in self.plugin_steps(&self.kustomization.validators)? {
            let before = resources.clone();
            validator.transform(resources, &schemas)?;
            check_unchanged(&before, resources)?;
        }
        Ok(())
    }
}

fn check_unchanged(before: &ResMap, after: &ResMap) -> Result<(), BuildError> {
    let counts = (before.list().len(), after.list().len());
    if counts.0 != counts.1 {
        return Err(ValidatorError::Count { before: counts.0, after: counts.1 }.into());
    }
    for resource in before.iter() {
        let id = resource.id();
        let mut others = after.iter().filter(|other| id.equals(other.id()));
        let missing = || ValidatorError::Missing(id.to_string());
        let other = others.next().ok_or_else(missing)?;
        if others.next().is_some() {
            return Err(ValidatorError::Many(id.to_string()).into());
        }
        let mut other = other.clone();
        remove_label(&mut other);
        let json = |resource: &Resource| resource.node.to_json(DuplicateKeys::LastWins);
        if json(resource)? != json(&other)? {
            return Err(ValidatorError::Changed(id.to_string()).into());
        }
    }
    Ok(())
}

fn remove_label(resource: &mut Resource) {
    if resource.node.at(&["metadata", "labels", VALIDATED_BY]).is_none() {
        return;
    }
    let mut labels = resource.meta_strings("labels");
    labels.remove(VALIDATED_BY);
    resource.set_meta_strings("labels", &labels);
}
