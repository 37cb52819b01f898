use libyaml_safer::{Event, EventData, MappingStyle, Parser, ScalarStyle as Style, SequenceStyle};

use crate::yaml::{Limits, Place, ScalarStyle, YamlCause, YamlError, input::Input, setters::SetterObject};

/// A scalar that stands as a value, with its place in the text.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) value: String,
    pub(super) style: ScalarStyle,
    /// Where its anchor and tag begin, or it itself.
    pub(super) begin: usize,
    /// Bytes of the scalar itself.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Written in `[]` or `{}`.
    pub(super) in_flow: bool,
}

/// A scalar and the object it belongs to.
pub(super) struct Found {
    pub(super) scalar: Spot,
    pub(super) object: SetterObject,
}

/// All scalars that stand as values, in the order of the text.
pub(super) fn scalars(text: &str, limits: &Limits) -> Result<Vec<Found>, YamlError> {
    if text.len() > limits.bytes {
        return Err(YamlError::at(0, 0, YamlCause::Limit { limit: limits.bytes, unit: "bytes" }));
    }
    let body = text.trim_start_matches('\u{feff}');
    let mut parser = Parser::new();
    parser.set_encoding(libyaml_safer::Encoding::Utf8);
    // The scanner needs a last line break.
    parser.set_input(Input::with_break(body));
    let mut found = Vec::new();
    let mut left = limits.nodes;
    let mut document = Document::new(text, text.len() - body.len(), limits.depth);
    loop {
        let event = parser.parse().map_err(|error| syntax(&error))?;
        left = left
            .checked_sub(1)
            .ok_or_else(|| YamlError::at(0, 0, YamlCause::Limit { limit: limits.nodes, unit: "nodes" }))?;
        match event.data {
            EventData::StreamEnd => return Ok(found),
            EventData::DocumentEnd { .. } => found.extend(document.finish()),
            _ => document.take(event)?,
        }
    }
}

fn syntax(error: &libyaml_safer::Error) -> YamlError {
    let place = error.problem_mark().or_else(|| error.context_mark());
    let (line, column) = place.map_or((0, 0), |mark| (mark.line + 1, mark.column + 1));
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    YamlError::at(number(line), number(column), YamlCause::Syntax(error.problem().to_owned()))
}

/// Where the walk is.
enum Frame {
    /// The key whose value comes next; none where a key comes next. A key that is no scalar has no text.
    Map { key: Option<String>, flow: bool },
    /// The number of the next element.
    List { next: usize, flow: bool },
}

/// One document on its way.
struct Document<'a> {
    text: &'a str,
    /// Bytes before what is parsed.
    offset: usize,
    depth: usize,
    frames: Vec<Frame>,
    spots: Vec<(Option<usize>, Spot)>,
    /// What names the document's object, and the elements of its `items`.
    names: Vec<(Option<usize>, SetterObject)>,
}

impl<'a> Document<'a> {
    fn new(text: &'a str, offset: usize, depth: usize) -> Self {
        Self { text, offset, depth, frames: Vec::new(), spots: Vec::new(), names: Vec::new() }
    }

