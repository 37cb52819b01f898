//! Sets of fields as `managedFields` writes them (`fieldsV1`, structured-merge-diff): nested mappings whose
//! keys are `f:<field>`, `k:<key values>`, `v:<value>`, `i:<index>`, and `.` for the parent itself.

use serde_json::{Map, Value};

/// Deepest nesting followed; the API server's own objects stay below 40.
const MAX_DEPTH: usize = 100;

/// Everything that stands in `a` or in `b`.
pub(crate) fn union(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut all = a.clone();
            for (key, below) in b {
                let merged = all.get(key).map_or_else(|| below.clone(), |have| union(have, below));
                all.insert(key.clone(), merged);
            }
            Value::Object(all)
        }
        (Value::Object(_), _) => a.clone(),
        _ => b.clone(),
    }
}

/// The leaves of `a` that do not stand in `b`.
pub(crate) fn minus(a: &Value, b: &Value) -> Value {
    filter(a, b, 0, false)
}

/// The leaves of `a` that stand in `b` too, as a leaf or as a parent.
pub(crate) fn intersect(a: &Value, b: &Value) -> Value {
    filter(a, b, 0, true)
}

fn filter(a: &Value, b: &Value, depth: usize, keep_common: bool) -> Value {
    let (Value::Object(a), true) = (a, depth < MAX_DEPTH) else { return empty() };
    let mut out = Map::new();
    for (key, below) in a {
        let other = b.get(key);
        let leaf = below.as_object().is_none_or(Map::is_empty);
        if leaf {
            if other.is_some() == keep_common {
                out.insert(key.clone(), empty());
            }
        } else {
            let rest = filter(below, other.unwrap_or(&Value::Null), depth + 1, keep_common);
            if !is_empty(&rest) {
                out.insert(key.clone(), rest);
            }
        }
    }
    Value::Object(out)
}

/// Whether the set holds no field.
pub(crate) fn is_empty(set: &Value) -> bool {
    set.as_object().is_none_or(Map::is_empty)
}

/// Whether the set names a field, and not only parents (`.`) of fields that it does not hold.
fn names_any(set: &Value) -> bool {
    let names = |(key, below): (&String, &Value)| key != "." && (is_empty(below) || names_any(below));
    set.as_object().is_some_and(|map| map.iter().any(names))
}

/// Takes the fields of a set out of an object. List elements are found by their keys, and stay.
pub(crate) fn take_out(object: &mut Value, set: &Value) {
    for (key, below) in set.as_object().into_iter().flatten() {
        match key.split_once(':') {
            Some(("f", name)) if is_empty(below) => {
                object.as_object_mut().and_then(|map| map.shift_remove(name));
            }
            Some(("f", name)) => {
                if let Some(inner) = object.get_mut(name) {
                    take_out(inner, below);
                }
            }
            Some(("k", keys)) => {
                let found =
                    object.as_array_mut().and_then(|list| list.iter_mut().find(|one| has_keys(one, keys)));
                if let Some(element) = found {
                    take_out(element, below);
                }
            }
            _ => {}
        }
    }
}

/// Whether a list element is the one that these keys (the text behind `k:`) name.
pub(crate) fn has_keys(element: &Value, keys: &str) -> bool {
    let keys: Option<Map<String, Value>> = serde_json::from_str(keys).ok();
    keys.is_some_and(|keys| keys.iter().all(|(key, value)| element.get(key) == Some(value)))
}

/// Whether the field at these raw keys (`f:spec`, `f:replicas`) stands in the set.
pub(crate) fn contains(set: &Value, path: &[String]) -> bool {
    path.iter().try_fold(set, |at, key| at.get(key)).is_some()
}

/// Takes one field out, and the parents that name no other field after it.
pub(crate) fn remove(set: &mut Value, path: &[&str]) {
    let (Some((first, rest)), Value::Object(map)) = (path.split_first(), set) else { return };
    if rest.is_empty() {
        map.shift_remove(*first);
    } else if let Some(below) = map.get_mut(*first) {
        remove(below, rest);
        if !names_any(below) {
            map.shift_remove(*first);
        }
    }
}

/// The leaves as people write paths: `.spec.template.spec.containers[name="web"].image`, at most `limit`.
/// Values of set members (`v:`) are shown only when `show_values`: in a Secret they could be content.
pub(crate) fn paths(set: &Value, limit: usize, show_values: bool) -> Vec<String> {
    let mut out = Vec::new();
    walk(set, String::new(), 0, limit, show_values, &mut out);
    out
}

