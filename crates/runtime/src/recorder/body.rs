use std::collections::BTreeMap;

use api::meta::{FluxObject, annotations};
use k8s_openapi::api::core::v1::{Event as CoreEvent, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::host;
use crate::event::{Event, Severity};

/// One event in its two forms.
pub(super) struct Message {
    pub(super) core: CoreEvent,
    /// None where only Kubernetes is told.
    pub(super) posted: Option<Posted>,
}

/// The JSON that notification-controller takes (`fluxcd/pkg/apis/event/v1beta1`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Posted {
    pub(super) involved_object: ObjectReference,
    severity: &'static str,
    timestamp: Time,
    message: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    reporting_controller: &'static str,
    reporting_instance: String,
}

/// The longest message of a core/v1 event (its validation: 1 kB).
const MAX_CORE_MESSAGE: usize = 1024;

/// The most of it that the lines below the message take.
const MAX_DETAIL: usize = 600;

pub(super) fn message<K: FluxObject>(object: &K, event: Event, controller: &'static str) -> Message {
    let own = reference(object);
    let metadata = metadata(object, &event);
    let target = event.on.as_deref().cloned().unwrap_or_else(|| own.clone());
    let core = core(target, &event, &metadata, controller);
    let told = event.severity != Severity::Trace && event.on.is_none();
    let posted = told.then(|| Posted {
        involved_object: own,
        severity: if event.severity == Severity::Error { "error" } else { "info" },
        timestamp: Time(Timestamp::now()),
        message: event.message,
        reason: event.reason.as_str(),
        metadata,
        reporting_controller: controller,
        reporting_instance: host(),
    });
    Message { core, posted }
}

fn reference<K: FluxObject>(object: &K) -> ObjectReference {
    let meta = object.meta();
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        field_path: None,
    }
}

/// Keys without a group get the object's; annotations `event.toolkit.fluxcd.io/...` are copied as they are.
fn metadata<K: FluxObject>(object: &K, event: &Event) -> BTreeMap<String, String> {
    let group = K::group(&());
    let annotations = object.meta().annotations.iter().flatten();
    let copied = annotations.filter(|(key, _)| key.starts_with(annotations::EVENT_PREFIX));
    let mut metadata: BTreeMap<String, String> =
        copied.map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in &event.metadata {
        let key = if key.contains('/') { key.clone() } else { format!("{group}/{key}") };
        metadata.insert(key, value.clone());
    }
    metadata
}

pub(super) fn core(
    target: ObjectReference,
    event: &Event,
    metadata: &BTreeMap<String, String>,
    controller: &'static str,
) -> CoreEvent {
    let now = Time(Timestamp::now());
    let mut core = CoreEvent::default();
    let name = target.name.as_deref().unwrap_or("unknown");
    core.metadata.name = Some(format!("{}.{:016x}", event_name(name), rand::random::<u64>()));
    core.metadata.namespace = Some(target.namespace.clone().unwrap_or_else(|| "default".to_owned()));
    core.metadata.annotations = (!metadata.is_empty()).then(|| metadata.clone());
    core.involved_object = target;
    core.type_ = Some(if event.severity == Severity::Error { "Warning" } else { "Normal" }.to_owned());
    core.reason = Some(event.reason.as_str().to_owned());
    core.message = Some(text(event));
    core.source = Some(EventSource { component: Some(controller.to_owned()), host: None });
    core.reporting_component = Some(controller.to_owned());
    core.reporting_instance = Some(String::new());
    core.first_timestamp = Some(now.clone());
    core.last_timestamp = Some(now);
    core.count = Some(1);
    core
}

/// The message and the lines below it. The lines are what helps at night: a long message gives way to them.
fn text(event: &Event) -> String {
    if event.detail.is_empty() {
        return cut(&event.message, MAX_CORE_MESSAGE).to_owned();
    }
    let detail = event.detail.join("\n");
    let detail = cut(&detail, MAX_DETAIL);
    format!("{}\n{detail}", cut(event.message.trim_end(), MAX_CORE_MESSAGE - 1 - detail.len()))
}

