use std::cmp::Ordering;

use crate::{
    kustomization::{LegacySortOptions, SortOptions},
    resid::{ResId, kind_rank, legacy_order},
    resource::Resource,
};

/// Why `sortOptions` does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SortError {
    /// The order is unknown.
    #[error("the field 'sortOptions.order' must be one of [fifo, legacy]")]
    Order,
    /// Options of one order are given with another.
    #[error(
        "the field 'sortOptions.legacySortOptions' is set but the selected sort order is '{0}', not 'legacy'"
    )]
    LegacyOptions(String),
}

/// Brings resources into the order of `sortOptions`.
pub(crate) fn sort(resources: &mut [Resource], options: &SortOptions) -> Result<(), SortError> {
    match (options.order.as_str(), &options.legacy_sort_options) {
        ("fifo", None) => Ok(()),
        ("fifo", Some(_)) => Err(SortError::LegacyOptions(options.order.clone())),
        ("legacy", given) => {
            let (order_first, order_last) = legacy_order();
            let default = LegacySortOptions { order_first, order_last };
            let order = given.as_ref().unwrap_or(&default);
            resources.sort_by_cached_key(|resource| Key::of(resource.id(), order));
            Ok(())
        }
        _ => Err(SortError::Order),
    }
}

/// What the legacy order looks at, taken from each resource once.
struct Key {
    group: String,
    version: String,
    kind: String,
    rank: i32,
    /// Group, version and kind as one text.
    text: String,
    /// Namespace and name.
    place: String,
}

impl Key {
    fn of(id: ResId<'_>, order: &LegacySortOptions) -> Self {
        let namespace = if id.namespace.is_empty() { "~X" } else { id.namespace };
        let name = if id.name.is_empty() { "~N" } else { id.name };
        Self {
            group: id.gvk.group.to_owned(),
            version: id.gvk.version.to_owned(),
            kind: id.gvk.kind.to_owned(),
            rank: kind_rank(id.gvk.kind, &order.order_first, &order.order_last),
            text: id.gvk.legacy_string(),
            place: format!("{namespace}|{name}"),
        }
    }

    fn gvk(&self) -> (&str, &str, &str) {
        (&self.group, &self.version, &self.kind)
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.gvk() == other.gvk() {
            return self.place.cmp(&other.place);
        }
        let core_namespace = self.kind == "Namespace"
            && other.kind == "Namespace"
            && (self.group.is_empty() || other.group.is_empty());
        let texts = if core_namespace { other.text.cmp(&self.text) } else { self.text.cmp(&other.text) };
        self.rank.cmp(&other.rank).then(texts)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}
