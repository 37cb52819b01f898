//! Values of a chart: a tree in which Go's two kinds of numbers stay apart.
mod coalesce;
mod globals;
mod merge;
mod room;
mod set;

use std::{borrow::Cow, fmt};

use manifest::yaml::{DuplicateKeys, Limits, parse_value, to_yaml};
use serde_json::{Map, Number, Value};

use self::merge::merge_maps;
pub use self::{coalesce::CoalesceError, set::SetError};
pub(crate) use self::{
    coalesce::{coalesce_chart, merge_chart},
    merge::merge_tables,
    room::{MOST, Room, map_bytes},
};
use crate::{capabilities::HelmMajor, godecode::DecodeError};

/// Scalars, lists and mappings of one file of values. Those of the largest public charts have some thousands.
const NODES: usize = 400_000;

/// The key whose table every sub-chart sees.
pub(crate) const GLOBAL: &str = "global";

/// Values for a chart.
///
/// Numbers from YAML and JSON are floats, as in Go's `map[string]any`; only `--set` makes integers. Templates see
/// the difference (`kindOf`, `printf "%d"`, large numbers), so build values by the constructors here.
#[derive(Clone, Default, PartialEq)]
pub struct Values(Map<String, Value>);

/// Values may hold passwords: only the number of top-level keys is shown.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({} keys)", self.0.len())
    }
}

/// Why a text holds no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// A document is no YAML, or no mapping.
    #[error("cannot unmarshal yaml document: {0}")]
    Document(String),
    /// The text is no YAML, or no mapping.
    #[error("{0}")]
    Read(String),
    /// `---` followed by something that is no comment.
    #[error("error reading yaml document: invalid Yaml document separator: {0}")]
    Separator(String),
}

impl Values {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Values from decoded JSON, for example `spec.values` of a `HelmRelease`. All numbers become floats.
    #[must_use]
    pub fn from_json(map: Map<String, Value>) -> Self {
        let mut tree = Value::Object(map);
        floats(&mut tree);
        match tree {
            Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }

    /// Reads a values file; several documents are merged, the later winning.
    ///
    /// # Errors
    /// When a document is no YAML or no mapping.
    pub fn parse(text: &str) -> Result<Self, ValuesError> {
        let mut values = Self::default();
        // Helm reads lines, and ends each.
        let ended = if text.ends_with('\n') { text.into() } else { Cow::Owned(format!("{text}\n")) };
        for document in documents(&ended)? {
            let wanted = "map[string]interface {}";
            values.merge(&Self::decode(document, wanted).map_err(ValuesError::Document)?);
        }
        Ok(values)
    }

    /// As [`Values::parse`]; Helm 3 reads the first document only.
    ///
    /// # Errors
    /// When a document is no YAML or no mapping.
    pub fn parse_as(text: &str, helm: HelmMajor) -> Result<Self, ValuesError> {
        match helm {
            HelmMajor::Three => Self::decode(text, "map[string]interface {}").map_err(ValuesError::Read),
            HelmMajor::Four => Self::parse(text),
        }
    }

    /// Reads the first document only, as Flux reads `valuesFrom`.
    ///
    /// # Errors
    /// When the document is no YAML or no mapping.
    pub fn read(text: &str) -> Result<Self, ValuesError> {
        Self::decode(text, "common.Values").map_err(ValuesError::Read)
    }

    fn decode(text: &str, wanted: &str) -> Result<Self, String> {
        let limits = Limits { nodes: NODES, ..Limits::default() };
        let value =
            parse_value("", text, DuplicateKeys::LastWins, &limits).map_err(|error| error.go_text(text))?;
        match value {
            Value::Object(map) => Ok(Self::from_json(map)),
            Value::Null => Ok(Self::default()),
            other => Err(DecodeError::whole(&other, wanted).to_string()),
        }
    }

    /// Lays `other` over these values: maps are merged, everything else of `other` wins, nulls included.
    pub fn merge(&mut self, other: &Self) {
        merge_maps(&mut self.0, &other.0);
    }

    /// The tree.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The tree, taken out.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Prints them as `helm get values` does.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        to_yaml(&Value::Object(self.0.clone()))
    }
}

