//! Stands before the API server and misbehaves as told: late, cut off, half answered, refused. A fake of bad networks and
//! busy servers; what it lets through is answered by the real API server.
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderName, Method, Response, StatusCode, Uri, header},
    routing::any,
};
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    ControlPlane,
    certificates::Authority,
    kubeconfig::{Credential, kubeconfig},
    serve::Served,
};

/// What happens to a request instead of, or besides, being answered.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiFault {
    /// It is passed on late.
    Delay(Duration),
    /// It is not passed on; the answer breaks off before its first byte.
    Cut,
    /// It is passed on, and the answer breaks off in its middle.
    Half,
    /// It is taken and never answered.
    Hang,
    /// It is not passed on, and refused with this HTTP status.
    Status(u16),
    /// It is refused with 429 and this many seconds of `Retry-After`.
    Throttle(u32),
    /// A watch is told that its resourceVersion is compacted (410), and ended.
    Compacted,
}

/// Which requests are met by a fault, and how many of them.
#[derive(Clone, Debug)]
pub struct ApiRule {
    verb: Option<Method>,
    part: String,
    fault: ApiFault,
    left: u32,
}

impl ApiRule {
    /// Requests whose path and query hold `part`; `""` is every request.
    pub fn of(part: &str, fault: ApiFault) -> ApiRule {
        ApiRule { verb: None, part: part.into(), fault, left: u32::MAX }
    }

    /// Only those of this HTTP method: `GET`, `PATCH`.
    #[must_use]
    pub fn verb(mut self, verb: Method) -> Self {
        self.verb = Some(verb);
        self
    }

    /// Only the next `count` of them.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.left = count;
        self
    }

    fn meets(&self, verb: &Method, path: &str) -> bool {
        let watch = self.fault != ApiFault::Compacted || is_watch(path);
        self.left > 0 && watch && self.verb.as_ref().is_none_or(|v| v == verb) && path.contains(&self.part)
    }
}

/// A proxy of one user; requests are made upstream with every right, under that user's name.
pub struct ApiProxy {
    _served: Served,
    inner: Arc<Inner>,
    kubeconfig: PathBuf,
}

struct Inner {
    upstream: String,
    client: reqwest::Client,
    rules: Mutex<Vec<ApiRule>>,
    met: Mutex<u32>,
    /// Moves when every open answer is to be cut.
    cut: watch::Sender<u32>,
    /// Moves when every open answer is to fall silent.
    silence: watch::Sender<u32>,
}

impl ApiProxy {
    /// Starts one before `plane`, without any fault.
    ///
    /// # Errors
    /// When no port is free or the control plane has no authority.
    pub fn start(plane: &ControlPlane, user: &str) -> Result<ApiProxy> {
        crate::install_crypto();
        let authority = Authority::open(plane.dir())?;
        let pair = authority.user(user, Some("system:masters"))?;
        let identity = reqwest::Identity::from_pem(format!("{}{}", pair.certificate, pair.key).as_bytes())?;
        let root = reqwest::Certificate::from_pem(authority.certificate.as_bytes())?;
        let client =
            reqwest::Client::builder().tls_certs_only([root]).identity(identity).no_proxy().build()?;
        let inner = Arc::new(Inner {
            upstream: plane.url().to_owned(),
            client,
            rules: Mutex::default(),
            met: Mutex::default(),
            cut: watch::Sender::new(0),
            silence: watch::Sender::new(0),
        });
        let router = Router::new().fallback(any(answer)).layer(DefaultBodyLimit::disable());
        let served = Served::start(router.with_state(inner.clone()), 0)?;
        let text =
            kubeconfig(&format!("http://{}", served.address), "", &Credential::Token("the-proxy-knows"));
        let kubeconfig = plane.dir().join(format!("proxy-{}.kubeconfig", served.address.port()));
        std::fs::write(&kubeconfig, text).context("writing the kubeconfig of the proxy")?;
        Ok(ApiProxy { _served: served, inner, kubeconfig })
    }

    /// What a controller connects by.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// These faults from now on; none is health. The first rule that meets a request counts.
    pub fn set(&self, rules: impl IntoIterator<Item = ApiRule>) {
        *lock(&self.inner.rules) = rules.into_iter().collect();
    }

    /// Cuts every answer that is under way, watches among them.
    pub fn cut_all(&self) {
        self.inner.cut.send_modify(|count| *count += 1);
    }

    /// Lets every answer that is under way, watches among them, fall silent: not a byte comes any more, nor an end.
    pub fn silence_all(&self) {
        self.inner.silence.send_modify(|count| *count += 1);
    }

    /// How many requests were met by a fault so far.
    pub fn met(&self) -> u32 {
        *lock(&self.inner.met)
    }
}

