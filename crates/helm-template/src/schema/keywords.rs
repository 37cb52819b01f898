//! Keywords of which the validator says less than Helm prints: `contains` and its limits, `dependentRequired`.
use std::{cell::RefCell, collections::HashMap, rc::Rc};

use jsonschema::{Retrieve, Uri, ValidationError, Validator, error::ValidationErrorKind as Kind};
use serde_json::{Map, Value};

use super::{Offline, SCHEMA_URI, patterns, report::quote};

/// Schemas of `contains` that are compiled once more for a report: each takes as much as the whole schema may.
const PARTS: usize = 8;

/// Finds keywords in the schema that was broken.
pub(super) struct Keywords<'s> {
    schema: &'s Value,
    parts: RefCell<HashMap<String, Option<Rc<Validator>>>>,
}

/// A problem in Helm's words.
pub(super) struct Special {
    pub(super) text: String,
    /// Places of the items that are not as wanted.
    pub(super) items: Vec<usize>,
    /// Tells what is wrong with them.
    pub(super) wanted: Option<Rc<Validator>>,
}

impl Special {
    fn said(text: String) -> Self {
        Self { text, items: Vec::new(), wanted: None }
    }
}

impl<'s> Keywords<'s> {
    pub(super) fn new(schema: &'s Value) -> Self {
        Self { schema, parts: RefCell::default() }
    }

    /// All that such a keyword has against a value; `None` when the error is none of these, or its schema is not
    /// in the document.
    pub(super) fn special(&self, error: &ValidationError<'_>) -> Option<Vec<Special>> {
        let path = error.schema_path().as_str();
        let (parent, keyword) = path.rsplit_once('/')?;
        match (error.kind(), keyword) {
            (Kind::Required { .. }, "dependentRequired" | "dependencies") => {
                let rules = self.schema.pointer(path)?.as_object()?;
                Some(missing_companions(rules, error.instance().as_object()?))
            }
            (Kind::Contains, "contains" | "minContains" | "maxContains") => {
                let limits = self.schema.pointer(parent)?.as_object().filter(|_| keyword != "contains");
                let validator = self.part(&format!("{parent}/contains"))?;
                Some(contained(validator, limits, error.instance().as_array()?))
            }
            _ => None,
        }
    }

    /// A validator for a part of the schema.
    fn part(&self, pointer: &str) -> Option<Rc<Validator>> {
        let mut parts = self.parts.borrow_mut();
        if let Some(known) = parts.get(pointer) {
            return known.clone();
        }
        let part = if parts.len() < PARTS { self.compile(pointer).map(Rc::new) } else { None };
        parts.insert(pointer.to_owned(), part.clone());
        part
    }

    fn compile(&self, pointer: &str) -> Option<Validator> {
        let mut wrapper = Map::new();
        wrapper.insert("$ref".to_owned(), format!("{SCHEMA_URI}#{}", fragment(pointer)).into());
        if let Some(draft) = self.schema.get("$schema") {
            wrapper.insert("$schema".to_owned(), draft.clone());
        }
        jsonschema::options()
            .with_base_uri("file:///part.json")
            .with_retriever(Whole(self.schema.clone()))
            .with_pattern_options(patterns())
            .build(&Value::Object(wrapper))
            .ok()
    }
}

/// Serves the schema to its own parts.
struct Whole(Value);

impl Retrieve for Whole {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        if uri.as_str() == SCHEMA_URI { Ok(self.0.clone()) } else { Offline.retrieve(uri) }
    }
}

/// A pointer as a part of a URI.
fn fragment(pointer: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/~._-$".contains(&byte);
    let escaped = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    pointer.bytes().map(escaped).collect()
}

/// The properties that others ask for and that are not there.
fn missing_companions(rules: &Map<String, Value>, object: &Map<String, Value>) -> Vec<Special> {
    let mut found = Vec::new();
    for (property, wanted) in rules.iter().filter(|(property, _)| object.contains_key(*property)) {
        let wanted = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
        let missing = wanted.iter().filter_map(Value::as_str).filter(|name| !object.contains_key(*name));
        let missing: Vec<String> = missing.map(quote).collect();
        if !missing.is_empty() {
            let names = missing.join(", ");
            found.push(Special::said(format!("properties {names} required, if {} exists", quote(property))));
        }
    }
    found
}

fn contained(validator: Rc<Validator>, limits: Option<&Map<String, Value>>, list: &[Value]) -> Vec<Special> {
    let limit = |keyword: &str| limits?.get(keyword)?.as_f64();
    let (matched, items): (Vec<usize>, Vec<usize>) =
        (0..list.len()).partition(|at| validator.is_valid(&list[*at]));
    #[expect(clippy::cast_precision_loss, reason = "far fewer items than that")]
    let count = matched.len() as f64;
    let places = || matched.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    let but = || match matched.len() {
        0 => "none matched".to_owned(),
        several => format!("matched {several} items at {}", places()),
    };
    let mut found = Vec::new();
    match limit("minContains") {
        Some(min) if count < min => {
            let text = format!("min {min} items required to match contains schema, but {}", but());
            found.push(Special { text, items, wanted: Some(validator) });
        }
        None if matched.is_empty() => {
            found.push(Special {
                text: "no items match contains schema".to_owned(),
                items,
                wanted: Some(validator),
            });
        }
        _ => {}
    }
    if let Some(max) = limit("maxContains").filter(|max| count > *max) {
        let text = format!(
            "max {max} items required to match contains schema, but matched {} items at {}",
            matched.len(),
            places()
        );
        found.push(Special::said(text));
    }
    found
}