/// Names of events are stricter than those of some objects (`system:node`).
fn event_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = cut(name, 200)
        .split('.')
        .map(|part| part.chars().map(plain).collect::<String>())
        .collect::<Vec<_>>()
        .join(".");
    let name = name.trim_matches(['-', '.']).replace("-.", ".").replace(".-", ".");
    if name.is_empty() { "event".to_owned() } else { name }
}

fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::message;
    use crate::event::Event;
    use api::meta::Reason;
    use api::source::v1::GitRepository;
    use k8s_openapi::api::core::v1::ObjectReference;
    use serde_json::json;

    fn object() -> GitRepository {
        let mut object = GitRepository::new("repo", Default::default());
        object.metadata.namespace = Some("ns".into());
        object.metadata.uid = Some("u".into());
        object.metadata.resource_version = Some("7".into());
        let annotations =
            [("event.toolkit.fluxcd.io/team".to_owned(), "blue".to_owned()), ("x".into(), "y".into())];
        object.metadata.annotations = Some(annotations.into());
        object
    }

    #[test]
    fn metadata_has_the_group_and_the_objects_own_keys() {
        let event = Event::info(Reason::Succeeded, "done").with("revision", "r").with("other.io/k", "v");
        let message = message(&object(), event, "source-controller");
        let expected = json!({"event.toolkit.fluxcd.io/team": "blue", "other.io/k": "v",
            "source.toolkit.fluxcd.io/revision": "r"});
        assert_eq!(serde_json::to_value(message.core.metadata.annotations).unwrap(), expected);
        let posted = serde_json::to_value(message.posted.unwrap()).unwrap();
        assert_eq!(posted["metadata"], expected);
        assert_eq!((&posted["severity"], &posted["reason"]), (&json!("info"), &json!("Succeeded")));
        assert_eq!(posted["involvedObject"]["apiVersion"], "source.toolkit.fluxcd.io/v1");
    }

    #[test]
    fn a_trace_and_an_event_on_another_object_are_not_posted() {
        assert!(message(&object(), Event::trace(Reason::Succeeded, "x"), "c").posted.is_none());
        let other =
            ObjectReference { name: Some("web".into()), namespace: Some("b".into()), ..Default::default() };
        let message = message(&object(), Event::error(Reason::Failed, "x").on(other), "c");
        assert!(message.posted.is_none());
        assert_eq!(message.core.metadata.namespace.as_deref(), Some("b"));
        assert_eq!(message.core.type_.as_deref(), Some("Warning"));
    }

    #[test]
    fn an_event_has_a_name_that_the_api_server_takes() {
        for (name, expected) in
            [("web", "web"), ("system:node", "system-node"), ("a.B_c", "a.b-c"), ("::", "event")]
        {
            assert_eq!(super::event_name(name), expected);
        }
    }

    #[test]
    fn lines_below_the_message_are_for_kubernetes_only_and_outlast_a_long_message() {
        let event = Event::error(Reason::Failed, "x".repeat(3000)).below(["Run: kubectl".to_owned()]);
        let message = message(&object(), event, "c");
        let text = message.core.message.unwrap();
        assert!(text.len() <= 1024 && text.ends_with("x\nRun: kubectl"), "{text}");
        let posted = serde_json::to_value(message.posted.unwrap()).unwrap();
        assert!(!posted["message"].as_str().unwrap().contains("Run:"));
    }

    #[test]
    fn a_long_message_is_cut_for_kubernetes_only() {
        let message = message(&object(), Event::info(Reason::Succeeded, "\u{fc}".repeat(1000)), "c");
        assert_eq!(message.core.message.unwrap().len(), 1024);
        assert_eq!(serde_json::to_value(message.posted).unwrap()["message"].as_str().unwrap().len(), 2000);
    }
}