impl Inner {
    fn fault(&self, verb: &Method, path: &str) -> Option<ApiFault> {
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.meets(verb, path))?;
        rule.left = rule.left.saturating_sub(u32::from(rule.left != u32::MAX));
        *lock(&self.met) += 1;
        Some(rule.fault.clone())
    }

    /// The real answer, as it comes.
    async fn pass(
        &self,
        verb: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<reqwest::Response> {
        let mut request = self.client.request(verb, format!("{}{path}", self.upstream)).body(body);
        for (name, value) in headers.iter().filter(|(name, _)| passes(name)) {
            request = request.header(name, value);
        }
        Ok(request.send().await?)
    }
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let fault = inner.fault(&method, &path);
    match fault {
        Some(ApiFault::Delay(time)) => tokio::time::sleep(time).await,
        Some(ApiFault::Cut) => return broken(Bytes::new(), 2),
        Some(ApiFault::Hang) => std::future::pending().await,
        Some(ApiFault::Status(code)) => return refusal(code, None),
        Some(ApiFault::Throttle(seconds)) => return refusal(429, Some(seconds)),
        Some(ApiFault::Compacted) => return compacted(),
        Some(ApiFault::Half) | None => {}
    }
    let passed = inner.pass(method, &path, &headers, body).await;
    let result = match passed {
        Ok(passed) if fault == Some(ApiFault::Half) && is_watch(&path) => Ok(first_piece(passed).await),
        Ok(passed) if fault == Some(ApiFault::Half) => half(passed).await,
        Ok(passed) => whole(passed, inner.cut.subscribe(), inner.silence.subscribe()),
        Err(_) => return refusal(502, None),
    };
    result.unwrap_or_else(|_| refusal(502, None))
}

fn whole(
    passed: reqwest::Response,
    mut cut: watch::Receiver<u32>,
    mut silence: watch::Receiver<u32>,
) -> Result<Response<Body>> {
    let mut response = Response::builder().status(passed.status());
    for (name, value) in passed.headers().iter().filter(|(name, _)| passes(name)) {
        response = response.header(name, value);
    }
    let ended = stream::once(async move {
        let _ = cut.changed().await;
        Err(broken_off())
    });
    let bytes = passed.bytes_stream().map(|part| part.map_err(std::io::Error::other)).map(Some);
    let silenced = Box::pin(async move { silence.changed().await });
    let heard = bytes.chain(stream::iter([None])).take_until(silenced).chain(stream::pending());
    // Whichever comes first: the end of the answer, or the cut.
    let both = stream::select(heard, ended.map(Some));
    let body = both.take_while(|part| std::future::ready(part.is_some())).filter_map(std::future::ready);
    Ok(response.body(Body::from_stream(body))?)
}

async fn half(passed: reqwest::Response) -> Result<Response<Body>> {
    let bytes = passed.bytes().await?;
    let middle = bytes.len() / 2;
    Ok(broken(bytes.slice(..middle), bytes.len()))
}

/// A watch has no middle: it breaks off after what comes first.
async fn first_piece(mut passed: reqwest::Response) -> Response<Body> {
    let piece = tokio::time::timeout(Duration::from_secs(1), passed.chunk()).await;
    let bytes = piece.ok().and_then(Result::ok).flatten().unwrap_or_default();
    broken(bytes.clone(), bytes.len() + 1)
}

fn is_watch(path: &str) -> bool {
    path.contains("watch=true")
}

/// `bytes` of an answer that promises `length` of them.
fn broken(bytes: Bytes, length: usize) -> Response<Body> {
    let body = Body::from_stream(stream::iter([Ok(bytes), Err(broken_off())]));
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, length.max(1));
    response.body(body).unwrap_or_default()
}

fn broken_off() -> std::io::Error {
    std::io::Error::other("cut off by the test")
}

/// As the API server words it.
fn refusal(code: u16, retry_after: Option<u32>) -> Response<Body> {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": format!("refused by the test with {code}"),
    });
    let mut response = Response::builder().status(StatusCode::from_u16(code).unwrap_or_default());
    if let Some(seconds) = retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    let body = Body::from(status.to_string());
    response.header(header::CONTENT_TYPE, "application/json").body(body).unwrap_or_default()
}

fn compacted() -> Response<Body> {
    let event = json!({ "type": "ERROR", "object": {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 410, "reason": "Expired",
        "message": "too old resource version: 1 (2)",
    }});
    let body = Body::from(format!("{event}\n"));
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap_or_default()
}

/// Headers of one connection, and the bearer's, stay on their side.
fn passes(name: &HeaderName) -> bool {
    ![
        header::HOST,
        header::AUTHORIZATION,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::UPGRADE,
    ]
    .contains(name)
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
