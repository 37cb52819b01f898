use std::{cmp::Ordering, collections::HashMap, ops::Range};

use manifest::sort_in_any_order;

use crate::{
    kustomization::{LegacySortOptions, SortOptions},
    resid::{GvkRef, kind_rank, legacy_order},
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
            let keys = Keys::of(&resources, given.as_ref().unwrap_or(&default));
            let mut places: Vec<usize> = (0..resources.len()).collect();
            // Namespaces of the core and of other groups can stand in a circle with other kinds.
            sort_in_any_order(&mut places, &|a, b| keys.compare(*a, *b).is_lt());
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

/// What the legacy order looks at, of all resources: types are few, and the texts of names stand one behind the other. In
/// their objects, which are many, each look at one would wait for the memory.
struct Keys<'r> {
    types: Vec<Type<'r>>,
    /// The type of each resource, and where its namespace and name are in `texts`.
    keys: Vec<(usize, Range<usize>)>,
    /// `namespace|name` of each.
    texts: String,
}

/// A type, its rank and `group_version_Kind`.
struct Type<'r> {
    gvk: GvkRef<'r>,
    rank: i32,
    text: String,
}

impl<'r> Keys<'r> {
    fn of(resources: &'r [Resource], order: &LegacySortOptions) -> Self {
        let (mut types, mut known) = (Vec::new(), HashMap::new());
        let (mut keys, mut texts) = (Vec::with_capacity(resources.len()), String::new());
        for id in resources.iter().map(Resource::id) {
            let kind = *known.entry(id.gvk).or_insert_with(|| {
                types.push(Type::of(id.gvk, order));
                types.len() - 1
            });
            let begin = texts.len();
            texts.push_str(if id.namespace.is_empty() { "~X" } else { id.namespace });
            texts.push('|');
            texts.push_str(if id.name.is_empty() { "~N" } else { id.name });
            keys.push((kind, begin..texts.len()));
        }
        Self { types, keys, texts }
    }

    fn compare(&self, left: usize, right: usize) -> Ordering {
        let ((left, left_text), (right, right_text)) = (&self.keys[left], &self.keys[right]);
        if left == right {
            return self.texts[left_text.clone()].cmp(&self.texts[right_text.clone()]);
        }
        self.types[*left].compare(&self.types[*right])
    }
}

impl<'r> Type<'r> {
    fn of(gvk: GvkRef<'r>, order: &LegacySortOptions) -> Self {
        let rank = kind_rank(gvk.kind, &order.order_first, &order.order_last);
        Self { gvk, rank, text: gvk.legacy_string() }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let is_namespace = |gvk: GvkRef<'_>| gvk.kind == "Namespace";
        let core_namespace = is_namespace(self.gvk)
            && is_namespace(other.gvk)
            && (self.gvk.group.is_empty() || other.gvk.group.is_empty());
        self.rank.cmp(&other.rank).then_with(|| {
            let texts = self.text.cmp(&other.text);
            if core_namespace { texts.reverse() } else { texts }
        })
    }
}
