//! A Helm repository: an index and archives, served from memory.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::any,
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{ChartFiles, Fault, Tls, chart_archive, charts::chart_field, serve::Served};

/// Requests below `/auth/` need this user and password.
const BASIC: &str = "helm:s3cret";

/// A server of Helm repositories. Below `/auth/` the same files need user `helm`, password `s3cret`.
pub struct HelmRepo {
    served: Served,
    scheme: &'static str,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<String, Vec<u8>>,
    requests: Vec<String>,
    fault: Fault,
}

impl HelmRepo {
    /// Starts one on a free port, without any file.
    pub fn start() -> Result<HelmRepo> {
        let (inner, router) = parts();
        Ok(HelmRepo { served: Served::start(router, 0)?, scheme: "http", inner })
    }

    /// Starts one over TLS; with `demand` clients must show a certificate.
    pub fn start_tls(tls: &Tls, demand: bool) -> Result<HelmRepo> {
        let (inner, router) = parts();
        let served = Served::start_tls(router, tls.server_config(demand)?)?;
        Ok(HelmRepo { served, scheme: "https", inner })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.served.address.to_string()
    }

    /// `http://127.0.0.1:PORT`, or `https://…`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.served.address)
    }

    /// The same files behind basic authentication.
    pub fn auth_url(&self) -> String {
        format!("{}/auth", self.url())
    }

    /// Serves these charts and their index in `folder` (`stable`, or empty for the root) from now on; returns the index.
    pub fn publish(&self, folder: &str, charts: &[ChartFiles]) -> Result<String> {
        self.publish_without(folder, charts, &BTreeSet::new())
    }

    /// The same, but the named archives answer 404 although the index lists them.
    pub fn publish_without(
        &self,
        folder: &str,
        charts: &[ChartFiles],
        missing: &BTreeSet<String>,
    ) -> Result<String> {
        let mut entries: BTreeMap<String, String> = BTreeMap::new();
        for chart in charts {
            let archive = chart_archive(chart)?;
            let name = chart_field(chart, "name")?;
            let file = format!("{name}-{}.tgz", chart_field(chart, "version")?);
            entries.entry(name).or_default().push_str(&entry(chart, &archive, &file));
            if !missing.contains(&file) {
                self.put(&join(folder, &file), archive);
            }
        }
        let body: String = entries.iter().map(|(name, list)| format!("  {name}:\n{list}")).collect();
        let index = format!("apiVersion: v1\nentries:\n{body}generated: \"2024-01-01T00:00:00Z\"\n");
        self.put(&join(folder, "index.yaml"), index.clone());
        Ok(index)
    }

    /// Serves `bytes` at `path` (`/stable/index.yaml`) from now on and returns the URL.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) -> String {
        self.lock().files.insert(path.into(), bytes.into());
        format!("{}{path}", self.url())
    }

    /// Answers 404 at `path` from now on.
    pub fn remove(&self, path: &str) {
        self.lock().files.remove(path);
    }

    /// The paths asked for so far, with what the client accepted or refused: `401 /auth/index.yaml`.
    pub fn requests(&self) -> Vec<String> {
        self.lock().requests.clone()
    }

    /// Misbehaves from now on.
    pub fn set_fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

fn parts() -> (Arc<Mutex<Inner>>, Router) {
    let inner = Arc::new(Mutex::new(Inner::default()));
    (inner.clone(), Router::new().fallback(any(answer)).with_state(inner))
}

fn join(folder: &str, file: &str) -> String {
    match folder.trim_matches('/') {
        "" => format!("/{file}"),
        folder => format!("/{folder}/{file}"),
    }
}

/// One item of an index: what `Chart.yaml` says, and where and what the archive is.
fn entry(chart: &ChartFiles, archive: &[u8], file: &str) -> String {
    let digest = crate::sha256(archive);
    let metadata: String = chart["Chart.yaml"]
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("    {line}\n"))
        .collect();
    format!("  - created: \"2024-01-01T00:00:00Z\"\n    digest: {digest}\n    urls: [{file}]\n{metadata}")
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, uri: Uri) -> Response {
    let (fault, response) = {
        let mut inner = lock(&inner);
        let response = response_to(&inner.files, &headers, uri.path());
        inner.requests.push(format!("{} {}", response.status().as_u16(), uri.path()));
        (inner.fault.clone(), response)
    };
    fault.act().await.unwrap_or(response)
}

fn response_to(files: &BTreeMap<String, Vec<u8>>, headers: &HeaderMap, path: &str) -> Response {
    let path = match path.strip_prefix("/auth/") {
        Some(_) if !authorized(headers) => {
            let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"helm\"")];
            return (StatusCode::UNAUTHORIZED, challenge).into_response();
        }
        Some(rest) => format!("/{rest}"),
        None => path.to_owned(),
    };
    match files.get(&path) {
        Some(bytes) => Body::from(bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn authorized(headers: &HeaderMap) -> bool {
    let wanted = format!("Basic {}", STANDARD.encode(BASIC));
    headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == wanted.as_bytes())
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
