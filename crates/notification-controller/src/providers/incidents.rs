//! Zoom and incident.io, which Flux has after 2.9.

use serde_json::json;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, SetupError, Target, address, facts};
use crate::event::Event;

/// Zoom Team Chat: a message with fields.
pub(super) async fn zoom(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let mut url = address::hook_of("Zoom incoming webhook URL", &target.address)?;
    if target.token.is_empty() {
        return Err(SetupError("empty Zoom verification token".to_owned()).into());
    }
    let mut query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if !query.iter().any(|(key, value)| key == "format" && !value.is_empty()) {
        query.retain(|(key, _)| key != "format");
        query.push(("format".to_owned(), "full".to_owned()));
        query.sort();
        let pairs: Vec<_> = query
            .iter()
            .map(|(key, value)| [key, value].map(|text| address::form_value(text)).join("="))
            .collect();
        url.set_query(Some(&pairs.join("&")));
    }
    let mut body = vec![json!({ "type": "message", "text": event.message })];
    if !event.metadata.is_empty() {
        let items: Vec<_> = facts(event).map(|(key, value)| json!({ "key": key, "value": value })).collect();
        body.push(json!({ "type": "fields", "items": items }));
    }
    let head = json!({ "text": event.object_name(), "sub_head": { "text": event.severity } });
    let content = json!({ "content": { "head": head, "body": body } });
    let outgoing = Outgoing::json(url, &content).header("authorization", target.token.as_str());
    let sent = post_message(&target.client, &outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}

/// incident.io: an alert that a later success resolves.
pub(super) async fn incident_io(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = address::hook_of("incident.io alert source URL", &target.address)?;
    if target.token.is_empty() {
        return Err(SetupError("empty incident.io API token".to_owned()).into());
    }
    if event.is_progressing() {
        return Ok(());
    }
    let mut metadata = event.metadata.clone();
    metadata.insert("severity".to_owned(), event.severity.clone());
    metadata.insert("reason".to_owned(), event.reason.clone());
    if !event.reporting_controller.is_empty() {
        metadata.insert("reportingController".to_owned(), event.reporting_controller.clone());
    }
    let mut alert = json!({
        "title": format!("{}: {}", event.object_name(), event.reason),
        "status": if event.is_error() { "firing" } else { "resolved" },
        "deduplication_key": event.involved_object.uid,
    });
    if !event.message.is_empty() {
        alert["description"] = event.message.as_str().into();
    }
    alert["metadata"] = json!(metadata);
    let outgoing = Outgoing::json(url, &alert).bearer(&target.token);
    let sent = post_message(&target.client, &outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}
