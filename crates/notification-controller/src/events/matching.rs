//! Which Alerts want an event: pure, but for labels, which only the cluster knows.

use api::notification::EventSource;
use api::notification::v1beta3::{Alert, EventSeverity};

use super::pattern::Patterns;
use crate::event::Event;

/// What an Alert says to an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    /// Wanted whatever labels the object has.
    pub(crate) surely: bool,
    /// Wanted when the object has one of these sets of labels. Not asked when `surely`.
    pub(crate) labels: Vec<std::collections::BTreeMap<String, String>>,
    /// Expressions that are none, by the list they stand in.
    pub(crate) invalid: Vec<(&'static str, String)>,
}

impl Match {
    /// Whether a delivery is possible.
    pub(crate) fn is_possible(&self) -> bool {
        self.surely || !self.labels.is_empty()
    }
}

/// Judges an event by everything but the object's labels.
pub(crate) fn judge(alert: &Alert, event: &Event, patterns: &mut Patterns) -> Match {
    let mut found = Match::default();
    if alert.spec.suspend || alert.spec_error.is_some() {
        return found;
    }
    let namespace = alert.metadata.namespace.as_deref().unwrap_or_default();
    for source in alert.spec.event_sources.iter().filter(|source| names(source, namespace, alert, event)) {
        if source.match_labels.is_empty() {
            found.surely = true;
            break;
        }
        found.labels.push(source.match_labels.clone());
    }
    if found.is_possible() && !message_passes(alert, &event.message, patterns, &mut found.invalid) {
        found.surely = false;
        found.labels.clear();
    }
    found
}

fn names(source: &EventSource, own: &str, alert: &Alert, event: &Event) -> bool {
    let object = &event.involved_object;
    let namespace = source.namespace.as_deref().filter(|name| !name.is_empty()).unwrap_or(own);
    namespace == object.namespace
        && source.kind.as_str() == object.kind
        && severity_passes(alert, event)
        && (source.name == "*" || source.name == object.name)
}

/// `info` lets all pass; anything else only its own.
fn severity_passes(alert: &Alert, event: &Event) -> bool {
    match &alert.spec.event_severity {
        None | Some(EventSeverity::Info) => true,
        Some(severity) => severity.as_str() == event.severity,
    }
}

fn message_passes(
    alert: &Alert,
    message: &str,
    patterns: &mut Patterns,
    invalid: &mut Vec<(&'static str, String)>,
) -> bool {
    let mut any = |list: &[String], name| {
        list.iter().any(|text| match patterns.get(text) {
            Some(pattern) => pattern.is_match(message),
            None => {
                invalid.push((name, text.clone()));
                false
            }
        })
    };
    let included = alert.spec.inclusion_list.is_empty() || any(&alert.spec.inclusion_list, "inclusion");
    included && !any(&alert.spec.exclusion_list, "exclusion")
}

#[cfg(test)]
mod tests {
    use super::{Match, judge};
    use crate::event::{Event, InvolvedObject};
    use crate::events::pattern::Patterns;
    use api::notification::v1beta3::Alert;
    use serde_json::{Value, json};

    fn event(severity: &str, message: &str) -> Event {
        let involved_object = InvolvedObject {
            kind: "Kustomization".into(),
            namespace: "ns".into(),
            name: "app".into(),
            ..Default::default()
        };
        Event { involved_object, severity: severity.into(), message: message.into(), ..Event::default() }
    }

    fn judged(spec: Value, event: &Event) -> Match {
        let mut full =
            json!({"providerRef": {"name": "p"}, "eventSources": [{"kind": "Kustomization", "name": "*"}]});
        for (key, value) in spec.as_object().unwrap() {
            full[key] = value.clone();
        }
        let alert: Alert =
            serde_json::from_value(json!({"metadata": {"name": "a", "namespace": "ns"}, "spec": full}))
                .unwrap();
        judge(&alert, event, &mut Patterns::default())
    }

    fn check(spec: Value, event: &Event, expected: bool) {
        assert_eq!(judged(spec.clone(), event).surely, expected, "{spec} {event:?}");
    }

    #[test]
    fn sources_match_by_kind_name_and_namespace() {
        let event = event("info", "m");
        let with = |source: Value| json!({"eventSources": [source]});
        check(with(json!({"kind": "Kustomization", "name": "*"})), &event, true);
        check(with(json!({"kind": "Kustomization", "name": "app"})), &event, true);
        check(with(json!({"kind": "Kustomization", "name": "ap*"})), &event, false);
        check(with(json!({"kind": "GitRepository", "name": "*"})), &event, false);
        check(with(json!({"kind": "Kustomization", "name": "*", "namespace": "other"})), &event, false);
        check(with(json!({"kind": "Kustomization", "name": "*", "namespace": ""})), &event, true);
    }

    #[test]
    fn severity_error_takes_errors_only() {
        check(json!({"eventSeverity": "error"}), &event("error", "m"), true);
        check(json!({"eventSeverity": "error"}), &event("info", "m"), false);
        check(json!({"eventSeverity": "info"}), &event("fatal", "m"), true);
        check(json!({"suspend": true}), &event("info", "m"), false);
    }

    #[test]
    fn exclusion_wins_over_inclusion() {
        let both = json!({"inclusionList": ["failed"], "exclusionList": ["timeout"]});
        check(both.clone(), &event("info", "failed"), true);
        check(both.clone(), &event("info", "failed: timeout"), false);
        check(both, &event("info", "fine"), false);
    }

    #[test]
    fn an_invalid_expression_is_told_and_matches_nothing() {
        let found = judged(json!({"exclusionList": ["("], "inclusionList": ["(", "m"]}), &event("info", "m"));
        assert!(found.surely);
        assert_eq!(found.invalid, [("inclusion", "(".to_owned()), ("exclusion", "(".to_owned())]);
    }

    #[test]
    fn labels_are_left_to_be_asked_for() {
        let source = json!({"kind": "Kustomization", "name": "*", "matchLabels": {"team": "a"}});
        let found = judged(json!({"eventSources": [source.clone()]}), &event("info", "m"));
        assert!(!found.surely && found.labels.len() == 1);
        let sure = json!({"kind": "Kustomization", "name": "app"});
        assert!(judged(json!({"eventSources": [source, sure]}), &event("info", "m")).surely);
    }
}
