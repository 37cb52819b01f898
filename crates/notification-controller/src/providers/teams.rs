//! Microsoft Teams: Adaptive Cards, and MessageCards for the retired connectors.

use serde_json::{Value, json};
use url::Url;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, Target, address, facts};
use crate::event::Event;

/// Posts a card.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = address::hook_of("MS Teams webhook URL", &target.address)?;
    let card = if is_connector(&url) { message_card(event) } else { adaptive_card(event) };
    let sent = post_message(&target.client, &Outgoing::json(url, &card)).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}

fn is_connector(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.ends_with(".webhook.office.com"))
}

fn message_card(event: &Event) -> Value {
    let facts: Vec<_> = facts(event).map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": if event.is_error() { "FF0000" } else { "0076D7" },
        "summary": event.object_name(),
        "sections": [{ "activityTitle": event.message, "activitySubtitle": event.object_name(), "facts": facts }],
    })
}

fn adaptive_card(event: &Event) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{ "type": "Container", "items": items(event) }],
                "msteams": { "width": "Full" },
            },
        }],
    })
}

fn items(event: &Event) -> [Value; 3] {
    let title = json!({
        "type": "TextBlock", "text": event.object_name(), "size": "large", "weight": "bolder", "wrap": true,
    });
    let mut message = json!({ "type": "TextBlock" });
    if !event.message.is_empty() {
        message["text"] = event.message.as_str().into();
    }
    if event.is_error() {
        message["color"] = "attention".into();
    }
    message["wrap"] = true.into();
    let mut set = json!({ "type": "FactSet" });
    let facts = sorted_facts(event);
    if !facts.is_empty() {
        set["facts"] = facts.into();
    }
    [title, message, set]
}

/// The summary first, the rest by key.
fn sorted_facts(event: &Event) -> Vec<Value> {
    let (first, rest): (Vec<_>, Vec<_>) = facts(event).partition(|(key, _)| *key == "summary");
    let all = first.into_iter().chain(rest);
    all.map(|(title, value)| json!({ "title": title, "value": value })).collect()
}
