use crate::yaml::{Dialect, ScalarStyle, Tag, resolve_plain, timestamp::parse_timestamp};

/// What a text allows its writer to do; the rules are libyaml's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Analysis {
    pub(crate) multiline: bool,
    pub(crate) flow_plain: bool,
    pub(crate) block_plain: bool,
    pub(crate) single_quoted: bool,
    pub(crate) block: bool,
}

#[derive(Default)]
struct Findings {
    block_indicators: bool,
    flow_indicators: bool,
    line_breaks: bool,
    special: bool,
    tabs: bool,
    edge_blank: bool,
    trailing_space: bool,
    break_space: bool,
    space_break: bool,
}

/// Looks at every character once. `tabs_special` is go-yaml v2's view, where a tab forces double quotes.
pub(crate) fn analyze(text: &str, tabs_special: bool) -> Analysis {
    if text.is_empty() {
        return Analysis { block_plain: true, single_quoted: true, ..Analysis::default() };
    }
    let mut found = Findings::default();
    if text.starts_with("---") || text.starts_with("...") {
        found.block_indicators = true;
        found.flow_indicators = true;
    }
    scan(text, tabs_special, &mut found);
    conclude(&found)
}

fn conclude(found: &Findings) -> Analysis {
    let broken = found.space_break || found.special;
    let plain = !(found.edge_blank || found.break_space || broken || found.tabs || found.line_breaks);
    Analysis {
        multiline: found.line_breaks,
        flow_plain: plain && !found.flow_indicators,
        block_plain: plain && !found.block_indicators,
        single_quoted: !(found.break_space || broken || found.tabs),
        block: !(found.trailing_space || broken),
    }
}

fn scan(text: &str, tabs_special: bool, found: &mut Findings) {
    let (mut previous_space, mut previous_break, mut after_blank) = (false, false, true);
    for (at, c) in text.char_indices() {
        let next = text.as_bytes().get(at + c.len_utf8());
        let last = next.is_none();
        let before_blank = matches!(next, None | Some(b' ' | b'\t'));
        indicators(c, at == 0, after_blank, before_blank, found);
        if c == '\t' && !tabs_special {
            found.tabs = true;
        } else if !is_printable(c) {
            found.special = true;
        }
        let (space, line_break) = (c == ' ', is_break(c));
        found.edge_blank |= (space || line_break) && (at == 0 || last);
        found.trailing_space |= space && last;
        found.break_space |= space && previous_break;
        found.space_break |= line_break && previous_space;
        found.line_breaks |= line_break;
        (previous_space, previous_break) = (space, line_break);
        after_blank = space || line_break || c == '\t' || c == '\0';
    }
}

fn indicators(c: char, first: bool, after_blank: bool, before_blank: bool, found: &mut Findings) {
    let (flow, block) = match c {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
            if first =>
        {
            (true, true)
        }
        '?' if first => (true, before_blank),
        '-' if first => (before_blank, before_blank),
        ',' | '?' | '[' | ']' | '{' | '}' => (true, false),
        ':' => (true, before_blank),
        '#' => (after_blank, after_blank),
        _ => (false, false),
    };
    found.flow_indicators |= flow;
    found.block_indicators |= block;
}

/// Go's reading of "printable": no tab, nothing beyond the basic plane.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// What ends a line for libyaml.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a string can stand unquoted and still be read as a string by `dialect` (dates are quoted in both).
pub(crate) fn reads_as_string(dialect: Dialect, text: &str) -> bool {
    match resolve_plain(dialect, text) {
        Tag::Merge => true,
        Tag::Str => !is_base60(text) && parse_timestamp(text).is_none(),
        _ => false,
    }
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`: a number to YAML 1.1, quoted for other readers.
fn is_base60(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !rest.starts_with(|c: char| c.is_ascii_digit()) || !rest.contains(':') {
        return false;
    }
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let mut parts = whole.split(':');
    let head = parts.next().unwrap_or_default();
    let digit = |c: char| c.is_ascii_digit() || c == '_';
    head.chars().all(digit) && fraction.chars().all(digit) && parts.all(is_sixty)
}

fn is_sixty(part: &str) -> bool {
    match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => matches!(ten, b'0'..=b'5') && one.is_ascii_digit(),
        _ => false,
    }
}

/// The style go-yaml chooses for a string of a Go value: literal for several lines, quotes where it must.
#[must_use]
pub fn string_style(dialect: Dialect, text: &str) -> ScalarStyle {
    if text.contains('\n') {
        ScalarStyle::Literal
    } else if reads_as_string(dialect, text) {
        ScalarStyle::Plain
    } else {
        ScalarStyle::DoubleQuoted
    }
}
