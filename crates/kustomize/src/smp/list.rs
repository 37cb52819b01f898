use std::collections::BTreeSet;

use manifest::yaml::{Node, Sequence};

use super::{
    MergeError, Merger, Patch,
    directive::{Directive, KEY, take_list_directive},
    present,
};
use crate::{
    fields::{is_empty, kind_name, set_text},
    schema::Schema,
};

/// What is laid over a list.
#[derive(Clone, Copy)]
enum Change<'c> {
    Absent,
    /// The list itself.
    Same,
    Other(&'c [Node]),
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
                    Directive::Merge => self.merge_elements(dest, Change::Other(&patch), keys, elements)?,
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
        mut dest: Vec<Node>,
        change: Change<'_>,
        keys: &[&'s str],
        schema: Option<Schema<'s>>,
    ) -> Result<Vec<Node>, MergeError> {
        let patch = match change {
            Change::Other(patch) => patch,
            _ => &[],
        };
        let mut all_values = element_values(patch, &dest, keys);
        if keys.len() > 1 {
            complete_values(&mut all_values);
        }
        let used = used_keys(&all_values, keys);
        let mut merged = Vec::new();
        for values in &all_values {
            let (keys, values) = select_keys(&used, values, keys);
            match self.merge_element(&mut dest, change, &keys, &values, schema)? {
                Some(element) => set_element(&mut merged, Some(&element), &keys, &values)?,
                None => set_element(&mut dest, None, &keys, &values)?,
            }
        }
        if let Some(values) = all_values.last() {
            let (keys, _) = select_keys(&used, values, keys);
            return append_elements(merged, dest, &keys);
        }
        Ok(dest)
    }

    /// Merges the elements of one set of key values; what is merged in place is written back to `dest`.
    fn merge_element(
        &mut self,
        dest: &mut [Node],
        change: Change<'_>,
        keys: &[&str],
        values: &[String],
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        let at = find_element(dest, keys, values);
        let patch = match change {
            Change::Same if at.is_some() => Patch::Same,
            Change::Other(patch) => Patch::of(find_element(patch, keys, values).map(|at| patch[at].clone())),
            _ => Patch::Absent,
        };
        let replaces = patch.node().and_then(|node| node.get(KEY)).and_then(Node::text) == Some("replace");
        let merged = self.walk(at.map(|at| dest[at].clone()), patch, schema)?;
        let Some(mut element) = merged.filter(|node| !node.is_null() && !is_empty_map(node)) else {
            return Ok(None);
        };
        for (key, value) in keys.iter().zip(values) {
            complete_element(&mut element, key, value);
        }
        if let Some(at) = at.filter(|at| present(Some(&dest[*at])).is_some() && !replaces) {
            dest[at] = element.clone();
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

fn is_empty_map(node: &Node) -> bool {
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

/// The key values of every element, each once: the patch's first, then the object's.
fn element_values(patch: &[Node], dest: &[Node], keys: &[&str]) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for element in patch.iter().chain(dest) {
        let values: Vec<String> = keys.iter().map(|key| key_value(element, key)).collect();
        if seen.insert(values.clone()) {
            all.push(values);
        }
    }
    all
}

fn key_value(element: &Node, key: &str) -> String {
    let node = if key.is_empty() { Some(element) } else { element.get(key).filter(|value| !is_empty(value)) };
    node.and_then(Node::text).unwrap_or_default().to_owned()
}

/// Lets elements that agree where both have a key, and agree in at least one, share their key values.
fn complete_values(all: &mut [Vec<String>]) {
    for i in 0..all.len() {
        for j in 0..all.len() {
            if let Some(values) = unified(&all[i], &all[j]) {
                all[i].clone_from(&values);
                all[j] = values;
            }
        }
    }
}

fn unified(a: &[String], b: &[String]) -> Option<Vec<String>> {
    let fits = a.iter().zip(b).all(|(a, b)| a == b || a.is_empty() || b.is_empty());
    let common = a.iter().zip(b).any(|(a, b)| a == b);
    let filled = a.iter().zip(b).map(|(a, b)| if a.is_empty() { b } else { a }.clone());
    (fits && common).then(|| filled.collect())
}

/// Which keys any element has a value for; all of them when there is none.
fn used_keys(all: &[Vec<String>], keys: &[&str]) -> Vec<bool> {
    let used: Vec<bool> = (0..keys.len()).map(|at| all.iter().any(|values| !values[at].is_empty())).collect();
    if used.contains(&true) { used } else { vec![true; keys.len()] }
}

fn select_keys<'k>(used: &[bool], values: &[String], keys: &[&'k str]) -> (Vec<&'k str>, Vec<String>) {
    let chosen = (0..keys.len()).filter(|at| used[*at]);
    chosen.map(|at| (keys[at], values[at].clone())).unzip()
}

/// The first element with these key values.
fn find_element(list: &[Node], keys: &[&str], values: &[String]) -> Option<usize> {
    // A single element's own values decide which of the keys count.
    let own: Vec<usize> = (0..keys.len()).filter(|at| !values[*at].is_empty()).collect();
    let own = if own.is_empty() { (0..keys.len()).collect() } else { own };
    list.iter().position(|element| {
        if keys.first().is_none_or(|key| key.is_empty()) {
            return element.text().unwrap_or_default() == values[0];
        }
        own.iter().all(|at| {
            element.get(keys[*at]).is_some_and(|node| node.text().unwrap_or_default() == values[*at])
        })
    })
}

/// Replaces the elements with these key values by `element`, or removes them; adds it when there is none. An empty
/// value stands for any value. Nulls and empty mappings are dropped on the way.
pub(super) fn set_element(
    list: &mut Vec<Node>,
    element: Option<&Node>,
    keys: &[&str],
    values: &[String],
) -> Result<(), MergeError> {
    if values.is_empty() {
        // The reference tool's reading: without a value nothing is kept.
        list.clear();
    }
    let by_field = !keys[0].is_empty() && values.first().is_some_and(|value| !value.is_empty());
    let mut kept = Vec::with_capacity(list.len() + 1);
    let mut found = false;
    for node in list.drain(..) {
        if node.is_null() || is_empty_map(&node) {
            continue;
        }
        if (by_field && node.as_mapping().is_none()) || !fits(&node, keys, values)? {
            kept.push(node);
            continue;
        }
        found = true;
        kept.extend(element.cloned());
    }
    if !found {
        kept.extend(element.cloned());
    }
    *list = kept;
    Ok(())
}

fn fits(node: &Node, keys: &[&str], values: &[String]) -> Result<bool, MergeError> {
    for (key, value) in keys.iter().zip(values) {
        let expected = if key.is_empty() { "ScalarNode" } else { "MappingNode" };
        if kind_name(node) != expected {
            let found = kind_name(node);
            return Err(MergeError::Kind { expected, found, path: (*key).to_owned() });
        }
        let field = if key.is_empty() { Some(node) } else { node.get(key) };
        let equal = |field: &Node| field.text().unwrap_or_default() == value;
        if !field.is_some_and(|field| (value.is_empty() && !key.is_empty()) || equal(field)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The merged elements followed by those of the object that were not merged.
fn append_elements(mut merged: Vec<Node>, dest: Vec<Node>, keys: &[&str]) -> Result<Vec<Node>, MergeError> {
    for element in dest {
        if keys[0].is_empty() {
            let text = element.text().unwrap_or_default().to_owned();
            set_element(&mut merged, Some(&element), &[""], &[text])?;
            continue;
        }
        let mut values = Vec::new();
        for key in keys {
            match element.get(key) {
                Some(value) => values.push(value.text().unwrap_or_default().to_owned()),
                None => merged.push(element.clone()),
            }
        }
        if keys.len() > 1 {
            set_element(&mut merged, None, keys, &values)?;
        }
        set_element(&mut merged, Some(&element), keys, &values)?;
    }
    Ok(merged)
}
