//! The metadata of an event: what is kept of them, and how an Alert adds to them (Flux RFC-0008).

use std::collections::BTreeMap;

use api::notification::v1beta3::Alert;

use crate::event::{EVENT_GROUP, Event};

/// Told on the Alert when one source of metadata overrides another.
pub(crate) const CONFLICT: &str = "metadata key conflicts detected (please refer to the Alert API docs and Flux RFC 0008 for more information)";

/// Drops what is not meant for alerts: foreign groups, checksum and digest.
pub fn clean(event: &mut Event) {
    let group = format!("{}/", event.involved_object.group());
    let dropped = [format!("{group}checksum"), format!("{group}digest")];
    let annotations = format!("{EVENT_GROUP}/");
    event.metadata.retain(|key, _| {
        !dropped.iter().any(|name| name.eq_ignore_ascii_case(key))
            && (key.starts_with(&annotations) || key.starts_with(&group))
    });
}

/// Drops what only tells events apart.
pub(crate) fn drop_internal(event: &mut Event) {
    let token = event.own_key("token");
    event.metadata.remove(&token);
}

/// Puts together what is sent, from the lowest to the highest: annotations of the object, `eventMetadata`, `summary`, the
/// controller's own. Returns the keys that more than one source gave, with the names of the sources.
pub(crate) fn combine(event: &mut Event, alert: &Alert) -> BTreeMap<String, String> {
    let mut combined = Combined::default();
    let stripped = |prefix: String| {
        let pairs = event.metadata.iter();
        pairs.filter_map(move |(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value.clone())))
    };
    combined.add("involved object annotations", stripped(format!("{EVENT_GROUP}/")));
    combined.add("Alert object .spec.eventMetadata", alert.spec.event_metadata.clone());
    let summary = alert.spec.summary.clone().filter(|summary| !summary.is_empty());
    combined.add("Alert object .spec.summary", summary.map(|summary| ("summary".to_owned(), summary)));
    combined
        .add("involved object controller metadata", stripped(format!("{}/", event.involved_object.group())));
    if !combined.metadata.is_empty() {
        event.metadata = combined.metadata;
    }
    let conflicts = combined.sources.into_iter().filter(|(_, sources)| sources.len() > 1);
    conflicts.map(|(key, sources)| (key, sources.join(", "))).collect()
}

#[derive(Default)]
struct Combined {
    metadata: BTreeMap<String, String>,
    sources: BTreeMap<String, Vec<&'static str>>,
}

impl Combined {
    fn add(&mut self, source: &'static str, pairs: impl IntoIterator<Item = (String, String)>) {
        for (key, value) in pairs {
            self.sources.entry(key.clone()).or_default().push(source);
            self.metadata.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, combine, drop_internal};
    use crate::event::Event;
    use api::notification::v1beta3::Alert;
    use serde_json::json;

    fn event() -> Event {
        let metadata = json!({
            "g.io/revision": "r", "g.io/digest": "d", "g.io/Checksum": "c", "g.io/token": "t",
            "event.toolkit.fluxcd.io/revision": "from annotation", "event.toolkit.fluxcd.io/env": "prod",
            "other.io/x": "y", "plain": "z",
        });
        let body = json!({"involvedObject": {"apiVersion": "g.io/v1"}, "metadata": metadata});
        Event::decode(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn foreign_and_internal_metadata_go() {
        let mut event = event();
        clean(&mut event);
        drop_internal(&mut event);
        let keys: Vec<_> = event.metadata.keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["event.toolkit.fluxcd.io/env", "event.toolkit.fluxcd.io/revision", "g.io/revision"]
        );
    }

    #[test]
    fn the_controller_wins_and_conflicts_are_told() {
        let mut event = event();
        clean(&mut event);
        drop_internal(&mut event);
        let alert: Alert = serde_json::from_value(json!({"metadata": {}, "spec": {
            "providerRef": {"name": "p"}, "eventSources": [], "summary": "s", "eventMetadata": {"env": "test"}}}))
        .unwrap();
        let conflicts = combine(&mut event, &alert);
        assert_eq!(
            serde_json::to_value(&event.metadata).unwrap(),
            json!({"env": "test", "revision": "r", "summary": "s"})
        );
        let keys: Vec<_> = conflicts.keys().map(String::as_str).collect();
        assert_eq!(keys, ["env", "revision"]);
        assert_eq!(conflicts["env"], "involved object annotations, Alert object .spec.eventMetadata");
    }
}
