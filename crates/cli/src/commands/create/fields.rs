use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::duration;

/// Fields of a spec; what is empty is left out.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// A field, whatever it is.
    #[must_use]
    pub(crate) fn value(mut self, path: &[&str], value: Value) -> Self {
        let Some((last, parents)) = path.split_last() else { return self };
        let mut at = &mut self.0;
        for key in parents {
            let inner = at.entry((*key).to_owned()).or_insert_with(|| json!({}));
            match inner.as_object_mut() {
                Some(map) => at = map,
                None => return self,
            }
        }
        at.insert((*last).to_owned(), value);
        self
    }

    /// A text, unless it is empty.
    #[must_use]
    pub(crate) fn text(self, path: &[&str], value: &str) -> Self {
        if value.is_empty() { self } else { self.value(path, value.into()) }
    }

    /// `true`, or nothing.
    #[must_use]
    pub(crate) fn flag(self, path: &[&str], value: bool) -> Self {
        if value { self.value(path, true.into()) } else { self }
    }

    /// A duration, unless there is none.
    #[must_use]
    pub(crate) fn duration(self, path: &[&str], value: Option<Duration>) -> Self {
        match value.filter(|value| !value.is_zero()) {
            Some(value) => self.value(path, duration::print(value).into()),
            None => self,
        }
    }

    /// A list, unless it is empty.
    #[must_use]
    pub(crate) fn list(self, path: &[&str], values: Vec<Value>) -> Self {
        if values.is_empty() { self } else { self.value(path, values.into()) }
    }

    /// The whole.
    pub(crate) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// Texts as values.
pub(crate) fn texts(values: &[String]) -> Vec<Value> {
    values.iter().map(|text| text.as_str().into()).collect()
}
