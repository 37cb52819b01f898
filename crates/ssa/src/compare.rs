use serde_json::{Map, Value};

use crate::{ignore, managed, request::Answer};

/// Slack between the clock that dates our entry and the one that dates the answer: both are the same
/// server's and count whole seconds.
const SLACK: i64 = 2;

/// Whether an apply changed, or would change, the object: the server moves the time of our managedFields
/// entry only then. Judged by the server's own clock; in doubt (a change in the last seconds, no clock) yes.
pub(crate) fn moved(answer: &Answer, manager: &str) -> bool {
    let time = managed::own(&answer.value, manager).and_then(managed::Entry::seconds);
    let (Some(time), Some(date)) = (time, answer.date) else { return true };
    time >= date - SLACK - answer.took.as_secs().min(3600) as i64
}

/// Flux's comparison: labels, annotations, and everything outside metadata and status, without the fields at
/// the ignored pointers.
pub(crate) fn differs(live: &Value, result: &Value, ignored: &[&str]) -> bool {
    if ignored.contains(&"") {
        return false;
    }
    if ignored.is_empty() {
        return differs_in_full(live, result);
    }
    differs_in_full(&ignore::without(live, ignored), &ignore::without(result, ignored))
}

fn differs_in_full(live: &Value, result: &Value) -> bool {
    let metadata = |object: &Value, field: &str| -> Map<String, Value> {
        let found = object.get("metadata").and_then(|metadata| metadata.get(field));
        found.and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let rest = |object: &Value| -> Map<String, Value> {
        let fields = object.as_object().into_iter().flatten();
        let kept =
            fields.filter(|(key, value)| !matches!(key.as_str(), "metadata" | "status") && !is_empty(value));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    ["labels", "annotations"].iter().any(|field| metadata(live, field) != metadata(result, field))
        || rest(live) != rest(result)
}

/// Absent, null and empty are one to Flux.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn answer(time: Value, date: Option<i64>, took: u64) -> Answer {
        let entry = json!({"manager": "m", "operation": "Apply", "time": time});
        Answer {
            code: 200,
            date,
            took: Duration::from_secs(took),
            weight: 0,
            value: json!({"metadata": {"managedFields": [entry]}}),
        }
    }

    #[test]
    fn an_old_time_of_our_entry_means_unchanged() {
        let (old, at) = (json!("2026-11-21T13:30:00Z"), 1_795_267_800);
        assert!(!moved(&answer(old.clone(), Some(at + 60), 0), "m"));
        assert!(moved(&answer(old.clone(), Some(at + 1), 0), "m"));
        assert!(
            moved(&answer(old.clone(), Some(at + 10), 12), "m"),
            "a slow webhook may lie between both clocks"
        );
        assert!(moved(&answer(old.clone(), None, 0), "m"));
        assert!(moved(&answer(json!(null), Some(at), 0), "m"));
        assert!(moved(&answer(old, Some(at + 60), 0), "other"));
    }

    #[test]
    fn status_and_server_metadata_do_not_differ() {
        let live = json!({"metadata": {"resourceVersion": "1", "labels": {}}, "status": {"a": 1}, "data": {"x": "1"}});
        let result = json!({"metadata": {"resourceVersion": "2"}, "data": {"x": "1"}, "binaryData": null});
        assert!(!differs(&live, &result, &[]));
        assert!(differs(&live, &json!({"data": {"x": "2"}}), &[]));
        assert!(!differs(&live, &json!({"data": {"x": "2"}}), &["/data/x"]));
        assert!(differs(&live, &json!({"metadata": {"annotations": {"a": "b"}}, "data": {"x": "1"}}), &[]));
    }
}
