//! `global`: a table that every chart has for itself, with tables in it that all charts have in common.
//!
//! Helm hands a sub-chart a copy of each table of its globals, but the tables inside are the parent's own: what
//! a sub-chart's values add below `global.<a>.<b>` is there for its parent and for its siblings.
use serde_json::{Map, Value};

use super::{CoalesceError, GLOBAL, merge::join_tables, room::Room};
use crate::chart::Chart;

/// Globals of the parent win over those the sub-chart was given.
pub(super) fn hand_down(child: &mut Map<String, Value>, parent: Option<Value>) {
    let parent = match parent {
        None => Map::new(),
        Some(Value::Object(map)) => map,
        Some(_) => return,
    };
    let own = child.entry(GLOBAL).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(own) = own else { return };
    for (key, value) in parent {
        match (own.get_mut(&key), value) {
            (None, value) => {
                own.insert(key, value);
            }
            (Some(Value::Object(below)), Value::Object(mut above)) => {
                join_tables(&mut above, std::mem::take(below), true);
                *below = above;
            }
            (Some(slot), Value::Object(_)) | (Some(slot @ Value::Object(_)), _) => {
                let _kept = slot;
            }
            (Some(slot), value) => *slot = value,
        }
    }
}

/// Gives a parent what its sub-chart's values added to the tables they have in common.
pub(super) fn hand_up(
    child: &Chart,
    values: &mut Map<String, Value>,
    room: &mut Room,
) -> Result<(), CoalesceError> {
    let own = values.get(child.name()).and_then(|table| table.get(GLOBAL));
    let own = copied(own, room)?;
    if let (Some(Value::Object(own)), Some(Value::Object(globals))) = (own, values.get_mut(GLOBAL)) {
        share(&own, globals, room)?;
    }
    Ok(())
}

/// A copy that is dropped soon.
fn copied(value: Option<&Value>, room: &mut Room) -> Result<Option<Value>, CoalesceError> {
    value.map_or(Ok(()), |value| room.copy(value))?;
    Ok(value.cloned())
}

/// Gives every sub-chart what any of them added to the tables they all have in common.
pub(super) fn spread(
    chart: &Chart,
    values: &mut Map<String, Value>,
    room: &mut Room,
) -> Result<(), CoalesceError> {
    for child in chart.dependencies() {
        let globals = copied(values.get(GLOBAL), room)?;
        let Some(Value::Object(table)) = values.get_mut(child.name()) else { continue };
        if let (Some(Value::Object(globals)), Some(Value::Object(own))) = (globals, table.get_mut(GLOBAL)) {
            share(&globals, own, room)?;
        }
        spread(child, table, room)?;
    }
    Ok(())
}

/// Copies the tables at depth two that both have: there they are one and the same for Helm.
fn share(
    from: &Map<String, Value>,
    to: &mut Map<String, Value>,
    room: &mut Room,
) -> Result<(), CoalesceError> {
    for (key, from) in from {
        let (Value::Object(from), Some(Value::Object(to))) = (from, to.get_mut(key)) else { continue };
        for (key, from) in from.iter().filter(|(_, value)| value.is_object()) {
            if let Some(to @ Value::Object(_)) = to.get_mut(key)
                && to != from
            {
                room.keep_value(from)?;
                to.clone_from(from);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        capabilities::HelmMajor,
        chart::{Chart, Limits},
        values::{Room, Values, coalesce_chart},
    };

    fn globals(files: &[(&str, &str)], values: &str) -> Value {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        let chart = Chart::from_files(files.collect(), &Limits::default()).unwrap();
        let values = Values::parse(values).unwrap();
        let all = Value::Object(
            coalesce_chart(&chart, values.as_map(), HelmMajor::Four, &mut Room::new()).unwrap(),
        );
        json!([all["global"], all["a"]["global"], all["b"]["global"], all["b"]["c"]["global"]])
    }

    const NESTED: [(&str, &str); 4] = [
        ("Chart.yaml", "apiVersion: v2\nname: parent\nversion: 1.0.0\n"),
        ("charts/a/Chart.yaml", "apiVersion: v2\nname: a\nversion: 1.0.0\n"),
        ("charts/b/Chart.yaml", "apiVersion: v2\nname: b\nversion: 1.0.0\n"),
        ("charts/b/charts/c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
    ];

    #[test]
    fn what_a_sub_chart_adds_deep_in_the_globals_is_there_for_all() {
        let own = ("charts/b/charts/c/values.yaml", "global: {t: {deep: {c: 1}, c: 1}, c: {x: {z: 1}}}\n");
        let all = globals(&[&NESTED[..], &[own]].concat(), "global: {t: {deep: {p: 0}}}\n");
        let shared = json!({"t": {"deep": {"c": 1.0, "p": 0.0}}});
        let deepest = json!({"t": {"deep": {"c": 1.0, "p": 0.0}, "c": 1.0}, "c": {"x": {"z": 1.0}}});
        assert_eq!(all, json!([shared, shared, shared, deepest]));
    }

    #[test]
    fn a_table_of_one_depth_is_each_charts_own() {
        let own = ("charts/a/values.yaml", "global: {t: {a: 1}}\n");
        let all = globals(&[&NESTED[..], &[own]].concat(), "global: {t: {p: 0}}\n");
        let shared = json!({"t": {"p": 0.0}});
        assert_eq!(all, json!([shared, {"t": {"a": 1.0, "p": 0.0}}, shared, shared]));
    }

    #[test]
    fn a_null_that_a_sub_charts_default_takes_away_is_gone_for_all() {
        let own = ("charts/a/values.yaml", "global: {t: {deep: {p: 1}}}\n");
        let all = globals(&[&NESTED[..], &[own]].concat(), "global: {t: {deep: {p: null}}}\n");
        let shared = json!({"t": {"deep": {}}});
        assert_eq!(all, json!([shared, shared, shared, shared]));
    }
}
