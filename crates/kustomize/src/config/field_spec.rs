use serde::Deserialize;

use crate::{path, resid::GvkRef};

/// Why a configuration does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The same field is to be created and not to be created.
    #[error("conflicting fieldspecs: '{path}'")]
    Conflict {
        /// The field.
        path: String,
    },
    /// The same, in a named section.
    #[error("failed to merge {section} fieldSpec: {source}")]
    Section {
        /// Section of the configuration.
        section: &'static str,
        /// What is wrong in it.
        source: Box<ConfigError>,
    },
    /// A file has unknown or wrong fields.
    #[error("configuration '{file}': json: {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
}

impl ConfigError {
    pub(super) fn in_field(self, section: &'static str) -> Self {
        Self::Section { section, source: Box::new(self) }
    }
}

/// A field of the objects of a type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FieldSpec {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// Slash-separated; lists need no part of their own, `name[]` says that the field is one.
    pub(crate) path: String,
    /// Make the field when it is missing.
    pub(crate) create: bool,
}

impl FieldSpec {
    pub(crate) fn new(gvk: (&str, &str, &str), path: impl Into<String>, create: bool) -> Self {
        let (group, version, kind) = (gvk.0.into(), gvk.1.into(), gvk.2.into());
        Self { group, version, kind, path: path.into(), create }
    }

    pub(crate) fn gvk(&self) -> GvkRef<'_> {
        GvkRef { group: &self.group, version: &self.version, kind: &self.kind }
    }

    pub(crate) fn parts(&self) -> Vec<String> {
        path::split(&self.path, '/')
    }
}

/// Adds a spec unless one that is at least as narrow has the same path.
pub(crate) fn merge_one(specs: &mut Vec<FieldSpec>, spec: &FieldSpec) -> Result<(), ConfigError> {
    let same = |mine: &&FieldSpec| mine.path == spec.path && mine.gvk().is_selected(spec.gvk());
    match specs.iter().find(same) {
        Some(mine) if mine.create != spec.create => Err(ConfigError::Conflict { path: spec.path.clone() }),
        Some(_) => Ok(()),
        None => {
            specs.push(spec.clone());
            Ok(())
        }
    }
}

/// [`merge_one`] for each.
pub(crate) fn merge_specs(specs: &mut Vec<FieldSpec>, others: &[FieldSpec]) -> Result<(), ConfigError> {
    others.iter().try_for_each(|spec| merge_one(specs, spec))
}
