//! What the reference tool's own printing and reading of a resource, on its way to JSON, does to values.

use manifest::yaml::{Mapping, Node, Scalar, ScalarStyle, Tag, YamlCause, YamlError};
use serde_json::Value;

/// Brings a resource into the state that the reference tool gives out.
///
/// # Errors
/// When a mapping below the root has a key that is no string.
pub(crate) fn settle(node: &mut Node) -> Result<(), YamlError> {
    match node {
        Node::Mapping(root) => root.entries.iter_mut().try_for_each(|entry| {
            let flow = root.flow;
            settle_value(&mut entry.value, flow)
        }),
        other => settle_value(other, false),
    }
}

fn settle_value(node: &mut Node, flow: bool) -> Result<(), YamlError> {
    match node {
        Node::Scalar(scalar) => {
            settle_scalar(scalar, flow);
            Ok(())
        }
        Node::Sequence(list) => {
            let flow = flow || list.flow;
            list.items.iter_mut().try_for_each(|item| settle_value(item, flow))
        }
        Node::Mapping(mapping) => {
            check_keys(mapping)?;
            let flow = flow || mapping.flow;
            mapping.entries.iter_mut().try_for_each(|entry| settle_value(&mut entry.value, flow))
        }
    }
}

fn check_keys(mapping: &Mapping) -> Result<(), YamlError> {
    let odd = mapping.entries.iter().find(|entry| !matches!(entry.key.tag, Tag::Str | Tag::Merge));
    match odd {
        Some(entry) => {
            let place = entry.key.place;
            Err(YamlError::at(place.line, place.column, YamlCause::Key("it must be a string".to_owned())))
        }
        None => Ok(()),
    }
}

fn settle_scalar(scalar: &mut Scalar, flow: bool) {
    if flow && scalar.tag == Tag::Timestamp && scalar.value.contains(':') {
        // It needs quotes between brackets, and is then a string.
        scalar.tag = Tag::Str;
    }
    if flow && scalar.tag == Tag::Null && scalar.value.is_empty() {
        // So does nothing at all.
        scalar.tag = Tag::Str;
    }
    if !flow && scalar.style == ScalarStyle::Folded && can_be_folded(&scalar.value) {
        scalar.value = refolded(&scalar.value).into();
    }
}

/// Whether the printer writes a text as a `>` block; it takes quotes otherwise.
fn can_be_folded(text: &str) -> bool {
    text.contains('\n') && !text.contains(" \n") && !text.ends_with(' ') && !text.contains('\r')
}

/// A text after it is printed as a `>` block and read again. The printer looks for an indented line at the start of
/// the text instead of at the next line, so that line breaks are added or lost around indented lines.
fn refolded(text: &str) -> String {
    let is_blank = |line: &str| line.starts_with([' ', '\t']);
    let starts_blank = is_blank(text.trim_start_matches('\n'));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\n') {
        let line = &rest[..at];
        let after = rest[at..].trim_start_matches('\n');
        let breaks = rest.len() - at - after.len();
        let printed = breaks + usize::from(!line.is_empty() && !is_blank(line) && !starts_blank);
        out.push_str(line);
        push_breaks(&mut out, line, after, breaks, printed);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The breaks that are read where `printed` ones stand between two lines.
fn push_breaks(out: &mut String, line: &str, after: &str, breaks: usize, printed: usize) {
    let is_blank = |line: &str| line.is_empty() || line.starts_with([' ', '\t']);
    let read = match (after.is_empty(), breaks) {
        // One break at the end is what a block without a mark has.
        (true, 1) => 1,
        (true, _) => printed,
        (false, _) if is_blank(line) || is_blank(after) => printed,
        (false, _) => printed - 1,
    };
    if read == 0 {
        out.push(' ');
    }
    out.extend(std::iter::repeat_n('\n', read));
}

/// The character U+0085, which JSON takes for any other and YAML for a line break: the reference tool writes the one
/// and reads the other, so that it is folded with the spaces around it.
const NEXT_LINE: char = '\u{85}';

/// Folds every [`NEXT_LINE`] of a value.
///
/// # Errors
/// When a key holds one: a key has one line.
pub(crate) fn fold_next_lines(value: &mut Value) -> Result<(), YamlError> {
    match value {
        Value::String(text) => {
            if text.contains(NEXT_LINE) {
                *text = next_lines_folded(text);
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(fold_next_lines),
        Value::Object(map) => {
            if map.keys().any(|key| key.contains(NEXT_LINE)) {
                let cause = YamlCause::Syntax("did not find expected ',' or '}'".to_owned());
                return Err(YamlError::at(1, 0, cause));
            }
            map.values_mut().try_for_each(fold_next_lines)
        }
        _ => Ok(()),
    }
}

fn next_lines_folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(NEXT_LINE) {
        out.push_str(rest[..at].trim_end_matches(' '));
        let after = rest[at..].trim_start_matches([' ', NEXT_LINE]);
        let breaks = rest[at..rest.len() - after.len()].matches(NEXT_LINE).count();
        match breaks {
            1 => out.push(' '),
            _ => out.extend(std::iter::repeat_n('\n', breaks - 1)),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{next_lines_folded, refolded};

    #[test]
    fn next_lines_are_folded_with_the_spaces_around_them() {
        for (text, expect) in [
            ("x\u{85}y", "x y"),
            ("\u{85}", " "),
            ("x \u{85} y", "x y"),
            ("x\u{85} \u{85}y\u{85}", "x\ny "),
            ("a\n\u{85}b\t\u{85}c", "a\n b\t c"),
        ] {
            assert_eq!(next_lines_folded(text), expect, "{text:?}");
        }
    }

    #[test]
    fn indented_lines_gain_a_break_and_others_keep_theirs() {
        for (text, expect) in [
            ("a\nb\n", "a\nb\n"),
            ("a\n\nb", "a\n\nb"),
            ("a\n  b\nc\n", "a\n\n  b\nc\n"),
            ("a\n\n", "a\n\n\n"),
            (" a\nb\nc\n", " a\nb c\n"),
        ] {
            assert_eq!(refolded(text), expect, "{text:?}");
        }
    }
}