/// Go decodes every JSON number to a float64.
pub(crate) fn floats(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_f64() => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(floats),
        Value::Object(map) => map.values_mut().for_each(floats),
        _ => {}
    }
}

/// The word `encoding/json` has for a value.
pub(crate) fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The table behind a dotted path.
pub(crate) fn table<'a>(map: &'a Map<String, Value>, path: &str) -> Option<&'a Map<String, Value>> {
    path.split('.').try_fold(map, |table, key| table.get(key)?.as_object())
}

/// The value behind a dotted path, unless it is a table.
pub(crate) fn leaf<'a>(map: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (table(map, parent)?, key),
        None => (map, path),
    };
    parent.get(key).filter(|value| !value.is_object())
}

/// Splits at lines that begin with `---`, as `apimachinery`'s reader does.
fn documents(text: &str) -> Result<Vec<&str>, ValuesError> {
    let (mut documents, mut start, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(ValuesError::Separator(rest.chars().take(80).collect()));
            }
            if at > start {
                documents.push(&text[start..at]);
                start = at + line.len();
            }
        }
        at += line.len();
    }
    if at > start {
        documents.push(&text[start..at]);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Values, ValuesError, leaf};

    #[test]
    fn the_last_line_of_a_file_is_ended() {
        for text in ["a: |\n  x\n  b", "a: |\n  é\n  b"] {
            let values = Values::parse(text).unwrap();
            assert!(values.as_map()["a"].as_str().unwrap().ends_with("\nb\n"), "{text}");
        }
    }

    #[test]
    fn values_are_empty_without_a_field() {
        assert!(Values::parse("# a: 1\n").unwrap().is_empty());
        assert!(!Values::parse("a:\n").unwrap().is_empty());
    }

    #[test]
    fn numbers_of_files_are_floats() {
        let values = Values::parse("a: 8080\nb: [1.5, -3]\n").unwrap();
        assert!(values.as_map()["a"].is_f64());
        assert!(values.as_map()["b"][1].is_f64());
        assert_eq!(values.to_yaml(), "a: 8080\nb:\n- 1.5\n- -3\n");
    }

    #[test]
    fn later_documents_of_a_file_win_and_maps_are_merged() {
        let values = Values::parse("---\na: {x: 1, w: [1]}\n--- # second\na: {w: [2], z: null}\n").unwrap();
        assert_eq!(Value::Object(values.into_map()), json!({"a": {"x": 1.0, "w": [2.0], "z": null}}));
    }

    #[test]
    fn a_list_is_no_values() {
        let error = Values::parse("- a\n").unwrap_err();
        assert!(
            error.to_string().contains("cannot unmarshal array into Go value of type map[string]"),
            "{error}"
        );
        assert_eq!(Values::parse("--- x\n").unwrap_err(), ValuesError::Separator("x".into()));
    }

    #[test]
    fn an_empty_file_holds_no_values() {
        assert!(Values::parse("").unwrap().is_empty());
        assert!(Values::parse("# nothing\n").unwrap().is_empty());
        assert!(Values::parse("null\n").unwrap().is_empty());
    }

    #[test]
    fn a_path_to_a_table_is_no_leaf() {
        let values = Values::parse("a: {b: {c: true}}\n").unwrap();
        assert_eq!(leaf(values.as_map(), "a.b.c"), Some(&Value::Bool(true)));
        assert_eq!(leaf(values.as_map(), "a.b"), None);
        assert_eq!(leaf(values.as_map(), "a.x.c"), None);
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", Values::parse("password: hunter2\n").unwrap()), "Values(1 keys)");
    }
}
