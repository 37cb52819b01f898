//! Which fields transformers touch: built-in tables, completed by `configurations` and `crds`.
//! Reading order: `field_spec`, `defaults`, `names`.

mod crds;
mod defaults;
mod field_spec;
mod names;

use std::rc::Rc;

use manifest::yaml::{DuplicateKeys, parse_value};
use serde::Deserialize;

pub(crate) use self::{
    crds::load_crds,
    defaults::default_config,
    field_spec::{FieldSpec, merge_one, merge_specs},
};

pub use self::field_spec::ConfigError;

use crate::{
    kustomization::from_value,
    load::Loader,
    resid::{Gvk, GvkRef},
    target::BuildError,
};

/// The fields each transformer touches.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Config {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) volume_claim_template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<NameReferences>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
}

/// Fields that hold names of objects of one type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct NameReferences {
    group: String,
    version: String,
    kind: String,
    #[serde(rename = "fieldSpecs")]
    pub(crate) referrers: Vec<FieldSpec>,
}

impl NameReferences {
    pub(crate) fn new(gvk: Gvk, referrers: Vec<FieldSpec>) -> Self {
        Self { group: gvk.group, version: gvk.version, kind: gvk.kind, referrers }
    }

    /// The type whose names the fields hold.
    pub(crate) fn target(&self) -> GvkRef<'_> {
        GvkRef { group: &self.group, version: &self.version, kind: &self.kind }
    }
}

impl Config {
    /// This configuration completed by another; both unchanged when they are the same.
    pub(crate) fn merged(this: &Rc<Self>, other: &Rc<Self>) -> Result<Rc<Self>, ConfigError> {
        if Rc::ptr_eq(this, other) || other.is_empty() {
            return Ok(Rc::clone(this));
        }
        if this.is_empty() && Rc::ptr_eq(other, &default_config()) {
            return Ok(Rc::clone(other));
        }
        let mut merged = this.as_ref().clone();
        merged.absorb(other)?;
        Ok(Rc::new(merged))
    }

    fn is_empty(&self) -> bool {
        self.name_reference.is_empty() && self.specs().iter().all(|(_, specs)| specs.is_empty())
    }

    fn specs(&self) -> [(&'static str, &Vec<FieldSpec>); 11] {
        [
            ("NamePrefix", &self.name_prefix),
            ("NameSuffix", &self.name_suffix),
            ("NameSpace", &self.namespace),
            ("CommonAnnotations", &self.common_annotations),
            ("CommonLabels", &self.common_labels),
            ("Labels", &self.labels),
            ("TemplateLabels", &self.template_labels),
            ("VolumeClaimTemplateLabels", &self.volume_claim_template_labels),
            ("VarReference", &self.var_reference),
            ("Images", &self.images),
            ("Replicas", &self.replicas),
        ]
    }

    fn specs_mut(&mut self) -> [&mut Vec<FieldSpec>; 11] {
        [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_annotations,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.volume_claim_template_labels,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ]
    }

    pub(crate) fn absorb(&mut self, other: &Self) -> Result<(), ConfigError> {
        for (mine, (name, theirs)) in self.specs_mut().into_iter().zip(other.specs()) {
            merge_specs(mine, theirs).map_err(|error| error.in_field(name))?;
        }
        for references in &other.name_reference {
            self.absorb_references(references).map_err(|error| error.in_field("NameReference"))?;
        }
        self.sort();
        Ok(())
    }

    pub(crate) fn absorb_references(&mut self, other: &NameReferences) -> Result<(), ConfigError> {
        match self.name_reference.iter_mut().find(|mine| mine.target() == other.target()) {
            Some(mine) => merge_specs(&mut mine.referrers, &other.referrers),
            None => {
                self.name_reference.push(other.clone());
                Ok(())
            }
        }
    }

    /// The order of application: by kind, namespaces first.
    pub(crate) fn sort(&mut self) {
        for specs in self.specs_mut() {
            specs.sort_by_cached_key(|spec| spec.gvk().sort_key());
        }
        self.name_reference.sort_by_cached_key(|references| references.target().sort_key());
    }
}

/// The built-in configuration completed by the files of `configurations`.
pub(crate) fn load_config(loader: &Loader<'_>, files: &[String]) -> Result<Rc<Config>, BuildError> {
    let default = default_config();
    let mut merged = Config::default();
    for file in files {
        let text = loader.load_text(file)?;
        let limits = manifest::yaml::Limits::default();
        let value = parse_value(file, &text, DuplicateKeys::Refuse, &limits)?;
        let mut config: Config =
            from_value(value).map_err(|message| ConfigError::File { file: file.clone(), message })?;
        config.sort();
        merged.absorb(&config)?;
    }
    Ok(Config::merged(&default, &Rc::new(merged))?)
}
