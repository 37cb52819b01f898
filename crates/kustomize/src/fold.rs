//! Reading typed values as Go's `encoding/json` does: field names match in any case, an exact match first.

use std::fmt;

use manifest::yaml::to_yaml;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected,
    IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor, value::StringDeserializer,
};
use serde_json::{Map, Value};

/// Why a value does not fit its type, and where: the fields on the way, the innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadError {
    message: String,
    /// What was found and what was wanted, if that is what is wrong.
    kinds: Option<(&'static str, String)>,
    structure: Option<&'static str>,
    path: Vec<String>,
}

impl fmt::Display for ReadError {
    /// In the words of `encoding/json`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((found, wanted)) = &self.kinds else { return f.write_str(&self.message) };
        write!(f, "{found} into Go ")?;
        if let Some(structure) = self.structure {
            let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
            write!(f, "struct field {}.{} of type ", go_name(structure, &path), path.join("."))?;
        } else {
            f.write_str("value of type ")?;
        }
        f.write_str(&self.go_type(wanted))
    }
}

impl ReadError {
    fn below(mut self, structure: Option<&'static str>, field: &str) -> Self {
        if let Some(structure) = structure {
            self.structure.get_or_insert(structure);
            self.path.push(format!("{}{field}", embedded(structure, field)));
        }
        self
    }

    /// Go's name of a type that a visitor describes.
    fn go_type(&self, wanted: &str) -> String {
        let field = self.path.first().map_or("", |path| path.rsplit('.').next().unwrap_or_default());
        let of = match field {
            "patches" | "patchesJson6902" => "types.Patch",
            "labels" => "types.Label",
            "images" | "imageTags" => "types.Image",
            "replicas" => "types.Replica",
            "replacements" => "types.ReplacementField",
            "vars" => "types.Var",
            "configMapGenerator" => "types.ConfigMapArgs",
            "secretGenerator" => "types.SecretArgs",
            "helmCharts" => "types.HelmChart",
            "targets" => "*types.TargetSelector",
            "reject" => "*types.Selector",
            "patchesStrategicMerge" => "types.PatchStrategicMerge",
            _ => "string",
        };
        match wanted {
            "a string" => "string".to_owned(),
            "a boolean" => "bool".to_owned(),
            "i64" if field == "index" => "int".to_owned(),
            "i64" => "int64".to_owned(),
            "a sequence" => format!("[]{of}"),
            "a map" => "map[string]string".to_owned(),
            other => match other.strip_prefix("struct ") {
                Some(structure) => format!("types.{structure}"),
                None => other.to_owned(),
            },
        }
    }
}

/// What Go calls a structure of ours.
fn go_name<'n>(structure: &'n str, path: &[&str]) -> &'n str {
    match structure {
        "GeneratorArgs" if path.first() == Some(&"secretGenerator") => "SecretArgs",
        "GeneratorArgs" => "ConfigMapArgs",
        "VarTarget" => "Target",
        "VarField" => "FieldSelector",
        other => other,
    }
}

/// The structures inside which Go's types keep a field.
fn embedded(structure: &str, field: &str) -> &'static str {
    match (structure, field) {
        ("GeneratorArgs", "literals" | "files" | "envs" | "env") => "GeneratorArgs.KvPairSources.",
        ("GeneratorArgs", "name" | "namespace" | "behavior" | "options") => "GeneratorArgs.",
        ("Selector" | "SourceSelector", "group" | "version" | "kind") => "ResId.Gvk.",
        ("Selector" | "SourceSelector", "name" | "namespace") => "ResId.",
        ("VarTarget", "group" | "version" | "kind") => "Gvk.",
        ("Kustomization", "kind" | "apiVersion") => "TypeMeta.",
        ("FieldSpec", "group" | "version" | "kind") => "Gvk.",
        // The arguments of a generator that is an object.
        ("Loose", _) => "GeneratorArgs.",
        ("ReplacementField", "source" | "targets" | "sourceValue") => "Replacement.",
        _ => "",
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), ..Self::default() }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let kind = match found {
            Unexpected::Bool(_) => "bool",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "number",
            Unexpected::Seq => "array",
            Unexpected::Map => "object",
            _ => "string",
        };
        Self { kinds: Some((kind, wanted.to_string())), ..Self::default() }
    }
}

/// What happens to fields that a type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// An error.
    Refuse,
    /// Left out, as where sigs.k8s.io/yaml reads into a type: numbers and truths become texts there.
    Ignore,
}

/// Reads a value; a null is what its type is without a value.
pub(crate) fn read<T: DeserializeOwned>(value: Value, unknown: Unknown) -> Result<T, ReadError> {
    T::deserialize(Folding { value, unknown, texts: unknown == Unknown::Ignore })
}

struct Folding {
    value: Value,
    unknown: Unknown,
    /// Numbers and truths become texts where texts are wanted. That goes not into structures inside of which Go's types
    /// keep fields of their own.
    texts: bool,
}

/// A map with its keys renamed to the fields of a structure.
fn fold_keys(
    map: Map<String, Value>,
    fields: &[&str],
    unknown: Unknown,
) -> Result<Map<String, Value>, ReadError> {
    let mut folded = Map::with_capacity(map.len());
    for (key, value) in map {
        let field = fields
            .iter()
            .find(|field| **field == key)
            .or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(&key)));
        match (field, unknown) {
            (Some(_), _) if value.is_null() => {}
            (Some(field), _) => {
                folded.insert((*field).to_owned(), value);
            }
            (None, Unknown::Refuse) => return Err(ReadError::custom(format!("unknown field \"{key}\""))),
            (None, Unknown::Ignore) => {}
        }
    }
    Ok(folded)
}

