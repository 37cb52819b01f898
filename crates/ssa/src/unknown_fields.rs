use std::sync::LazyLock;

use manifest::Object;
use regex::Regex;
use serde_json::Value;

use crate::ApiError;

/// What the API server says of a field that the kind does not have.
static UNKNOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(?:^|\s)(\.\S.*?): field not declared in schema").expect("a constant pattern")
});
/// How often fields are dropped from one object: the server names them level by level.
pub(crate) const ROUNDS: usize = 8;
/// Most unknown fields dropped from one object.
const MAX_UNKNOWN: usize = 64;

/// The object without the fields that the API server does not know; `None` when the error says something
/// else. Only for kinds of Kubernetes itself: Flux drops such fields there (by its Go types), and fails for
/// custom resources.
pub(crate) fn without(object: &Object, error: &ApiError) -> Option<Object> {
    let group = object.gvk().group;
    let builtin = !group.contains('.') || group.ends_with(".k8s.io");
    let message = &error.failure().filter(|_| builtin)?.message;
    let mut stripped = object.clone();
    let mut changed = false;
    for found in UNKNOWN.captures_iter(message).take(MAX_UNKNOWN) {
        changed |= drop_field(stripped.value_mut(), &steps(&found[1])?);
    }
    changed.then_some(stripped)
}

/// Whether a message speaks of a field that some version does not have.
pub(crate) fn is_undeclared(message: &str) -> bool {
    message.contains("field not declared in schema")
}

#[derive(Debug, PartialEq)]
enum Step {
    Field(String),
    /// An element of a list without keys.
    Index(usize),
    /// An element of a keyed list.
    Keys(Vec<(String, Value)>),
}

/// Reads a path as structured-merge-diff prints it: `.spec.containers[name="web"].image`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let end = closing(inside)?;
            let index = inside[..end].parse().map(Step::Index);
            steps.push(index.or_else(|_| keys(&inside[..end]).map(Step::Keys).ok_or(())).ok()?);
            rest = &inside[end + 1..];
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            steps.push(Step::Field(name[..end].to_owned()));
            rest = &name[end..];
        }
    }
    Some(steps)
}

/// The bracket that closes, outside quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == ']' && !quoted).then_some(at)
    })
}

fn keys(text: &str) -> Option<Vec<(String, Value)>> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        Some((key.to_owned(), serde_json::from_str(value).ok()?))
    };
    text.split(',').map(pair).collect()
}

fn drop_field(value: &mut Value, steps: &[Step]) -> bool {
    match (steps, value) {
        ([Step::Field(name)], Value::Object(map)) => map.shift_remove(name).is_some(),
        ([Step::Field(name), rest @ ..], Value::Object(map)) => {
            map.get_mut(name).is_some_and(|below| drop_field(below, rest))
        }
        ([Step::Index(index), rest @ ..], Value::Array(list)) => {
            list.get_mut(*index).is_some_and(|item| drop_field(item, rest))
        }
        ([Step::Keys(keys), rest @ ..], Value::Array(list)) => {
            let is_it = |item: &Value| keys.iter().all(|(key, value)| item.get(key) == Some(value));
            list.iter_mut().find(|item| is_it(item)).is_some_and(|item| drop_field(item, rest))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;
    use serde_json::json;

    fn strip(api_version: &str, message: &str) -> Option<Value> {
        let value = json!({"apiVersion": api_version, "kind": "X", "nonsense": true,
            "spec": {"containers": [{"name": "a"}, {"name": "b", "imige": 1}]}});
        let failure = Failure { code: 500, message: message.into(), ..Failure::default() };
        without(&Object::from_value(value).unwrap(), &ApiError::Status(Box::new(failure)))
            .map(Object::into_value)
    }

    #[test]
    fn drops_what_the_server_does_not_know() {
        let one = strip(
            "v1",
            "failed to create typed patch object (ns/x; /v1, Kind=X): .nonsense: field not declared in schema",
        );
        assert_eq!(one.unwrap().get("nonsense"), None);
        let two = strip(
            "apps/v1",
            "failed: errors:\n  .nonsense: field not declared in schema\n  .spec.containers[name=\"b\"].imige: field not declared in schema",
        );
        assert_eq!(two.unwrap()["spec"]["containers"][1], json!({"name": "b"}));
    }

    #[test]
    fn elements_are_found_by_index_too() {
        let stripped =
            strip("apps/v1", "x: .spec.containers[1].imige: field not declared in schema").unwrap();
        assert_eq!(stripped["spec"]["containers"][1], json!({"name": "b"}));
        assert!(strip("apps/v1", "x: .spec.containers[9].imige: field not declared in schema").is_none());
    }

    #[test]
    fn custom_resources_and_other_errors_stay_as_they_are() {
        assert!(strip("example.com/v1", ".nonsense: field not declared in schema").is_none());
        assert!(strip("v1", ".data.a: expected string, got 1").is_none());
        assert!(strip("v1", ".none.such: field not declared in schema").is_none());
        assert!(strip("v1", ".spec[x: field not declared in schema").is_none());
    }
}
