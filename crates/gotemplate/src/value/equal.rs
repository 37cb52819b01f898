use super::{List, Map, Value};

/// How deep `deep_equal` follows lists and maps; deeper values are unequal (Go follows cycles by memory address).
const MAX_DEPTH: usize = 1_000;

impl Value {
    /// Go's `reflect.DeepEqual`: same type, same content.
    #[must_use]
    pub fn deep_equal(&self, other: &Self) -> bool {
        self.deep_equal_within(other, &mut { u64::MAX })
    }

    /// As [`deep_equal`](Self::deep_equal), for values that may share parts many times over: takes what it looks at
    /// from `visits`, and answers false when there are none left. 512 bytes of text are a visit.
    #[must_use]
    pub fn deep_equal_within(&self, other: &Self, visits: &mut u64) -> bool {
        equal(self, other, MAX_DEPTH, visits)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.deep_equal(other)
    }
}

fn equal(a: &Value, b: &Value, depth: usize, visits: &mut u64) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let cost = 1 + text_len(a).min(text_len(b)) / 512;
    let Some(left) = visits.checked_sub(cost) else {
        *visits = 0;
        return false;
    };
    *visits = left;
    match (a, b) {
        (Value::Nil | Value::Absent, Value::Nil | Value::Absent) => true,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::String(a), Value::String(b)) | (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => equal_lists(a, b, depth, visits),
        (Value::Map(a), Value::Map(b)) => equal_maps(a, b, depth, visits),
        (Value::Object(a), Value::Object(b)) => a.equals(b.as_ref()),
        _ => {
            a.kind_type() == b.kind_type()
                && (a.signed(), a.unsigned()) != (None, None)
                && (a.signed(), a.unsigned()) == (b.signed(), b.unsigned())
        }
    }
}

/// A comparison of long texts is no single visit.
fn text_len(value: &Value) -> u64 {
    match value {
        Value::String(text) | Value::Bytes(text) => text.len() as u64,
        _ => 0,
    }
}

fn equal_lists(a: &List, b: &List, depth: usize, visits: &mut u64) -> bool {
    a.kind() == b.kind()
        && a.is_nil() == b.is_nil()
        && (a.same(b)
            || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b, depth, visits))))
}

fn equal_maps(a: &Map, b: &Map, depth: usize, visits: &mut u64) -> bool {
    if a.kind() != b.kind() {
        return false;
    }
    if a.same(b) {
        return true;
    }
    a.is_nil() == b.is_nil()
        && a.len() == b.len()
        && a.entries()
            .iter()
            .all(|(key, value)| b.get(key).is_some_and(|other| equal(value, &other, depth, visits)))
}
