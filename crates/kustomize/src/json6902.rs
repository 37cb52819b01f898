//! JSON patches (RFC 6902) as kustomize's library applies them.

use serde_json::Value;

/// Why a JSON patch cannot be read or applied. Messages keep the reference library's phrases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    /// Not a list of operations.
    #[error("json: cannot unmarshal patch: want a list of operations")]
    NotAList,
    /// An operation lacks a field or has a wrong one.
    #[error("invalid operation {0}")]
    Invalid(String),
    /// An operation is unknown.
    #[error("Unexpected kind: {0}")]
    Unknown(String),
    /// An operation does not fit the object.
    #[error("{op} operation does not apply: doc is missing {what}: {path}: missing value")]
    Missing {
        /// The operation.
        op: &'static str,
        /// `path` or `key`.
        what: &'static str,
        /// The pointer.
        path: String,
    },
    /// A list index is out of bounds or none.
    #[error(
        "{op} operation does not apply: Unable to access invalid index: {path}: invalid index referenced"
    )]
    Index {
        /// The operation.
        op: &'static str,
        /// The pointer.
        path: String,
    },
    /// A value differs.
    #[error("testing value {0} failed: test failed")]
    Test(String),
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    kind: Kind,
    path: String,
    from: String,
    value: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Add,
    Remove,
    Replace,
    Move,
    Copy,
    Test,
}

/// Reads a patch.
pub(crate) fn decode(patch: &Value) -> Result<Vec<Operation>, JsonPatchError> {
    let list = patch.as_array().ok_or(JsonPatchError::NotAList)?;
    list.iter().map(operation).collect()
}

fn operation(value: &Value) -> Result<Operation, JsonPatchError> {
    let invalid = || JsonPatchError::Invalid(value.to_string());
    let map = value.as_object().ok_or_else(invalid)?;
    let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
    let kind = match text("op").ok_or_else(invalid)?.as_str() {
        "add" => Kind::Add,
        "remove" => Kind::Remove,
        "replace" => Kind::Replace,
        "move" => Kind::Move,
        "copy" => Kind::Copy,
        "test" => Kind::Test,
        other => return Err(JsonPatchError::Unknown(other.to_owned())),
    };
    let path = text("path").ok_or_else(invalid)?;
    let from = text("from").unwrap_or_default();
    Ok(Operation { kind, path, from, value: map.get("value").cloned() })
}

/// Applies every operation in order.
pub(crate) fn apply(document: &mut Value, patch: &[Operation]) -> Result<(), JsonPatchError> {
    patch.iter().try_for_each(|operation| operation.apply(document))
}

impl Operation {
    fn apply(&self, document: &mut Value) -> Result<(), JsonPatchError> {
        let value = || self.value.clone().unwrap_or(Value::Null);
        match self.kind {
            Kind::Add => add(document, &self.path, value(), "add"),
            Kind::Remove => remove(document, &self.path, "remove").map(|_| ()),
            Kind::Replace => replace(document, &self.path, value()),
            Kind::Move => {
                let moved = remove(document, &self.from, "move")?;
                add(document, &self.path, moved, "move")
            }
            Kind::Copy => {
                let copied = get(document, &self.from, "copy")?.clone();
                add(document, &self.path, copied, "copy")
            }
            Kind::Test => self.test(document),
        }
    }

    fn test(&self, document: &mut Value) -> Result<(), JsonPatchError> {
        let want = self.value.clone().unwrap_or(Value::Null);
        let found = get(document, &self.path, "test").map_or(Value::Null, |value| value.clone());
        if same(&found, &want) { Ok(()) } else { Err(JsonPatchError::Test(self.path.clone())) }
    }
}

/// Equal values; numbers by what they count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}

/// The parts of a pointer, unescaped.
fn parts(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// What holds the last part of a pointer, and that part.
fn container<'d>(
    document: &'d mut Value,
    path: &str,
    op: &'static str,
) -> Result<(&'d mut Value, String), JsonPatchError> {
    let missing = || JsonPatchError::Missing { op, what: "path", path: path.to_owned() };
    let mut parts = parts(path);
    let last = parts.pop().ok_or_else(missing)?;
    let mut node = document;
    for part in parts {
        node = child(node, &part).ok_or_else(missing)?;
    }
    if node.is_object() || node.is_array() { Ok((node, last)) } else { Err(missing()) }
}

fn child<'d>(node: &'d mut Value, part: &str) -> Option<&'d mut Value> {
    match node {
        Value::Object(map) => map.get_mut(part),
        Value::Array(list) => {
            let index = index(part, list.len())?;
            list.get_mut(index)
        }
        _ => None,
    }
}

