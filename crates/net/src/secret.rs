use std::collections::BTreeMap;

use crate::PolicyError;

/// The data of a Kubernetes Secret: bytes by key.
///
/// Deliberately without `Debug`, `Display` and `Serialize`, so that no log line or error can print it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret {
    name: String,
    data: BTreeMap<String, Vec<u8>>,
}

impl Secret {
    /// Wraps the data of a Secret. `name` is how errors call it, usually `namespace/name`.
    pub fn new(name: impl Into<String>, data: BTreeMap<String, Vec<u8>>) -> Self {
        Self { name: name.into(), data }
    }

    /// How errors call this Secret.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes at `key`, when it exists and is not empty.
    pub fn bytes(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(Vec::as_slice).filter(|value| !value.is_empty())
    }

    /// The bytes of the first of `keys` that exists and is not empty.
    pub fn first(&self, keys: &[&str]) -> Option<&[u8]> {
        keys.iter().find_map(|key| self.bytes(key))
    }

    /// The text at `key`, unchanged.
    ///
    /// # Errors
    /// [`PolicyError::NotText`] when the value is not UTF-8.
    pub fn text(&self, key: &str) -> Result<Option<&str>, PolicyError> {
        let Some(value) = self.bytes(key) else { return Ok(None) };
        std::str::from_utf8(value).map(Some).map_err(|_| PolicyError::NotText(self.place(key)))
    }

    /// The text at `key` without white space around it, as tokens and user names are often stored with a
    /// line end.
    ///
    /// # Errors
    /// [`PolicyError::NotText`] when the value is not UTF-8.
    pub fn trimmed(&self, key: &str) -> Result<Option<&str>, PolicyError> {
        Ok(self.text(key)?.map(str::trim).filter(|value| !value.is_empty()))
    }

    /// The keys, without their values.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.data.keys().map(String::as_str)
    }

    pub(crate) fn place(&self, key: &str) -> Place {
        Place { secret: self.name.clone(), key: key.to_owned() }
    }
}

/// A key of a Secret, as errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    secret: String,
    key: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "secret '{}': key '{}'", self.secret, self.key)
    }
}