/// Reads a null as the zero of a type, and all else as it is.
macro_rules! zero_for_null {
    ($($method:ident: $zero:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            let value = if self.value.is_null() { $zero } else { self.value };
            Self { value, ..self }.deserialize_any(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Folding {
    type Error = ReadError;

    zero_for_null! {
        deserialize_bool: Value::Bool(false);
        deserialize_i64: 0.into();
        deserialize_seq: Value::Array(Vec::new());
        deserialize_map: Value::Object(Map::new());
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Self { unknown, texts, .. } = self;
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), unknown, texts }),
            Value::Object(map) => {
                let entries = map.into_iter();
                visitor.visit_map(Entries {
                    entries,
                    structure: None,
                    key: String::new(),
                    value: None,
                    unknown,
                    texts,
                })
            }
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::String(text) => visitor.visit_string(text),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => visitor.visit_u64(value),
                (None, Some(value)) => visitor.visit_i64(value),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.value {
            Value::Null => visitor.visit_str(""),
            value @ (Value::Number(_) | Value::Bool(_)) if self.texts => {
                visitor.visit_str(to_yaml(&value).trim_end())
            }
            value => Self { value, ..self }.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let value = if self.value.is_null() { Value::Object(Map::new()) } else { self.value };
        match value {
            Value::Object(map) => {
                let (unknown, texts, key) = (self.unknown, self.texts, String::new());
                let entries = fold_keys(map, fields, unknown)?.into_iter();
                visitor.visit_map(Entries {
                    entries,
                    structure: Some(name),
                    key,
                    value: None,
                    unknown,
                    texts,
                })
            }
            // Fields have names: a list of their values is none.
            ref other => Err(ReadError::invalid_type(unexpected(other), &&*format!("struct {name}"))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.value {
            Value::String(text) => visitor.visit_enum(UnitVariant(text)),
            value => Self { value, ..self }.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(_) => Unexpected::Float(0.0),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

struct UnitVariant(String);

impl<'de> EnumAccess<'de> for UnitVariant {
    type Error = ReadError;
    type Variant = NoContent;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), ReadError> {
        let name: StringDeserializer<ReadError> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, NoContent))
    }
}

/// A variant is a word and nothing more.
struct NoContent;

impl<'de> serde::de::VariantAccess<'de> for NoContent {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, ReadError> {
        Err(ReadError::custom("expected a plain word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError::custom("expected a plain word"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ReadError> {
        Err(ReadError::custom("expected a plain word"))
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    unknown: Unknown,
    texts: bool,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Self { unknown, texts, .. } = *self;
        self.items.next().map(|value| seed.deserialize(Folding { value, unknown, texts })).transpose()
    }
}

struct Entries {
    entries: serde_json::map::IntoIter,
    /// The structure whose fields they are.
    structure: Option<&'static str>,
    key: String,
    value: Option<Value>,
    unknown: Unknown,
    texts: bool,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        self.key.clone_from(&key);
        let key: StringDeserializer<ReadError> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let value = self.value.take().unwrap_or(Value::Null);
        let within = self.structure.is_some_and(|name| !embedded(name, &self.key).is_empty());
        let read = seed.deserialize(Folding { value, unknown: self.unknown, texts: self.texts && !within });
        read.map_err(|error| error.below(self.structure, &self.key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::{Unknown, read};

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Inner {
        two_words: Option<String>,
        list: Vec<Inner>,
    }

    #[test]
    fn names_match_in_any_case() {
        let value = json!({"TWOWORDS": "a", "list": [{"twowords": "b"}], "Unknown": 1});
        let inner = read::<Inner>(value.clone(), Unknown::Ignore).unwrap();
        assert_eq!((inner.two_words.as_deref(), inner.list[0].two_words.as_deref()), (Some("a"), Some("b")));
        let error = read::<Inner>(value, Unknown::Refuse).unwrap_err();
        assert_eq!(error.to_string(), "unknown field \"Unknown\"");
    }

    #[test]
    fn a_null_is_the_zero_of_its_type() {
        let read = |value| read::<BTreeMap<String, Vec<Inner>>>(value, Unknown::Refuse).unwrap();
        assert_eq!(read(json!({"a": null})), BTreeMap::from([("a".into(), vec![])]));
        assert_eq!(read(json!({"a": [null]})), BTreeMap::from([("a".into(), vec![Inner::default()])]));
        let loose =
            super::read::<Inner>(json!({"twoWords": 1e3, "list": [{"twoWords": true}]}), Unknown::Ignore)
                .unwrap();
        assert_eq!(
            (loose.two_words.as_deref(), loose.list[0].two_words.as_deref()),
            (Some("1000"), Some("true"))
        );
        let error = super::read::<Inner>(json!({"other": null}), Unknown::Refuse).unwrap_err();
        assert_eq!(error.to_string(), "unknown field \"other\"");
    }

    #[test]
    fn nulls_count_as_absent() {
        assert_eq!(
            read::<Inner>(json!({"twoWords": null, "list": null}), Unknown::Refuse).unwrap(),
            Inner::default()
        );
    }
}
