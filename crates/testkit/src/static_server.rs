//! Serves bytes at paths: hand-made artifacts, remote bases, whatever a consumer downloads.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::any,
};

use crate::{git_server::Fault, serve::Served};

/// A server of files that live in memory.
pub struct StaticServer {
    served: Served,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<String, Vec<u8>>,
    requests: Vec<String>,
    fault: Fault,
}

impl StaticServer {
    /// Starts one on a free port, without any file.
    pub fn start() -> Result<StaticServer> {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new().fallback(any(answer)).with_state(inner.clone());
        Ok(StaticServer { served: Served::start(router, 0)?, inner })
    }

    /// Serves `bytes` at `path` (`/a/b.tar.gz`) from now on and returns the URL.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) -> String {
        self.lock().files.insert(path.into(), bytes.into());
        self.url(path)
    }

    /// Answers 404 at `path` from now on.
    pub fn remove(&self, path: &str) {
        self.lock().files.remove(path);
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.served.address)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.served.address.to_string()
    }

    /// The paths asked for so far.
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    /// Misbehaves from now on.
    pub fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, uri: Uri) -> Response {
    let (fault, file) = {
        let mut inner = inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        inner.requests.push(uri.path().to_string());
        (inner.fault.clone(), inner.files.get(uri.path()).cloned())
    };
    if let Some(response) = fault.act().await {
        return response;
    }
    match file {
        Some(bytes) => Body::from(bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
