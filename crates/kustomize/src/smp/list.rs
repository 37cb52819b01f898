use manifest::yaml::{Node, Sequence, Text};

use super::{
    MergeError, Merger, Patch,
    directive::{Directive, KEY, take_list_directive},
    key_values::KeyValues,
    keyed::Keyed,
    present,
};
use crate::{fields::set_text, schema::Schema};

/// What is laid over a list: nothing, the list itself, or the elements of another one.
enum Change<L> {
    Absent,
    Same,
    Other(L),
}

impl<'s> Merger<'s> {
    /// Merges lists by keys; without keys, lists of scalars by their texts. What the patch brings stands first.
    pub(super) fn merge_list(
        &mut self,
        dest: Option<Node>,
        patch: Patch,
        schema: Option<Schema<'s>>,
        keys: &[&'s str],
    ) -> Result<Option<Node>, MergeError> {
        let keys = if keys.is_empty() { &[""] } else { keys };
        let elements = schema.and_then(Schema::elements);
        let merged = match (list_of(dest), patch) {
            (None, Patch::Other(Node::Sequence(patch))) => {
                self.merge_elements(patch.items, Change::Same, keys, elements)?
            }
            (Some(dest), Patch::Other(Node::Sequence(patch))) => {
                let mut patch = patch.items;
                match take_list_directive(&mut patch)? {
                    Directive::Delete => return Ok(None),
                    Directive::Replace => self.merge_elements(patch, Change::Same, keys, elements)?,
                    Directive::Merge => self.merge_elements(dest, Change::Other(patch), keys, elements)?,
                }
            }
            (Some(mut dest), Patch::Same) => {
                if take_list_directive(&mut dest)? == Directive::Delete {
                    return Ok(None);
                }
                self.merge_elements(dest, Change::Same, keys, elements)?
            }
            (Some(dest), _) => self.merge_elements(dest, Change::Absent, keys, elements)?,
            (None, _) => return Ok(None),
        };
        Ok(Some(Node::Sequence(Sequence { items: merged, ..Sequence::default() })))
    }

    fn merge_elements(
        &mut self,
        dest: Vec<Node>,
        change: Change<Vec<Node>>,
        keys: &[&'s str],
        schema: Option<Schema<'s>>,
    ) -> Result<Vec<Node>, MergeError> {
        let patch: &[Node] = if let Change::Other(patch) = &change { patch } else { &[] };
        let KeyValues { keys, all } = KeyValues::of(patch, &dest, keys);
        if all.is_empty() {
            return Ok(dest);
        }
        let mut merged = Keyed::with_room_for(dest.len() + patch.len(), &keys);
        let mut dest = Keyed::new(dest, &keys);
        let mut change = match change {
            Change::Absent => Change::Absent,
            Change::Same => Change::Same,
            Change::Other(patch) => Change::Other(Keyed::new(patch, &keys)),
        };
        for values in &all {
            match self.merge_element(&mut dest, &mut change, values, schema)? {
                Some(element) => merged.set(Some(element), values)?,
                None => dest.set(None, values)?,
            }
        }
        append_elements(merged, dest)
    }

    /// Merges the elements of one set of key values; what is merged in place is written back to `dest`.
    fn merge_element(
        &mut self,
        dest: &mut Keyed<'_>,
        change: &mut Change<Keyed<'_>>,
        values: &[Text],
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        let at = dest.find(values);
        let patch = match change {
            Change::Same if at.is_some() => Patch::Same,
            Change::Other(patch) => Patch::of(patch.find(values).and_then(|at| patch.get(at).cloned())),
            _ => Patch::Absent,
        };
        let replaces = patch.node().and_then(|node| node.get(KEY)).and_then(Node::text) == Some("replace");
        let merged = self.walk(at.and_then(|at| dest.get(at).cloned()), patch, schema)?;
        let Some(mut element) = merged.filter(|node| !node.is_null() && !is_empty_map(node)) else {
            return Ok(None);
        };
        for (key, value) in dest.keys().iter().zip(values) {
            complete_element(&mut element, key, value);
        }
        if let Some(at) = at.filter(|at| present(dest.get(*at)).is_some() && !replaces) {
            dest.put(at, Some(element.clone()));
        }
        Ok(Some(element))
    }
}

fn list_of(node: Option<Node>) -> Option<Vec<Node>> {
    match node {
        Some(Node::Sequence(list)) => Some(list.items),
        _ => None,
    }
}

pub(super) fn is_empty_map(node: &Node) -> bool {
    node.as_mapping().is_some_and(|mapping| mapping.is_empty())
}

/// Makes sure that an element has its key field.
fn complete_element(element: &mut Node, key: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    match element {
        Node::Mapping(mapping) if mapping.get(key).is_none() => {
            let mut node = Node::string("");
            if set_text(&mut node, value).is_ok() {
                mapping.push(key, node);
            }
        }
        Node::Scalar(_) if key.is_empty() => {
            // Cannot fail: it is a scalar.
            let _ = set_text(element, value);
        }
        _ => {}
    }
}

/// The merged elements followed by those of the object that were not merged.
fn append_elements(mut merged: Keyed<'_>, dest: Keyed<'_>) -> Result<Vec<Node>, MergeError> {
    let keys = dest.keys();
    for element in dest.into_items() {
        if keys[0].is_empty() {
            let text = [element.text().unwrap_or_default().into()];
            merged.set(Some(element), &text)?;
            continue;
        }
        let mut values: Vec<Text> = Vec::with_capacity(keys.len());
        for key in keys {
            match element.get(key) {
                Some(value) => values.push(value.text().unwrap_or_default().into()),
                None => merged.push(element.clone()),
            }
        }
        if keys.len() > 1 {
            merged.set(None, &values)?;
        }
        merged.set(Some(element), &values)?;
    }
    Ok(merged.into_items())
}
