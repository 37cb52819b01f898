//! What a schema holds, sorted by what the parts are asked about.
use serde_json::{Map, Value};

use super::document::{Document, Target};

/// Keywords whose schemas are compiled one by one.
const APPLICATORS: [&str; 22] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependentSchemas",
    "dependencies",
    "items",
    "prefixItems",
    "additionalItems",
    "contains",
    "unevaluatedProperties",
    "unevaluatedItems",
    "$ref",
    "$dynamicRef",
    "type",
];

/// A schema and the schemas in it.
#[derive(Default)]
pub(super) struct Node<'s> {
    /// Asked about the same value.
    pub(super) same: Vec<&'s Value>,
    /// Where references lead: asked about the same value as well.
    pub(super) referred: Vec<&'s Value>,
    /// Asked about the same value when it has a property.
    pub(super) dependent: Vec<(&'s str, &'s Value)>,
    /// Asked about the property of this name.
    pub(super) properties: Option<&'s Map<String, Value>>,
    /// Asked about properties without a schema by name.
    pub(super) additional: Option<&'s Value>,
    /// Asked about any property; with the pattern of its name.
    pub(super) any_property: Vec<(&'s str, &'s Value)>,
    /// Asked about each name of a property.
    pub(super) names: Option<&'s Value>,
    /// Asked about the items of a list in this order.
    pub(super) prefix: Vec<&'s [Value]>,
    /// Asked about any item.
    pub(super) any_item: Vec<&'s Value>,
    /// Has `unevaluatedProperties` or `unevaluatedItems`.
    pub(super) unevaluated: bool,
    /// Some reference leads to another document.
    pub(super) elsewhere: bool,
    /// Some reference leads to nothing that is known here.
    pub(super) unknown: bool,
    /// `anyOf` or `oneOf` of three and more, which the validator looks into beforehand.
    pub(super) choices: Vec<&'s Value>,
    /// Bytes that it takes when it is compiled, without the schemas in it.
    pub(super) room: u64,
    /// Things to look at whatever the value is.
    pub(super) work: u64,
    /// Things that may be wrong with one value, at most.
    pub(super) errors: u64,
    /// Bytes of this schema that such an error tells.
    pub(super) told: u64,
    /// Whether an error tells the text it is about.
    pub(super) tells_text: bool,
    /// Compares all items of a list.
    pub(super) unique: bool,
    /// Whether each text is read through.
    pub(super) reads_text: u64,
}

impl<'s> Node<'s> {
    /// Takes a schema apart. A schema that is `true` or `false` holds nothing.
    pub(super) fn new(schema: &'s Value, document: &Document<'s>) -> Self {
        let mut node = Self { work: 1, errors: 1, ..Self::default() };
        let Value::Object(map) = schema else { return node };
        for (keyword, value) in map {
            node.work += 1;
            node.applicator(keyword, value);
            node.reference(keyword, value, (schema, document));
            node.assertion(keyword, value);
            if !APPLICATORS.contains(&keyword.as_str()) {
                // What it does not know, it copies; and the values of an error are kept.
                node.room += size(value).1;
            }
        }
        node
    }

