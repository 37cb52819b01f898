//! Recorded and seen, side by side.
use std::collections::BTreeSet;

use serde_json::Value;

/// Paths at which two values differ, with both sides; at most 12.
pub(crate) fn differences(path: &str, recorded: &Value, seen: &Value) -> Vec<String> {
    let mut all = Vec::new();
    collect(path, recorded, seen, &mut all);
    all.truncate(12);
    all
}

fn collect(path: &str, recorded: &Value, seen: &Value, all: &mut Vec<String>) {
    match (recorded, seen) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let side =
                    |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                collect(&format!("{path}.{key}"), &side(a), &side(b), all);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                let side = |list: &[Value]| list.get(at).cloned().unwrap_or(Value::Null);
                collect(&format!("{path}[{at}]"), &side(a), &side(b), all);
            }
        }
        _ if recorded == seen => {}
        (Value::String(a), Value::String(b)) if is_prose(path) && same_message(a, b) => {}
        _ => all.push(format!("{path}: recorded {recorded}, seen {seen}")),
    }
}

/// Messages of conditions, descriptions of releases.
fn is_prose(path: &str) -> bool {
    path.ends_with(".message") || path.ends_with(".description")
}

/// What follows these words comes from libraries (Go's file system, YAML, CEL and kustomize) or is put by deadlines:
/// texts agree when they do up to here.
const LEADING: [&str; 7] = [
    "kustomize build failed: ",
    "failed to decode Kubernetes YAML from ",
    "kustomization path not found: ",
    "envsubst error: ",
    "ERROR: ",
    "failed to parse url '",
    "health check failed after <dur>: ",
];

/// A wait that ended by its deadline says one or the other, depending on where in the poll the deadline fell.
const TIMED_OUT: [&str; 2] = ["timeout waiting for: [", "client rate limiter Wait returned an error"];

/// Whether two texts say the same: ours may say more after the recorded text.
fn same_message(recorded: &str, seen: &str) -> bool {
    let timed_out = |text: &str| TIMED_OUT.iter().any(|phrase| text.contains(phrase));
    let leads = |phrase: &&str| {
        let end = recorded.find(*phrase).map(|at| at + phrase.len());
        end.is_some_and(|end| seen.starts_with(&recorded[..end]))
    };
    seen.starts_with(recorded) || (timed_out(recorded) && timed_out(seen)) || LEADING.iter().any(leads)
}

/// Whether two events tell the same of the same object.
pub(crate) fn same_event(recorded: &Value, seen: &Value) -> bool {
    let same = |pointer: &str| recorded.pointer(pointer) == seen.pointer(pointer);
    // Helm's own log is Go's; what went wrong stands before it.
    let message =
        |event: &Value| text(&event["message"]).split("\n\nLast Helm logs:").next().map(str::to_owned);
    let message = |event: &Value| message(event).unwrap_or_default();
    let fields = ["/involvedObject/kind", "/involvedObject/name", "/severity", "/reason", "/metadata"];
    let (recorded_text, seen_text) = (message(recorded), message(seen));
    fields.iter().all(|field| same(field))
        && (recorded_text == seen_text || same_message(&recorded_text, &seen_text))
}

/// An ImagePolicy's look between the arrival of its ImageRepository and the end of the first scan. Which of the two is
/// first is left to the network, here as in Flux: one run tells of it, the next does not. Status and the events of
/// the policies that did find an image are compared all the same.
pub(crate) fn tells_a_wait(event: &Value) -> bool {
    event["involvedObject"]["kind"] == "ImagePolicy"
        && event["reason"] == "DependencyNotReady"
        && text(&event["message"]).ends_with("error: no tags in database")
}

/// A state without what the recorder adds, conditions in order of type.
pub(crate) fn state(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        map.remove("after_step");
    }
    if let Some(conditions) = value.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
        conditions.sort_by_key(|condition| condition["type"].as_str().unwrap_or_default().to_owned());
    }
    value
}

/// An event without what the sender adds.
pub(crate) fn event(value: &Value) -> String {
    let object = &value["involvedObject"];
    let metadata = &value["metadata"];
    format!(
        "{}/{} {} {}: {} {metadata}",
        text(&object["kind"]),
        text(&object["name"]),
        text(&value["severity"]),
        text(&value["reason"]),
        value["message"]
    )
}

/// Manager, operation and subresource of managedFields entries.
pub(crate) fn managers(entries: &[Value]) -> BTreeSet<String> {
    let one = |entry: &Value| {
        format!("{} {} {}", text(&entry["manager"]), text(&entry["operation"]), text(&entry["subresource"]))
    };
    entries.iter().map(one).collect()
}

/// A live object in the recorder's shape, as far as the recording goes.
pub(crate) fn object(live: &Value, recorded: &Value) -> Value {
    let mut shape = serde_json::Map::new();
    for key in recorded.as_object().into_iter().flat_map(serde_json::Map::keys) {
        let value = match key.as_str() {
            "name" | "namespace" | "labels" | "annotations" | "ownerReferences" => {
                live["metadata"][key].clone()
            }
            "managedFields" => fields(&live["metadata"]["managedFields"]),
            _ => live[key].clone(),
        };
        if !value.is_null() {
            shape.insert(key.clone(), value);
        }
    }
    for key in ["labels", "annotations"] {
        if !live["metadata"][key].is_null() {
            shape.insert(key.into(), live["metadata"][key].clone());
        }
    }
    Value::Object(shape)
}

/// managedFields entries with the leaves of fieldsV1 as paths.
fn fields(entries: &Value) -> Value {
    let one = |entry: &Value| {
        let mut entry = entry.clone();
        let mut paths = Vec::new();
        leaves("", &entry["fieldsV1"], &mut paths);
        paths.sort();
        if let Some(map) = entry.as_object_mut() {
            map.retain(|key, _| {
                ["manager", "operation", "apiVersion", "subresource"].contains(&key.as_str())
            });
            map.insert("fields".into(), paths.into());
        }
        entry
    };
    let mut all: Vec<Value> = entries.as_array().into_iter().flatten().map(one).collect();
    sort_managers(&mut all);
    all.into()
}

/// Order of entries follows times of writing, which tie within a second.
fn sort_managers(entries: &mut [Value]) {
    entries
        .sort_by_key(|entry| format!("{} {} {}", entry["manager"], entry["operation"], entry["subresource"]));
}

/// A recorded object with its managers in the same order.
pub(crate) fn recorded_object(recorded: &Value) -> Value {
    let mut recorded = recorded.clone();
    if let Some(entries) = recorded["managedFields"].as_array_mut() {
        sort_managers(entries);
    }
    recorded
}

fn leaves(path: &str, value: &Value, all: &mut Vec<String>) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if inner.as_object().is_none_or(serde_json::Map::is_empty) {
            all.push(if key == "." { path.to_owned() } else { here });
        } else {
            leaves(&here, inner, all);
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
