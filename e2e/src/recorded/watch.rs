//! Every state that an object goes through.
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt};
use kube::{
    Api, Client,
    api::{DynamicObject, WatchEvent, WatchParams},
    discovery::ApiResource,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Watches one object from before it exists until this is dropped.
pub(crate) struct Watched {
    states: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl Watched {
    pub(crate) async fn start(
        client: Client,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Result<Self> {
        let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, resource);
        let params = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(290);
        let stream = api.watch(&params, "0").await?;
        let states = Arc::new(Mutex::new(Vec::new()));
        let kept = states.clone();
        let task = tokio::spawn(async move {
            let mut stream = stream.boxed();
            while let Ok(Some(event)) = stream.try_next().await {
                if let Some(state) = state_of(event) {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(state);
                }
            }
        });
        Ok(Self { states, task })
    }

    /// Number of states so far.
    pub(crate) fn len(&self) -> usize {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until a state from number `from` on is as wanted; else the last state within the time.
    pub(crate) async fn reach(
        &self,
        from: usize,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<(), Value> {
        let (since, limit) = (Instant::now(), testkit::patience(limit));
        let mut seen = from;
        loop {
            let fresh: Vec<Value> = self
                .states
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .skip(seen)
                .cloned()
                .collect();
            if fresh.iter().any(&wanted) {
                return Ok(());
            }
            seen += fresh.len();
            if since.elapsed() > limit {
                let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
                return Err(states.last().cloned().unwrap_or(Value::Null));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn state_of(event: WatchEvent<DynamicObject>) -> Option<Value> {
    match event {
        WatchEvent::Added(object) | WatchEvent::Modified(object) => {
            let mut state = json!({ "generation": object.metadata.generation });
            if let Some(finalizers) = &object.metadata.finalizers {
                state["finalizers"] = json!(finalizers);
            }
            if object.metadata.deletion_timestamp.is_some() {
                state["deleting"] = json!(true);
            }
            if let Some(status) = object.data.get("status") {
                state["status"] = status.clone();
            }
            Some(state)
        }
        WatchEvent::Deleted(_) => Some(json!({ "deleted": true })),
        WatchEvent::Bookmark(_) | WatchEvent::Error(_) => None,
    }
}
