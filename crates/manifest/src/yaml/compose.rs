use std::collections::HashMap;

use libyaml_safer::{Event, EventData, MappingStyle, Mark, Parser, ScalarStyle as Style, SequenceStyle};

use crate::yaml::{
    Dialect, Entry, Limits, Mapping, Node, Place, Scalar, ScalarStyle, Sequence, Tag, YamlCause, YamlError,
    go_syntax::go_syntax, input::Input, resolve_plain, slash::Slashes,
};

/// What go-yaml misses in a mapping.
const KEY: &str = "key";

const CORE_PREFIX: &str = "tag:yaml.org,2002:";

/// Turns libyaml's events into nodes, one document at a time; aliases are written out, within a budget.
pub(crate) struct Composer<'a> {
    parser: Parser<Input<'a>>,
    text: &'a str,
    /// Where the text ends, in bytes as marks count, when it lacks a last line break.
    open_end: Option<u64>,
    slashes: Option<Slashes<'a>>,
    dialect: Dialect,
    limits: &'a Limits,
    /// Anchored nodes with their weight; `None` while the node is still being read.
    anchors: HashMap<String, Option<(Node, usize)>>,
    nodes: usize,
    alias_nodes: usize,
    depth: usize,
    /// Where the innermost mapping begins, from 1; and what goes on in the innermost collection.
    column: u32,
    wanted: &'static str,
    /// The first key that is none: go-yaml looks at keys when the whole document has been read.
    bad_key: Option<YamlError>,
}

impl<'a> Composer<'a> {
    pub(crate) fn new(text: &'a str, dialect: Dialect, limits: &'a Limits) -> Result<Self, YamlError> {
        if text.len() > limits.bytes {
            let cause = YamlCause::Limit { limit: limits.bytes, unit: "bytes" };
            return Err(YamlError::at(0, 0, cause));
        }
        let text = text.trim_start_matches('\u{feff}');
        let slashes = Slashes::new(text);
        let bytes = text.as_bytes();
        let mut parser = Parser::new();
        parser.set_encoding(libyaml_safer::Encoding::Utf8);
        parser.set_input(Input::new(text));
        let last_line = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let open_end = last_line.iter().any(|byte| *byte != b' ').then_some(text.len() as u64);
        let (nodes, alias_nodes, depth, bad_key) = (0, 0, 0, None);
        let anchors = HashMap::new();
        Ok(Self {
            parser,
            text,
            open_end,
            slashes,
            dialect,
            limits,
            anchors,
            nodes,
            alias_nodes,
            depth,
            column: 0,
            wanted: KEY,
            bad_key,
        })
    }

    /// The next document; `None` at the end of the text.
    pub(crate) fn next_document(&mut self) -> Result<Option<Node>, YamlError> {
        loop {
            match self.next_event()?.data {
                EventData::StreamEnd => return Ok(None),
                EventData::DocumentStart { .. } => break,
                _ => {}
            }
        }
        self.anchors.clear();
        let first = self.next_event()?;
        let node = self.node(first)?;
        self.next_event()?;
        self.bad_key.take().map_or(Ok(Some(node)), Err)
    }

    fn next_event(&mut self) -> Result<Event, YamlError> {
        self.parser.parse().map_err(|error| {
            if let Some(at) = self.empty_collection(&error) {
                return syntax(at, &format!("did not find expected {}", self.wanted));
            }
            let mark = error.problem_mark().or_else(|| error.context_mark());
            let place = mark.map(place).unwrap_or_default();
            YamlError::at(place.line, place.column, YamlCause::Syntax(error.problem().to_owned()))
        })
    }

    /// Where `{}` or `[]` stands in the place of a key: go-yaml does not look for the colon behind one that is empty.
    fn empty_collection(&self, error: &libyaml_safer::Error) -> Option<Place> {
        let at = error.context_mark().filter(|_| error.problem() == "could not find expected ':'")?;
        let line = self.text.lines().nth(usize::try_from(at.line).ok()?)?.trim_start();
        let mut inside = line.strip_prefix('{').or_else(|| line.strip_prefix('['))?.trim_start().chars();
        matches!(inside.next(), Some('}' | ']')).then(|| place(at))
    }

