//! One page of a list of tags: what is no tag is not kept, and not more of them than there may be.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The longest tag that the distribution specification allows, in bytes.
pub(crate) const LONGEST_TAG: usize = 128;

/// What a page holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The texts that are short enough for a tag, in the registry's order.
    pub(crate) tags: Vec<String>,
    /// How many texts there were; reading ends with the first one beyond the limit.
    pub(crate) count: usize,
}

impl Page {
    /// Reads `{"tags": [...]}`; no list is an empty one.
    ///
    /// # Errors
    /// What is no such JSON. Beyond `most` texts nothing is read any more: [`Page::count`] tells.
    pub(crate) fn read(json: &[u8], most: usize) -> Result<Self, serde_json::Error> {
        let mut page = Self::default();
        let read =
            Object { page: &mut page, most }.deserialize(&mut serde_json::Deserializer::from_slice(json));
        match read {
            Err(_) if page.count > most => Ok(page),
            done => done.map(|()| page),
        }
    }
}

/// The answer as a whole.
struct Object<'p> {
    page: &'p mut Page,
    most: usize,
}

/// The value of `tags`.
struct List<'p>(Object<'p>);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "tags" => map.next_value_seed(List(Object { page: &mut *self.page, most: self.most }))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of at most as many tags as are allowed")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<(), A::Error> {
        let List(Object { page, most }) = self;
        while page.count <= most {
            let Some(text) = texts.next_element::<String>()? else { return Ok(()) };
            page.count += 1;
            page.tags.extend(Some(text).filter(|text| text.len() <= LONGEST_TAG));
        }
        Err(serde::de::Error::custom("more tags than are read"))
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_TAG, Page};

    fn read(json: &str, most: usize) -> Option<(Vec<String>, usize)> {
        Page::read(json.as_bytes(), most).ok().map(|page| (page.tags, page.count))
    }

    #[test]
    fn texts_that_are_too_long_for_a_tag_count_and_are_not_kept() {
        let (fits, long) = ("a".repeat(LONGEST_TAG), "a".repeat(LONGEST_TAG + 1));
        let json = format!(r#"{{"name":"x","tags":["{fits}","{long}","b"],"more":[1]}}"#);
        assert_eq!(read(&json, 3), Some((vec![fits, "b".into()], 3)));
    }

    #[test]
    fn reading_ends_behind_the_first_text_beyond_the_limit() {
        assert_eq!(read(r#"{"tags":["a","b","c", this is not even JSON"#, 2).unwrap().1, 3);
        assert_eq!(read(r#"{"tags":["a","b"]}"#, 2).unwrap().1, 2);
    }

    #[test]
    fn no_list_is_an_empty_one_and_anything_else_is_refused() {
        for empty in ["{}", r#"{"tags":null}"#, r#"{"tags":[]}"#] {
            assert_eq!(read(empty, 9), Some((vec![], 0)), "{empty}");
        }
        for bad in ["", "[]", r#"{"tags":"a"}"#, r#"{"tags":[1]}"#, r#"{"tags":["a""#] {
            assert_eq!(read(bad, 9), None, "{bad}");
        }
    }
}
