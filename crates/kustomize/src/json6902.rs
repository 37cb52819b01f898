//! JSON patches (RFC 6902) as kustomize's library applies them. It differs from the RFC: `replace` makes a missing
//! field, `copy` of a missing field gives null, list indexes may be negative.

use serde_json::Value;

use crate::weigh::{Excess, MAX_BYTES, MAX_DEPTH, Room, Weight};

/// Why a JSON patch cannot be read or applied. Messages keep the reference library's phrases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    /// Not a list of operations.
    #[error("json: cannot unmarshal patch: want a list of operations")]
    NotAList,
    /// An operation is unknown.
    #[error("Unexpected kind: {0}")]
    Unknown(String),
    /// An operation has no `path` or `from`.
    #[error("{op} operation failed to decode {field}: missing value")]
    NoPath {
        /// The operation.
        op: &'static str,
        /// `path` or `from`.
        field: &'static str,
    },
    /// What should hold the value is not there.
    #[error("{op} operation does not apply: doc is missing path: {path}: missing value")]
    MissingPath {
        /// The operation.
        op: &'static str,
        /// The pointer.
        path: String,
    },
    /// The value is not there.
    #[error("{op} operation does not apply: doc is missing key: {path}: missing value")]
    MissingKey {
        /// The operation.
        op: &'static str,
        /// The pointer.
        path: String,
    },
    /// A field to be removed is not there.
    #[error("error in {op} for path: '{path}': Unable to remove nonexistent key: {key}: missing value")]
    NothingToRemove {
        /// The operation.
        op: &'static str,
        /// The pointer.
        path: String,
        /// Its last part.
        key: String,
    },
    /// A list index is out of bounds or none.
    #[error(
        "error in {op} for path: '{path}': Unable to access invalid index: {index}: invalid index referenced"
    )]
    Index {
        /// The operation.
        op: &'static str,
        /// The pointer.
        path: String,
        /// The index.
        index: String,
    },
    /// The whole object would become a scalar.
    #[error("replace operation value must be object or array")]
    Scalar,
    /// A value is too large to be copied.
    #[error("patch exceeds the limit of {0} bytes for one value")]
    TooLarge(usize),
    /// The copies of the whole build are too large together.
    #[error(transparent)]
    Copies(#[from] Excess),
    /// The object would nest too deeply.
    #[error("patch exceeds the limit of {0} levels")]
    TooDeep(usize),
    /// A value differs.
    #[error("testing value {0} failed: test failed")]
    Test(String),
}

/// One operation, as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Operation {
    op: Option<String>,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
}

/// Reads a patch; what is wrong with an operation shows when it is applied.
pub(crate) fn decode(patch: &Value) -> Result<Vec<Operation>, JsonPatchError> {
    let list = patch.as_array().ok_or(JsonPatchError::NotAList)?;
    let read = |item: &Value| {
        let map = item.as_object().ok_or(JsonPatchError::NotAList)?;
        let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
        Ok(Operation {
            op: text("op"),
            path: text("path"),
            from: text("from"),
            value: map.get("value").cloned(),
        })
    };
    list.iter().map(read).collect()
}

/// Applies every operation in order; copies take of the room.
pub(crate) fn apply(document: &mut Value, patch: &[Operation], room: &Room) -> Result<(), JsonPatchError> {
    patch.iter().try_for_each(|operation| operation.apply(document, room))
}

impl Operation {
    fn apply(&self, document: &mut Value, room: &Room) -> Result<(), JsonPatchError> {
        let value = || self.value.clone().unwrap_or(Value::Null);
        match self.op.as_deref().unwrap_or("unknown") {
            "add" => bounded_add(document, self.path("add")?, value(), "add"),
            "remove" => remove(document, self.path("remove")?, "remove").map(|_| ()),
            "replace" => {
                let (path, value) = (self.path("replace")?, value());
                check_weight(path, &value)?;
                replace(document, path, value)
            }
            "move" => {
                let moved = remove(document, self.from("move")?, "move")?;
                bounded_add(document, self.path("move")?, moved, "move")
            }
            "copy" => {
                let copied = get(document, self.from("copy")?, "copy")?;
                let bytes = check_weight(self.path("copy")?, copied.unwrap_or(&Value::Null))?;
                room.take(Excess::Copies, bytes)?;
                let copied = copied.cloned().unwrap_or(Value::Null);
                add(document, self.path("copy")?, copied, "copy")
            }
            "test" => test(document, self.path("test")?, &value()),
            other => Err(JsonPatchError::Unknown(other.to_owned())),
        }
    }

    fn path(&self, op: &'static str) -> Result<&str, JsonPatchError> {
        self.path.as_deref().ok_or(JsonPatchError::NoPath { op, field: "path" })
    }

    fn from(&self, op: &'static str) -> Result<&str, JsonPatchError> {
        self.from.as_deref().ok_or(JsonPatchError::NoPath { op, field: "from" })
    }
}

fn bounded_add(
    document: &mut Value,
    path: &str,
    value: Value,
    op: &'static str,
) -> Result<(), JsonPatchError> {
    check_weight(path, &value)?;
    add(document, path, value, op)
}

/// Repeated copies would double a value each time, in size and in depth. Gives its bytes.
fn check_weight(path: &str, value: &Value) -> Result<usize, JsonPatchError> {
    let weight = Weight::of_json(value);
    if weight.bytes > MAX_BYTES {
        return Err(JsonPatchError::TooLarge(MAX_BYTES));
    }
    let depth = weight.depth + path.matches('/').count();
    if depth > MAX_DEPTH { Err(JsonPatchError::TooDeep(MAX_DEPTH)) } else { Ok(weight.bytes) }
}

