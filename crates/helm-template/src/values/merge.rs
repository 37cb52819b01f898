//! Merging of two value trees, without a chart.
use serde_json::{Map, Value};

/// Lays `over` on `base`: maps are merged, everything else wins, nulls included (Helm's `MergeMaps`).
pub(super) fn merge_maps(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge_maps(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Adds to `over` what only `under` has; nulls stay, for a later step to act on.
pub(crate) fn merge_tables(over: &mut Map<String, Value>, under: Map<String, Value>) {
    join_tables(over, under, true);
}

/// Joins two tables, `over` winning. Unless nulls are kept, a null in `over` deletes what `under` holds there.
pub(super) fn join_tables(over: &mut Map<String, Value>, under: Map<String, Value>, keep_nulls: bool) {
    for (key, below) in under {
        match over.get_mut(&key) {
            None => {
                over.insert(key, below);
            }
            Some(Value::Null) if !keep_nulls && !below.is_null() => {
                over.remove(&key);
            }
            Some(Value::Object(above)) => {
                if let Value::Object(below) = below {
                    join_tables(above, below, keep_nulls);
                }
            }
            Some(_) => {}
        }
    }
}

/// Removes nulls from a table and the tables in it, not from lists.
pub(super) fn trim_nulls(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null());
    for value in map.values_mut() {
        if let Value::Object(inner) = value {
            trim_nulls(inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{join_tables, merge_maps, merge_tables, trim_nulls};

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_null_deletes_what_lies_below() {
        let mut over = map(json!({"a": null, "b": {"c": null, "d": 1}, "e": null}));
        join_tables(&mut over, map(json!({"a": 1, "b": {"c": 2, "f": 3}, "e": null})), false);
        assert_eq!(Value::Object(over), json!({"b": {"d": 1, "f": 3}, "e": null}));
    }

    #[test]
    fn merging_keeps_nulls() {
        let mut over = map(json!({"a": null}));
        merge_tables(&mut over, map(json!({"a": 1, "b": null})));
        assert_eq!(Value::Object(over), json!({"a": null, "b": null}));
    }

    #[test]
    fn a_table_and_a_scalar_do_not_mix() {
        let mut over = map(json!({"a": {"x": 1}, "b": 2}));
        join_tables(&mut over, map(json!({"a": 5, "b": {"y": 1}})), false);
        assert_eq!(Value::Object(over), json!({"a": {"x": 1}, "b": 2}));
    }

    #[test]
    fn files_replace_lists_and_nulls() {
        let mut base = map(json!({"a": [1], "b": {"x": 1}}));
        merge_maps(&mut base, &map(json!({"a": [2], "b": null})));
        assert_eq!(Value::Object(base), json!({"a": [2], "b": null}));
    }

    #[test]
    fn lists_keep_their_nulls() {
        let mut tree = map(json!({"a": null, "b": {"c": null}, "d": [null]}));
        trim_nulls(&mut tree);
        assert_eq!(Value::Object(tree), json!({"b": {}, "d": [null]}));
    }
}
