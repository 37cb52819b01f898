//! The event that controllers post (`fluxcd/pkg/apis/event/v1beta1`).

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::go_json::{self, ShapeError};

/// Prefix of metadata that belong to no kind: annotations of the object.
pub(crate) const EVENT_GROUP: &str = "event.toolkit.fluxcd.io";

/// The object an event is about. Fields in the order of core/v1 ObjectReference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InvolvedObject {
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// UID.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// `group/version`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Version of the object when the event was made.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Part of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field_path: String,
}

impl InvolvedObject {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

impl std::fmt::Display for InvolvedObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// What it is about.
    pub involved_object: InvolvedObject,
    /// `info` or `error`; whatever the sender says is kept.
    pub severity: String,
    /// When it happened, in whole seconds.
    #[serde(serialize_with = "seconds")]
    pub timestamp: Option<Timestamp>,
    /// What happened.
    pub message: String,
    /// Why, in CamelCase.
    pub reason: String,
    /// Further facts: revision, commit and the like.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Who sent it.
    pub reporting_controller: String,
    /// Which of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reporting_instance: String,
}

fn seconds<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        None => serializer.serialize_none(),
        Some(time) => serializer.collect_str(&rfc3339(*time)),
    }
}

/// A time in whole seconds, UTC.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

impl Event {
    /// Reads a posted body as Go's decoder does: names in any case, unknown ones ignored.
    ///
    /// # Errors
    /// No JSON object, or a field of another type.
    pub fn decode(body: &[u8]) -> Result<Self, ShapeError> {
        let value = go_json::parse(body)?;
        let fields = go_json::object(&value, "")?;
        Ok(Self {
            involved_object: involved(&go_json::nested(&fields, "involvedObject")?)?,
            severity: go_json::text(&fields, "severity")?,
            timestamp: timestamp(&fields)?,
            message: go_json::text(&fields, "message")?,
            reason: go_json::text(&fields, "reason")?,
            metadata: metadata(&fields)?,
            reporting_controller: go_json::text(&fields, "reportingController")?,
            reporting_instance: go_json::text(&fields, "reportingInstance")?,
        })
    }

    /// The key of a metadata field of the object's own group.
    pub(crate) fn own_key(&self, key: &str) -> String {
        format!("{}/{key}", self.involved_object.group())
    }

    /// A metadata field of the object's own group.
    pub(crate) fn own(&self, key: &str) -> Option<&str> {
        self.metadata.get(&self.own_key(key)).map(String::as_str)
    }

    /// A metadata field of the object's annotations.
    pub(crate) fn annotated(&self, key: &str) -> Option<&str> {
        self.metadata
            .get(&format!("{EVENT_GROUP}/{key}"))
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether it is about a failure.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == "error"
    }

    /// Whether it says that something goes on.
    pub(crate) fn is_progressing(&self) -> bool {
        self.reason == "Progressing"
    }

    /// The revision, from the metadata as they are sent out: commit, else originRevision, else revision.
    pub(crate) fn revision(&self) -> Option<&str> {
        ["commit", "originRevision", "revision"]
            .iter()
            .find_map(|key| self.metadata.get(*key))
            .map(String::as_str)
    }

    /// `kind/name.namespace`, the kind in lower case.
    pub(crate) fn object_name(&self) -> String {
        let object = &self.involved_object;
        format!("{}/{}.{}", object.kind.to_lowercase(), object.name, object.namespace)
    }

    /// `kind/name` in lower case, and the reason as words in lower case.
    pub(crate) fn name_and_description(&self) -> (String, String) {
        let name = format!("{}/{}", self.involved_object.kind, self.involved_object.name);
        (name.to_lowercase(), words(&self.reason).join(" ").to_lowercase())
    }
}

