//! Which Alerts want an event: pure, but for labels, which only the cluster knows.

use std::time::{Duration, Instant};

use api::notification::EventSource;
use api::notification::v1beta3::{Alert, EventSeverity};

use super::pattern::Patterns;
use crate::event::Event;

/// How much of a message expressions see, in bytes.
const MAX_MATCHED: usize = 64 << 10;
/// How long the expressions of all Alerts of a namespace may take with one event.
const MATCHING: Duration = Duration::from_secs(1);

/// What an Alert says to an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    /// Wanted whatever labels the object has.
    pub(crate) surely: bool,
    /// Wanted when the object has one of these sets of labels. Not asked when `surely`.
    pub(crate) labels: Vec<std::collections::BTreeMap<String, String>>,
    /// Expressions that are none, by the list they stand in.
    pub(crate) invalid: Vec<(&'static str, String)>,
    /// There was no time to ask all expressions; those left match nothing.
    pub(crate) late: bool,
}

/// The time that is left for the expressions of Alerts of one namespace, with one event.
pub(crate) struct Budget(Duration);

impl Default for Budget {
    fn default() -> Self {
        Self(MATCHING)
    }
}

impl Budget {
    /// None where nothing is left. What is asked may take longer than what is left, once.
    fn spend<T>(&mut self, ask: impl FnOnce() -> T) -> Option<T> {
        if self.0.is_zero() {
            return None;
        }
        let began = Instant::now();
        let answer = ask();
        self.0 = self.0.saturating_sub(began.elapsed());
        Some(answer)
    }
}

impl Match {
    /// Whether a delivery is possible.
    pub(crate) fn is_possible(&self) -> bool {
        self.surely || !self.labels.is_empty()
    }
}

/// Whether an Alert has expressions, which cost time.
pub(crate) fn has_expressions(alert: &Alert) -> bool {
    !alert.spec.inclusion_list.is_empty() || !alert.spec.exclusion_list.is_empty()
}

/// Judges an event by everything but the object's labels.
pub(crate) fn judge(alert: &Alert, event: &Event, patterns: &Patterns, budget: &mut Budget) -> Match {
    let mut found = by_object(alert, event);
    if found.is_possible() && !message_passes(alert, &event.message, patterns, budget, &mut found) {
        found.surely = false;
        found.labels.clear();
    }
    found
}

/// Judges an event by its object and its severity alone.
pub(crate) fn by_object(alert: &Alert, event: &Event) -> Match {
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
    patterns: &Patterns,
    budget: &mut Budget,
    found: &mut Match,
) -> bool {
    let seen = &message[..message.floor_char_boundary(MAX_MATCHED)];
    let mut any = |list: &[String], name| {
        list.iter().any(|text| {
            let answer = budget.spend(|| patterns.get(text).map(|pattern| pattern.is_match(seen)));
            match answer {
                Some(Some(matches)) => return matches,
                Some(None) => found.invalid.push((name, text.clone())),
                None => found.late = true,
            }
            false
        })
    };
    let included = alert.spec.inclusion_list.is_empty() || any(&alert.spec.inclusion_list, "inclusion");
    included && !any(&alert.spec.exclusion_list, "exclusion")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Budget, MAX_MATCHED, Match, judge};
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
        judge(&alert, event, &Patterns::default(), &mut Budget::default())
    }

    /// Letters without an order that an engine could learn.
    pub(crate) fn noise(length: usize) -> String {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 0 { 'a' } else { 'b' }
        };
        (0..length).map(|_| next()).collect()
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
    fn a_long_message_is_seen_up_to_a_limit() {
        let long = format!("{}\u{fc}failed", "x".repeat(MAX_MATCHED - 1));
        check(json!({"inclusionList": ["failed"]}), &event("info", &long), false);
        check(json!({"inclusionList": ["^x"]}), &event("info", &long), true);
    }

    #[test]
    fn expressions_that_take_their_time_leave_none_to_others() {
        let slow = "[ab]*a[ab]{400}c";
        let many: Vec<_> = (0..500).map(|number| format!("{slow}|{number}x")).collect();
        let began = std::time::Instant::now();
        let found = judged(json!({"exclusionList": many}), &event("info", &noise(MAX_MATCHED)));
        assert!(found.late && found.surely);
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
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
