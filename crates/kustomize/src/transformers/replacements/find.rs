use manifest::yaml::{Dialect, FormatOptions, Limits, Mapping, Node, Sequence, format_node, parse_nodes};
use regex::{Regex, RegexBuilder};

use crate::{
    fields::{FieldError, kind_name},
    replacement_error::FindError,
};

/// What is made where a path ends in nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    Scalar,
    Sequence,
    Mapping,
}

/// Positions of entries or elements on the way to a node.
pub(super) type Place = Vec<usize>;

/// Memory one compiled expression may take, in bytes.
const REGEX_SIZE: usize = 1 << 20;

impl Created {
    pub(super) fn of(value: &Node) -> Self {
        match value {
            Node::Scalar(_) => Self::Scalar,
            Node::Sequence(_) => Self::Sequence,
            Node::Mapping(_) => Self::Mapping,
        }
    }

    fn node(self) -> Node {
        match self {
            Self::Scalar => super::plain(""),
            Self::Sequence => Node::Sequence(Sequence::default()),
            Self::Mapping => Node::mapping(),
        }
    }

    /// What stands before `next` in a path that ends in `self`.
    fn before(self, next: Option<&String>) -> Self {
        match next {
            None => self,
            Some(part) if is_element(part) || part.parse::<usize>().is_ok() => Self::Sequence,
            Some(_) => Self::Mapping,
        }
    }
}

fn is_element(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

fn element_parts(part: &str) -> Result<(&str, &str), FindError> {
    part.trim_start_matches('[').trim_end_matches(']').split_once('=').ok_or(FindError::Element)
}

fn wrong_kind(expected: &'static str, node: &Node) -> FindError {
    FindError::Field(FieldError::Kind { expected, found: kind_name(node) })
}

/// The node at a path; `None` when it is not there.
pub(super) fn lookup<'n>(node: &'n Node, parts: &[String]) -> Result<Option<&'n Node>, FindError> {
    let mut node = node;
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        match step(node, part)? {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

fn step<'n>(node: &'n Node, part: &str) -> Result<Option<&'n Node>, FindError> {
    if node.is_null() {
        return Ok(None);
    }
    let items = || node.items().ok_or_else(|| wrong_kind("SequenceNode", node));
    if let Ok(index) = part.parse::<usize>() {
        return Ok(items()?.get(index));
    }
    match part {
        "-" => Ok(items()?.last()),
        "*" => Err(FindError::Wildcard),
        _ if is_element(part) => {
            let (key, value) = element_parts(part)?;
            let fits = |item: &&Node| {
                let field = if key.is_empty() { Some(*item) } else { item.get(key) };
                field.and_then(Node::text) == Some(value)
            };
            Ok(items()?.iter().find(fits))
        }
        _ => match node {
            Node::Mapping(mapping) => Ok(mapping.get(part)),
            _ => Err(wrong_kind("MappingNode", node)),
        },
    }
}

/// The place of the node at a path; `None` when it is not there.
pub(super) fn locate(node: &Node, parts: &[String]) -> Result<Option<Place>, FindError> {
    let (mut node, mut place) = (node, Place::new());
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let Some(next) = step(node, part)? else { return Ok(None) };
        let is_next = |child: &Node| std::ptr::eq(child, next);
        let at = match node {
            Node::Mapping(mapping) => mapping.entries.iter().position(|entry| is_next(&entry.value)),
            Node::Sequence(list) => list.items.iter().position(is_next),
            Node::Scalar(_) => None,
        };
        let Some(at) = at else { return Ok(None) };
        place.push(at);
        node = next;
    }
    Ok(Some(place))
}

/// The node at a place, if it is still there.
pub(super) fn peek<'n>(node: &'n Node, place: &[usize]) -> Option<&'n Node> {
    place.iter().try_fold(node, |node, at| match node {
        Node::Mapping(mapping) => mapping.entries.get(*at).map(|entry| &entry.value),
        Node::Sequence(list) => list.items.get(*at),
        Node::Scalar(_) => None,
    })
}

/// Where a path leads to.
#[derive(Default)]
pub(super) struct Found {
    pub(super) places: Vec<Place>,
    /// It also leads into a text that is a document; setting something there changes nothing.
    pub(super) in_text: bool,
}

/// Every place that a path leads to. Missing parts are made when `create` is given.
pub(super) fn find_fields(
    node: &mut Node,
    parts: &[String],
    create: Option<Created>,
) -> Result<Found, FindError> {
    let mut finder = Finder { create, place: Vec::new(), found: Vec::new(), in_text: false };
    finder.find(node, parts)?;
    Ok(Found { places: finder.found, in_text: finder.in_text })
}

/// The node at a place.
pub(super) fn node_at<'n>(node: &'n mut Node, place: &[usize]) -> &'n mut Node {
    place.iter().fold(node, |node, at| match node {
        Node::Mapping(mapping) => &mut mapping.entries[*at].value,
        Node::Sequence(list) => &mut list.items[*at],
        Node::Scalar(_) => unreachable!("places lead through collections"),
    })
}

