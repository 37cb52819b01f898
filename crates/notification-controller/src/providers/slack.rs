//! Slack, Rocket.Chat and Discord: Slack's attachments.

use serde::Serialize;
use url::Url;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, SendError, Target, address, facts};
use crate::event::Event;

/// The one address that answers 200 to everything and says in the body how it went.
const CHAT_API: &str = "https://slack.com/api/chat.postMessage";

#[derive(Serialize)]
struct Payload<'a> {
    channel: &'a str,
    username: &'a str,
    icon_url: &'a str,
    icon_emoji: &'a str,
    attachments: [Attachment<'a>; 1],
}

#[derive(Serialize)]
struct Attachment<'a> {
    fallback: String,
    color: &'a str,
    author_name: String,
    text: &'a str,
    mrkdwn_in: [&'a str; 1],
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Field<'a> {
    title: &'a str,
    value: &'a str,
    short: bool,
}

/// The username of the spec, else the name of the controller.
fn username<'a>(target: &'a Target<'_>, event: &'a Event) -> &'a str {
    if target.username.is_empty() { &event.reporting_controller } else { &target.username }
}

fn attachment<'a>(event: &'a Event, colors: (&'a str, &'a str)) -> Attachment<'a> {
    let fields = facts(event).map(|(title, value)| Field { title, value, short: false });
    Attachment {
        fallback: String::new(),
        color: if event.is_error() { colors.1 } else { colors.0 },
        author_name: event.object_name(),
        text: &event.message,
        mrkdwn_in: ["text"],
        fields: fields.collect(),
    }
}

fn payload<'a>(channel: &'a str, username: &'a str, attachment: Attachment<'a>) -> Payload<'a> {
    Payload { channel, username, icon_url: "", icon_emoji: "", attachments: [attachment] }
}

/// Slack: a webhook, or the chat API with a token.
pub(super) async fn slack(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = address::hook_of("Slack hook URL", &target.address)?;
    let mut attachment = attachment(event, ("good", "danger"));
    let first = event.message.split('\n').next().unwrap_or_default();
    attachment.fallback = format!("{}: {first}", attachment.author_name);
    let mut outgoing = Outgoing::json(url, &payload(&target.channel, username(target, event), attachment));
    if !target.token.is_empty() {
        outgoing = outgoing.bearer(&target.token);
    }
    let answer =
        post_message(&target.client, &outgoing).await.map_err(|error| error.within("postMessage failed"))?;
    if target.address == CHAT_API {
        check(&answer.body)?;
    }
    Ok(())
}

fn check(body: &[u8]) -> Result<(), SendError> {
    let failed = |cause: &str| Err(SendError(format!("postMessage failed: request failed: {cause}")));
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body) else {
        return failed("unable to unmarshal response body");
    };
    if answer["ok"] == true {
        return Ok(());
    }
    failed(&format!("Slack responded with error: {}", answer["error"].as_str().unwrap_or_default()))
}

/// Rocket.Chat.
pub(super) async fn rocket(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = address::hook_of("Rocket hook URL", &target.address)?;
    let attachment = attachment(event, ("#0076D7", "#FF0000"));
    let payload = payload(&target.channel, &target.username, attachment);
    post(target, &Outgoing::json(url, &payload)).await
}

/// Discord, which takes Slack's form at `/slack`.
pub(super) async fn discord(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = slack_form(address::hook_of("Discord hook URL", &target.address)?, &target.address);
    let attachment = attachment(event, ("good", "danger"));
    post(target, &Outgoing::json(url, &payload("", username(target, event), attachment))).await
}

fn slack_form(mut url: Url, address: &str) -> Url {
    if !address.ends_with("/slack") {
        let path = format!("{}/slack", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url
}

async fn post(target: &Target<'_>, outgoing: &Outgoing) -> Result<(), PostError> {
    let sent = post_message(&target.client, outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn the_chat_api_says_in_the_body_how_it_went() {
        assert!(check(br#"{"ok":true}"#).is_ok());
        let error = check(br#"{"ok":false,"error":"channel_not_found"}"#).unwrap_err().to_string();
        assert!(error.ends_with("Slack responded with error: channel_not_found"), "{error}");
        assert!(check(b"<html>").is_err());
    }
}
