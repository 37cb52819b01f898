use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

use crate::yaml::{
    Dialect, Entry, Mapping, Node, Scalar, Tag, YamlCause, YamlError,
    go_syntax::go_syntax,
    number::{format_float, json_number, parse_float, parse_int, signed_number},
    resolve::{is_special_float, is_true},
    resolve_plain,
    timestamp::parse_timestamp,
};

/// What a key means that stands twice in a mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// The last one wins: `kubectl`, the API server and Flux.
    #[default]
    LastWins,
    /// An error: kustomize, strict readers.
    Refuse,
}

impl Node {
    /// The JSON form. Merge keys (`<<`) are written out; explicit keys win over merged ones.
    ///
    /// # Errors
    /// For infinity, not-a-number, a null key, a text that its tag does not fit, and duplicate keys where refused.
    pub fn into_json(self, duplicates: DuplicateKeys) -> Result<Value, YamlError> {
        match self {
            Self::Scalar(scalar) => scalar_value(scalar),
            Self::Sequence(list) => list
                .items
                .into_iter()
                .map(|item| item.into_json(duplicates))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Self::Mapping(mapping) => mapping_value(mapping, duplicates).map(Value::Object),
        }
    }

    /// The JSON form of a borrowed node.
    ///
    /// # Errors
    /// As [`Node::into_json`].
    pub fn to_json(&self, duplicates: DuplicateKeys) -> Result<Value, YamlError> {
        self.clone().into_json(duplicates)
    }

    /// The node of a JSON value: numbers and words plain, strings with the string tag.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::null(),
            Value::Bool(flag) => Self::Scalar(Scalar::new(flag.to_string(), Tag::Bool)),
            Value::Number(number) => Self::Scalar(number_scalar(number)),
            Value::String(text) => Self::string(text.clone()),
            Value::Array(items) => items.iter().map(Self::from_json).collect::<Vec<_>>().into(),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| Entry {
                    key: Scalar::string(key.clone()),
                    value: Self::from_json(value),
                });
                Mapping { entries: entries.collect(), ..Mapping::default() }.into()
            }
        }
    }
}

fn number_scalar(number: &Number) -> Scalar {
    match number.as_f64().filter(|_| number.is_f64()).map(|float| (float, json_number(float))) {
        Some((float, Some(reduced))) if reduced.is_f64() => Scalar::new(format_float(float), Tag::Float),
        Some((_, Some(reduced))) => Scalar::new(reduced.to_string(), Tag::Int),
        _ => Scalar::new(number.to_string(), Tag::Int),
    }
}

fn mapping_value(mapping: Mapping, duplicates: DuplicateKeys) -> Result<Map<String, Value>, YamlError> {
    let mut map = Map::with_capacity(mapping.entries.len());
    let mut merges = Vec::new();
    for Entry { key, value } in mapping.entries {
        if key.tag == Tag::Merge {
            merges.push(value);
            continue;
        }
        let place = key.place;
        if key.tag == Tag::Null {
            return Err(YamlError::at(place.line, place.column, YamlCause::NullKey(go_syntax(&value))));
        }
        let name = key_text(key)?;
        let value = value.into_json(duplicates)?;
        if let (Some(_), DuplicateKeys::Refuse) = (map.get(&name), duplicates) {
            return Err(YamlError::at(place.line, place.column, YamlCause::Duplicate { key: name }));
        }
        map.insert(name, value);
    }
    for merge in merges {
        merge_into(&mut map, merge, duplicates)?;
    }
    Ok(map)
}

fn merge_into(
    map: &mut Map<String, Value>,
    merged: Node,
    duplicates: DuplicateKeys,
) -> Result<(), YamlError> {
    match merged {
        Node::Mapping(mapping) => {
            for (key, value) in mapping_value(mapping, duplicates)? {
                map.entry(key).or_insert(value);
            }
            Ok(())
        }
        Node::Sequence(list) if list.items.iter().all(|item| item.as_mapping().is_some()) => {
            list.items.into_iter().try_for_each(|item| merge_into(map, item, duplicates))
        }
        other => {
            let place = other.place();
            Err(YamlError::at(place.line, place.column, YamlCause::Merge))
        }
    }
}

fn key_text(key: Scalar) -> Result<String, YamlError> {
    match key.tag {
        Tag::Bool | Tag::Int | Tag::Float => Ok(match scalar_value(key)? {
            Value::String(text) => text,
            other => other.to_string(),
        }),
        _ => Ok(key.value.into()),
    }
}

fn scalar_value(scalar: Scalar) -> Result<Value, YamlError> {
    match scalar.tag {
        Tag::Str | Tag::Merge | Tag::Other => Ok(Value::String(scalar.value.into())),
        Tag::Null if resolve_plain(Dialect::Kyaml, &scalar.value) == Tag::Null => Ok(Value::Null),
        Tag::Null => Err(misfit(&scalar, "null")),
        Tag::Bool => bool_value(&scalar),
        Tag::Int => number_value(&scalar, "int", parse_int(&scalar.value)),
        Tag::Float => float_value(&scalar),
        Tag::Timestamp => {
            Ok(Value::String(parse_timestamp(&scalar.value).unwrap_or_else(|| scalar.value.into())))
        }
        Tag::Binary => binary_value(&scalar),
    }
}

fn bool_value(scalar: &Scalar) -> Result<Value, YamlError> {
    if resolve_plain(Dialect::Sigs, &scalar.value) == Tag::Bool {
        return Ok(Value::Bool(is_true(&scalar.value)));
    }
    Err(misfit(scalar, "bool"))
}

fn float_value(scalar: &Scalar) -> Result<Value, YamlError> {
    if is_special_float(scalar.value.trim_start_matches(['+', '-'])) {
        let not_a_number = scalar.value.to_ascii_lowercase().ends_with("nan");
        let negative = scalar.value.starts_with('-');
        let name = if not_a_number { "NaN" } else { ["+Inf", "-Inf"][usize::from(negative)] };
        let cause = YamlCause::NotJson(name.to_owned());
        return Err(YamlError::at(scalar.place.line, scalar.place.column, cause));
    }
    let float = parse_float(&scalar.value).or_else(|| parse_int(&scalar.value)?.as_f64());
    number_value(scalar, "float", float.and_then(signed_number))
}

fn number_value(scalar: &Scalar, wanted: &'static str, number: Option<Number>) -> Result<Value, YamlError> {
    number.map(Value::Number).ok_or_else(|| misfit(scalar, wanted))
}

fn binary_value(scalar: &Scalar) -> Result<Value, YamlError> {
    let text: String = scalar.value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned())),
        Err(_) => Err(misfit(scalar, "binary")),
    }
}

fn misfit(scalar: &Scalar, wanted: &'static str) -> YamlError {
    let mut text: String = scalar.value.chars().take(10).collect();
    if text.len() < scalar.value.len() {
        text.push_str("...");
    }
    let cause = YamlCause::Tag { found: "str", text, wanted };
    YamlError::at(scalar.place.line, scalar.place.column, cause)
}
