//! Sentry: failures as events, the rest as transactions, in an envelope.

use http::Method;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, SetupError, Target};
use crate::event::{Event, rfc3339};
use crate::{go_json, random};

/// How we call ourselves.
const CLIENT: &str = concat!("sluice/", env!("CARGO_PKG_VERSION"));

/// Posts an envelope to the project of the DSN.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    if target.address.is_empty() {
        return Err(SetupError("DSN cannot be empty".to_owned()).into());
    }
    let (url, key) = endpoint(&target.address)?;
    if !matches!(event.severity.as_str(), "info" | "error") {
        return Ok(());
    }
    let id = random::hex(16);
    let item = if event.is_error() { failure(target, event, &id) } else { transaction(target, event, &id) };
    let kind = if event.is_error() { "event" } else { "transaction" };
    let item = go_json::marshal(&item);
    let head = json!({ "event_id": id, "sent_at": now(), "dsn": target.address, "sdk": sdk() });
    let frame = json!({ "type": kind, "length": item.len() });
    let body = format!("{}\n{}\n{item}\n", go_json::marshal(&head), go_json::marshal(&frame));
    let login = format!("Sentry sentry_version=7, sentry_client={CLIENT}, sentry_key={key}");
    let outgoing = Outgoing::new(Method::POST, url)
        .header("content-type", "application/x-sentry-envelope")
        .header("x-sentry-auth", login)
        .body(body);
    post_message(&target.client, &outgoing).await.map(drop)
}

fn now() -> String {
    rfc3339(Timestamp::now())
}

/// `https://<key>@<host>/<path>/<project>`.
fn endpoint(dsn: &str) -> Result<(Url, String), SetupError> {
    let bad = |cause: &str| SetupError(format!("[Sentry] DsnParseError: {cause}"));
    let mut url = Url::parse(dsn).map_err(|_| bad("invalid url"))?;
    let key = url.username().to_owned();
    if key.is_empty() || !matches!(url.scheme(), "http" | "https") {
        return Err(bad("empty username or invalid scheme"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let (before, project) = path
        .rsplit_once('/')
        .filter(|(_, project)| !project.is_empty())
        .ok_or_else(|| bad("empty project id"))?;
    url.set_path(&format!("{before}/api/{project}/envelope/"));
    // These fail only for URLs that cannot have a user at all.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok((url, key))
}

fn sdk() -> Value {
    json!({ "name": "sluice", "version": env!("CARGO_PKG_VERSION") })
}

fn summary(event: &Event) -> String {
    let object = &event.involved_object;
    format!("{}: {}/{}", object.kind, object.namespace, object.name)
}

fn time(event: &Event) -> Value {
    event.timestamp.map_or(Value::Null, |time| rfc3339(time).into())
}

fn common(target: &Target<'_>, event: &Event, id: &str) -> Map<String, Value> {
    let mut item = Map::new();
    if !target.channel.is_empty() {
        item.insert("environment".into(), target.channel.as_str().into());
    }
    item.insert("event_id".into(), id.into());
    item.insert("level".into(), if event.is_error() { "error" } else { "info" }.into());
    item.insert("message".into(), event.message.as_str().into());
    item.insert("platform".into(), "other".into());
    item.insert("sdk".into(), sdk());
    item.insert("timestamp".into(), time(event));
    item.insert("transaction".into(), summary(event).into());
    item
}

fn failure(target: &Target<'_>, event: &Event, id: &str) -> Map<String, Value> {
    let mut item = common(target, event, id);
    item.insert("server_name".into(), event.reporting_controller.as_str().into());
    item.insert("contexts".into(), json!({ "metadata": event.metadata }));
    item
}

fn transaction(target: &Target<'_>, event: &Event, id: &str) -> Map<String, Value> {
    let object = &event.involved_object;
    let own = [
        ("flux_involved_object_kind", &object.kind),
        ("flux_involved_object_namespace", &object.namespace),
        ("flux_involved_object_name", &object.name),
        ("flux_reporting_controller", &event.reporting_controller),
        ("flux_reporting_instance", &event.reporting_instance),
        ("flux_reason", &event.reason),
    ];
    let mut tags: std::collections::BTreeMap<String, String> =
        own.iter().map(|(key, value)| ((*key).to_owned(), (*value).clone())).collect();
    tags.extend(event.metadata.clone());
    let (trace, span) = (random::hex(16), random::hex(8));
    let mut item = common(target, event, id);
    item.insert("type".into(), "transaction".into());
    item.insert("start_timestamp".into(), time(event));
    let spans = json!([{
        "trace_id": trace, "span_id": span, "op": "event", "start_timestamp": time(event), "timestamp": time(event),
        "origin": "manual", "tags": tags,
    }]);
    item.insert("spans".into(), spans);
    item.insert("tags".into(), json!(tags));
    item.insert("contexts".into(), json!({ "trace": { "op": "event", "span_id": span, "trace_id": trace } }));
    item
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn the_project_is_the_last_part_of_the_address() {
        let (url, key) = endpoint("https://k@h:9000/sub/42").unwrap();
        assert_eq!((url.as_str(), key.as_str()), ("https://h:9000/sub/api/42/envelope/", "k"));
        assert!(endpoint("https://h/42").is_err() && endpoint("https://k@h/").is_err());
    }
}
