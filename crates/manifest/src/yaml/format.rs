use crate::yaml::{Dialect, Mapping, Node, Scalar, ScalarStyle, Sequence, Tag, emit::Emitter, resolve_plain};

/// How a tree is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatOptions {
    /// Spaces a level, at least 2.
    pub indent: usize,
    /// Lists stand at the column of their key, as kyaml prints them; otherwise one level deeper.
    pub compact_lists: bool,
}

impl Default for FormatOptions {
    /// kyaml's: 2 spaces, compact lists.
    fn default() -> Self {
        Self { indent: 2, compact_lists: true }
    }
}

/// Prints a tree as go-yaml v3 does with kyaml's settings: order and styles kept, nothing folded.
#[must_use]
pub fn format_node(node: &Node, options: FormatOptions) -> String {
    let mut out = String::new();
    let mut printer = Printer { emitter: Emitter::new(&mut out, usize::MAX, false), options };
    printer.node(node, None, Parent::Root);
    printer.emitter.finish();
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Root,
    Mapping,
    Sequence,
}

struct Printer<'a> {
    emitter: Emitter<'a>,
    options: FormatOptions,
}

impl Printer<'_> {
    fn node(&mut self, node: &Node, indent: Option<usize>, parent: Parent) {
        let flow = self.emitter.flow_level > 0;
        match node {
            Node::Scalar(scalar) => self.scalar(scalar, self.deeper(indent, parent), false),
            Node::Sequence(list) if flow || list.flow || list.items.is_empty() => self.flow_sequence(list),
            Node::Mapping(map) if flow || map.flow || map.is_empty() => self.flow_mapping(map),
            Node::Sequence(list) => {
                let compact =
                    parent == Parent::Mapping && !self.emitter.is_indention() && self.options.compact_lists;
                let inner = self.block_indent(indent, parent) - if compact { 2 } else { 0 };
                self.sequence(list, inner);
            }
            Node::Mapping(map) => self.mapping(map, self.block_indent(indent, parent)),
        }
    }

    fn block_indent(&self, indent: Option<usize>, parent: Parent) -> usize {
        indent.map_or(0, |_| self.deeper(indent, parent))
    }

    /// One level deeper: past the `- ` of a list, else the next multiple of the indentation.
    fn deeper(&self, indent: Option<usize>, parent: Parent) -> usize {
        let step = self.options.indent;
        match (indent, parent) {
            (Some(indent), Parent::Sequence) => indent + 2,
            (Some(indent), _) => step * ((indent + step) / step),
            (None, _) => step,
        }
    }

    fn sequence(&mut self, list: &Sequence, indent: usize) {
        for item in &list.items {
            self.emitter.write_indent(indent);
            self.emitter.indicator("-", true, false, true);
            self.node(item, Some(indent), Parent::Sequence);
        }
    }

    fn mapping(&mut self, map: &Mapping, indent: usize) {
        for entry in &map.entries {
            self.emitter.write_indent(indent);
            self.key(&entry.key, indent);
            self.node(&entry.value, Some(indent), Parent::Mapping);
        }
    }

    fn key(&mut self, key: &Scalar, indent: usize) {
        if key.value.len() <= 128 && !self.emitter.analyze(&key.value).multiline {
            self.scalar(key, indent, true);
            self.emitter.indicator(":", false, false, false);
            return;
        }
        self.emitter.indicator("?", true, false, true);
        self.scalar(key, indent + self.options.indent, false);
        self.emitter.write_indent(indent);
        self.emitter.indicator(":", true, false, true);
    }

    fn flow_sequence(&mut self, list: &Sequence) {
        self.emitter.indicator("[", true, true, false);
        self.emitter.flow_level += 1;
        for (index, item) in list.items.iter().enumerate() {
            if index > 0 {
                self.emitter.indicator(",", false, false, false);
            }
            self.node(item, Some(0), Parent::Sequence);
        }
        self.emitter.flow_level -= 1;
        self.emitter.indicator("]", false, false, false);
    }

    fn flow_mapping(&mut self, map: &Mapping) {
        self.emitter.indicator("{", true, true, false);
        self.emitter.flow_level += 1;
        for (index, entry) in map.entries.iter().enumerate() {
            if index > 0 {
                self.emitter.indicator(",", false, false, false);
            }
            self.scalar(&entry.key, 0, true);
            self.emitter.indicator(":", false, false, false);
            self.node(&entry.value, Some(0), Parent::Mapping);
        }
        self.emitter.flow_level -= 1;
        self.emitter.indicator("}", false, false, false);
    }

    fn scalar(&mut self, scalar: &Scalar, indent: usize, key: bool) {
        let text = scalar.value.as_str();
        let analysis = self.emitter.analyze(text);
        self.emitter.scalar(text, analysis, style(scalar), indent, key);
    }
}

/// The style a scalar was written in, unless its text would then be read as something else.
fn style(scalar: &Scalar) -> ScalarStyle {
    match (scalar.style, &scalar.tag) {
        (ScalarStyle::Plain, _) if scalar.value.contains('\n') => ScalarStyle::Literal,
        (ScalarStyle::Plain, Tag::Str) if resolve_plain(Dialect::Kyaml, &scalar.value) != Tag::Str => {
            ScalarStyle::DoubleQuoted
        }
        (style, _) => style,
    }
}
