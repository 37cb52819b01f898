//! Reading typed values as Go's `encoding/json` does: field names match in any case, an exact match first.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Visitor, value::StringDeserializer,
};
use serde_json::{Error, Map, Value};

/// What happens to fields that a type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// An error.
    Refuse,
    /// Left out.
    Ignore,
}

/// Reads a value; nulls in structures are left out.
pub(crate) fn read<T: DeserializeOwned>(value: Value, unknown: Unknown) -> Result<T, Error> {
    T::deserialize(Folding { value, unknown })
}

struct Folding {
    value: Value,
    unknown: Unknown,
}

impl Folding {
    fn with(&self, value: Value) -> Self {
        Self { value, unknown: self.unknown }
    }
}

/// A map with its keys renamed to the fields of a structure.
fn fold_keys(
    map: Map<String, Value>,
    fields: &[&str],
    unknown: Unknown,
) -> Result<Map<String, Value>, Error> {
    let mut folded = Map::with_capacity(map.len());
    for (key, value) in map {
        let field = fields
            .iter()
            .find(|field| **field == key)
            .or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(&key)));
        match (field, unknown) {
            _ if value.is_null() => {}
            (Some(field), _) => {
                folded.insert((*field).to_owned(), value);
            }
            (None, Unknown::Refuse) => return Err(Error::custom(format!("unknown field \"{key}\""))),
            (None, Unknown::Ignore) => {}
        }
    }
    Ok(folded)
}

impl<'de> Deserializer<'de> for Folding {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let unknown = self.unknown;
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), unknown }),
            Value::Object(map) => {
                visitor.visit_map(Entries { entries: map.into_iter(), value: None, unknown })
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) => {
                let map = fold_keys(map, fields, self.unknown)?;
                Self { value: Value::Object(map), unknown: self.unknown }.deserialize_any(visitor)
            }
            ref other => self.with(other.clone()).deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) => visitor.visit_enum(UnitVariant(text)),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct UnitVariant(String);

impl<'de> EnumAccess<'de> for UnitVariant {
    type Error = Error;
    type Variant = NoContent;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), Error> {
        let name: StringDeserializer<Error> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, NoContent))
    }
}

/// A variant is a word and nothing more.
struct NoContent;

impl<'de> serde::de::VariantAccess<'de> for NoContent {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Error> {
        Err(Error::custom("expected a plain word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("expected a plain word"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        Err(Error::custom("expected a plain word"))
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    unknown: Unknown,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let unknown = self.unknown;
        self.items.next().map(|value| seed.deserialize(Folding { value, unknown })).transpose()
    }
}

struct Entries {
    entries: serde_json::map::IntoIter,
    value: Option<Value>,
    unknown: Unknown,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        let key: StringDeserializer<Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let value = self.value.take().unwrap_or(Value::Null);
        seed.deserialize(Folding { value, unknown: self.unknown })
    }
}

#[cfg(test)]
mod tests {
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
    fn nulls_count_as_absent() {
        assert_eq!(
            read::<Inner>(json!({"twoWords": null, "list": null}), Unknown::Refuse).unwrap(),
            Inner::default()
        );
    }
}
