//! Zulip: a form posted to a stream and topic.

use http::Method;
use url::Url;

use super::address::form_value;
use super::outgoing::{Outgoing, post_message};
use super::{PostError, SetupError, Target, markdown};
use crate::event::Event;

/// Posts to `<stream>/<topic>`.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let bad = |_| SetupError("invalid Zulip endpoint URL".to_owned());
    let mut url = Url::parse(&target.address).map_err(bad)?;
    url.set_path("/api/v1/messages");
    let pair =
        target.channel.split_once('/').filter(|(stream, topic)| !stream.is_empty() && !topic.is_empty());
    let (stream, topic) = pair.ok_or_else(|| {
        let channel = &target.channel;
        SetupError(format!("invalid Zulip channel format, expected <channel>/<topic>, got '{channel}'"))
    })?;
    let content = markdown::post(event);
    let form = [("content", content.as_str()), ("to", stream), ("topic", topic), ("type", "stream")];
    let form: Vec<_> = form.iter().map(|(key, value)| format!("{key}={}", form_value(value))).collect();
    let mut outgoing = Outgoing::new(Method::POST, url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.join("&"));
    if !target.username.is_empty() || !target.password.is_empty() {
        outgoing = outgoing.basic(&target.username, &target.password);
    }
    post_message(&target.client, &outgoing).await.map(drop)
}
