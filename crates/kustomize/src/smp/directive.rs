use manifest::yaml::Node;

use super::{MergeError, keyed::Keyed};

/// The field that holds a directive.
pub(super) const KEY: &str = "$patch";

/// What a patch does to what it is laid over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

fn parse(text: &str) -> Result<Directive, MergeError> {
    match text {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        _ => Err(MergeError::Directive(text.to_owned())),
    }
}

/// Takes `$patch` out of a mapping.
pub(super) fn take_directive(patch: &mut Node) -> Result<Directive, MergeError> {
    let Some(mapping) = patch.as_mapping_mut() else { return Ok(Directive::Merge) };
    let Some(value) = mapping.get(KEY) else { return Ok(Directive::Merge) };
    let directive = parse(value.text().unwrap_or_default())?;
    mapping.remove(KEY);
    Ok(directive)
}

/// Takes the element `$patch: …` out of a list. One that has other fields too is about itself, not the list.
pub(super) fn take_list_directive(patch: &mut Vec<Node>) -> Result<Directive, MergeError> {
    let Some(element) = patch.iter().find(|element| element.get(KEY).is_some()) else {
        return Ok(Directive::Merge);
    };
    if element.as_mapping().is_some_and(|mapping| mapping.len() > 1) {
        return Ok(Directive::Merge);
    }
    let text = element.get(KEY).and_then(Node::text).unwrap_or_default().to_owned();
    let directive = parse(&text)?;
    let mut list = Keyed::scanned(std::mem::take(patch), &[KEY]);
    list.set(None, &[text.into()])?;
    *patch = list.into_items();
    Ok(directive)
}