    fn applicator(&mut self, keyword: &str, value: &'s Value) {
        match (keyword, value) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                self.same.extend(schemas);
                if keyword != "allOf" && schemas.len() > 2 {
                    self.choices.extend(schemas);
                }
            }
            ("not" | "if" | "then" | "else", _) => self.same.push(value),
            ("dependentSchemas" | "dependencies", Value::Object(map)) => {
                self.work += map.len() as u64;
                self.dependent.extend(map.iter().map(|(name, schema)| (name.as_str(), schema)));
            }
            ("properties", Value::Object(map)) => {
                self.work += map.len() as u64;
                self.properties = Some(map);
            }
            ("additionalProperties", _) => self.additional = Some(value),
            ("patternProperties", Value::Object(map)) => {
                self.reads_text += map.len() as u64;
                self.any_property.extend(map.iter().map(|(name, schema)| (name.as_str(), schema)));
                self.room += map.keys().map(|pattern| expression(pattern)).sum::<u64>();
            }
            ("unevaluatedProperties", _) => {
                self.unevaluated = true;
                self.any_property.push(("", value));
            }
            ("propertyNames", _) => self.names = Some(value),
            ("prefixItems" | "items", Value::Array(schemas)) => self.prefix.push(schemas),
            ("items" | "additionalItems" | "contains", _) => self.any_item.push(value),
            ("unevaluatedItems", _) => {
                self.unevaluated = true;
                self.any_item.push(value);
            }
            _ => {}
        }
    }

    fn reference(&mut self, keyword: &str, value: &'s Value, (schema, document): (&'s Value, &Document<'s>)) {
        match (keyword, value) {
            ("$ref" | "$dynamicRef", Value::String(reference)) => match document.follow(schema, reference) {
                Target::Schemas(schemas) => self.referred.extend(schemas),
                Target::Elsewhere => self.elsewhere = true,
                Target::Unknown => self.unknown |= keyword == "$ref",
            },
            ("$recursiveRef", _) => self.referred.extend(document.recursive()),
            _ => {}
        }
    }

    fn assertion(&mut self, keyword: &str, value: &Value) {
        match keyword {
            "required" => {
                let names = value.as_array().map_or(0, Vec::len) as u64;
                self.work += names;
                self.errors += names;
                self.told += size(value).1;
            }
            "dependentRequired" | "dependencies" => {
                let (things, bytes) = size(value);
                self.work += things;
                self.errors += things;
                self.told += bytes;
            }
            "enum" | "const" => {
                let (things, bytes) = size(value);
                self.work += things;
                self.errors += 1;
                self.told += bytes;
                self.tells_text = true;
            }
            "pattern" | "format" => {
                self.room += value.as_str().map_or(0, expression);
                self.reads_text += 1;
                self.errors += 1;
                self.told += size(value).1;
                self.tells_text = true;
            }
            "minLength" | "maxLength" => {
                self.reads_text += 1;
                self.errors += 1;
            }
            "uniqueItems" => {
                self.unique = true;
                self.errors += 1;
            }
            "type"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "exclusiveMaximum"
            | "multipleOf"
            | "minItems"
            | "maxItems"
            | "minProperties"
            | "maxProperties"
            | "minContains"
            | "maxContains"
            | "anyOf"
            | "oneOf"
            | "not"
            | "contains"
            | "additionalProperties"
            | "additionalItems"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "propertyNames" => self.errors += 1,
            _ => {}
        }
    }
}

/// Bytes that a regular expression takes, roughly: counted repetitions multiply, classes of Unicode are large.
fn expression(pattern: &str) -> u64 {
    let counts = pattern.split('{').skip(1).filter_map(|rest| {
        let inner = rest.split('}').next()?;
        inner.rsplit(',').find_map(|count| count.parse::<u64>().ok())
    });
    let copies = counts.fold(1, |product: u64, count| product.saturating_mul(count.max(1)));
    let class = if pattern.contains("\\p") || pattern.contains("\\P") { 1024 } else { 32 };
    (pattern.len() as u64).saturating_mul(class).saturating_mul(copies).clamp(16 << 10, 4 << 20)
}

/// Values in a value, itself included, and about the bytes of their text.
pub(super) fn size(value: &Value) -> (u64, u64) {
    let (mut things, mut bytes, mut rest) = (0, 0, vec![value]);
    while let Some(value) = rest.pop() {
        things += 1;
        match value {
            Value::String(text) => bytes += text.len() as u64,
            Value::Array(items) => rest.extend(items),
            Value::Object(map) => {
                bytes += map.keys().map(|key| key.len() as u64).sum::<u64>();
                rest.extend(map.values());
            }
            _ => bytes += 8,
        }
    }
    (things, bytes + 32 * things)
}