fn walk(set: &Value, at: String, depth: usize, limit: usize, show: bool, out: &mut Vec<String>) {
    if out.len() >= limit || depth > MAX_DEPTH {
        return;
    }
    let Some(map) = set.as_object().filter(|map| !map.is_empty()) else {
        if !at.is_empty() {
            out.push(at);
        }
        return;
    };
    let only_itself = map.len() == 1 && map.contains_key(".");
    if only_itself {
        out.push(at);
        return;
    }
    for (key, below) in map.iter().filter(|(key, _)| *key != ".") {
        walk(below, format!("{at}{}", shown(key, show)), depth + 1, limit, show, out);
    }
}

fn shown(key: &str, show_values: bool) -> String {
    match key.split_once(':') {
        Some(("f", name)) if name.contains(['.', '/']) => format!("[\"{name}\"]"),
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => shown_keys(keys, show_values),
        Some(("v", value)) if show_values => format!("[={value}]"),
        Some(("v", _)) => "[=***]".into(),
        Some(("i", index)) => format!("[{index}]"),
        _ => String::new(),
    }
}

fn shown_keys(keys: &str, show_values: bool) -> String {
    let read: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
    let pairs =
        read.iter().map(|(key, value)| if show_values { format!("{key}={value}") } else { key.clone() });
    format!("[{}]", pairs.collect::<Vec<_>>().join(","))
}

pub(crate) fn empty() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn union_minus_and_intersection_work_on_leaves() {
        let a = json!({"f:spec": {"f:replicas": {}, "f:paused": {}}, "f:data": {".": {}, "f:x": {}}});
        let b = json!({"f:spec": {"f:replicas": {}}, "f:data": {"f:y": {}}});
        assert_eq!(minus(&a, &b), json!({"f:spec": {"f:paused": {}}, "f:data": {".": {}, "f:x": {}}}));
        assert_eq!(intersect(&a, &b), json!({"f:spec": {"f:replicas": {}}}));
        let all = union(&a, &b);
        assert!(is_empty(&minus(&a, &all)) && is_empty(&minus(&b, &all)));
    }

    #[test]
    fn paths_read_like_paths() {
        let set = json!({"f:spec": {"f:template": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}}},
            "f:metadata": {"f:annotations": {"f:a.b/c": {}}, "f:finalizers": {"v:\"x\"": {}}}});
        assert_eq!(
            paths(&set, 10, true),
            [
                ".spec.template.containers[name=\"web\"].image",
                ".metadata.annotations[\"a.b/c\"]",
                ".metadata.finalizers[=\"x\"]"
            ]
        );
        assert_eq!(paths(&set, 1, true).len(), 1);
        assert!(paths(&set, 10, false).iter().all(|path| !path.contains("\"x\"")));
    }

    #[test]
    fn removing_a_field_removes_empty_parents() {
        let mut set = json!({"f:spec": {"f:a": {"f:b": {}}}, "f:data": {}});
        remove(&mut set, &["f:spec", "f:a", "f:b"]);
        assert_eq!(set, json!({"f:data": {}}));
        remove(&mut set, &["f:nope", "f:a"]);
        assert_eq!(set, json!({"f:data": {}}));
        let mut set = json!({"f:a": {".": {}, "f:b": {}}, "f:c": {".": {}}});
        remove(&mut set, &["f:a", "f:b"]);
        assert_eq!(set, json!({"f:c": {".": {}}}), "a parent by itself is not held for anybody");
    }

    #[test]
    fn fields_are_taken_out_of_an_object_and_list_elements_stay() {
        let mut object = json!({"spec": {"replicas": 1, "paused": true, "list": [{"name": "a", "x": 1}, {"name": "b", "x": 1}]}});
        let set = json!({"f:spec": {"f:replicas": {}, "f:none": {"f:x": {}}, "f:list": {
            "k:{\"name\":\"b\"}": {".": {}, "f:x": {}}, "k:{\"name\":\"c\"}": {"f:x": {}}, "k:nonsense": {}}}});
        take_out(&mut object, &set);
        assert_eq!(object["spec"], json!({"paused": true, "list": [{"name": "a", "x": 1}, {"name": "b"}]}));
        take_out(&mut object, &json!({"f:spec": {"k:{}": {"f:x": {}}}}));
        assert_eq!(object["spec"]["paused"], true);
    }

    #[test]
    fn deep_and_foreign_shapes_end() {
        let mut deep = json!({});
        for _ in 0..150 {
            deep = json!({ "f:a": deep });
        }
        assert!(paths(&deep, 10, true).is_empty());
        assert!(is_empty(&minus(&json!([1]), &json!("x"))));
        assert_eq!(paths(&json!({"?": {}, "k:nonsense": {}}), 10, true), ["[]"]);
    }
}
