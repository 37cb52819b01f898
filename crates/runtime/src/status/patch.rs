use serde::Serialize;
use serde_json::{Map, Value, json};

/// The JSON merge patch that turns one status into another: top-level fields that differ, whole; removed ones null.
/// The object's uid is the guard against another object of the same name. None when nothing differs.
pub(super) fn between<S: Serialize>(uid: &str, base: &S, next: &S) -> Option<Value> {
    let (base, next) = (fields(base), fields(next));
    let mut changes = Map::new();
    for (name, value) in &next {
        match base.get(name) {
            Some(old) if old == value => {}
            old => drop(changes.insert(name.clone(), replacing(old, value))),
        }
    }
    for name in base.keys().filter(|name| !next.contains_key(*name)) {
        changes.insert(name.clone(), Value::Null);
    }
    (!changes.is_empty()).then(|| json!({ "metadata": { "uid": uid }, "status": changes }))
}

fn fields<S: Serialize>(status: &S) -> Map<String, Value> {
    match serde_json::to_value(status) {
        Ok(Value::Object(fields)) => fields,
        // A status is a struct of plain data: it has no map with keys that are no text, which alone could fail.
        _ => Map::new(),
    }
}

/// A merge patch adds to a map: keys of the old value that the new one lacks are named with null.
fn replacing(old: Option<&Value>, new: &Value) -> Value {
    let (Some(Value::Object(old)), Value::Object(new)) = (old, new) else { return new.clone() };
    let mut merged = Map::new();
    for (key, value) in new {
        merged.insert(key.clone(), replacing(old.get(key), value));
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        merged.insert(key.clone(), Value::Null);
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests {
    use super::between;
    use serde_json::{Value, json};

    fn check(base: Value, next: Value, expect: Option<Value>) {
        assert_eq!(between("u", &base, &next).map(|patch| patch["status"].clone()), expect);
    }

    #[test]
    fn sends_only_the_top_level_fields_that_differ() {
        check(json!({"a": 1, "b": [1]}), json!({"a": 1, "b": [1]}), None);
        check(json!({"a": 1, "b": [1]}), json!({"a": 1, "b": [2]}), Some(json!({"b": [2]})));
        check(json!({"a": 1}), json!({}), Some(json!({"a": null})));
    }

    #[test]
    fn a_key_that_left_a_map_is_removed_by_name() {
        let (base, next) = (json!({"m": {"x": 1, "y": {"z": 1}}}), json!({"m": {"y": {}}}));
        check(base, next, Some(json!({"m": {"x": null, "y": {"z": null}}})));
    }

    #[test]
    fn the_uid_guards_the_patch() {
        let patch = between("u", &json!({}), &json!({"a": 1})).unwrap();
        assert_eq!(patch["metadata"], json!({"uid": "u"}));
    }
}
