//! Takes what a controller posts to `--events-addr`.
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use axum::{Router, extract::State, http::StatusCode, routing::any};
use serde_json::Value;

use crate::serve::Served;

/// A server that keeps every JSON body it is sent.
pub struct EventSink {
    served: Served,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    events: Mutex<Vec<Value>>,
    answer: Mutex<Option<StatusCode>>,
}

impl EventSink {
    /// Starts one on a free port.
    pub fn start() -> Result<EventSink> {
        let inner = Arc::new(Inner::default());
        let router = Router::new().fallback(any(record)).with_state(inner.clone());
        Ok(EventSink { served: Served::start(router, 0)?, inner })
    }

    /// What to give as `--events-addr`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.served.address)
    }

    /// All bodies so far, oldest first.
    pub fn events(&self) -> Vec<Value> {
        lock(&self.inner.events).clone()
    }

    /// Answers with this HTTP status from now on.
    pub fn answer(&self, status: u16) {
        *lock(&self.inner.answer) = StatusCode::from_u16(status).ok();
    }

    /// Waits for an event that is as wanted.
    pub async fn wait(&self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let limit = crate::cluster::patience(limit);
        let since = Instant::now();
        while since.elapsed() < limit {
            if let Some(event) = self.events().into_iter().find(&wanted) {
                return Ok(event);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("no such event within {limit:?}; seen: {:#}", Value::from(self.events()))
    }
}

async fn record(State(inner): State<Arc<Inner>>, body: String) -> StatusCode {
    lock(&inner.events).push(serde_json::from_str(&body).unwrap_or(Value::String(body)));
    lock(&inner.answer).unwrap_or(StatusCode::OK)
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
