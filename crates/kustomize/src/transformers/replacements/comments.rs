//! Comments of a document that is printed again: what stood above, behind or below a line stands there still.

use std::collections::BTreeMap;

use manifest::yaml::{DuplicateKeys, Entry, Node, ScalarStyle};

use super::find::document;

/// `printed` is `old`, which was written as `original`, after a change. A comment for which no place is found is left
/// out; so are all, should they change what the text says.
pub(super) fn keep(original: &str, old: &Node, printed: String) -> String {
    if !original.contains('#') {
        return printed;
    }
    let Some(new) = document(&printed) else { return printed };
    let lines: Vec<&str> = printed.lines().collect();
    let with = Comments::of(original, old, &new, &lines).print(&lines);
    let says = |node: &Node| node.to_json(DuplicateKeys::Refuse).ok();
    match document(&with) {
        Some(again) if says(&again) == says(&new) => with,
        _ => printed,
    }
}

/// A line with content of the original, and where it is printed.
struct Anchor {
    line: usize,
    printed: usize,
    /// The text goes on below: what looks like a comment there is none.
    opaque: bool,
    /// What stands below is its value.
    opens: bool,
    /// Columns from the start of the line to what ends with it: a mapping in a list has a dash before.
    inside: usize,
}

/// A run of comment lines of one column.
struct Block<'t> {
    lines: Vec<&'t str>,
    column: usize,
    /// A blank line stands before or behind.
    blank: (bool, bool),
}

/// Lines to print, by the printed line that they belong to, from 0.
#[derive(Default)]
struct Comments {
    above: BTreeMap<usize, Vec<String>>,
    below: BTreeMap<usize, Vec<String>>,
    behind: BTreeMap<usize, String>,
}

impl Comments {
    fn of(original: &str, old: &Node, new: &Node, printed: &[&str]) -> Self {
        let lines: Vec<&str> = original.lines().collect();
        let mut anchors = Vec::new();
        pair(old, new, &mut anchors);
        anchors.retain(|anchor| anchor.line < lines.len() && anchor.printed < printed.len());
        anchors.sort_by_key(|anchor| anchor.line);
        anchors.dedup_by_key(|anchor| anchor.line);
        let mut comments = Self::default();
        comments.head(&lines, &anchors, printed);
        for (at, anchor) in anchors.iter().enumerate().filter(|(_, anchor)| !anchor.opaque) {
            if let Some(text) = behind(lines[anchor.line]) {
                comments.behind.insert(anchor.printed, text.to_owned());
            }
            let next = anchors.get(at + 1);
            let end = next.map_or(lines.len(), |next| next.line);
            comments.between((&lines, printed), (anchor, next), blocks(&lines[anchor.line + 1..end]));
        }
        comments
    }

    /// What stands above everything, a blank line below it included.
    fn head(&mut self, lines: &[&str], anchors: &[Anchor], printed: &[&str]) {
        let Some(first) = anchors.first() else { return };
        let blocks = blocks(&lines[..first.line]).unwrap_or_default();
        let gap = blocks.last().is_some_and(|block| block.blank.1);
        let above = self.above.entry(first.printed).or_default();
        above.extend(joined(&blocks, column(printed[first.printed])));
        if gap {
            above.push(String::new());
        }
    }

    fn between(
        &mut self,
        (lines, printed): (&[&str], &[&str]),
        (anchor, next): (&Anchor, Option<&Anchor>),
        blocks: Option<Vec<Block<'_>>>,
    ) {
        let mut blocks = blocks.unwrap_or_default();
        let below = next.map_or(0, |next| column(lines[next.line]));
        let is_deeper = |block: &Block<'_>| block.column > below;
        let is_foot = |block: &Block<'_>| {
            !anchor.opens && !block.blank.0 && (block.blank.1 || next.is_none() || is_deeper(block))
        };
        while blocks.first().is_some_and(is_foot) {
            let foot = blocks.remove(0);
            // A foot of what encloses the line stands like what follows.
            let own = column(printed[anchor.printed]) + anchor.inside;
            let like = next.map_or(0, |next| column(printed[next.printed]));
            let indent = if is_deeper(&foot) { own } else { like };
            let into = self.below.entry(anchor.printed).or_default();
            into.extend(foot.lines.iter().map(|line| format!("{}{line}", " ".repeat(indent))));
            // Deeper lines end their mapping: no line is left free behind them.
            if next.is_none() || indent == like {
                into.push(String::new());
            }
        }
        let (into, like) = match next {
            Some(next) => (self.above.entry(next.printed), next),
            None => (self.below.entry(anchor.printed), anchor),
        };
        into.or_default().extend(joined(&blocks, column(printed[like.printed])));
    }

    fn print(&self, lines: &[&str]) -> String {
        let mut out: Vec<String> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            out.extend(self.above.get(&at).into_iter().flatten().cloned());
            match self.behind.get(&at) {
                Some(comment) => out.push(format!("{line} {comment}")),
                None => out.push((*line).to_owned()),
            }
            out.extend(self.below.get(&at).into_iter().flatten().cloned());
        }
        out.join("\n").trim().to_owned()
    }
}

