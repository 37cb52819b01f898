use crate::{fields::FieldError, weigh::Excess};

/// Why a replacement cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplacementError {
    /// A file is named beside a replacement.
    #[error("cannot specify both path and inline replacement: '{0}'")]
    PathAndInline(String),
    /// A file holds no replacements.
    #[error("replacements of '{file}': {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// Source or targets are missing.
    #[error("replacements must specify a source and at least one target")]
    Incomplete,
    /// Both a value and a source are given.
    #[error("value and resource selectors are mutually exclusive")]
    TwoSources,
    /// No resource is the source.
    #[error("nothing selected by {0}")]
    NothingSelected(String),
    /// Several resources are.
    #[error("multiple matches for selector {0}")]
    ManySelected(String),
    /// The source lacks the field.
    #[error("fieldPath `{field}` is missing for replacement source {source_id}")]
    SourceField {
        /// The field.
        field: String,
        /// The source.
        source_id: String,
    },
    /// A delimiter is given for a list or mapping.
    #[error("delimiter option can only be used with scalar nodes")]
    DelimiterNeedsScalar,
    /// The source has no such part.
    #[error("options.index {index} is out of bounds for value {value}")]
    Index {
        /// The index.
        index: i64,
        /// The source's text.
        value: String,
    },
    /// A value is too large to be copied.
    #[error("replacement exceeds the limit of {0} bytes for one value")]
    TooLarge(usize),
    /// The copies of the whole build are too large together.
    #[error(transparent)]
    Copies(#[from] Excess),
    /// The object would nest too deeply.
    #[error("replacement exceeds the limit of {0} levels")]
    TooDeep(usize),
    /// A target selects nothing.
    #[error("target must specify resources to select")]
    NoSelect,
    /// A target lacks the field.
    #[error("unable to {action} field {field:?} in replacement target{reason}")]
    TargetField {
        /// `find` or `find or create`.
        action: &'static str,
        /// The field.
        field: String,
        /// What is wrong, if more is known.
        reason: String,
    },
    /// A path cannot be followed.
    #[error("error looking up replacement source: {0}")]
    Lookup(#[from] FindError),
}

/// Why a path cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// A value of another kind stands in the way.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A list is too short.
    #[error("index {index} specified but only {len} elements found")]
    Index {
        /// The index.
        index: usize,
        /// Length of the list.
        len: usize,
    },
    /// `[…]` without `=`.
    #[error("list path element must contain fieldName=fieldValue for element to match")]
    Element,
    /// `*` where one value is needed.
    #[error("wildcard is not supported in PathGetter")]
    Wildcard,
    /// The value to match is no regular expression.
    #[error("invalid regular expression '{0}'")]
    Regex(String),
}