    fn take(&mut self, event: Event) -> Result<(), YamlError> {
        match event.data {
            EventData::MappingStart { style, .. } => {
                self.push(Frame::Map { key: None, flow: style == MappingStyle::Flow })
            }
            EventData::SequenceStart { style, .. } => {
                if self.frames.is_empty() {
                    return Err(no_mapping(&event, "array"));
                }
                self.push(Frame::List { next: 0, flow: style == SequenceStyle::Flow })
            }
            EventData::MappingEnd | EventData::SequenceEnd => {
                self.frames.pop();
                self.step("");
                Ok(())
            }
            EventData::Alias { .. } => {
                self.step("");
                Ok(())
            }
            EventData::Scalar { .. } if self.frames.is_empty() => self.lone(&event),
            EventData::Scalar { .. } => {
                self.scalar(event);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn push(&mut self, frame: Frame) -> Result<(), YamlError> {
        if self.frames.len() == self.depth {
            return Err(YamlError::at(0, 0, YamlCause::Limit { limit: self.depth, unit: "levels" }));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// A document that is one scalar: only an empty one is no error.
    fn lone(&self, event: &Event) -> Result<(), YamlError> {
        match &event.data {
            EventData::Scalar { value, .. } if ["", "~", "null"].contains(&value.as_str()) => Ok(()),
            _ => Err(no_mapping(event, "string")),
        }
    }

    fn scalar(&mut self, event: Event) {
        let EventData::Scalar { value, style, anchor, tag, .. } = event.data else { return };
        let (is_key, in_flow) = match self.frames.last() {
            Some(Frame::Map { key, flow }) => (key.is_none(), *flow),
            Some(Frame::List { flow, .. }) => (false, *flow),
            None => return,
        };
        if !is_key {
            self.name(&value);
            let bounds = (event.start_mark.index, event.end_mark.index);
            let spot = self.spot(bounds, anchor.is_some() || tag.is_some());
            if let Some((begin, start, end)) = spot {
                let (value, style) = (value.clone(), style_of(style));
                let spot = Spot { value, style, begin, start, end, in_flow };
                self.spots.push((self.item(), spot));
            }
        }
        self.step(&value);
    }

    /// Where the node begins, and the bytes of the scalar itself; nothing for one without text, or whose properties stand
    /// on another line.
    fn spot(&self, (begin, end): (u64, u64), has_properties: bool) -> Option<(usize, usize, usize)> {
        let offset = |index: u64| Some(usize::try_from(index).ok()? + self.offset);
        let (begin, end) = (offset(begin)?, offset(end)?.min(self.text.len()));
        let mut start = begin;
        while has_properties && self.text.get(start..end)?.starts_with(['&', '!']) {
            let rest = self.text.get(start..end)?;
            let word = rest.find(char::is_whitespace)?;
            let gap = rest[word..].find(|c: char| c != ' ' && c != '\t')?;
            start += word + gap;
        }
        let own = self.text.get(start..end)?;
        (!own.is_empty() && !own.starts_with(['\n', '\r', '#'])).then_some((begin, start, end))
    }

    /// Goes on behind a node: a key waits for its value, a value for the next key.
    fn step(&mut self, text: &str) {
        match self.frames.last_mut() {
            Some(Frame::Map { key, .. }) => {
                *key = if key.is_none() { Some(text.to_owned()) } else { None };
            }
            Some(Frame::List { next, .. }) => *next += 1,
            None => {}
        }
    }

    /// The element of `items` that the walk is in.
    fn item(&self) -> Option<usize> {
        match self.frames.as_slice() {
            [Frame::Map { key: Some(key), .. }, Frame::List { next, .. }, ..] if key == "items" => {
                Some(*next)
            }
            _ => None,
        }
    }

    /// Notes what names an object.
    fn name(&mut self, value: &str) {
        let item = self.item();
        let frames = if item.is_some() { &self.frames[2..] } else { &self.frames[..] };
        let key = |frame: &Frame| match frame {
            Frame::Map { key, .. } => key.clone(),
            Frame::List { .. } => None,
        };
        let path: Option<Vec<String>> = frames.iter().take(3).map(key).collect();
        let path = path.unwrap_or_default();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let at = self.names.iter().position(|(known, _)| *known == item).unwrap_or_else(|| {
            self.names.push((item, SetterObject::default()));
            self.names.len() - 1
        });
        let object = &mut self.names[at].1;
        match path.as_slice() {
            ["apiVersion"] => value.clone_into(&mut object.api_version),
            ["kind"] => value.clone_into(&mut object.kind),
            ["metadata", "name"] => value.clone_into(&mut object.name),
            ["metadata", "namespace"] => value.clone_into(&mut object.namespace),
            _ => {}
        }
    }

    /// The scalars of the document; those of a list's elements belong to the elements.
    fn finish(&mut self) -> Vec<Found> {
        let (spots, names) = (std::mem::take(&mut self.spots), std::mem::take(&mut self.names));
        self.frames.clear();
        let of = |item: Option<usize>| {
            names
                .iter()
                .find(|(known, _)| *known == item)
                .map(|(_, object)| object.clone())
                .unwrap_or_default()
        };
        let is_list = of(None).kind == "List";
        let found =
            |(item, scalar): (Option<usize>, Spot)| Found { scalar, object: of(item.filter(|_| is_list)) };
        spots.into_iter().map(found).collect()
    }
}

fn no_mapping(event: &Event, what: &'static str) -> YamlError {
    let number = |n: u64| u32::try_from(n + 1).unwrap_or(u32::MAX);
    let at = Place { line: number(event.start_mark.line), column: number(event.start_mark.column) };
    YamlError::at(at.line, at.column, YamlCause::NotAMapping(what))
}

fn style_of(style: Style) -> ScalarStyle {
    match style {
        Style::SingleQuoted => ScalarStyle::SingleQuoted,
        Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
        Style::Literal => ScalarStyle::Literal,
        Style::Folded => ScalarStyle::Folded,
        _ => ScalarStyle::Plain,
    }
}
