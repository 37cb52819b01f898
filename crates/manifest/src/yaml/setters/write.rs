use crate::yaml::{
    Dialect, ScalarStyle, Tag, resolve_plain,
    setters::{
        place::{indicator, is_block},
        walk::Spot,
    },
};

/// Bytes and what stands there instead.
pub(super) struct Splice {
    start: usize,
    end: usize,
    text: String,
}

/// What gives the scalar its new value. A block scalar becomes one line: its content goes, the comment stays.
pub(super) fn splices(text: &str, scalar: &Spot, new: &str) -> Vec<Splice> {
    let written = scalar_text(scalar.style, new);
    if !is_block(scalar) {
        return vec![Splice { start: scalar.start, end: scalar.end, text: written }];
    }
    let head = scalar.start + indicator(&text[scalar.start..]);
    let first = Splice { start: scalar.start, end: head, text: written };
    let Some(line) = text[head..scalar.end].find('\n') else { return vec![first] };
    let (start, content) = (head + line + 1, &text[head + line + 1..scalar.end]);
    // Lines behind the last one with text are not the scalar's own to look at.
    let kept = content.trim_end_matches([' ', '\t', '\r', '\n']).len();
    let end = content[kept..].find('\n').map_or(content.len(), |at| kept + at + 1);
    vec![first, Splice { start, end: start + end, text: String::new() }]
}

/// A text as it is written in that style; one that would not be read as this text gets double quotes.
#[must_use]
pub fn scalar_text(style: ScalarStyle, new: &str) -> String {
    let simple = !new.chars().any(|c| c.is_control() || c == '\u{85}' || c == '\u{2028}' || c == '\u{2029}');
    match style {
        ScalarStyle::SingleQuoted if simple => format!("'{}'", new.replace('\'', "''")),
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded if is_plain(new) => new.to_owned(),
        // Text in JSON's quotes is YAML too.
        _ => serde_json::Value::from(new).to_string(),
    }
}

/// Whether the bare text is read as itself, by readers of YAML 1.1 and 1.2, in lists and mappings of any style.
fn is_plain(new: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let inner = |c: char| word(c) || matches!(c, '.' | '-' | '/' | ':' | '@' | '+');
    new.starts_with(word)
        && new.ends_with(word)
        && new.chars().all(inner)
        && [Dialect::Sigs, Dialect::Kyaml].iter().all(|dialect| resolve_plain(*dialect, new) == Tag::Str)
}

/// The text with the splices, which stand in order and apart.
pub(super) fn spliced(text: &str, splices: &[Splice]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for splice in splices {
        out.push_str(&text[done..splice.start]);
        out.push_str(&splice.text);
        done = splice.end;
    }
    out.push_str(&text[done..]);
    out
}
