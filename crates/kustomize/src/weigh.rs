//! What copies may cost: `copy` in a JSON patch and replacements can double a value each time, in size and in depth; a base
//! can be visited, and a file be read, as often as there are lines to say so.

use std::{cell::Cell, rc::Rc};

use manifest::yaml::Node;
use serde_json::Value;

/// Bytes that one copy may have; each value counts some of its own.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// Levels that an object may have, as deep as texts are read and twice as much again.
pub(crate) const MAX_DEPTH: usize = 512;

/// What a build makes more of than was given has a limit of its own for each way to do so: a line takes each copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Values that JSON patches and replacements copy: 64 MiB.
    #[error("patches and replacements copy more than the limit of {} bytes", Self::Copies.limit())]
    Copies,
    /// Files of generators, patches and configurations that are read again, as under several keys: 64 MiB.
    #[error("files that are read again hold more than the limit of {} bytes", Self::Files.limit())]
    Files,
    /// Objects of bases that are visited again, and their kustomizations: 128 MiB, which ten thousand large ones have.
    #[error("bases that are visited again hold more than the limit of {} bytes", Self::Bases.limit())]
    Bases,
}

impl Excess {
    const ALL: [Self; 3] = [Self::Copies, Self::Files, Self::Bases];

    const fn limit(self) -> usize {
        match self {
            Self::Copies | Self::Files => 64 << 20,
            Self::Bases => 128 << 20,
        }
    }
}

/// What a build may still make of what it was given. Clones are the same room: a whole build has one.
#[derive(Clone, Debug)]
pub(crate) struct Room(Rc<[Cell<usize>; 3]>);

impl Default for Room {
    fn default() -> Self {
        Self(Rc::new(Excess::ALL.map(|way| Cell::new(way.limit()))))
    }
}

impl Room {
    /// Takes so many bytes; fails where there are not as many left.
    pub(crate) fn take(&self, way: Excess, bytes: usize) -> Result<(), Excess> {
        let left = &self.0[way as usize];
        left.set(left.get().checked_sub(bytes).ok_or(way)?);
        Ok(())
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

    use super::{Excess, Room, Weight};

    #[test]
    fn a_room_is_one_for_all_who_hold_it() {
        let room = Room::default();
        assert_eq!(room.clone().take(Excess::Bases, 100 << 20), Ok(()));
        assert_eq!(room.take(Excess::Bases, 100 << 20), Err(Excess::Bases));
        assert_eq!(room.take(Excess::Bases, 28 << 20), Ok(()));
        assert_eq!(room.take(Excess::Files, 64 << 20), Ok(()));
        let message = Excess::Copies.to_string();
        assert_eq!(message, "patches and replacements copy more than the limit of 67108864 bytes");
    }

    #[test]
    fn every_level_and_text_counts() {
        let weight = Weight::of_json(&json!({"a": ["xyz", 1]}));
        assert_eq!(weight, Weight { bytes: 4 * 32 + 1 + 3, depth: 2 });
    }
}
