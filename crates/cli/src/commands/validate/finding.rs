use serde::Serialize;
use serde_json::Value;

use crate::{commands::install::subject, documents::Document};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Error,
    Warning,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Finding {
    /// Path from the root of the repository.
    pub(super) file: String,
    /// From 1.
    pub(super) line: u32,
    pub(super) level: Level,
    /// What kind of thing: `yaml`, `build`, `render`, `schema`, `reference`.
    pub(super) rule: &'static str,
    /// `Kind/namespace/name`, or empty.
    pub(super) object: String,
    pub(super) message: String,
}

impl Finding {
    /// An error in a file.
    pub(super) fn error(rule: &'static str, (file, line): (&str, u32), message: impl Into<String>) -> Self {
        let (file, object) = (file.to_owned(), String::new());
        Self { file, line: line.max(1), level: Level::Error, rule, object, message: message.into() }
    }

    /// Not certainly wrong: it depends on what is not here.
    #[must_use]
    pub(super) fn into_warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }

    /// About this object.
    #[must_use]
    pub(super) fn about(mut self, object: &Value) -> Self {
        self.object = subject(object);
        self
    }

    pub(super) fn is_error(&self) -> bool {
        self.level == Level::Error
    }
}

/// Where a document stands.
pub(super) fn place(document: &Document) -> (&str, u32) {
    (&document.file, document.line)
}
