use std::cmp::Ordering;

use manifest::sort_in_any_order;

use crate::{
    kustomization::{LegacySortOptions, SortOptions},
    resid::{GvkRef, ResId, kind_rank, legacy_order},
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
pub(crate) fn sort(resources: Vec<Resource>, options: &SortOptions) -> Result<Vec<Resource>, SortError> {
    match (options.order.as_str(), &options.legacy_sort_options) {
        ("fifo", None) => Ok(resources),
        ("fifo", Some(_)) => Err(SortError::LegacyOptions(options.order.clone())),
        ("legacy", given) => {
            let (order_first, order_last) = legacy_order();
            let default = LegacySortOptions { order_first, order_last };
            let order = given.as_ref().unwrap_or(&default);
            let keys: Vec<Key<'_>> = resources.iter().map(|resource| Key::of(resource.id(), order)).collect();
            let mut places: Vec<usize> = (0..keys.len()).collect();
            // Namespaces of the core and of other groups can stand in a circle with other kinds.
            sort_in_any_order(&mut places, &|a, b| keys[*a] < keys[*b]);
            Ok(rearranged(resources, &places))
        }
        _ => Err(SortError::Order),
    }
}

/// The resources in the order of their old places.
fn rearranged(resources: Vec<Resource>, places: &[usize]) -> Vec<Resource> {
    let mut resources: Vec<Option<Resource>> = resources.into_iter().map(Some).collect();
    places.iter().filter_map(|place| resources[*place].take()).collect()
}

/// What the legacy order looks at, taken from each resource once.
struct Key<'r> {
    gvk: GvkRef<'r>,
    rank: i32,
    namespace: &'r str,
    name: &'r str,
}

impl<'r> Key<'r> {
    fn of(id: ResId<'r>, order: &LegacySortOptions) -> Self {
        Self {
            gvk: id.gvk,
            rank: kind_rank(id.gvk.kind, &order.order_first, &order.order_last),
            namespace: if id.namespace.is_empty() { "~X" } else { id.namespace },
            name: if id.name.is_empty() { "~N" } else { id.name },
        }
    }

    /// Namespace and name as one text.
    fn place(&self) -> impl Iterator<Item = u8> {
        [self.namespace, "|", self.name].into_iter().flat_map(str::bytes)
    }

    /// Group, version and kind as one text.
    fn text(&self) -> impl Iterator<Item = u8> {
        self.gvk.legacy_parts().into_iter().flat_map(str::bytes)
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (gvk, other_gvk) = (self.gvk, other.gvk);
        if gvk == other_gvk {
            return self.place().cmp(other.place());
        }
        let core_namespace = gvk.kind == "Namespace"
            && other_gvk.kind == "Namespace"
            && (gvk.group.is_empty() || other_gvk.group.is_empty());
        self.rank.cmp(&other.rank).then_with(|| {
            let texts = self.text().cmp(other.text());
            if core_namespace { texts.reverse() } else { texts }
        })
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key<'_> {}
