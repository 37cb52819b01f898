//! A list whose elements are found by the texts of their key fields.

use std::collections::BTreeSet;

use manifest::yaml::{Node, Text};

use super::{MergeError, key_index::KeyIndex, list::is_empty_map};
use crate::{
    fields::kind_name,
    weigh::{MAX_BYTES, Weight},
};

/// Elements up to which looking at each is faster than an index of them.
pub(super) const FEW: usize = 16;

/// A list whose elements are found by the texts of their key fields. They keep their places until it is taken apart.
pub(super) struct Keyed<'k> {
    keys: &'k [&'k str],
    /// What is removed leaves its place empty.
    slots: Vec<Option<Node>>,
    /// Places of nulls and empty mappings, which [`Keyed::set`] drops.
    empties: Vec<usize>,
    /// Places of other elements that cannot have the keys.
    odd: BTreeSet<usize>,
    /// Bytes of what took the places of several elements.
    repeated: usize,
    index: Option<KeyIndex<'k>>,
}

impl<'k> Keyed<'k> {
    pub(super) fn new(items: Vec<Node>, keys: &'k [&'k str]) -> Self {
        let many = items.len() > FEW;
        Self::of(items, keys, many)
    }

    /// An empty list that is to take up so many elements.
    pub(super) fn with_room_for(elements: usize, keys: &'k [&'k str]) -> Self {
        Self::of(Vec::with_capacity(elements), keys, elements > FEW)
    }

    /// A list that is asked too seldom for an index.
    pub(super) fn scanned(items: Vec<Node>, keys: &'k [&'k str]) -> Self {
        Self::of(items, keys, false)
    }

    fn of(items: Vec<Node>, keys: &'k [&'k str], indexed: bool) -> Self {
        let index = if indexed { KeyIndex::new(keys) } else { None };
        let slots: Vec<_> = items.into_iter().map(Some).collect();
        let mut list = Self { keys, slots, empties: Vec::new(), odd: BTreeSet::new(), repeated: 0, index };
        (0..list.slots.len()).for_each(|at| list.note(at));
        list
    }

    pub(super) fn keys(&self) -> &'k [&'k str] {
        self.keys
    }

    pub(super) fn get(&self, at: usize) -> Option<&Node> {
        self.slots.get(at)?.as_ref()
    }

    pub(super) fn into_items(self) -> Vec<Node> {
        self.slots.into_iter().flatten().collect()
    }

    pub(super) fn push(&mut self, element: Node) {
        self.slots.push(None);
        self.put(self.slots.len() - 1, Some(element));
    }

    /// Puts an element, or nothing, in the place of another.
    pub(super) fn put(&mut self, at: usize, element: Option<Node>) {
        if let (Some(index), Some(old)) = (&mut self.index, &self.slots[at]) {
            index.remove(old, at);
            self.odd.remove(&at);
        }
        self.slots[at] = element;
        if let (Some(index), Some(new)) = (&mut self.index, &self.slots[at]) {
            index.insert(new, at);
        }
        self.note(at);
    }

    /// Keeps in mind an element that is none of the usual.
    fn note(&mut self, at: usize) {
        let Some(node) = &self.slots[at] else { return };
        if is_nothing(node) {
            self.empties.push(at);
        } else if self.index.is_some() && kind_name(node) != wanted_kind(self.keys[0]) {
            self.odd.insert(at);
        }
    }

    /// The first element with these key values.
    pub(super) fn find(&mut self, values: &[Text]) -> Option<usize> {
        match &mut self.index {
            Some(index) => index.first(&self.slots, values),
            None => self
                .slots
                .iter()
                .position(|slot| slot.as_ref().is_some_and(|node| is_found(node, self.keys, values))),
        }
    }

    /// Replaces the elements with these key values by `element`, or removes them; adds it when there is none. An empty
    /// value stands for any value. Nulls and empty mappings are dropped on the way.
    pub(super) fn set(&mut self, element: Option<Node>, values: &[Text]) -> Result<(), MergeError> {
        if values.is_empty() {
            // The reference tool's reading: without a value nothing is kept.
            let empty = Self::of(Vec::new(), self.keys, self.index.is_some());
            *self = Self { repeated: self.repeated, ..empty };
        }
        for at in std::mem::take(&mut self.empties) {
            if self.get(at).is_some_and(is_nothing) {
                self.put(at, None);
            }
        }
        let fitting = self.fitting(values)?;
        match (fitting.split_last(), element) {
            (Some((last, others)), element) => {
                self.repeat(element.as_ref(), others.len())?;
                others.iter().for_each(|at| self.put(*at, element.clone()));
                self.put(*last, element);
            }
            (None, Some(element)) => self.push(element),
            (None, None) => {}
        }
        Ok(())
    }

    /// Counts what is to be copied so often: elements with an empty key each take the places of all others.
    fn repeat(&mut self, element: Option<&Node>, times: usize) -> Result<(), MergeError> {
        let Some(element) = element.filter(|_| times > 0) else { return Ok(()) };
        let bytes = Weight::of_node(element).bytes.saturating_mul(times);
        self.repeated = self.repeated.saturating_add(bytes);
        if self.repeated > MAX_BYTES { Err(MergeError::TooLarge(MAX_BYTES)) } else { Ok(()) }
    }

    /// The places of the elements that a set of these key values is about.
    fn fitting(&mut self, values: &[Text]) -> Result<Vec<usize>, MergeError> {
        let by_field = !self.keys[0].is_empty() && values.first().is_some_and(|value| !value.is_empty());
        if let Some(index) = &mut self.index {
            let odd = self.odd.first().filter(|_| !by_field && !values.is_empty());
            if let Some(odd) = odd.and_then(|at| self.slots[*at].as_ref()) {
                return Err(wrong_kind(odd, self.keys[0]));
            }
            return Ok(index.fitting(&self.slots, values));
        }
        let mut all = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            let Some(node) = slot else { continue };
            if (!by_field || node.as_mapping().is_some()) && fits(node, self.keys, values)? {
                all.push(at);
            }
        }
        Ok(all)
    }
}

