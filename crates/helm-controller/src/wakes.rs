//! Who refers to what (decision D5): the event at the far end wakes the near ends.

use std::collections::BTreeSet;

use api::helm::v2::{ChartRefKind, HelmRelease};
use runtime::Key;

use crate::sources::SourceKey;

/// The source of a HelmRelease; none when the spec names none.
pub(crate) fn source_of(object: &HelmRelease) -> Option<SourceKey> {
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    let name = object.metadata.name.as_deref().unwrap_or_default();
    if let Some(reference) = &object.spec.chart_ref {
        let namespace = reference.namespace.as_deref().filter(|text| !text.is_empty()).unwrap_or(own);
        return Some(SourceKey {
            kind: reference.kind.clone(),
            key: Key::new(namespace, reference.name.clone()),
        });
    }
    let template = object.spec.chart.as_ref()?;
    let namespace =
        template.spec.source_ref.namespace.as_deref().filter(|text| !text.is_empty()).unwrap_or(own);
    let key = Key::new(namespace, format!("{own}-{name}"));
    Some(SourceKey { kind: ChartRefKind::HelmChart, key })
}

/// The far ends a HelmRelease refers to.
pub(crate) fn far_ends(object: &HelmRelease) -> BTreeSet<Far> {
    let own = object.metadata.namespace.as_deref().unwrap_or_default();
    let values = object.spec.values_from.iter().map(|from| (&from.kind, &*from.name));
    Far::ends(own, source_of(object), &object.spec.depends_on, values)
}

/// What a HelmRelease refers to: `chartRef` or the HelmChart made from `chart`, `dependsOn`, `valuesFrom`.
pub(crate) type Far = applier::Far<ChartRefKind>;
/// The index of all references.
pub(crate) type Edges = runtime::Edges<Far>;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_refers_to_its_helm_chart_and_values_to_their_objects() {
        let object: HelmRelease = serde_json::from_value(json!({
            "metadata": {"name": "app", "namespace": "ns"},
            "spec": {
                "chart": {"spec": {"chart": "app", "sourceRef": {"kind": "HelmRepository", "name": "r", "namespace": "other"}}},
                "dependsOn": [{"name": "db"}],
                "valuesFrom": [{"kind": "Secret", "name": "s"}, {"kind": "Odd", "name": "x"}]
            }
        }))
        .unwrap();
        let chart = SourceKey { kind: ChartRefKind::HelmChart, key: Key::new("other", "ns-app") };
        let wanted = BTreeSet::from([
            Far::Source(chart.clone()),
            Far::Dependency(Key::new("ns", "db")),
            Far::Secret(Key::new("ns", "s")),
        ]);
        assert_eq!(far_ends(&object), wanted);
    }
}
