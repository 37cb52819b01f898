//! What copies may cost: `copy` in a JSON patch and replacements can double a value each time, in size and in depth.

use manifest::yaml::Node;
use serde_json::Value;

/// Bytes that one copy may have; each value counts some of its own.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// Levels that an object may have, as deep as texts are read and twice as much again.
pub(crate) const MAX_DEPTH: usize = 512;

/// Bytes that copies may add to a build, all together: a list of copies takes a line each.
pub(crate) const MAX_COPIES: usize = 64 << 20;

/// What copies may still add to a build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_COPIES)
    }
}

impl Room {
    /// Room for so many bytes; nothing where there is none left.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.checked_sub(bytes)?;
        Some(())
    }

    /// Takes what another part of the same build has taken; nothing where there is not as much left.
    pub(crate) fn share(&mut self, other: Self) -> Option<()> {
        self.take(MAX_COPIES - other.0)
    }
}

/// What a value beside its text takes.
const VALUE: usize = 32;

/// Bytes and levels of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) bytes: usize,
    pub(crate) depth: usize,
}

impl Weight {
    fn around(inner: impl Iterator<Item = Self>) -> Self {
        let whole = inner.fold(Self::default(), |all, one| Self {
            bytes: all.bytes.saturating_add(one.bytes),
            depth: all.depth.max(one.depth),
        });
        Self { bytes: whole.bytes.saturating_add(VALUE), depth: whole.depth + 1 }
    }

    pub(crate) fn of_json(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::around(items.iter().map(Self::of_json)),
            Value::Object(map) => {
                Self::around(map.iter().map(|(key, value)| Self::of_json(value).and(key.len())))
            }
            Value::String(text) => Self::default().and(VALUE + text.len()),
            _ => Self::default().and(VALUE),
        }
    }

    pub(crate) fn of_node(node: &Node) -> Self {
        match node {
            Node::Sequence(list) => Self::around(list.items.iter().map(Self::of_node)),
            Node::Mapping(map) => {
                Self::around(map.iter().map(|(key, value)| Self::of_node(value).and(key.len())))
            }
            Node::Scalar(scalar) => Self::default().and(VALUE + scalar.value.len()),
        }
    }

    fn and(self, bytes: usize) -> Self {
        Self { bytes: self.bytes.saturating_add(bytes), ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Weight;

    #[test]
    fn every_level_and_text_counts() {
        let weight = Weight::of_json(&json!({"a": ["xyz", 1]}));
        assert_eq!(weight, Weight { bytes: 4 * 32 + 1 + 3, depth: 2 });
    }
}