fn test(document: &mut Value, path: &str, want: &Value) -> Result<(), JsonPatchError> {
    let equal = if path.is_empty() {
        same(document, want)
    } else {
        same(get(document, path, "test")?.unwrap_or(&Value::Null), want)
    };
    if equal { Ok(()) } else { Err(JsonPatchError::Test(path.to_owned())) }
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

/// What holds the last part of a pointer, and that part, unescaped.
fn container<'d>(
    document: &'d mut Value,
    path: &str,
    op: &'static str,
) -> Result<(&'d mut Value, String), JsonPatchError> {
    let missing = || JsonPatchError::MissingPath { op, path: path.to_owned() };
    let unescaped = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let mut parts: Vec<String> = path.split('/').skip(1).map(unescaped).collect();
    let last = parts.pop().ok_or_else(missing)?;
    let mut node = document;
    for part in parts {
        node = match node {
            Value::Object(map) => map.get_mut(&part),
            Value::Array(list) => index(&part, list.len()).and_then(|at| list.get_mut(at)),
            _ => None,
        }
        .ok_or_else(missing)?;
    }
    if node.is_object() || node.is_array() { Ok((node, last)) } else { Err(missing()) }
}

/// A list index; negative ones count from the end.
fn index(part: &str, len: usize) -> Option<usize> {
    let number: i64 = part.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    usize::try_from(if number < 0 { number + len } else { number }).ok()
}

fn bad_index(op: &'static str, path: &str, part: &str) -> JsonPatchError {
    JsonPatchError::Index { op, path: path.to_owned(), index: part.to_owned() }
}

/// The value at a pointer; `None` for a field that its object does not have.
fn get<'d>(
    document: &'d mut Value,
    path: &str,
    op: &'static str,
) -> Result<Option<&'d Value>, JsonPatchError> {
    let (node, last) = container(document, path, op)?;
    match &*node {
        Value::Object(map) => Ok(map.get(&last)),
        Value::Array(list) => {
            let found = index(&last, list.len()).and_then(|at| list.get(at));
            found.map(Some).ok_or_else(|| bad_index(op, path, &last))
        }
        _ => Ok(None),
    }
}

fn add(document: &mut Value, path: &str, value: Value, op: &'static str) -> Result<(), JsonPatchError> {
    let (node, last) = container(document, path, op)?;
    match node {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => {
            // Counted in the list as it will be: -1 adds at the end.
            let at = index(&last, list.len() + 1).filter(|at| *at <= list.len());
            list.insert(at.ok_or_else(|| bad_index(op, path, &last))?, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str, op: &'static str) -> Result<Value, JsonPatchError> {
    let (node, last) = container(document, path, op)?;
    match node {
        Value::Array(list) => {
            let at = index(&last, list.len()).filter(|at| *at < list.len());
            Ok(list.remove(at.ok_or_else(|| bad_index(op, path, &last))?))
        }
        node => {
            let removed = node.as_object_mut().and_then(|map| map.shift_remove(&last));
            removed.ok_or_else(|| JsonPatchError::NothingToRemove { op, path: path.to_owned(), key: last })
        }
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), JsonPatchError> {
    if path.is_empty() {
        if !(value.is_object() || value.is_array()) {
            return Err(JsonPatchError::Scalar);
        }
        *document = value;
        return Ok(());
    }
    let (node, last) = container(document, path, "replace")?;
    let missing = || JsonPatchError::MissingKey { op: "replace", path: path.to_owned() };
    match node {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(list) => {
            let at = index(&last, list.len()).filter(|at| *at < list.len()).ok_or_else(missing)?;
            list[at] = value;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{apply, decode};
    use crate::weigh::Room;

    fn run(mut document: Value, patch: &Value) -> Result<Value, String> {
        let patch = decode(patch).map_err(|error| error.to_string())?;
        apply(&mut document, &patch, &Room::default()).map_err(|error| error.to_string())?;
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
        check(json!({"a": [1]}), &json!([{"op": "add", "path": "/a/-1", "value": 2}]), &json!({"a": [1, 2]}));
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

    #[test]
    fn replace_makes_and_copy_nulls_what_is_missing() {
        check(json!({}), &json!([{"op": "replace", "path": "/a", "value": 1}]), &json!({"a": 1}));
        check(json!({}), &json!([{"op": "copy", "from": "/x", "path": "/a"}]), &json!({"a": null}));
        check(json!({}), &json!([{"op": "test", "path": "/a", "value": null}]), &json!({}));
    }

    fn fails(document: Value, patch: &Value, expect: &str) {
        let message = run(document, patch).unwrap_err();
        assert!(message.contains(expect), "{message}");
    }

    #[test]
    fn says_what_does_not_apply() {
        fails(json!({}), &json!([{"op": "remove", "path": "/a"}]), "Unable to remove nonexistent key: a");
        let below = json!([{"op": "add", "path": "/a/b", "value": 1}]);
        fails(json!({}), &below, "add operation does not apply: doc is missing path: /a/b");
        fails(
            json!({"a": []}),
            &json!([{"op": "add", "path": "/a/5", "value": 1}]),
            "Unable to access invalid index: 5",
        );
        let replace = json!([{"op": "replace", "path": "/a/0", "value": 1}]);
        fails(json!({"a": []}), &replace, "replace operation does not apply: doc is missing key: /a/0");
        fails(json!({"a": 1}), &json!([{"op": "test", "path": "/a", "value": 2}]), "testing value /a failed");
        fails(json!({}), &json!([{"op": "turn", "path": "/a"}]), "Unexpected kind: turn");
        fails(json!({}), &json!([{"op": "add"}]), "add operation failed to decode path");
        fails(json!({}), &json!([{"op": "add", "path": "", "value": {}}]), "doc is missing path");
        fails(json!({}), &json!({"op": "add"}), "want a list");
    }
}
