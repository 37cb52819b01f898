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
            resources.sort_by(|a, b| compare(a.id(), b.id(), order));
            Ok(())
        }
        _ => Err(SortError::Order),
    }
}

fn compare(a: ResId<'_>, b: ResId<'_>, order: &LegacySortOptions) -> Ordering {
    if a.gvk == b.gvk {
        return legacy_string(a).cmp(&legacy_string(b));
    }
    let rank = |kind: &str| kind_rank(kind, &order.order_first, &order.order_last);
    let by_text = || {
        let (a_text, b_text) = (a.gvk.legacy_string(), b.gvk.legacy_string());
        let core_namespace = a.gvk.kind == "Namespace"
            && b.gvk.kind == "Namespace"
            && (a.gvk.group.is_empty() || b.gvk.group.is_empty());
        if core_namespace { b_text.cmp(&a_text) } else { a_text.cmp(&b_text) }
    };
    rank(a.gvk.kind).cmp(&rank(b.gvk.kind)).then_with(by_text)
}

fn legacy_string(id: ResId<'_>) -> String {
    let namespace = if id.namespace.is_empty() { "~X" } else { id.namespace };
    let name = if id.name.is_empty() { "~N" } else { id.name };
    format!("{}|{namespace}|{name}", id.gvk)
}
