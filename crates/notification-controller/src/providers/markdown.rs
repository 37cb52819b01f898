//! An event as Markdown.

use super::facts;
use crate::event::Event;

/// For comments and Zulip.
pub(super) fn post(event: &Event) -> String {
    let sign = if event.is_error() { "⚠️" } else { "ℹ️" };
    let object = &event.involved_object;
    let shown = facts(event).filter(|(key, _)| *key != "change_request");
    let lines: String = shown.map(|(key, value)| format!("* `{key}`: {value}\n")).collect();
    format!(
        "## Flux Status\n\n{sign} {}/{}/{}\n\n{}\n\nMetadata:\n{lines}",
        object.kind, object.namespace, object.name, event.message
    )
}