    fn node(&mut self, event: Event) -> Result<Node, YamlError> {
        let at = place(event.start_mark);
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(limit(at, self.limits.nodes, "nodes"));
        }
        match event.data {
            EventData::Alias { anchor } => self.alias(&anchor, at),
            EventData::Scalar { anchor, tag, mut value, plain_implicit, style, .. } => {
                if let Some(slashes) = self.slashes.as_mut().filter(|_| style == Style::DoubleQuoted) {
                    slashes.check(event.start_mark, event.end_mark)?;
                }
                let at_end = self.open_end.is_some_and(|end| event.end_mark.index > end);
                if at_end && matches!(style, Style::Literal | Style::Folded) && value.ends_with('\n') {
                    value.pop();
                }
                let scalar = self.scalar(value, tag, plain_implicit, style, at);
                Ok(self.keep_anchor(anchor, Node::Scalar(scalar), 0))
            }
            EventData::SequenceStart { anchor, style, .. } => {
                let flow = style == SequenceStyle::Flow;
                self.collection(anchor, at, |composer| composer.sequence(flow, at))
            }
            EventData::MappingStart { anchor, style, .. } => {
                let flow = style == MappingStyle::Flow;
                self.collection(anchor, at, |composer| composer.mapping(flow, at))
            }
            _ => Err(syntax(at, "did not find expected node content")),
        }
    }

    fn collection(
        &mut self,
        anchor: Option<String>,
        at: Place,
        read: impl FnOnce(&mut Self) -> Result<Node, YamlError>,
    ) -> Result<Node, YamlError> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            return Err(limit(at, self.limits.depth, "levels"));
        }
        if let Some(name) = &anchor {
            self.anchors.insert(name.clone(), None);
        }
        let before = self.nodes + self.alias_nodes;
        let outer = (self.column, self.wanted);
        let node = read(self)?;
        (self.column, self.wanted) = outer;
        self.depth -= 1;
        let weight = self.nodes + self.alias_nodes - before;
        Ok(self.keep_anchor(anchor, node, weight))
    }

    fn sequence(&mut self, flow: bool, place: Place) -> Result<Node, YamlError> {
        let mut items = Vec::new();
        // A list that is no further in than the key it belongs to ends where no item follows.
        self.wanted = if place.column == self.column { KEY } else { "'-' indicator" };
        loop {
            let event = self.next_event()?;
            if event.data == EventData::SequenceEnd {
                return Ok(Node::Sequence(Sequence { items, flow, place }));
            }
            items.push(self.node(event)?);
        }
    }

    fn mapping(&mut self, flow: bool, place: Place) -> Result<Node, YamlError> {
        let mut entries = Vec::new();
        (self.column, self.wanted) = (place.column, KEY);
        loop {
            let event = self.next_event()?;
            if event.data == EventData::MappingEnd {
                return Ok(Node::Mapping(Mapping { entries, flow, place }));
            }
            let key = self.key(event)?;
            let event = self.next_event()?;
            entries.push(Entry { key, value: self.node(event)? });
        }
    }

    fn key(&mut self, event: Event) -> Result<Scalar, YamlError> {
        match self.node(event)? {
            Node::Scalar(scalar) => Ok(scalar),
            other => {
                self.bad_key.get_or_insert_with(|| bad_key(&other));
                Ok(Scalar::string(""))
            }
        }
    }

    fn scalar(&self, value: String, tag: Option<String>, plain: bool, style: Style, place: Place) -> Scalar {
        let tag = match tag {
            Some(tag) if tag != "!" => named_tag(&tag),
            None if plain => resolve_plain(self.dialect, &value),
            _ => Tag::Str,
        };
        let style = match style {
            Style::SingleQuoted => ScalarStyle::SingleQuoted,
            Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
            Style::Literal => ScalarStyle::Literal,
            Style::Folded => ScalarStyle::Folded,
            _ => ScalarStyle::Plain,
        };
        Scalar { value: value.into(), tag, style, place, twin: 0, open_tag: false }
    }

    fn keep_anchor(&mut self, anchor: Option<String>, node: Node, weight: usize) -> Node {
        if let Some(name) = anchor {
            let weight = weight + 1 + node.text().map_or(0, |text| text.len() / 32);
            self.anchors.insert(name, Some((node.clone(), weight)));
        }
        node
    }

    fn alias(&mut self, anchor: &str, at: Place) -> Result<Node, YamlError> {
        let fail = |cause| Err(YamlError::at(at.line, at.column, cause));
        match self.anchors.get(anchor) {
            None => fail(YamlCause::UnknownAnchor(anchor.to_owned())),
            Some(None) => fail(YamlCause::RecursiveAnchor(anchor.to_owned())),
            Some(Some((node, weight))) => {
                self.alias_nodes += weight;
                if self.alias_nodes > self.limits.alias_nodes {
                    return fail(YamlCause::Aliasing);
                }
                Ok(node.clone())
            }
        }
    }
}

fn named_tag(tag: &str) -> Tag {
    match tag.strip_prefix(CORE_PREFIX) {
        Some("null") => Tag::Null,
        Some("bool") => Tag::Bool,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("str") => Tag::Str,
        Some("timestamp") => Tag::Timestamp,
        Some("binary") => Tag::Binary,
        Some("merge") => Tag::Merge,
        _ => Tag::Other,
    }
}

fn place(mark: Mark) -> Place {
    let number = |n: u64| u32::try_from(n + 1).unwrap_or(u32::MAX);
    Place { line: number(mark.line), column: number(mark.column) }
}

fn limit(at: Place, limit: usize, unit: &'static str) -> YamlError {
    YamlError::at(at.line, at.column, YamlCause::Limit { limit, unit })
}

fn syntax(at: Place, message: &str) -> YamlError {
    YamlError::at(at.line, at.column, YamlCause::Syntax(message.to_owned()))
}

fn bad_key(key: &Node) -> YamlError {
    let at = key.place();
    YamlError::at(at.line, at.column, YamlCause::Key(go_syntax(key)))
}