fn is_nothing(node: &Node) -> bool {
    node.is_null() || is_empty_map(node)
}

fn wanted_kind(key: &str) -> &'static str {
    if key.is_empty() { "ScalarNode" } else { "MappingNode" }
}

fn wrong_kind(node: &Node, key: &str) -> MergeError {
    MergeError::Kind { expected: wanted_kind(key), found: kind_name(node), path: key.to_owned() }
}

/// Which of the keys an element is found by: those that have values.
pub(super) fn own_keys(values: &[Text]) -> impl Iterator<Item = usize> {
    let all = values.iter().all(|value| value.is_empty());
    (0..values.len()).filter(move |at| all || !values[*at].is_empty())
}

/// Whether an element is found by these key values.
fn is_found(node: &Node, keys: &[&str], values: &[Text]) -> bool {
    if keys[0].is_empty() {
        return node.text().unwrap_or_default() == values[0];
    }
    own_keys(values)
        .all(|at| node.get(keys[at]).is_some_and(|field| field.text().unwrap_or_default() == values[at]))
}

/// Whether an element is the one that a set of these key values is about.
fn fits(node: &Node, keys: &[&str], values: &[Text]) -> Result<bool, MergeError> {
    for (key, value) in keys.iter().zip(values) {
        if kind_name(node) != wanted_kind(key) {
            return Err(wrong_kind(node, key));
        }
        let field = if key.is_empty() { Some(node) } else { node.get(key) };
        let equal = |field: &Node| field.text().unwrap_or_default() == value;
        if !field.is_some_and(|field| (value.is_empty() && !key.is_empty()) || equal(field)) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use conformance::random::Dice;
    use manifest::yaml::{Dialect, Limits, Node, Text, parse_nodes};

    use super::Keyed;

    const ELEMENTS: [&str; 16] = [
        "{a: x, b: y}",
        "{a: x, b: z, n: 1}",
        "{a: x}",
        "{b: y}",
        "{a: y, b: y}",
        "{a: y, b: ''}",
        "{a: '', b: y}",
        "{a: null, b: y}",
        "{a: null, b: z}",
        "{a: [x], b: y}",
        "{}",
        "null",
        "x",
        "[x]",
        "{c: 1}",
        "y",
    ];
    const VALUES: [&str; 5] = ["", "x", "y", "z", "null"];

    fn element(dice: &mut Dice) -> Node {
        // Seldom what ends in an error.
        let kinds = if dice.below(4) == 0 { ELEMENTS.len() } else { 11 };
        let list = format!("[{}]", ELEMENTS[dice.below(kinds)]);
        let list = parse_nodes("", &list, Dialect::Kyaml, &Limits::default()).unwrap().remove(0);
        list.items().unwrap()[0].clone()
    }

    /// What a few random steps lead to, with an index or without.
    fn steps(seed: u64, keys: &[&str], indexed: bool) -> String {
        let mut dice = Dice::new(seed);
        let items = (0..dice.below(6)).map(|_| element(&mut dice)).collect();
        let mut list = Keyed::of(items, keys, indexed);
        let mut told = String::new();
        for _ in 0..dice.below(8) {
            let values: Vec<Text> = keys.iter().map(|_| Text::from(*dice.pick(&VALUES))).collect();
            let values = &values[..if dice.below(9) == 0 { dice.below(keys.len() + 1) } else { keys.len() }];
            match dice.below(4) {
                0 if values.len() == keys.len() => told += &format!("found {:?}\n", list.find(values)),
                0 | 1 => told += &format!("removed {:?}\n", list.set(None, values)),
                2 => list.push(element(&mut dice)),
                _ => told += &format!("set {:?}\n", list.set(Some(element(&mut dice)), values)),
            }
        }
        told + &format!("{:?}", list.into_items())
    }

    #[test]
    fn an_index_finds_what_a_look_at_each_does() {
        for seed in 0..3_000 {
            for keys in [&["a"][..], &["a", "b"], &["b", "a", "c"], &[""]] {
                assert_eq!(steps(seed, keys, true), steps(seed, keys, false), "{seed} {keys:?}");
            }
        }
    }
}
