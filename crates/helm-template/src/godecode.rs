//! Reading of a mapping as `sigs.k8s.io/yaml` decodes into a Go struct: keys in any case, scalars become text
//! where the field is a string, null leaves a field as it is.
use manifest::yaml::to_yaml;
use serde_json::{Map, Value};

use crate::values::json_kind;

/// A field has another kind than its struct wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go {place} of type {wanted}"
)]
pub(crate) struct DecodeError {
    found: &'static str,
    place: String,
    wanted: String,
}

impl DecodeError {
    /// The whole document has another kind.
    pub(crate) fn whole(value: &Value, wanted: &str) -> Self {
        Self { found: json_kind(value), place: "value".to_owned(), wanted: wanted.to_owned() }
    }
}

/// The fields of one struct.
pub(crate) struct Fields<'a> {
    /// The Go type, empty for one without name.
    name: &'static str,
    /// Fields on the way to it, each with a dot behind.
    path: String,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// Fields of a struct with this name, which errors show.
    pub(crate) fn new(name: &'static str, map: &'a Map<String, Value>) -> Self {
        Self { name, path: String::new(), map: Some(map) }
    }

    /// Whether null stands where the struct should.
    pub(crate) fn is_null(&self) -> bool {
        self.map.is_none()
    }

    /// A field that is present and not null.
    fn get(&self, key: &str) -> Option<&'a Value> {
        let map = self.map?;
        let found = map
            .get(key)
            .or_else(|| map.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value));
        found.filter(|value| !value.is_null())
    }

    fn misfit(&self, key: &str, value: &Value, wanted: &str) -> DecodeError {
        let place = format!("struct field {}.{}{key}", self.name, self.path);
        DecodeError { found: json_kind(value), place, wanted: wanted.to_owned() }
    }

    pub(crate) fn text(&self, key: &str, into: &mut String) -> Result<(), DecodeError> {
        if let Some(value) = self.get(key) {
            *into = scalar(value).ok_or_else(|| self.misfit(key, value, "string"))?;
        }
        Ok(())
    }

    pub(crate) fn flag(&self, key: &str, into: &mut bool) -> Result<(), DecodeError> {
        if let Some(value) = self.get(key) {
            *into = value.as_bool().ok_or_else(|| self.misfit(key, value, "bool"))?;
        }
        Ok(())
    }

    pub(crate) fn list(&self, key: &str) -> Result<Option<&'a [Value]>, DecodeError> {
        self.get(key)
            .map(|value| match value {
                Value::Array(items) => Ok(items.as_slice()),
                other => Err(self.misfit(key, other, "[]interface {}")),
            })
            .transpose()
    }

    pub(crate) fn texts(&self, key: &str, into: &mut Vec<String>) -> Result<(), DecodeError> {
        let Some(items) = self.list(key).map_err(|error| error.of("[]string"))? else { return Ok(()) };
        let text = |item: &Value| match item {
            Value::Null => Ok(String::new()),
            other => scalar(other).ok_or_else(|| self.misfit(key, other, "string")),
        };
        *into = items.iter().map(text).collect::<Result<_, _>>()?;
        Ok(())
    }

    pub(crate) fn text_map(&self, key: &str, into: &mut Vec<(String, String)>) -> Result<(), DecodeError> {
        let map = match self.get(key) {
            None => return Ok(()),
            Some(Value::Object(map)) => map,
            Some(other) => return Err(self.misfit(key, other, "map[string]string")),
        };
        for (name, value) in map {
            let text = match value {
                Value::Null => String::new(),
                other => scalar(other).ok_or_else(|| self.misfit(key, other, "string"))?,
            };
            into.retain(|(known, _)| known != name);
            into.push((name.clone(), text));
        }
        Ok(())
    }

    /// The structs of a list.
    pub(crate) fn structs(
        &self,
        key: &str,
        of: &'static str,
    ) -> Result<Option<Vec<Fields<'a>>>, DecodeError> {
        let Some(items) = self.list(key).map_err(|error| error.of(&format!("[]*v2.{of}")))? else {
            return Ok(None);
        };
        let fields = |item: &'a Value| match item {
            Value::Object(map) => Ok(self.below(key, of, Some(map))),
            Value::Null => Ok(self.below(key, of, None)),
            other => Err(self.misfit(key, other, &format!("v2.{of}"))),
        };
        items.iter().map(fields).collect::<Result<_, _>>().map(Some)
    }

    fn below(&self, key: &str, name: &'static str, map: Option<&'a Map<String, Value>>) -> Fields<'a> {
        Fields { name, path: format!("{}{key}.", self.path), map }
    }

    /// A struct without name in a field.
    pub(crate) fn inner(&self, key: &str, of: &str) -> Result<Option<Fields<'a>>, DecodeError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(self.below(key, "", Some(map)))),
            Some(other) => Err(self.misfit(key, other, of)),
        }
    }
}

impl DecodeError {
    fn of(mut self, wanted: &str) -> Self {
        wanted.clone_into(&mut self.wanted);
        self
    }
}

/// The text of a scalar as the YAML reader hands it to a string field.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(_) => Some(to_yaml(value).trim_end().to_owned()),
        _ => None,
    }
}
