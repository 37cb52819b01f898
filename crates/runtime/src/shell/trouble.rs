//! Since when an object fails, how often it was tried, and what to run: what an event of Kubernetes says below its
//! message.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use api::meta::{ConditionType, FluxStatus};
use k8s_openapi::jiff::Timestamp;

use crate::conditions;
use crate::event::Event;
use crate::key::Key;
use crate::names::ReasonName;

/// The troubles of all objects of a kind that fail now.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<HashMap<Key, Trouble>>);

/// That of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    since: Timestamp,
    tries: u32,
}

impl Troubles {
    /// Counts one more failed try. `before` is since when it failed by its status, for tries that this process did not
    /// see.
    pub(crate) fn failed(&self, key: &Key, before: Option<Timestamp>) -> Trouble {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Trouble { since: before.unwrap_or_else(|| second(Timestamp::now())), tries: 0 };
        let trouble = all.entry(key.clone()).or_insert_with(new);
        trouble.tries = trouble.tries.saturating_add(1);
        *trouble
    }

    /// It is over.
    pub(crate) fn over(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl Trouble {
    /// Adds to an event of this failure what it lacks.
    pub(crate) fn tell(
        self,
        event: Event,
        reason: ReasonName,
        next: Option<Timestamp>,
        kind: &str,
        key: &Key,
    ) -> Event {
        if event.reason != reason || event.on.is_some() {
            return event;
        }
        let mut lines = vec![self.line(next)];
        if !event.detail.iter().any(|line| line.starts_with("Run: ")) {
            lines.push(retry_now(kind, key));
        }
        event.below(lines)
    }

    fn line(self, next: Option<Timestamp>) -> String {
        let Self { since, tries } = self;
        let next = match next {
            Some(at) => format!("next try at {}", second(at)),
            None => "not tried again until it, or what it refers to, changes".to_owned(),
        };
        format!("Since: {since}, try {tries}, {next}")
    }
}

/// How to ask for a try at once.
fn retry_now(kind: &str, key: &Key) -> String {
    let kind = kind.to_ascii_lowercase();
    format!(
        "Run: kubectl -n {} annotate --overwrite {kind}/{} reconcile.fluxcd.io/requestedAt=\"$(date +%s)\"",
        key.namespace, key.name
    )
}

/// Since when a status says that the object is not ready.
pub(crate) fn since<S: FluxStatus>(status: &S) -> Option<Timestamp> {
    let ready = conditions::find(status.conditions(), ConditionType::Ready)?;
    (ready.status == "False").then_some(ready.last_transition_time.0)
}

fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::{Trouble, Troubles};
    use crate::event::Event;
    use crate::key::Key;
    use api::meta::Reason;
    use k8s_openapi::api::core::v1::ObjectReference;
    use k8s_openapi::jiff::Timestamp;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(event: Event) -> Vec<String> {
        let trouble = Trouble { since: at(0), tries: 3 };
        trouble
            .tell(event, Reason::Failed.into(), Some(at(60)), "Kustomization", &Key::new("ns", "app"))
            .detail
    }

    #[test]
    fn tries_are_counted_from_the_first_failure_to_the_end() {
        let (troubles, key) = (Troubles::default(), Key::new("ns", "app"));
        assert_eq!(troubles.failed(&key, Some(at(5))), Trouble { since: at(5), tries: 1 });
        assert_eq!(troubles.failed(&key, Some(at(9))), Trouble { since: at(5), tries: 2 });
        troubles.over(&key);
        assert_eq!(troubles.failed(&key, Some(at(9))), Trouble { since: at(9), tries: 1 });
    }

    #[test]
    fn an_event_of_the_failure_says_since_when_how_often_when_next_and_what_to_run() {
        let lines = told(Event::error(Reason::Failed, "x"));
        assert_eq!(lines[0], "Since: 1970-01-01T00:00:00Z, try 3, next try at 1970-01-01T00:01:00Z");
        assert!(lines[1].starts_with("Run: kubectl -n ns annotate --overwrite kustomization/app "));
    }

    #[test]
    fn a_command_that_is_there_stays_alone_and_other_events_stay_as_they_are() {
        let given = Event::error(Reason::Failed, "x").below(["Run: this".to_owned()]);
        assert_eq!(told(given).len(), 2);
        assert!(told(Event::error(Reason::Succeeded, "x")).is_empty());
        assert!(told(Event::error(Reason::Failed, "x").on(ObjectReference::default())).is_empty());
    }
}
