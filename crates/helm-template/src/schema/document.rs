//! The document that holds a schema, and where the references in it lead.
//!
//! A reference may lead to several places here where the validator knows one: those that it takes for the base of the
//! reference depend on the draft. The places here hold the one that the validator takes.
use std::{collections::HashMap, ptr};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::SCHEMA_URI;

/// A schema with an address of its own.
struct Resource<'s> {
    schema: &'s Value,
    address: &'s str,
    /// The one that holds it.
    parent: Option<usize>,
}

/// A schema document.
pub(super) struct Document<'s> {
    /// The document itself comes first.
    resources: Vec<Resource<'s>>,
    anchors: HashMap<&'s str, Vec<&'s Value>>,
    /// The innermost resource of each object in one below the document.
    inside: HashMap<*const Value, usize>,
}

/// Schemas with an address of their own in one document.
const RESOURCES: usize = 2_000;
/// Objects in those.
const INSIDE: usize = 200_000;

/// Where a reference leads.
pub(super) enum Target<'s> {
    /// To one of these schemas.
    Schemas(Vec<&'s Value>),
    /// To another document.
    Elsewhere,
    /// To nothing that is there.
    Unknown,
}

impl<'s> Document<'s> {
    /// Finds all addresses and anchors of a document; `None` when there are too many.
    pub(super) fn new(root: &'s Value) -> Option<Self> {
        let first = Resource { schema: root, address: SCHEMA_URI, parent: None };
        let mut document = Self { resources: vec![first], anchors: HashMap::new(), inside: HashMap::new() };
        let mut rest = vec![(root, 0)];
        while let Some((value, outer)) = rest.pop() {
            let inner = document.note(value, outer);
            if document.resources.len() > RESOURCES || document.inside.len() > INSIDE {
                return None;
            }
            match value {
                Value::Array(items) => rest.extend(items.iter().filter(|v| holds(v)).map(|v| (v, inner))),
                Value::Object(map) => rest.extend(map.values().filter(|v| holds(v)).map(|v| (v, inner))),
                _ => {}
            }
        }
        Some(document)
    }

    /// Notes what a value is called; gives the resource that the values in it belong to.
    fn note(&mut self, value: &'s Value, outer: usize) -> usize {
        let Value::Object(map) = value else { return outer };
        let mut inner = outer;
        for keyword in ["$id", "id"] {
            let Some(Value::String(name)) = map.get(keyword) else { continue };
            match name.strip_prefix('#') {
                Some(anchor) => self.anchors.entry(anchor).or_default().push(value),
                None => {
                    // A name of the whole document opens nothing new.
                    if !ptr::eq(value, self.resources[0].schema) {
                        inner = self.resources.len();
                    }
                    self.resources.push(Resource { schema: value, address: name, parent: Some(outer) });
                }
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(Value::String(name)) = map.get(keyword) {
                self.anchors.entry(name).or_default().push(value);
            }
        }
        if inner > 0 {
            self.inside.insert(value, inner);
        }
        inner
    }

    /// The innermost schema with an address around a schema, by its number; 0 is the document.
    pub(super) fn resource(&self, schema: &'s Value) -> usize {
        self.inside.get(&ptr::from_ref(schema)).copied().unwrap_or_default()
    }

    /// What `reference` in `from` may lead to.
    pub(super) fn follow(&self, from: &'s Value, reference: &str) -> Target<'s> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let bases = if address.is_empty() { self.around(from) } else { self.named(address) };
        if bases.is_empty() {
            return Target::Elsewhere;
        }
        let bases = bases.into_iter().map(|base| self.resources[base].schema);
        let found: Vec<_> = match fragment {
            "" => bases.collect(),
            path if path.starts_with('/') => bases.filter_map(|base| at_pointer(base, path)).collect(),
            anchor => self.anchors.get(&*decoded(anchor)).cloned().unwrap_or_default(),
        };
        if found.is_empty() { Target::Unknown } else { Target::Schemas(found) }
    }

    /// What `$recursiveRef` may lead to.
    pub(super) fn recursive(&self) -> Vec<&'s Value> {
        self.resources.iter().map(|resource| resource.schema).collect()
    }

    fn around(&self, from: &'s Value) -> Vec<usize> {
        let mut found = vec![self.resource(from)];
        while let Some(parent) = found.last().and_then(|last| self.resources[*last].parent) {
            found.push(parent);
        }
        found
    }

    /// The resources that an address may mean: by its last part, unless it is written in a way that hides that.
    fn named(&self, address: &str) -> Vec<usize> {
        let plain = |address: &str| {
            !address.contains(['%', '?']) && !address.split('/').any(|p| p == "." || p == "..")
        };
        let last = |address: &str| {
            address.trim_end_matches(['#', '/']).rsplit(['/', ':']).next().map(str::to_ascii_lowercase)
        };
        let wanted = last(address);
        let found = self.resources.iter().enumerate().filter(|(_, resource)| {
            !plain(address) || !plain(resource.address) || last(resource.address) == wanted
        });
        found.map(|(at, _)| at).collect()
    }
}

/// What a pointer leads to, escapes undone before it is split or after.
fn at_pointer<'s>(base: &'s Value, path: &str) -> Option<&'s Value> {
    let walk = |path: &str, decode: fn(&str) -> String| {
        path.split('/').skip(1).try_fold(base, |value, part| {
            let part = decode(part).replace("~1", "/").replace("~0", "~");
            match value {
                Value::Object(map) => map.get(&part),
                Value::Array(items) => items.get(part.parse::<usize>().ok()?),
                _ => None,
            }
        })
    };
    walk(path, decoded).or_else(|| walk(&decoded(path), str::to_owned))
}

fn holds(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// A part of a URI without its escapes.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
