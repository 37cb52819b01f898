use std::fmt;

/// Why a text is no YAML, or no YAML that has a JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// The file as the caller named it; may be empty.
    pub file: String,
    /// Line, from 1; 0 when the error has no place.
    pub line: u32,
    /// Column, from 1; 0 when the error has no place.
    pub column: u32,
    /// What is wrong.
    pub cause: YamlCause,
}

/// What is wrong with a text. Messages keep go-yaml's words, which scripts know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlCause {
    /// The grammar is violated; the words are libyaml's.
    #[error("{0}")]
    Syntax(String),
    /// An alias names no anchor.
    #[error("unknown anchor '{0}' referenced")]
    UnknownAnchor(String),
    /// An anchored node refers to itself.
    #[error("anchor '{0}' value contains itself")]
    RecursiveAnchor(String),
    /// Aliases blow the document up.
    #[error("document contains excessive aliasing")]
    Aliasing,
    /// A limit of [`crate::yaml::Limits`] is exceeded.
    #[error("document exceeds the limit of {limit} {unit}")]
    Limit {
        /// The configured figure.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// A mapping key that is a list or a mapping, which is shown as Go's `%#v` shows it.
    #[error("invalid map key: {0}")]
    Key(String),
    /// A mapping key that is null; its value is shown as Go's `%#v` shows it.
    #[error("unsupported map key of type: %!s(<nil>), key: <nil>, value: {0}")]
    NullKey(String),
    /// A key stands twice in a mapping, where that is refused.
    #[error("key \"{key}\" already set in map")]
    Duplicate {
        /// The key.
        key: String,
    },
    /// `<<` is given something that is no mapping.
    #[error("map merge requires map or sequence of maps as the value")]
    Merge,
    /// An explicit tag does not fit the text.
    #[error("cannot decode !!{found} `{text}` as a !!{wanted}")]
    Tag {
        /// What the text is.
        found: &'static str,
        /// The text, shortened.
        text: String,
        /// What the tag says.
        wanted: &'static str,
    },
    /// Infinity or not-a-number, which JSON lacks: `+Inf`, `-Inf`, `NaN`.
    #[error("json: unsupported value: {0}")]
    NotJson(String),
    /// A document that should be an object is a scalar or a list.
    #[error("json: cannot unmarshal {0} into Go value of type map[string]interface {{}}")]
    NotAMapping(&'static str),
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
}

impl YamlError {
    /// The error at a place of the text.
    #[must_use]
    pub fn at(line: u32, column: u32, cause: YamlCause) -> Self {
        Self { file: String::new(), line, column, cause }
    }

    /// The same error, naming a file.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }

    /// The error as go-yaml words it, for callers that say themselves what they were doing.
    #[must_use]
    pub fn brief(&self) -> Brief<'_> {
        Brief(self)
    }

    /// The error as sigs.k8s.io/yaml words it, of the `text` that was read: no column; the line of a parser's error
    /// counted from 0, that of a scanner's from 1, and none for the first line or for what is not about a line.
    #[must_use]
    pub fn go_text(&self, text: &str) -> String {
        let cause = self.cause.to_string();
        if matches!(self.cause, YamlCause::NotJson(_) | YamlCause::NullKey(_)) {
            return format!("error converting YAML to JSON: {cause}");
        }
        let of_parser = cause.starts_with("did not find expected");
        // A scanner stops on the last line, be it ended or not; what a parser misses at the end is on the next.
        let last = text.matches('\n').count() + 1;
        let line = self.line as usize;
        let line = if of_parser { line.saturating_sub(1) } else { last.min(line) };
        let nowhere = matches!(self.cause, YamlCause::UnknownAnchor(_) | YamlCause::Key(_));
        let shown = line > usize::from(!of_parser) && !nowhere;
        let place = if shown { format!("line {line}: ") } else { String::new() };
        format!("error converting YAML to JSON: yaml: {place}{cause}")
    }
}

/// A [`YamlError`] in go-yaml's own words, without file: `yaml: line 3: …`.
#[derive(Clone, Copy, Debug)]
pub struct Brief<'e>(&'e YamlError);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let YamlError { line, column, cause, .. } = self.0;
        f.write_str("yaml: ")?;
        if *line > 0 {
            write!(f, "line {line}: ")?;
        }
        cause.fmt(f)?;
        if *column > 0 {
            write!(f, " (column {column})")?;
        }
        Ok(())
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        write!(f, "error converting YAML to JSON: {}", self.brief())
    }
}

impl std::error::Error for YamlError {}
