//! Which resources a patch, replacement or transformer is for.

use manifest::{LabelSelector, ParseSelectorError, yaml::Node};
use regex::{Regex, RegexBuilder};

use crate::{
    kustomization::Selector,
    resid::{GvkRef, ResId},
    resource::Resource,
};

/// Why a selector is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A field is no regular expression.
    #[error("error parsing regexp: `^(?:{0})$`")]
    Regex(String),
    /// A label or annotation selector cannot be read.
    #[error(transparent)]
    Labels(#[from] ParseSelectorError),
}

/// Memory one compiled expression may take, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// A regular expression that must match all of a text; nothing when it is empty.
#[derive(Clone, Debug)]
struct Pattern(Option<Regex>);

impl Pattern {
    fn new(pattern: &str) -> Result<Self, SelectorError> {
        if pattern.is_empty() {
            return Ok(Self(None));
        }
        let regex = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(REGEX_SIZE).build();
        regex.map(|regex| Self(Some(regex))).map_err(|_| SelectorError::Regex(pattern.to_owned()))
    }

    fn fits(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// A selector, compiled.
#[derive(Clone, Debug)]
pub(crate) struct ResourceSelector {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    name: Pattern,
    namespace: Pattern,
    labels: LabelSelector,
    annotations: LabelSelector,
    /// No field of an id is given.
    pub(crate) has_id: bool,
    /// A label or annotation selector is given.
    pub(crate) has_labels: bool,
}

impl ResourceSelector {
    pub(crate) fn new(selector: &Selector) -> Result<Self, SelectorError> {
        let id = [&selector.group, &selector.version, &selector.kind, &selector.name, &selector.namespace];
        Ok(Self {
            group: Pattern::new(&selector.group)?,
            version: Pattern::new(&selector.version)?,
            kind: Pattern::new(&selector.kind)?,
            name: Pattern::new(&selector.name)?,
            namespace: Pattern::new(&selector.namespace)?,
            labels: LabelSelector::parse(&selector.label_selector)?,
            annotations: LabelSelector::parse(&selector.annotation_selector)?,
            has_id: id.iter().any(|field| !field.is_empty()),
            has_labels: !selector.label_selector.is_empty() || !selector.annotation_selector.is_empty(),
        })
    }

    /// Whether a resource fits, by its original or current name and namespace.
    pub(crate) fn matches(&self, resource: &Resource) -> Result<bool, SelectorError> {
        let (original, current) = (resource.original_id(), resource.id());
        let by_id = (self.namespace.fits(original.effective_namespace())
            || self.namespace.fits(current.effective_namespace()))
            && (self.name.fits(original.name) || self.name.fits(current.name))
            && self.fits_gvk(resource.gvk());
        Ok(by_id && self.matches_labels(resource))
    }

    pub(crate) fn matches_labels(&self, resource: &Resource) -> bool {
        let entries = |field| resource.node.at(&["metadata", field]);
        let fits = |selector: &LabelSelector, entries: Option<&Node>| {
            selector.matches(|key| Some(entries?.get(key)?.text().unwrap_or_default()))
        };
        fits(&self.labels, entries("labels")) && fits(&self.annotations, entries("annotations"))
    }

    /// Whether an id fits as it is written.
    pub(crate) fn fits_id(&self, id: ResId<'_>) -> bool {
        self.fits_gvk(id.gvk) && self.name.fits(id.name) && self.namespace.fits(id.namespace)
    }

    fn fits_gvk(&self, gvk: GvkRef<'_>) -> bool {
        self.group.fits(gvk.group) && self.version.fits(gvk.version) && self.kind.fits(gvk.kind)
    }
}
