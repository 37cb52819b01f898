//! User values over a chart's own and its sub-charts', as `helm` has them before a template runs.
use gotemplate::{Numbers, Value as Go, sprintf};
use serde_json::{Map, Value};

use super::{
    GLOBAL,
    globals::{hand_down, hand_up, spread},
    merge::{join_tables, trim_nulls},
    room::Room,
};
use crate::{capabilities::HelmMajor, chart::Chart};

/// Values that do not fit a chart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoalesceError {
    /// A value that must be a table for a sub-chart is something else.
    #[error("type mismatch on {name}: {found}")]
    Type {
        /// The sub-chart.
        name: String,
        /// The value, in Go's odd words.
        found: String,
    },
    /// The values of a chart and its sub-charts, aliases and globals multiplied out, take more than so many MiB.
    #[error(
        "the values of the chart with all its sub-charts and their aliases take more than {0} MiB; use fewer aliases, or smaller values and globals"
    )]
    TooLarge(u64),
}

/// The values a chart's templates see. A null of the user deletes the chart's default.
pub(crate) fn coalesce_chart(
    chart: &Chart,
    values: &Map<String, Value>,
    helm: HelmMajor,
    room: &mut Room,
) -> Result<Map<String, Value>, CoalesceError> {
    room.keep(values)?;
    let mut values = values.clone();
    let nulls = if helm == HelmMajor::Three { Nulls::OfCharts } else { Nulls::Gone };
    coalesce(chart, &mut values, nulls, room)?;
    spread(chart, &mut values, room)?;
    Ok(values)
}

/// The values of a chart over those of its sub-charts; nulls stay, for a later coalescing to act on.
pub(crate) fn merge_chart(chart: &Chart, room: &mut Room) -> Result<Map<String, Value>, CoalesceError> {
    let mut values = Map::new();
    coalesce(chart, &mut values, Nulls::All, room)?;
    spread(chart, &mut values, room)?;
    Ok(values)
}

/// Which nulls are left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// None: those of the user delete a default, those of charts are dropped.
    Gone,
    /// Those of charts, as in Helm 3.
    OfCharts,
    /// All.
    All,
}

fn coalesce(
    chart: &Chart,
    values: &mut Map<String, Value>,
    nulls: Nulls,
    room: &mut Room,
) -> Result<(), CoalesceError> {
    own_defaults(chart, values, nulls, room)?;
    for child in chart.dependencies() {
        room.chart()?;
        let globals = values.get(GLOBAL);
        globals.map_or(Ok(()), |globals| room.keep_value(globals))?;
        let globals = globals.cloned();
        let entry = values.entry(child.name()).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(table) = entry else {
            let found = sprintf(b"%t", &[Go::from_json(entry, Numbers::Keep)]).unwrap_or_default();
            return Err(CoalesceError::Type {
                name: child.name().to_owned(),
                found: found.text().into_owned(),
            });
        };
        hand_down(table, globals);
        coalesce(child, table, nulls, room)?;
        hand_up(child, values, room)?;
    }
    Ok(())
}

/// Lays the values over the chart's own values file.
fn own_defaults(
    chart: &Chart,
    values: &mut Map<String, Value>,
    nulls: Nulls,
    room: &mut Room,
) -> Result<(), CoalesceError> {
    let keep_nulls = nulls == Nulls::All;
    for (key, default) in chart.values() {
        match values.get_mut(key) {
            Some(Value::Null) if !keep_nulls => {
                values.remove(key);
            }
            Some(Value::Object(over)) => {
                if let Value::Object(below) = default {
                    room.keep(below)?;
                    let keep_nulls =
                        keep_nulls || chart.dependencies().iter().any(|child| child.name() == key);
                    let mut below = below.clone();
                    if !keep_nulls && nulls == Nulls::Gone {
                        trim_nulls(&mut below);
                    }
                    join_tables(over, below, keep_nulls);
                }
            }
            Some(_) => {}
            None => {
                room.keep_value(default)?;
                add_default(values, key, default, nulls != Nulls::Gone);
            }
        }
    }
    Ok(())
}

