//! Opsgenie: an alert whose alias lets repeated ones fall together.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::outgoing::{Outgoing, post_message};
use super::{PostError, SetupError, Target, address};
use crate::event::Event;
use crate::hex;

/// Posts an alert.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = address::hook_of("Opsgenie hook URL", &target.address)?;
    if target.token.is_empty() {
        return Err(SetupError("empty Opsgenie apikey/token".to_owned()).into());
    }
    let object = &event.involved_object;
    let mut details = event.metadata.clone();
    details.insert("severity".to_owned(), event.severity.clone());
    let alias = [target.provider_uid, &object.kind, &object.namespace, &object.name, &event.reason].join("/");
    let alert = json!({
        "message": format!("{}/{}", object.kind, object.name),
        "alias": hex::encode(&Sha256::digest(alias)),
        "description": event.message,
        "details": details,
    });
    let outgoing = Outgoing::json(url, &alert).header("authorization", format!("GenieKey {}", target.token));
    let sent = post_message(&target.client, &outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}
