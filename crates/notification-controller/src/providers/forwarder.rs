//! generic and generic-hmac: the event itself.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, SetupError, Target, address};
use crate::event::Event;
use crate::{go_json, hex};

/// Posts the event, signed where there is a signature.
pub(super) async fn post(
    target: &Target<'_>,
    event: &Event,
    signature: Option<String>,
) -> Result<(), PostError> {
    let url = address::hook(&target.address)
        .map_err(|cause| SetupError(format!("invalid hook URL {}: {cause}", target.address)))?;
    let mut outgoing =
        Outgoing::json(url, event).header("gotk-component", event.reporting_controller.as_str());
    outgoing.extra = target.secrets.headers.clone().into_iter().collect();
    outgoing.extra.extend(signature.map(|signature| ("x-signature".to_owned(), signature)));
    let sent = post_message(&target.client, &outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}

/// Posts the event with `X-Signature: sha256=<HMAC of the body by the token>`.
pub(super) async fn post_signed(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    if target.token.is_empty() {
        return Err(SetupError("HMAC key is empty".to_owned()).into());
    }
    let bad = |_| SetupError("HMAC key cannot be used".to_owned());
    let mut mac = Hmac::<Sha256>::new_from_slice(target.token.as_bytes()).map_err(bad)?;
    mac.update(go_json::marshal(event).as_bytes());
    let signature = format!("sha256={}", hex::encode(&mac.finalize().into_bytes()));
    post(target, event, Some(signature)).await
}
