use std::cmp::Reverse;
use std::fmt;

use serde_json::Value;

/// Texts of Secrets that no message shows, longest first so that one within another is masked whole.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Of these texts, but for those shorter than `shortest` bytes: they would mask words of the message itself.
    pub fn new(texts: impl IntoIterator<Item = String>, shortest: usize) -> Self {
        let mut texts: Vec<String> = texts.into_iter().filter(|text| text.len() >= shortest).collect();
        texts.sort_by_key(|text| Reverse(text.len()));
        Self(texts)
    }

    /// The text with `***` for each of them.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// The texts themselves.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.0
    }
}

/// How many, and nothing else.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

/// Adds all texts in a value, down to `depth` levels of lists and tables.
pub fn gather_texts(value: &Value, depth: usize, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(list) if depth > 0 => {
            list.iter().for_each(|item| gather_texts(item, depth - 1, texts));
        }
        Value::Object(map) if depth > 0 => {
            map.values().for_each(|item| gather_texts(item, depth - 1, texts));
        }
        _ => {}
    }
}