/// A list index; negative ones count from the end.
fn index(part: &str, len: usize) -> Option<usize> {
    let number: i64 = part.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    usize::try_from(if number < 0 { number + len } else { number }).ok()
}

fn get<'d>(document: &'d mut Value, path: &str, op: &'static str) -> Result<&'d Value, JsonPatchError> {
    if path.is_empty() {
        return Ok(document);
    }
    let (node, last) = container(document, path, op)?;
    let missing = JsonPatchError::Missing { op, what: "key", path: path.to_owned() };
    child(node, &last).map(|value| &*value).ok_or(missing)
}

fn add(document: &mut Value, path: &str, value: Value, op: &'static str) -> Result<(), JsonPatchError> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (node, last) = container(document, path, op)?;
    match node {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => {
            // Counted in the list as it will be: -1 adds at the end.
            let at = index(&last, list.len() + 1).filter(|at| *at <= list.len());
            list.insert(at.ok_or(JsonPatchError::Index { op, path: path.to_owned() })?, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str, op: &'static str) -> Result<Value, JsonPatchError> {
    let missing = || JsonPatchError::Missing { op, what: "key", path: path.to_owned() };
    let (node, last) = container(document, path, op)?;
    match node {
        Value::Object(map) => map.shift_remove(&last).ok_or_else(missing),
        Value::Array(list) => match index(&last, list.len()).filter(|at| *at < list.len()) {
            Some(at) => Ok(list.remove(at)),
            None => Err(JsonPatchError::Index { op, path: path.to_owned() }),
        },
        _ => Err(missing()),
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), JsonPatchError> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (node, last) = container(document, path, "replace")?;
    let missing = JsonPatchError::Missing { op: "replace", what: "key", path: path.to_owned() };
    *child(node, &last).ok_or(missing)? = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{apply, decode};

    fn run(mut document: Value, patch: &Value) -> Result<Value, String> {
        let patch = decode(patch).map_err(|error| error.to_string())?;
        apply(&mut document, &patch).map_err(|error| error.to_string())?;
        Ok(document)
    }

    fn check(document: Value, patch: &Value, expect: &Value) {
        assert_eq!(run(document, patch).as_ref(), Ok(expect));
    }

    #[test]
    fn applies_every_operation() {
        check(
            json!({"a": [1, 3]}),
            &json!([{"op": "add", "path": "/a/1", "value": 2}]),
            &json!({"a": [1, 2, 3]}),
        );
        check(json!({"a": [1]}), &json!([{"op": "add", "path": "/a/-", "value": 2}]), &json!({"a": [1, 2]}));
        check(json!({"a/b": 1}), &json!([{"op": "remove", "path": "/a~1b"}]), &json!({}));
        check(
            json!({"a": [1, 2]}),
            &json!([{"op": "replace", "path": "/a/-1", "value": 5}]),
            &json!({"a": [1, 5]}),
        );
        check(json!({"a": 1}), &json!([{"op": "move", "from": "/a", "path": "/b"}]), &json!({"b": 1}));
        check(
            json!({"a": 1}),
            &json!([{"op": "copy", "from": "/a", "path": "/b"}]),
            &json!({"a": 1, "b": 1}),
        );
        check(json!({"a": 1}), &json!([{"op": "test", "path": "/a", "value": 1.0}]), &json!({"a": 1}));
    }

    fn fails(document: Value, patch: &Value, expect: &str) {
        let message = run(document, patch).unwrap_err();
        assert!(message.contains(expect), "{message}");
    }

    #[test]
    fn says_what_does_not_apply() {
        fails(
            json!({}),
            &json!([{"op": "remove", "path": "/a"}]),
            "remove operation does not apply: doc is missing key: /a",
        );
        fails(
            json!({}),
            &json!([{"op": "add", "path": "/a/b", "value": 1}]),
            "add operation does not apply: doc is missing path: /a/b",
        );
        fails(
            json!({"a": []}),
            &json!([{"op": "add", "path": "/a/5", "value": 1}]),
            "Unable to access invalid index: /a/5",
        );
        fails(json!({"a": 1}), &json!([{"op": "test", "path": "/a", "value": 2}]), "testing value /a failed");
        fails(json!({}), &json!([{"op": "turn", "path": "/a"}]), "Unexpected kind: turn");
        fails(json!({}), &json!({"op": "add"}), "want a list");
    }
}