fn involved(fields: &Map<String, Value>) -> Result<InvolvedObject, ShapeError> {
    let text = |name| go_json::text(fields, name);
    Ok(InvolvedObject {
        kind: text("kind")?,
        namespace: text("namespace")?,
        name: text("name")?,
        uid: text("uid")?,
        api_version: text("apiVersion")?,
        resource_version: text("resourceVersion")?,
        field_path: text("fieldPath")?,
    })
}

fn timestamp(fields: &Map<String, Value>) -> Result<Option<Timestamp>, ShapeError> {
    match go_json::field(fields, "timestamp") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let bad = |_| ShapeError::Syntax("field timestamp: parsing time: not RFC 3339".to_owned());
            text.parse().map(Some).map_err(bad)
        }
        Some(other) => Err(go_json::mismatch(other, "timestamp", "string")),
    }
}

fn metadata(fields: &Map<String, Value>) -> Result<BTreeMap<String, String>, ShapeError> {
    let found = go_json::nested(fields, "metadata")?;
    let texts = found.into_iter().map(|(key, value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Null => Ok((key, String::new())),
        other => Err(go_json::mismatch(&other, "metadata", "string")),
    });
    texts.collect()
}

/// Splits CamelCase: `PDFLoader2x` is `PDF`, `Loader`, `2`, `x`.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<(u8, String)> = Vec::new();
    for c in text.chars() {
        let class = class(c);
        match words.last_mut() {
            Some((last, word)) if *last == class => word.push(c),
            _ => words.push((class, c.to_string())),
        }
    }
    // The last of some capitals begins the word after them.
    for index in 1..words.len() {
        if words[index - 1].0 == UPPER
            && words[index].0 == LOWER
            && let Some(first) = words[index - 1].1.pop()
        {
            words[index].1.insert(0, first);
        }
    }
    words.into_iter().map(|(_, word)| word).filter(|word| !word.is_empty()).collect()
}

const LOWER: u8 = 1;
const UPPER: u8 = 2;

fn class(c: char) -> u8 {
    match c {
        c if c.is_lowercase() => LOWER,
        c if c.is_uppercase() => UPPER,
        c if c.is_numeric() => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, words};
    use crate::go_json::marshal;

    #[test]
    fn reasons_become_words() {
        assert_eq!(words("ReconciliationSucceeded"), ["Reconciliation", "Succeeded"]);
        assert_eq!(words("PDFLoader2x"), ["PDF", "Loader", "2", "x"]);
        assert_eq!(words("A"), ["A"]);
        assert!(words("").is_empty());
    }

    #[test]
    fn a_posted_event_is_written_as_go_writes_it() {
        let body = br#"{"MESSAGE":"a<b","involvedObject":{"kind":"K","apiVersion":"g.io/v1","x":1},
            "timestamp":"2026-01-02T05:04:05.123456789+02:00","metadata":{"b":"2","a":"1"},"unknown":[1]}"#;
        let event = Event::decode(body).unwrap();
        let expected = concat!(
            r#"{"involvedObject":{"kind":"K","apiVersion":"g.io/v1"},"severity":"","timestamp":"2026-01-02T03:04:05Z","#,
            r#""message":"a\u003cb","reason":"","metadata":{"a":"1","b":"2"},"reportingController":""}"#
        );
        assert_eq!(marshal(&event), expected);
        assert_eq!(event.involved_object.group(), "g.io");
    }

    #[test]
    fn other_types_are_errors_and_null_is_nothing() {
        for body in ["", "[]", "\"x\"", "{\"message\":1}", "{\"timestamp\":\"now\"}", "{} {}"] {
            assert!(Event::decode(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(Event::decode(b"null").unwrap(), Event::default());
        assert_eq!(Event::decode(br#"{"message":null,"metadata":null}"#).unwrap(), Event::default());
    }

    #[test]
    fn a_spooled_event_is_read_back_unchanged() {
        let event = Event::decode(br#"{"message":"m","timestamp":"2026-01-02T03:04:05Z"}"#).unwrap();
        let again: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(again, event);
    }
}
