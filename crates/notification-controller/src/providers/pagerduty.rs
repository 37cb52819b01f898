//! PagerDuty: an incident that a later success resolves, and a change event for each success.

use serde_json::{Value, json};
use url::Url;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, Target, address};
use crate::event::{Event, rfc3339};

/// Posts to both APIs; only scheme and host of the address count.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let endpoint = address::hook_of("PagerDuty endpoint URL", &target.address)?;
    if event.is_progressing() {
        return Ok(());
    }
    send(target, &endpoint, "/v2/enqueue", &incident(target, event), "failed sending event").await?;
    if event.severity == "info" {
        let change = change(target, event);
        send(target, &endpoint, "/v2/change/enqueue", &change, "failed sending change event").await?;
    }
    Ok(())
}

async fn send(
    target: &Target<'_>,
    endpoint: &Url,
    path: &str,
    body: &Value,
    what: &str,
) -> Result<(), PostError> {
    let mut url = endpoint.clone();
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    post_message(&target.client, &Outgoing::json(url, body))
        .await
        .map(drop)
        .map_err(|error| error.within(what))
}

fn summary(event: &Event) -> String {
    let (name, description) = event.name_and_description();
    format!("{description}: {name}")
}

fn time(event: &Event) -> String {
    event.timestamp.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339)
}

fn details(event: &Event) -> Value {
    json!({ "message": event.message, "metadata": event.metadata })
}

fn incident(target: &Target<'_>, event: &Event) -> Value {
    let mut incident = json!({
        "routing_key": target.channel,
        "event_action": if event.is_error() { "trigger" } else { "resolve" },
    });
    if !event.involved_object.uid.is_empty() {
        incident["dedup_key"] = event.involved_object.uid.as_str().into();
    }
    if event.is_error() {
        incident["payload"] = json!({
            "summary": summary(event),
            "source": format!("Flux {}", event.reporting_controller),
            "severity": "error",
            "timestamp": time(event),
            "component": event.involved_object.name,
            "group": event.involved_object.kind,
            "custom_details": details(event),
        });
    }
    incident
}

fn change(target: &Target<'_>, event: &Event) -> Value {
    json!({
        "routing_key": target.channel,
        "payload": {
            "summary": summary(event),
            "source": format!("Flux {}", event.reporting_controller),
            "timestamp": time(event),
            "custom_details": details(event),
        },
    })
}
