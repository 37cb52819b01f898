//! OpenTelemetry: one span an event, all of a revision in one trace; OTLP over HTTP with protobuf.

use http::Method;
use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::outgoing::{Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address, facts};
use crate::event::Event;

/// Sampled, and the parent is known to be remote.
const FLAGS: u32 = 0x301;
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.34.0";
const SCOPE: &str = "flux:notification-controller";

/// Posts one span.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let mut url = address::hook(&target.address).map_err(SetupError)?;
    if event.involved_object.kind == "HelmRepository" {
        return Ok(());
    }
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    let mut outgoing = Outgoing::new(Method::POST, url)
        .header("content-type", "application/x-protobuf")
        .body(request(target, event, Timestamp::now()).0);
    let headers = &target.secrets.headers;
    if !headers.is_empty() && !headers.contains_key("Authorization") {
        let password = target.token_or_password();
        outgoing = match (target.username.as_str(), password) {
            ("", password) => outgoing.bearer(password),
            (_, "") => outgoing,
            (username, password) => outgoing.basic(username, password),
        };
    }
    outgoing.extra = headers.clone().into_iter().collect();
    let answer = send(&target.client, &outgoing).await?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(SendError(format!("failed to send spans: {}", answer.status)).into())
}

/// Alert and revision are one trace.
fn trace(alert_uid: &str, event: &Event) -> [u8; 16] {
    let get = |key: &str| event.metadata.get(key);
    let revision = match (get("app-version"), get("oci-digest"), get("revision")) {
        (Some(version), Some(digest), _) => format!("{version}@{digest}"),
        (_, _, Some(revision)) => revision.clone(),
        _ => "unknown".to_owned(),
    };
    let hash: [u8; 32] = Sha256::digest(format!("{alert_uid}:{revision}")).into();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    id
}

/// ExportTraceServiceRequest { ResourceSpans { Resource, ScopeSpans { Scope, Span }, schema_url } }.
fn request(target: &Target<'_>, event: &Event, now: Timestamp) -> Message {
    let alert = &target.alert.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, name) = (text(&alert.namespace), text(&alert.name));
    let resource = Message::default()
        .message(1, &attribute("service.instance.id", &text(&alert.uid)))
        .message(1, &attribute("service.name", &format!("{namespace}/{name}")))
        .message(1, &attribute("service.namespace", &namespace));
    let scope = Message::default().text(1, SCOPE);
    let scoped = Message::default().message(1, &scope).message(2, &span(target, event, now));
    let spans = Message::default().message(1, &resource).message(2, &scoped).text(3, SCHEMA);
    Message::default().message(1, &spans)
}

fn span(target: &Target<'_>, event: &Event, now: Timestamp) -> Message {
    let object = &event.involved_object;
    let start = event.timestamp.unwrap_or(now);
    let mut span = Message::default()
        .bytes(1, &trace(target.alert.metadata.uid.as_deref().unwrap_or_default(), event))
        .bytes(2, &rand::random::<[u8; 8]>())
        .text(5, &format!("{}: {}/{}", object.kind, object.namespace, object.name))
        .number(6, 1)
        .fixed64(7, nanoseconds(start))
        .fixed64(8, nanoseconds(now));
    let own = [
        ("object.uid", &object.uid),
        ("object.kind", &object.kind),
        ("object.name", &object.name),
        ("object.namespace", &object.namespace),
    ];
    for (key, value) in own {
        span = span.message(9, &attribute(key, value));
    }
    for (key, value) in facts(event) {
        span = span.message(9, &attribute(key, value));
    }
    // A message is told for failures only.
    let status = match event.is_error() {
        true => Message::default().text(2, &event.message).number(3, 2),
        false => Message::default().number(3, 1),
    };
    span.message(15, &status).fixed32(16, FLAGS)
}

fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or_default()
}

/// KeyValue { key, AnyValue { string_value } }.
fn attribute(key: &str, value: &str) -> Message {
    let value = Message::default().bytes(1, value.as_bytes());
    Message::default().text(1, key).message(2, &value)
}

/// A protobuf message as it is written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.tag(field, 0);
        self.varint(value);
        self
    }

    fn fixed64(mut self, field: u64, value: u64) -> Self {
        self.tag(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn fixed32(mut self, field: u64, value: u32) -> Self {
        self.tag(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.tag(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// An empty text is not written.
    fn text(self, field: u64, value: &str) -> Self {
        if value.is_empty() { self } else { self.bytes(field, value.as_bytes()) }
    }

    fn message(self, field: u64, value: &Message) -> Self {
        self.bytes(field, &value.0)
    }
}
