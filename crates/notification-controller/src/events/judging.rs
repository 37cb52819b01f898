//! Judges events beside the tasks of the process: expressions of users take time that nobody else must wait for.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use api::notification::v1beta3::Alert;
use runtime::Key;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::matching::{self, Budget, Match};
use super::pattern::Patterns;
use crate::event::Event;

/// Events that are judged at once: one of each of so many groups of namespaces.
const SLOTS: usize = 64;
/// How long an event waits for those of its namespace before it.
const WAIT: Duration = Duration::from_secs(10);

/// An event is not judged: too many of its namespace wait, or the process ends.
#[derive(Debug, thiserror::Error)]
#[error("the expressions of Alerts are busy with other events of the namespace")]
pub(crate) struct Busy;

/// Judges events, few at once.
pub(crate) struct Judging {
    patterns: Arc<Patterns>,
    slots: Vec<Arc<Semaphore>>,
    // Not one that can be foreseen: nobody chooses whom to wait for.
    hasher: RandomState,
}

impl Default for Judging {
    fn default() -> Self {
        let slots = (0..SLOTS).map(|_| Arc::new(Semaphore::new(1))).collect();
        Self { patterns: Arc::default(), slots, hasher: RandomState::new() }
    }
}

impl Judging {
    /// The Alerts of those given that may want an event, and what is to be told of others.
    pub(crate) async fn judge(
        &self,
        alerts: Vec<(Key, Arc<Alert>)>,
        event: &Arc<Event>,
    ) -> Result<Vec<(Key, Arc<Alert>, Match)>, Busy> {
        let possible = |(_, alert): &(Key, Arc<Alert>)| matching::by_object(alert, event).is_possible();
        let alerts: Vec<_> = alerts.into_iter().filter(possible).collect();
        let patterns = self.patterns.clone();
        if !alerts.iter().any(|(_, alert)| matching::has_expressions(alert)) {
            return Ok(judge_all(alerts, event, &patterns));
        }
        let permit = self.wait(&event.involved_object.namespace).await?;
        let event = event.clone();
        let judged = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            judge_all(alerts, &event, &patterns)
        });
        judged.await.map_err(|_| Busy)
    }

    fn slot(&self, namespace: &str) -> usize {
        (self.hasher.hash_one(namespace) % SLOTS as u64) as usize
    }

    async fn wait(&self, namespace: &str) -> Result<OwnedSemaphorePermit, Busy> {
        let slot = self.slots[self.slot(namespace)].clone();
        tokio::time::timeout(WAIT, slot.acquire_owned()).await.map_err(|_| Busy)?.map_err(|_| Busy)
    }
}

fn judge_all(
    alerts: Vec<(Key, Arc<Alert>)>,
    event: &Event,
    patterns: &Patterns,
) -> Vec<(Key, Arc<Alert>, Match)> {
    let mut budgets: HashMap<String, Budget> = HashMap::new();
    let judge = |(key, alert): (Key, Arc<Alert>)| {
        let budget = budgets.entry(key.namespace.clone()).or_default();
        let judged = matching::judge(&alert, event, patterns, budget);
        (key, alert, judged)
    };
    alerts.into_iter().map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::{Judging, WAIT};
    use crate::event::{Event, InvolvedObject};
    use api::notification::v1beta3::Alert;
    use futures::FutureExt;
    use runtime::Key;
    use serde_json::json;
    use std::sync::Arc;

    fn event(namespace: &str, message: String) -> Arc<Event> {
        let involved_object = InvolvedObject {
            kind: "Kustomization".into(),
            namespace: namespace.into(),
            name: "app".into(),
            ..Default::default()
        };
        Arc::new(Event { involved_object, severity: "info".into(), message, ..Event::default() })
    }

    fn alert(namespace: &str, exclusion: &str) -> (Key, Arc<Alert>) {
        let spec = json!({"providerRef": {"name": "p"}, "exclusionList": [exclusion],
            "eventSources": [{"kind": "Kustomization", "name": "*"}]});
        let object = json!({"metadata": {"name": "a", "namespace": namespace}, "spec": spec});
        (Key::new(namespace, "a"), Arc::new(serde_json::from_value(object).unwrap()))
    }

    #[tokio::test]
    async fn an_event_waits_only_for_those_of_its_namespace() {
        let judging = Judging::default();
        let names = (0..100).map(|number| format!("b{number}"));
        let other = names.into_iter().find(|name| judging.slot(name) != judging.slot("a")).unwrap();
        let _under_way = judging.wait("a").await.unwrap();
        let (own, others) = (event("a", "m".into()), event(&other, "m".into()));
        assert!(judging.judge(vec![alert("a", "x")], &own).now_or_never().is_none(), "it does not wait");
        let judged = judging.judge(vec![alert(&other, "x")], &others).await.unwrap();
        assert!(judged[0].2.surely);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_waits_too_long_is_not_taken_in() {
        let judging = Judging::default();
        let held = judging.wait("a").await.unwrap();
        let began = tokio::time::Instant::now();
        let busy = judging.judge(vec![alert("a", "x")], &event("a", "m".into())).await;
        assert!(busy.is_err() && began.elapsed() >= WAIT);
        drop(held);
        assert!(judging.judge(vec![alert("a", "x")], &event("a", "m".into())).await.is_ok());
    }
}
