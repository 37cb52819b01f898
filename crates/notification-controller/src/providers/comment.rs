//! One comment an object on a change request, found again by a hidden mark.

use super::{SetupError, Target, markdown};
use crate::event::Event;

/// The mark and the whole comment.
pub(super) struct Comment {
    /// Found in the comment that is to be changed.
    pub(super) mark: String,
    /// The text.
    pub(super) body: String,
}

/// The comment for an event; `prefix` tells the kinds of change requests apart.
pub(super) fn of(target: &Target<'_>, event: &Event, prefix: &str) -> Result<Comment, SetupError> {
    if target.provider_uid.is_empty() {
        return Err(SetupError("provider UID cannot be empty".to_owned()));
    }
    let object = &event.involved_object;
    let key = [target.provider_uid, &object.kind, &object.namespace, &object.name].join("/");
    let mark = format!("<!-- {prefix}:{key} -->");
    let body = format!("{mark}\n\n{}", markdown::post(event));
    Ok(Comment { mark, body })
}
