//! Where things stand in a text, for edits that keep every other byte.

use std::ops::Range;

use libyaml_safer::{Event, EventData, MappingStyle, Parser, SequenceStyle};

use super::{Limits, YamlCause, YamlError, input::Input, parse::guarded};

/// A value with the bytes it is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Bytes of the text, quotes and brackets included. A block collection ends with its last value.
    pub span: Range<usize>,
    /// What is there.
    pub shape: Shape,
}

/// What is written somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text, unquoted; empty for a value that is not written.
    Scalar(String),
    /// A list; `flow` is `[a, b]`.
    Sequence {
        /// Written in brackets.
        flow: bool,
        /// The elements.
        items: Vec<Outline>,
    },
    /// A mapping; `flow` is `{a: b}`.
    Mapping {
        /// Written in braces.
        flow: bool,
        /// Keys and values.
        entries: Vec<(Outline, Outline)>,
    },
    /// `*name`
    Alias,
}

impl Outline {
    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Key and value of a mapping's entry.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Self, &Self)> {
        let Shape::Mapping { entries, .. } = &self.shape else { return None };
        entries.iter().find(|(known, _)| known.text() == Some(key)).map(|(key, value)| (key, value))
    }
}

/// The outline of the one document of a text; none for a text without one.
///
/// # Errors
/// The text is no YAML, has several documents, or exceeds a limit.
pub fn outline(text: &str, limits: &Limits) -> Result<Option<Outline>, YamlError> {
    if text.len() > limits.bytes {
        return Err(YamlError::at(0, 0, YamlCause::Limit { limit: limits.bytes, unit: "bytes" }));
    }
    guarded(|| Reader::new(text, limits).document())
}

struct Reader<'t> {
    text: &'t str,
    /// Bytes before what is parsed.
    offset: usize,
    parser: Parser<Input<'t>>,
    nodes: usize,
    limits: &'t Limits,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, limits: &'t Limits) -> Self {
        let body = text.trim_start_matches('\u{feff}');
        let mut parser = Parser::new();
        parser.set_encoding(libyaml_safer::Encoding::Utf8);
        parser.set_input(Input::new(body));
        Self { text, offset: text.len() - body.len(), parser, nodes: limits.nodes, limits }
    }

    fn next(&mut self) -> Result<Event, YamlError> {
        let limit = self.limits.nodes;
        let spent = || YamlError::at(0, 0, YamlCause::Limit { limit, unit: "nodes" });
        self.nodes = self.nodes.checked_sub(1).ok_or_else(spent)?;
        self.parser.parse().map_err(|error| syntax(&error))
    }

    fn document(&mut self) -> Result<Option<Outline>, YamlError> {
        let mut found = None;
        loop {
            let event = self.next()?;
            match event.data {
                EventData::StreamEnd => return Ok(found),
                EventData::StreamStart { .. }
                | EventData::DocumentStart { .. }
                | EventData::DocumentEnd { .. } => {}
                _ if found.is_some() => {
                    let line = u32::try_from(event.start_mark.line + 1).unwrap_or(u32::MAX);
                    let cause = YamlCause::Syntax("expected a single document in the stream".to_owned());
                    return Err(YamlError::at(line, 1, cause));
                }
                _ => found = Some(self.node(event, 0)?),
            }
        }
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Outline, YamlError> {
        if depth > self.limits.depth {
            return Err(YamlError::at(0, 0, YamlCause::Limit { limit: self.limits.depth, unit: "levels" }));
        }
        let start = self.byte(event.start_mark.index);
        let end = self.byte(event.end_mark.index);
        match event.data {
            EventData::Scalar { value, .. } => Ok(Outline { span: start..end, shape: Shape::Scalar(value) }),
            EventData::SequenceStart { style, .. } => {
                self.sequence(start, style == SequenceStyle::Flow, depth)
            }
            EventData::MappingStart { style, .. } => self.mapping(start, style == MappingStyle::Flow, depth),
            _ => Ok(Outline { span: start..end, shape: Shape::Alias }),
        }
    }

    fn sequence(&mut self, start: usize, flow: bool, depth: usize) -> Result<Outline, YamlError> {
        let mut items: Vec<Outline> = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::SequenceEnd) {
                let last = items.last().map_or(start, |item| item.span.end);
                let end = if flow { self.byte(event.end_mark.index) } else { last };
                return Ok(Outline { span: start..end, shape: Shape::Sequence { flow, items } });
            }
            items.push(self.node(event, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: usize, flow: bool, depth: usize) -> Result<Outline, YamlError> {
        let mut entries: Vec<(Outline, Outline)> = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.data, EventData::MappingEnd) {
                let last = entries.last().map_or(start, |(key, value)| key.span.end.max(value.span.end));
                let end = if flow { self.byte(event.end_mark.index) } else { last };
                return Ok(Outline { span: start..end, shape: Shape::Mapping { flow, entries } });
            }
            let key = self.node(event, depth + 1)?;
            let event = self.next()?;
            entries.push((key, self.node(event, depth + 1)?));
        }
    }

    fn byte(&self, index: u64) -> usize {
        usize::try_from(index).unwrap_or(usize::MAX).saturating_add(self.offset).min(self.text.len())
    }
}

fn syntax(error: &libyaml_safer::Error) -> YamlError {
    let place = error.problem_mark().or_else(|| error.context_mark());
    let (line, column) = place.map_or((0, 0), |mark| (mark.line + 1, mark.column + 1));
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    YamlError::at(number(line), number(column), YamlCause::Syntax(error.problem().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Outline {
        outline(text, &Limits::default()).unwrap().unwrap()
    }

    #[test]
    fn values_have_the_bytes_they_are_written_in() {
        let text = "\u{feff}é: 'x y' # c\nl:\n- a\n- {b: c}\n\nm: [1, 2]\n";
        let read = read(text);
        let at = |key: &str| &text[read.entry(key).unwrap().1.span.clone()];
        assert_eq!((at("é"), at("l"), at("m")), ("'x y'", "- a\n- {b: c}", "[1, 2]"));
    }

    #[test]
    fn one_document_is_taken_and_depth_is_bounded() {
        assert_eq!(outline("", &Limits::default()), Ok(None));
        let many = outline("a: 1\n---\nb: 1\n", &Limits::default()).unwrap_err();
        assert!(many.to_string().contains("single document"), "{many}");
        let deep = outline(&"[".repeat(100_000), &Limits::default()).unwrap_err();
        assert!(deep.to_string().contains("256 levels"), "{deep}");
    }
}
