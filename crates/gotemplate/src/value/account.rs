//! What the values of this thread hold, in bytes. Lists, maps, texts and trees enter themselves when they are made and
//! strike themselves out when they are dropped, so that a session knows what its templates keep, not only what they made.
//!
//! The figures are what a 64-bit allocator gives, about. What is dropped by another thread than made it stays entered; a
//! session looks at the difference to its own beginning alone.

use std::cell::Cell;

/// Bytes of a text beside its own: its two counters and what the allocator adds.
pub(crate) const TEXT: usize = 32;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

pub(crate) fn enter(bytes: usize) {
    HELD.set(HELD.get().wrapping_add(bytes));
}

pub(crate) fn strike(bytes: usize) {
    HELD.set(HELD.get().wrapping_sub(bytes));
}

/// A point to count from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize);

impl Default for Mark {
    fn default() -> Self {
        Self(HELD.get())
    }
}

impl Mark {
    /// Bytes held now that were not held then; 0 when there are fewer.
    pub(crate) fn since(self) -> usize {
        let more = HELD.get().wrapping_sub(self.0);
        if isize::try_from(more).is_ok() { more } else { 0 }
    }
}

/// Bytes that are held by what is no value, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Entry(usize);

impl Entry {
    pub(crate) fn new(bytes: usize) -> Self {
        enter(bytes);
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0
    }

    pub(crate) fn grow(&mut self, bytes: usize) {
        enter(bytes);
        self.0 += bytes;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        strike(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;
    use crate::value::{Map, Str, Value};

    #[test]
    fn what_is_dropped_is_struck_out_to_the_last_byte() {
        let mark = Mark::default();
        let text = Str::from("a text");
        let shared = text.clone();
        let map = Map::new();
        for at in 0..100 {
            map.insert(format!("{at}"), Value::list(vec![Value::String(text.clone()), Value::Int(at)]));
            map.insert(format!("{at}"), Value::Int(at));
        }
        assert!(mark.since() > 100 * 40);
        map.remove("7");
        map.clear();
        map.insert("self", map.clone());
        map.clear();
        drop((text, map));
        assert!(mark.since() > 0, "the text is still shared");
        drop(shared);
        assert_eq!(mark.since(), 0);
    }

    #[test]
    fn deep_values_are_struck_out() {
        let mark = Mark::default();
        let mut value = Value::list(Vec::new());
        for level in 0..100_000 {
            value = if level % 2 == 0 { Value::list(vec![value]) } else { Value::map([("k", value)]) };
        }
        assert!(mark.since() > 100_000 * 24);
        drop(value);
        assert_eq!(mark.since(), 0);
    }
}
