use std::collections::BTreeMap;

use manifest::yaml::{Node, Scalar, Text};

/// Scalars of an object that change as one.
///
/// A label or annotation that one transformer sets at several fields is one value there: what later changes it at one
/// field (a patch, a replacement, a var) changes it at all of them. The reference tool shares the node.
#[derive(Clone, Debug, Default)]
pub(super) struct Twins {
    /// What all scalars of a number were when last looked at; numbers count from 1. None: there is but one.
    values: Vec<Option<Text>>,
    /// How many numbers there were when last looked. Those made since are equal to each other still.
    looked_at: usize,
}

impl Twins {
    pub(super) fn add(&mut self, value: &str) -> u32 {
        self.values.push(Some(value.into()));
        u32::try_from(self.values.len()).unwrap_or_default()
    }

    pub(super) fn drop(&mut self, twin: u32) {
        // The number is not given again: its scalar keeps it.
        if let Some(value) = self.value_mut(twin) {
            *value = None;
        }
    }

    pub(super) fn sync(&mut self, node: &mut Node) {
        let before = std::mem::replace(&mut self.looked_at, self.values.len());
        if self.values[..before].iter().all(Option::is_none) || !self.any_changed(node) {
            return;
        }
        let mut changed = BTreeMap::new();
        self.find_changed(node, &mut changed);
        if changed.is_empty() {
            return;
        }
        follow(node, &changed);
        for (twin, scalar) in changed {
            if let Some(value) = self.value_mut(twin) {
                *value = Some(scalar.value);
            }
        }
    }

    fn any_changed(&self, node: &Node) -> bool {
        match node {
            Node::Scalar(scalar) => self.has_changed(scalar),
            Node::Sequence(list) => list.items.iter().any(|item| self.any_changed(item)),
            Node::Mapping(mapping) => mapping.iter().any(|(_, value)| self.any_changed(value)),
        }
    }

    fn has_changed(&self, scalar: &Scalar) -> bool {
        let value = place(scalar.twin).and_then(|at| self.values.get(at)?.as_ref());
        value.is_some_and(|value| *value != scalar.value)
    }

    fn value_mut(&mut self, twin: u32) -> Option<&mut Option<Text>> {
        self.values.get_mut(place(twin)?)
    }

    /// The last one, in the order of sorted keys, is what counts.
    fn find_changed(&self, node: &Node, changed: &mut BTreeMap<u32, Scalar>) {
        match node {
            Node::Scalar(scalar) if self.has_changed(scalar) => {
                changed.insert(scalar.twin, scalar.clone());
            }
            Node::Scalar(_) => {}
            Node::Sequence(list) => list.items.iter().for_each(|item| self.find_changed(item, changed)),
            Node::Mapping(mapping) => {
                let mut entries: Vec<_> = mapping.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                entries.into_iter().for_each(|(_, value)| self.find_changed(value, changed));
            }
        }
    }
}

/// Where the value of a number is; nowhere for 0.
fn place(twin: u32) -> Option<usize> {
    usize::try_from(twin).ok()?.checked_sub(1)
}

fn follow(node: &mut Node, changed: &BTreeMap<u32, Scalar>) {
    match node {
        Node::Scalar(scalar) => {
            if let Some(other) = changed.get(&scalar.twin) {
                *scalar = other.clone();
            }
        }
        Node::Sequence(list) => list.items.iter_mut().for_each(|item| follow(item, changed)),
        Node::Mapping(mapping) => {
            mapping.entries.iter_mut().for_each(|entry| follow(&mut entry.value, changed))
        }
    }
}

/// Takes the twins of a copy away.
pub(crate) fn without_twins(node: &mut Node) {
    match node {
        Node::Scalar(scalar) => scalar.twin = 0,
        Node::Sequence(list) => list.items.iter_mut().for_each(without_twins),
        Node::Mapping(mapping) => {
            mapping.entries.iter_mut().for_each(|entry| without_twins(&mut entry.value))
        }
    }
}
