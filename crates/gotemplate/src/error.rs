//! What goes wrong, in Go's words.

use crate::session::LimitError;

/// A template that cannot be parsed: `template: NAME:LINE: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The name it was parsed under.
    pub name: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A template that failed: `template: FILE:LINE:COLUMN: executing "NAME" at <TEXT>: …`.
///
/// For `{{ template }}` and functions such as `include` the outer texts stand before the inner ones, as in Go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ExecError {
    /// The whole text.
    pub text: String,
    /// The template that was executing, outermost.
    pub name: String,
    /// Where, if the failure has a place.
    pub place: Option<Box<Place>>,
    /// The limit, when one was reached.
    pub limit: Option<LimitError>,
}

/// Where a template failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name under which the text was parsed: the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 0 on the first line and from 1 after it, as Go counts.
    pub column: usize,
    /// The piece of template, printed anew.
    pub context: String,
    /// What is wrong there.
    pub message: String,
}
