//! The few fields of an object that sorting looks at.
use manifest::yaml::{DuplicateKeys, Limits, parse_value};
use serde_json::Value;

use crate::godecode::{DecodeError, Fields};

/// What sorting needs of an object.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    annotations: Vec<(String, String)>,
}

impl Head {
    /// Reads it; the error is in the words of Go's YAML reader.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let value = parse_value("", text, DuplicateKeys::LastWins, &Limits::default())
            .map_err(|error| error.go_text(text))?;
        match value {
            Value::Object(map) => {
                Self::read(&Fields::new("SimpleHead", &map)).map_err(|error| error.to_string())
            }
            Value::Null => Ok(Self::default()),
            other => Err(DecodeError::whole(&other, "util.SimpleHead").to_string()),
        }
    }

    fn read(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        let mut head = Self::default();
        fields.text("apiVersion", &mut head.api_version)?;
        fields.text("kind", &mut head.kind)?;
        let wanted = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";
        if let Some(metadata) = fields.inner("metadata", wanted)? {
            metadata.text("name", &mut head.name)?;
            metadata.text_map("annotations", &mut head.annotations)?;
        }
        Ok(head)
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}