struct Finder {
    create: Option<Created>,
    place: Place,
    found: Vec<Place>,
    in_text: bool,
}

impl Finder {
    fn find(&mut self, node: &mut Node, parts: &[String]) -> Result<(), FindError> {
        let Some((part, rest)) = parts.split_first() else {
            self.found.push(self.place.clone());
            return Ok(());
        };
        if let Ok(index) = part.parse::<usize>() {
            return self.find_index(node, index, rest);
        }
        if is_element(part) {
            return self.find_elements(node, part, rest);
        }
        if part == "*" {
            let len = list_of(node)?.len();
            return (0..len).try_for_each(|at| self.enter_item(node, at, rest));
        }
        self.find_key(node, part, rest)
    }

    fn find_key(&mut self, node: &mut Node, key: &str, rest: &[String]) -> Result<(), FindError> {
        if node.is_null() {
            return Ok(());
        }
        let found = kind_name(node);
        let Node::Mapping(mapping) = node else {
            return Err(FindError::Field(FieldError::Kind { expected: "MappingNode", found }));
        };
        if mapping.get(key).is_none() {
            let Some(create) = self.create else { return Ok(()) };
            mapping.push(key, create.before(rest.first()).node());
        }
        let at = position(mapping, key);
        if let Node::Scalar(scalar) = &mapping.entries[at].value
            && !rest.is_empty()
            && let Some(document) = document(&scalar.value)
        {
            return self.find_in_text(document, rest);
        }
        self.place.push(at);
        let result = self.find(&mut mapping.entries[at].value, rest);
        self.place.pop();
        result
    }

    fn find_in_text(&mut self, mut document: Node, rest: &[String]) -> Result<(), FindError> {
        let found = find_fields(&mut document, rest, self.create)?;
        self.in_text |= found.in_text || !found.places.is_empty();
        Ok(())
    }

    fn find_index(&mut self, node: &mut Node, index: usize, rest: &[String]) -> Result<(), FindError> {
        let items = list_of(node)?;
        if let Some(create) = self.create.filter(|_| items.len() == index) {
            items.push(create.before(rest.first()).node());
        }
        let len = items.len();
        if len <= index {
            return Err(FindError::Index { index, len });
        }
        self.enter_item(node, index, rest)
    }

    fn find_elements(&mut self, node: &mut Node, part: &str, rest: &[String]) -> Result<(), FindError> {
        let (key, value) = element_parts(part)?;
        let regex = RegexBuilder::new(value).size_limit(REGEX_SIZE).build();
        let regex = regex.map_err(|_| FindError::Regex(value.to_owned()))?;
        let before = self.found.len();
        self.enter_matching(node, key, &regex, rest)?;
        if self.found.len() > before || self.create.is_none() {
            return Ok(());
        }
        list_of(node)?.push(new_element(key, value));
        self.enter_matching(node, key, &regex, rest)
    }

    fn enter_matching(
        &mut self,
        node: &mut Node,
        key: &str,
        regex: &Regex,
        rest: &[String],
    ) -> Result<(), FindError> {
        let fits = |item: &Node| {
            let field = if key.is_empty() { Some(item) } else { item.get(key) };
            field.is_some_and(|field| regex.is_match(format_node(field, FormatOptions::default()).trim()))
        };
        let chosen: Vec<_> =
            list_of(node)?.iter().enumerate().filter(|(_, item)| fits(item)).map(|(at, _)| at).collect();
        // An element that is a scalar is the target itself.
        let rest = if key.is_empty() { &[] } else { rest };
        chosen.into_iter().try_for_each(|at| self.enter_item(node, at, rest))
    }

    fn enter_item(&mut self, node: &mut Node, at: usize, rest: &[String]) -> Result<(), FindError> {
        self.place.push(at);
        let result = self.find(&mut list_of(node)?[at], rest);
        self.place.pop();
        result
    }
}

/// The document that a text is.
pub(super) fn document(text: &str) -> Option<Node> {
    let mut documents = parse_nodes("", text, Dialect::Kyaml, &Limits::default()).ok()?;
    (!documents.is_empty()).then(|| documents.swap_remove(0))
}

fn new_element(key: &str, value: &str) -> Node {
    let text = super::plain(value);
    if key.is_empty() {
        return text;
    }
    let mut mapping = Mapping::default();
    mapping.push(key, text);
    mapping.into()
}

fn position(mapping: &Mapping, key: &str) -> usize {
    mapping.entries.iter().position(|entry| entry.key.value == key).unwrap_or_default()
}

fn list_of(node: &mut Node) -> Result<&mut Vec<Node>, FindError> {
    let found = kind_name(node);
    node.items_mut().ok_or(FindError::Field(FieldError::Kind { expected: "SequenceNode", found }))
}
