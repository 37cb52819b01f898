/// A YAML value with the text, tags and styles of its source.
#[derive(Clone, Debug)]
pub enum Node {
    /// Text with a tag.
    Scalar(Scalar),
    /// A list.
    Sequence(Sequence),
    /// A mapping in the order of its source.
    Mapping(Mapping),
}

/// The text of a scalar; up to 24 bytes stand in the node itself. Most are that short, and passes over 10,000 objects are bound
/// by the memory they walk through.
pub type Text = compact_str::CompactString;

/// Text with a tag.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// The text, unquoted and unescaped.
    pub value: Text,
    /// What the text stands for.
    pub tag: Tag,
    /// How it was written.
    pub style: ScalarStyle,
    /// Where it was written.
    pub place: Place,
    /// Scalars of one object that are to stay equal have the same number; 0 for none. Never read or printed.
    pub twin: u32,
    /// A program set the text and left open what it stands for: the tag follows from each new text. Never read.
    pub open_tag: bool,
}

/// A list.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// The elements.
    pub items: Vec<Node>,
    /// Written as `[a, b]`.
    pub flow: bool,
    /// Where it was written.
    pub place: Place,
}

/// A mapping in the order of its source. Keys are scalars; their text is what identifies them.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// Keys and values.
    pub entries: Vec<Entry>,
    /// Written as `{a: b}`.
    pub flow: bool,
    /// Where it was written.
    pub place: Place,
}

/// One key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Scalar,
    /// The value.
    pub value: Node,
}

/// Line and column, from 1; 0 when the node was made by a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// What a scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// `!!null`
    Null,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!str`
    Str,
    /// `!!timestamp`
    Timestamp,
    /// `!!binary`
    Binary,
    /// `!!merge`
    Merge,
    /// Any other tag.
    Other,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    #[default]
    Plain,
    /// `'text'`
    SingleQuoted,
    /// `"text"`
    DoubleQuoted,
    /// `|` block
    Literal,
    /// `>` block
    Folded,
}

impl Scalar {
    /// A string, printed plain where it can be.
    #[must_use]
    pub fn string(value: impl Into<Text>) -> Self {
        Self::new(value, Tag::Str)
    }

    /// Text with a tag.
    #[must_use]
    pub fn new(value: impl Into<Text>, tag: Tag) -> Self {
        Self {
            value: value.into(),
            tag,
            style: ScalarStyle::Plain,
            place: Place::default(),
            twin: 0,
            open_tag: false,
        }
    }
}

impl Node {
    /// A string scalar.
    #[must_use]
    pub fn string(value: impl Into<Text>) -> Self {
        Self::Scalar(Scalar::string(value))
    }

    /// The null scalar.
    #[must_use]
    pub fn null() -> Self {
        Self::Scalar(Scalar::new("null", Tag::Null))
    }

    /// An empty mapping.
    #[must_use]
    pub fn mapping() -> Self {
        Self::Mapping(Mapping::default())
    }

    /// Whether this is the null scalar.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(Scalar { tag: Tag::Null, .. }))
    }

    /// The scalar, when it is one.
    #[must_use]
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match self {
            Self::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The scalar's text, whatever its tag.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.as_scalar().map(|scalar| scalar.value.as_str())
    }

    /// The text of a scalar with the string tag.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar().filter(|scalar| scalar.tag == Tag::Str).map(|scalar| scalar.value.as_str())
    }

    /// The mapping, when it is one.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match self {
            Self::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The mapping, to change, when it is one.
    pub fn as_mapping_mut(&mut self) -> Option<&mut Mapping> {
        match self {
            Self::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The list's elements, when it is one.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        match self {
            Self::Sequence(sequence) => Some(&sequence.items),
            _ => None,
        }
    }

    /// The list's elements, to change, when it is one.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Node>> {
        match self {
            Self::Sequence(sequence) => Some(&mut sequence.items),
            _ => None,
        }
    }

    /// A field of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }

    /// A field of a mapping, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_mapping_mut()?.get_mut(key)
    }

    /// A field at a path of mappings.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Where the node was written.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Scalar(scalar) => scalar.place,
            Self::Sequence(sequence) => sequence.place,
            Self::Mapping(mapping) => mapping.place,
        }
    }
}

impl Mapping {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|entry| entry.key.value == key).map(|entry| &mut entry.value)
    }

    /// Sets a key: in place when it is there, else at the end.
    pub fn set(&mut self, key: &str, value: Node) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => self.push(key, value),
        }
    }

    /// Adds a key that is not there yet.
    pub fn push(&mut self, key: &str, value: Node) {
        self.entries.push(Entry { key: Scalar::string(key), value });
    }

    /// Takes a key out, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let index = self.entries.iter().position(|entry| entry.key.value == key)?;
        Some(self.entries.remove(index).value)
    }

    /// The value of a key, made by `make` at the end when it is absent.
    pub fn entry(&mut self, key: &str, make: impl FnOnce() -> Node) -> &mut Node {
        let index = self.entries.iter().position(|entry| entry.key.value == key).unwrap_or_else(|| {
            self.push(key, make());
            self.entries.len() - 1
        });
        &mut self.entries[index].value
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|entry| (entry.key.value.as_str(), &entry.value))
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

impl From<Mapping> for Node {
    fn from(mapping: Mapping) -> Self {
        Self::Mapping(mapping)
    }
}

impl From<Vec<Node>> for Node {
    fn from(items: Vec<Node>) -> Self {
        Self::Sequence(Sequence { items, flow: false, place: Place::default() })
    }
}
