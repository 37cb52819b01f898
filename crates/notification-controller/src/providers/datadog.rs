//! Datadog: an event.

use serde_json::json;

use super::outgoing::{Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address, facts};
use crate::event::Event;
use crate::go_json;

/// Posts an event; only scheme and host of the address count.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    if target.token.is_empty() {
        return Err(SetupError("token cannot be empty".to_owned()).into());
    }
    let bad = |_| SetupError(format!("failed to parse address \"{}\"", target.address));
    let mut url = address::hook(&target.address).map_err(bad)?;
    url.set_path("/api/v1/events");
    url.set_query(None);
    let object = &event.involved_object;
    let payload = json!({
        "alert_type": if event.is_error() { "error" } else { "info" },
        "date_happened": event.timestamp.map_or(-62_135_596_800, |time| time.as_second()),
        "source_type_name": "fluxcd",
        "tags": tags(event),
        "text": event.message,
        "title": format!("Events from the {} {}/{}", object.kind, object.name, object.namespace),
    });
    let outgoing = Outgoing::json(url, &payload)
        .body(format!("{}\n", go_json::marshal(&payload)))
        .header("accept", "application/json")
        .header("dd-api-key", target.token.as_str());
    let answer = send(&target.client, &outgoing).await;
    let answer = answer.map_err(|error| error.within("failed to post event to DataDog"))?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(SendError(format!("failed to post event to DataDog: {}", answer.status)).into())
}

fn tags(event: &Event) -> Vec<String> {
    let object = &event.involved_object;
    let own = [
        ("flux_reporting_controller", &event.reporting_controller),
        ("flux_reason", &event.reason),
        ("kube_kind", &object.kind),
        ("kube_name", &object.name),
        ("kube_namespace", &object.namespace),
    ];
    let own = own.map(|(key, value)| format!("{key}:{value}"));
    let all = own.into_iter().chain(facts(event).map(|(key, value)| format!("{key}:{value}")));
    all.map(|tag| tag.to_lowercase()).collect()
}