fn add_default(values: &mut Map<String, Value>, key: &str, default: &Value, keep_nulls: bool) {
    let mut default = default.clone();
    if !keep_nulls {
        match &mut default {
            Value::Null => return,
            Value::Object(table) => trim_nulls(table),
            _ => {}
        }
    }
    values.insert(key.to_owned(), default);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{CoalesceError, HelmMajor, Room};
    use crate::{
        chart::{Chart, Limits},
        values::Values,
    };

    fn chart(files: &[(&str, &str)]) -> Chart {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        Chart::from_files(files.collect(), &Limits::default()).unwrap()
    }

    fn coalesce_chart(
        chart: &Chart,
        values: &serde_json::Map<String, Value>,
        helm: HelmMajor,
    ) -> Result<serde_json::Map<String, Value>, CoalesceError> {
        super::coalesce_chart(chart, values, helm, &mut Room::new())
    }

    fn check(chart: &Chart, values: &str, expect: &Value) {
        let values = Values::parse(values).unwrap();
        assert_eq!(&Value::Object(coalesce_chart(chart, values.as_map(), HelmMajor::Four).unwrap()), expect);
    }

    const PARENT: &str = "apiVersion: v2\nname: parent\nversion: 1.0.0\n";
    const CHILD: &str = "apiVersion: v2\nname: child\nversion: 1.0.0\n";

    #[test]
    fn a_null_deletes_a_default() {
        let chart = chart(&[("Chart.yaml", PARENT), ("values.yaml", "a: {b: 1, c: 2}\nd: 3\ne: null\n")]);
        check(&chart, "a: {b: null}\nd: null\n", &json!({"a": {"c": 2.0}}));
    }

    #[test]
    fn helm_3_keeps_the_nulls_of_charts() {
        let chart = chart(&[("Chart.yaml", PARENT), ("values.yaml", "a: {b: 1, c: null}\nd: 3\ne: null\n")]);
        let values = Values::parse("d: null\n").unwrap();
        let coalesced = coalesce_chart(&chart, values.as_map(), HelmMajor::Three).unwrap();
        assert_eq!(Value::Object(coalesced), json!({"a": {"b": 1.0, "c": null}, "e": null}));
    }

    #[test]
    fn globals_reach_every_sub_chart_and_the_parents_win() {
        let chart = chart(&[
            ("Chart.yaml", PARENT),
            ("values.yaml", "global: {x: 1, t: {p: 1}}\nchild: {global: {x: 2, t: {p: 2, q: 2}, v: 3}}\n"),
            ("charts/child/Chart.yaml", CHILD),
            ("charts/child/values.yaml", "global: {z: 4}\nown: true\n"),
        ]);
        check(
            &chart,
            "",
            &json!({
                "global": {"x": 1.0, "t": {"p": 1.0}},
                "child": {"global": {"x": 1.0, "t": {"p": 1.0, "q": 2.0}, "v": 3.0, "z": 4.0}, "own": true},
            }),
        );
    }

    #[test]
    fn the_parents_default_null_deletes_a_sub_charts_default() {
        let chart = chart(&[
            ("Chart.yaml", PARENT),
            ("values.yaml", "child: {own: null}\n"),
            ("charts/child/Chart.yaml", CHILD),
            ("charts/child/values.yaml", "own: true\nother: 1\n"),
        ]);
        check(&chart, "child: {}\n", &json!({"child": {"global": {}, "other": 1.0}}));
    }

    #[test]
    fn values_of_a_sub_chart_must_be_a_table() {
        let chart = chart(&[("Chart.yaml", PARENT), ("charts/child/Chart.yaml", CHILD)]);
        let values = Values::parse("child: 5\n").unwrap();
        let error = coalesce_chart(&chart, values.as_map(), HelmMajor::Four).unwrap_err();
        assert!(error.to_string().starts_with("type mismatch on child: "), "{error}");
    }
}