/// Blocks with a blank line between those that had one.
fn joined(blocks: &[Block<'_>], column: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 && block.blank.0 {
            lines.push(String::new());
        }
        lines.extend(block.lines.iter().map(|line| format!("{}{line}", " ".repeat(column))));
    }
    lines
}

/// The comments of lines that hold nothing else; `None` when they hold something else.
fn blocks<'t>(lines: &[&'t str]) -> Option<Vec<Block<'t>>> {
    let mut blocks: Vec<Block<'t>> = Vec::new();
    let mut blank = false;
    for line in lines {
        let text = line.trim();
        if text.is_empty() {
            blank = true;
            if let Some(last) = blocks.last_mut() {
                last.blank.1 = true;
            }
            continue;
        }
        if !text.starts_with('#') {
            return None;
        }
        match blocks.last_mut().filter(|last| !blank && last.column == column(line)) {
            Some(last) => last.lines.push(text),
            None => blocks.push(Block { lines: vec![text], column: column(line), blank: (blank, false) }),
        }
        blank = false;
    }
    Some(blocks)
}

fn column(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The comment at the end of a line, which no quotes enclose.
fn behind(line: &str) -> Option<&str> {
    let (mut quote, mut before, mut escaped) = (None, ' ', false);
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open && !escaped => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') && matches!(before, ' ' | '[' | '{' | ',') => quote = Some(c),
            None if c == '#' && before == ' ' => return Some(line[at..].trim_end()),
            None => {}
        }
        escaped = quote == Some('"') && c == '\\' && !escaped;
        before = c;
    }
    None
}

/// The lines of what is in both trees.
fn pair(old: &Node, new: &Node, anchors: &mut Vec<Anchor>) {
    match (old, new) {
        (Node::Mapping(old), Node::Mapping(new)) => {
            // A change adds keys at the end, if anywhere.
            let same = |(entry, same): &(&Entry, &Entry)| entry.key.value == same.key.value;
            for (entry, same) in old.entries.iter().zip(&new.entries).filter(same) {
                let lines = (entry.key.place.line, same.key.place.line);
                push(lines, &entry.value, 0, anchors);
                pair(&entry.value, &same.value, anchors);
            }
        }
        (Node::Sequence(old), Node::Sequence(new)) => {
            for (item, same) in old.items.iter().zip(&new.items) {
                let inside = if matches!(item, Node::Mapping(mapping) if !mapping.flow) { 2 } else { 0 };
                push((item.place().line, same.place().line), item, inside, anchors);
                pair(item, same, anchors);
            }
        }
        _ => {}
    }
}

fn push((line, printed): (u32, u32), value: &Node, inside: usize, anchors: &mut Vec<Anchor>) {
    let opens = !matches!(value, Node::Scalar(_)) && value.place().line > line;
    let opaque = is_opaque(value, line);
    if let (Some(line), Some(printed)) = (line.checked_sub(1), printed.checked_sub(1)) {
        anchors.push(Anchor { line: line as usize, printed: printed as usize, opaque, opens, inside });
    }
}

fn is_opaque(value: &Node, line: u32) -> bool {
    let Node::Scalar(scalar) = value else { return false };
    let block = matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded);
    block || scalar.value.contains('\n') || scalar.place.line > line
}
