//! Taking deep values apart without recursion: a template can nest a list a million times.

use super::Value;

/// Drops values; what only they hold is taken apart by a loop instead of by nested drops.
pub(super) fn dismantle(mut values: Vec<Value>) {
    let mut held = Vec::new();
    loop {
        for value in values.drain(..) {
            match value {
                Value::List(mut list) => held.extend(list.take_items()),
                Value::Map(mut map) => held.extend(map.take_values()),
                _ => {}
            }
        }
        if held.is_empty() {
            return;
        }
        std::mem::swap(&mut values, &mut held);
    }
}

/// Whether dropping it may drop more of its kind.
pub(super) fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

#[cfg(test)]
mod tests {
    use crate::value::{Map, Value};

    #[test]
    fn a_value_nested_a_million_times_is_dropped() {
        let mut value = Value::list(Vec::new());
        for index in 0..1_000_000 {
            value = if index % 2 == 0 { Value::list(vec![value]) } else { Value::map([("k", value)]) };
        }
        drop(value);
    }

    #[test]
    fn what_is_shared_stays() {
        let inner = Map::new();
        inner.insert("k", 1);
        drop(Value::list(vec![Value::Map(inner.clone())]));
        assert_eq!(inner.len(), 1);
    }
}
