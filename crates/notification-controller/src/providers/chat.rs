//! Google Chat, Lark, Matrix, Telegram and Webex: a text of head, message and metadata in the form of each.

use http::Method;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use url::Url;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, SetupError, Target, address, facts};
use crate::event::Event;
use crate::{go_json, hex};

async fn send(target: &Target<'_>, outgoing: &Outgoing) -> Result<(), PostError> {
    let sent = post_message(&target.client, outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}

/// Google Chat: a card of the first version.
pub(super) async fn google(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let bad = |_| SetupError(format!("invalid Google Chat hook URL {}", target.address));
    let url = address::hook(&target.address).map_err(bad)?;
    let text = match event.is_error() {
        true => format!("<font color=\"#ff0000\">{}</font>", event.message),
        false => event.message.clone(),
    };
    let message = json!({ "textParagraph": { "text": text }, "keyValue": null });
    let mut sections = vec![json!({ "header": "", "widgets": [message] })];
    if !event.metadata.is_empty() {
        let widgets: Vec<_> = facts(event).map(|(key, value)| key_value(key, value)).collect();
        sections.push(json!({ "header": "", "widgets": widgets }));
    }
    let header = json!({
        "title": event.object_name(), "subtitle": event.reporting_controller, "imageUrl": null, "imageStyle": null,
    });
    let cards = json!({ "cards": [{ "header": header, "sections": sections }] });
    send(target, &Outgoing::json(url, &cards)).await
}

fn key_value(key: &str, value: &str) -> Value {
    let pair = json!({
        "topLabel": key, "content": value, "contentMultiline": false, "bottomLabel": null, "icon": null,
    });
    json!({ "textParagraph": null, "keyValue": pair })
}

/// Lark: an interactive card.
pub(super) async fn lark(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let bad = |_| SetupError(format!("invalid Slack hook URL {}", target.address));
    let url = address::hook(&target.address).map_err(bad)?;
    let lines: String = facts(event).map(|(key, value)| format!("{key}: {value}\n")).collect();
    let card = json!({
        "config": { "wide_screen_mode": true },
        "header": {
            "title": { "tag": "plain_text", "content": format!("{} {}", emoji(event), event.object_name()) },
            "template": if event.is_error() { "red" } else { "turquoise" },
        },
        "elements": [{
            "tag": "div",
            "text": { "tag": "lark_md", "content": format!("**{}**\n\n{lines}", event.message) },
        }],
    });
    let outgoing = Outgoing::json(url, &json!({ "msg_type": "interactive", "card": card }));
    post_message(&target.client, &outgoing).await.map(drop)
}

fn emoji(event: &Event) -> &'static str {
    if event.is_error() { "🚨" } else { "💫" }
}

/// Matrix: a text message; its transaction is named by the event, so that a repeated one shows once.
pub(super) async fn matrix(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    address::hook_of("Matrix homeserver URL", &target.address)?;
    let transaction = hex::encode(&Sha1::digest(go_json::marshal(event)));
    let path = format!("_matrix/client/r0/rooms/{}/send/m.room.message/{transaction}", target.channel);
    let url = address::hook_of(
        "Matrix homeserver URL",
        &format!("{}/{path}", target.address.trim_end_matches('/')),
    )?;
    let lines: String = facts(event).map(|(key, value)| format!("- {key}: {value}\n")).collect();
    let text = format!("{} {}\n{}\n{lines}", emoji(event), event.object_name(), event.message);
    let mut outgoing =
        Outgoing::json(url, &json!({ "body": text, "msgtype": "m.text" })).bearer(&target.token);
    outgoing.method = Method::PUT;
    send(target, &outgoing).await
}

/// Telegram: MarkdownV2; the channel may name a thread after a colon. `spec.address` is not used.
pub(super) async fn telegram(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let empty = |what: &str| SetupError(format!("empty Telegram {what}"));
    if target.channel.is_empty() {
        return Err(empty("channel").into());
    }
    if target.token.is_empty() {
        return Err(empty("token").into());
    }
    let url = Url::parse(&format!("https://api.telegram.org/bot{}/sendMessage", target.token));
    let url = url.map_err(|_| SetupError("failed to construct API URL".to_owned()))?;
    let (chat, thread) = match target.channel.split_once(':') {
        Some((chat, thread)) => (chat, Some(thread)),
        None => (target.channel.as_str(), None),
    };
    let mut payload = json!({ "chat_id": chat });
    if let Some(thread) = thread.filter(|thread| !thread.is_empty()) {
        payload["message_thread_id"] = thread.into();
    }
    payload["text"] = telegram_text(event).into();
    payload["parse_mode"] = "MarkdownV2".into();
    post_message(&target.client, &Outgoing::json(url, &payload)).await.map(drop)
}

fn telegram_text(event: &Event) -> String {
    let object = &event.involved_object;
    let head =
        format!("{} {}/{}/{}", emoji(event), object.kind.to_lowercase(), object.name, object.namespace);
    let lines = facts(event).map(|(key, value)| format!("\\- *{}*: {}\n", escaped(key), escaped(value)));
    format!("*{}*\n{}\n{}", escaped(&head), escaped(&event.message), lines.collect::<String>())
}

/// The characters MarkdownV2 takes for its own.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.-_[]()~>`#+=|{}!*".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Webex: Markdown into a room.
pub(super) async fn webex(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = address::hook_of("Webex hook URL", &target.address)?;
    let emoji = if event.is_error() { "💣" } else { "✅" };
    let lines: String = facts(event).map(|(key, value)| format!(">**{key}**: {value}\n")).collect();
    let markdown = format!("{emoji} **{}**\n{}\n{lines}", event.object_name(), event.message);
    let mut payload = json!({});
    if !target.channel.is_empty() {
        payload["roomId"] = target.channel.as_str().into();
    }
    payload["markdown"] = markdown.into();
    send(target, &Outgoing::json(url, &payload).bearer(&target.token)).await
}
