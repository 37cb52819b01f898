use crate::yaml::{ScalarStyle, setters::walk::Spot};

/// The comments that can speak of a scalar: the one on its line, then the one above it.
pub(super) fn comments<'t>(text: &'t str, scalar: &Spot) -> impl Iterator<Item = &'t str> {
    [on_its_line(text, scalar), above(text, scalar)].into_iter().flatten()
}

/// The comment behind the scalar; in a flow collection one comma may stand between. That of a block scalar stands
/// behind its indicator.
fn on_its_line<'t>(text: &'t str, scalar: &Spot) -> Option<&'t str> {
    let end = if is_block(scalar) { scalar.start + indicator(&text[scalar.start..]) } else { scalar.end };
    let rest = line(text.get(end..)?);
    let blank = |text: &'t str| text.trim_start_matches([' ', '\t']);
    let before = blank(rest);
    let comment = match before.strip_prefix(',').filter(|_| scalar.in_flow) {
        Some(after) => blank(after),
        None => before,
    };
    // A hash that follows other text without a space is part of that text.
    let apart = comment.len() < rest.len();
    Some(comment).filter(|comment| comment.starts_with('#') && apart)
}

/// The one comment line directly above, where the scalar begins its line or is the element that a dash begins.
fn above<'t>(text: &'t str, scalar: &Spot) -> Option<&'t str> {
    let begin = text[..scalar.begin].rfind('\n').map_or(0, |at| at + 1);
    let lead = text[begin..scalar.begin].trim_start_matches([' ', '\t']);
    let lead = lead.strip_prefix('-').unwrap_or(lead);
    if !lead.trim_matches([' ', '\t']).is_empty() {
        return None;
    }
    let mut lines = text[..begin].lines().rev().map(str::trim);
    let comment = lines.next().filter(|line| line.starts_with('#'))?;
    // Several lines are one comment, which is no marker.
    (!lines.next().is_some_and(|line| line.starts_with('#'))).then_some(comment)
}

pub(super) fn is_block(scalar: &Spot) -> bool {
    matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// Bytes of a block scalar's indicator: `|`, `>-`, `|2+`.
pub(super) fn indicator(text: &str) -> usize {
    text.find(|c: char| !matches!(c, '|' | '>' | '+' | '-' | '0'..='9')).unwrap_or(text.len())
}

/// The text up to the end of its first line.
fn line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default()
}
