//! Who refers to what (decision D5): the event at the far end wakes the near ends.

use std::collections::BTreeSet;

use api::meta::{DependencyReference, ValuesKind};
use runtime::sources::SourceKey;
use runtime::{ConfigEnds, Key};

/// The far end of an edge: something an object refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Far<Kind> {
    /// Where it gets its files from.
    Source(SourceKey<Kind>),
    /// `dependsOn`.
    Dependency(Key),
    /// A ConfigMap that values come from.
    ConfigMap(Key),
    /// A Secret that values come from.
    Secret(Key),
}

impl<Kind: Ord> Far<Kind> {
    /// The far ends that an object of this namespace refers to. `values`: kinds and names of what values come from.
    pub fn ends<'a>(
        namespace: &str,
        source: Option<SourceKey<Kind>>,
        depends_on: &[DependencyReference],
        values: impl IntoIterator<Item = (&'a ValuesKind, &'a str)>,
    ) -> BTreeSet<Self> {
        let key = |reference: &DependencyReference| {
            Key::new(reference.namespace_or(namespace), reference.name.clone())
        };
        let dependencies = depends_on.iter().map(key).map(Self::Dependency);
        let values =
            values.into_iter().filter_map(|(kind, name)| Self::values(kind, Key::new(namespace, name)));
        source.into_iter().map(Self::Source).chain(dependencies).chain(values).collect()
    }

    /// None for a kind that holds no values.
    fn values(kind: &ValuesKind, key: Key) -> Option<Self> {
        match kind {
            ValuesKind::ConfigMap => Some(Self::ConfigMap(key)),
            ValuesKind::Secret => Some(Self::Secret(key)),
            ValuesKind::Other(_) => None,
        }
    }

    /// Which far ends ConfigMaps and Secrets are.
    #[must_use]
    pub fn configs() -> ConfigEnds<Self> {
        ConfigEnds { config_map: Self::ConfigMap, secret: Self::Secret }
    }
}
