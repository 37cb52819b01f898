use std::{fmt::Write, ops::Range};

use crate::yaml::{
    ScalarStyle,
    scalar::{Analysis, analyze, is_break, is_printable},
};

/// Writes scalars, indicators and line breaks as libyaml's emitter does in go-yaml.
pub(crate) struct Emitter<'a> {
    out: &'a mut String,
    column: usize,
    /// The last thing written was white space.
    whitespace: bool,
    /// Only indentation and `-`, `?`, `:` stand on this line so far.
    indention: bool,
    pub(crate) flow_level: usize,
    /// Column after which long texts are folded.
    width: usize,
    /// go-yaml v2's view of tabs (see [`analyze`]).
    tabs_special: bool,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(out: &'a mut String, width: usize, tabs_special: bool) -> Self {
        Self { out, column: 0, whitespace: true, indention: true, flow_level: 0, width, tabs_special }
    }

    /// Whether only indentation stands on the line so far.
    pub(crate) fn is_indention(&self) -> bool {
        self.indention
    }

    /// Whether the line is longer than the width.
    pub(crate) fn is_wide(&self) -> bool {
        self.column > self.width
    }

    pub(crate) fn analyze(&self, text: &str) -> Analysis {
        analyze(text, self.tabs_special)
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_text(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.indention = true;
    }

    fn write_break(&mut self, c: char) {
        if c == '\n' {
            self.put_break();
        } else {
            self.out.push(c);
            self.column = 0;
            self.indention = true;
        }
    }

    /// Moves to `indent`, on a new line unless this one is still blank.
    pub(crate) fn write_indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    /// Ends the document's last line.
    pub(crate) fn finish(&mut self) {
        self.write_indent(0);
    }

    /// Writes `-`, `:`, a bracket and the like.
    pub(crate) fn indicator(&mut self, text: &str, need_space: bool, is_space: bool, is_indention: bool) {
        if need_space && !self.whitespace {
            self.put(' ');
        }
        self.put_text(text);
        self.whitespace = is_space;
        self.indention = self.indention && is_indention;
    }

    /// Writes a scalar in `style`, or the nearest one that can hold the text. `indent` is where continued lines
    /// begin; `key` forbids line breaks.
    pub(crate) fn scalar(
        &mut self,
        text: &str,
        analysis: Analysis,
        style: ScalarStyle,
        indent: usize,
        key: bool,
    ) {
        match self.possible_style(text, analysis, style, key) {
            ScalarStyle::Plain => self.plain(text, indent, !key),
            ScalarStyle::SingleQuoted => self.single_quoted(text, indent, !key),
            ScalarStyle::DoubleQuoted => self.double_quoted(text, indent, !key),
            ScalarStyle::Literal => self.literal(text, indent),
            ScalarStyle::Folded => self.folded(text, indent),
        }
    }

    fn possible_style(&self, text: &str, analysis: Analysis, style: ScalarStyle, key: bool) -> ScalarStyle {
        let flow = self.flow_level > 0;
        let mut style = if key && analysis.multiline { ScalarStyle::DoubleQuoted } else { style };
        if style == ScalarStyle::Plain {
            let allowed = if flow { analysis.flow_plain } else { analysis.block_plain };
            if !allowed || (text.is_empty() && (flow || key)) {
                style = ScalarStyle::SingleQuoted;
            }
        }
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let no_single = style == ScalarStyle::SingleQuoted && !analysis.single_quoted;
        if no_single || (block && (!analysis.block || flow || key)) {
            style = ScalarStyle::DoubleQuoted;
        }
        style
    }

    fn plain(&mut self, text: &str, indent: usize, breaks: bool) {
        if !self.whitespace && !text.is_empty() {
            self.put(' ');
        }
        self.folding_text(text, indent, breaks, 0..text.len());
        if !text.is_empty() {
            self.whitespace = false;
        }
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, indent: usize, breaks: bool) {
        self.indicator("'", true, false, false);
        let text = text.replace('\'', "''");
        self.folding_text(&text, indent, breaks, 1..text.len().saturating_sub(1));
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// The body of plain and single-quoted scalars: with `breaks`, lone spaces at the places of `foldable` that
    /// stand beyond the width become line breaks.
    fn folding_text(&mut self, text: &str, indent: usize, breaks: bool, foldable: Range<usize>) {
        let (mut after_space, mut after_break) = (false, false);
        for (at, c) in text.char_indices() {
            if c == ' ' {
                let lone = !after_space && !text[at + 1..].starts_with(' ');
                if breaks && lone && self.is_wide() && foldable.contains(&at) {
                    self.write_indent(indent);
                } else {
                    self.put(c);
                }
                after_space = true;
            } else if is_break(c) {
                if !after_break && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                after_break = true;
            } else {
                if after_break {
                    self.write_indent(indent);
                }
                self.put(c);
                self.indention = false;
                after_space = false;
                after_break = false;
            }
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, breaks: bool) {
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        let last = text.len() - usize::from(!text.is_empty());
        // go-yaml asks of each character whether the text begins with a byte order mark.
        let marked = text.starts_with('\u{feff}');
        for (at, c) in text.char_indices() {
            if marked || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                if breaks && !spaces && self.is_wide() && at > 0 && at < last {
                    self.write_indent(indent);
                    if text[at + 1..].starts_with(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                self.indention = false;
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => return self.escape_code(u32::from(c)),
        };
        self.put('\\');
        self.put(short);
    }

    fn escape_code(&mut self, code: u32) {
        let start = self.out.len();
        let written = match code {
            0..=0xff => write!(self.out, "\\x{code:02X}"),
            0x100..=0xffff => write!(self.out, "\\u{code:04X}"),
            _ => write!(self.out, "\\U{code:08X}"),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        self.column += self.out.len() - start;
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.indicator("|", true, false, false);
        self.block_hints(text);
        self.put_break();
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.write_indent(indent);
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    fn folded(&mut self, text: &str, indent: usize) {
        self.indicator(">", true, false, false);
        self.block_hints(text);
        self.put_break();
        self.whitespace = true;
        let (mut breaks, mut leading) = (true, true);
        let starts_blank =
            text.trim_start_matches(is_break).starts_with([' ', '\t']) || text.chars().all(is_break);
        for (at, c) in text.char_indices() {
            if is_break(c) {
                if !breaks && !leading && c == '\n' && !starts_blank {
                    self.put_break();
                }
                self.write_break(c);
                breaks = true;
                continue;
            }
            if breaks {
                self.write_indent(indent);
                leading = c == ' ' || c == '\t';
            }
            if !breaks && c == ' ' && self.is_wide() && !text[at + 1..].starts_with(' ') {
                self.write_indent(indent);
            } else {
                self.put(c);
            }
            self.indention = false;
            breaks = false;
        }
    }

    fn block_hints(&mut self, text: &str) {
        if text.starts_with(|c: char| c == ' ' || is_break(c)) {
            self.indicator("2", false, false, false);
        }
        let mut ending = text.chars().rev();
        let chomp = match (ending.next(), ending.next()) {
            (Some(last), before) if is_break(last) => {
                if before.is_none_or(is_break) {
                    "+"
                } else {
                    return;
                }
            }
            _ => "-",
        };
        self.indicator(chomp, false, false, false);
    }
}
