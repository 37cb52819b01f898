mod target;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use kube::client::Body;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service, ServiceExt};

use self::target::{NotAnAddress, Target};
use super::rate::Rate;
use crate::fence::{Fence, LostLease};
use crate::metrics::Metrics;

/// How long a request may take, all tries together (decision D10).
const DEADLINE: Duration = Duration::from_secs(15);
/// How long a list may take.
const LIST_DEADLINE: Duration = Duration::from_secs(60);
/// How long a watch may take to begin: the API server sends the head of its answer before the first event.
const WATCH_BEGINS: Duration = Duration::from_secs(20);
/// How often a request is repeated after 429, 502, 503 or 504.
const RETRIES: u32 = 2;
/// The first pause before a retry where the server names none.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest answer that tells of one object, or of none, in bytes: etcd holds 1.5 MiB of an object.
const LONGEST: usize = 16 << 20;
/// The longest list, or description of the API server's kinds, in bytes.
const LONGEST_LIST: usize = 1 << 30;

/// Why a request was not sent or not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("request is not sent")]
    Fenced(#[source] LostLease),
    #[error("no answer from the API server within {} s", .0.as_secs())]
    Deadline(Duration),
    #[error("the API server's answer is longer than {} MiB", .0 >> 20)]
    TooLong(usize),
    #[error(transparent)]
    Address(#[from] NotAnAddress),
}

#[derive(Clone)]
pub(super) struct PolicyLayer {
    fence: Fence,
    metrics: Arc<Metrics>,
    rate: Option<Arc<Rate>>,
}

impl PolicyLayer {
    pub(super) fn new(fence: Fence, metrics: Arc<Metrics>, rate: Option<Arc<Rate>>) -> Self {
        Self { fence, metrics, rate }
    }
}

impl<S> Layer<S> for PolicyLayer {
    type Service = Policy<S>;

    fn layer(&self, inner: S) -> Policy<S> {
        Policy { inner: Some(inner), shared: None, layer: self.clone() }.shared()
    }
}

/// The service around the connection pool.
pub(super) struct Policy<S> {
    inner: Option<S>,
    shared: Option<Arc<tokio::sync::Mutex<S>>>,
    layer: PolicyLayer,
}

impl<S> Policy<S> {
    /// The inner service cannot be cloned; it is locked only while a request is handed over, not while it is answered.
    fn shared(mut self) -> Self {
        self.shared = self.inner.take().map(|inner| Arc::new(tokio::sync::Mutex::new(inner)));
        self
    }
}

/// A watch's stream, or a whole answer.
type Answered<B> = Either<B, Full<bytes::Bytes>>;

type Answer<B> = Pin<Box<dyn Future<Output = Result<Response<Answered<B>>, BoxError>> + Send>>;

impl<S, B> Service<Request<Body>> for Policy<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Answered<B>>;
    type Error = BoxError;
    type Future = Answer<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer<B> {
        let layer = self.layer.clone();
        let Some(inner) = self.shared.clone() else {
            return Box::pin(async { Err("the client is closed".into()) });
        };
        Box::pin(async move { exchange(&inner, &layer, request).await })
    }
}

async fn exchange<S, B>(
    inner: &tokio::sync::Mutex<S>,
    layer: &PolicyLayer,
    request: Request<Body>,
) -> Result<Response<Answered<B>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let limits = Limits::of(&request).map_err(PolicyError::Address)?;
    let Some(deadline) = limits.time else {
        return begin_watch(inner, layer, request).await;
    };
    let whole = async {
        let answer = with_retries(inner, layer, request, Instant::now() + deadline).await?;
        collect(answer, limits.length).await
    };
    match tokio::time::timeout(deadline, whole).await {
        Ok(answer) => answer,
        Err(_) => Err(PolicyError::Deadline(deadline).into()),
    }
}

/// The server ends a watch after `timeoutSeconds`, and the watcher gives a dead line up after that. But it must begin: a
/// connection or a proxy that swallowed the request would make us blind until then. So would one that swallows the rest of a
/// refusal, for which the watcher waits before it takes the answer over.
async fn begin_watch<S, B>(
    inner: &tokio::sync::Mutex<S>,
    layer: &PolicyLayer,
    request: Request<Body>,
) -> Result<Response<Answered<B>>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let begun = tokio::time::timeout(WATCH_BEGINS, once(inner, layer, request)).await;
    let answer = begun.map_err(|_| PolicyError::Deadline(WATCH_BEGINS))??;
    if answer.status().is_success() {
        return Ok(answer.map(Either::Left));
    }
    let refused = tokio::time::timeout(DEADLINE, collect(answer, LONGEST)).await;
    refused.map_err(|_| PolicyError::Deadline(DEADLINE))?
}

async fn collect<B>(answer: Response<B>, longest: usize) -> Result<Response<Answered<B>>, BoxError>
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (parts, body) = answer.into_parts();
    let whole = Limited::new(body, longest).collect().await;
    let whole = whole.map_err(|error| match error.is::<LengthLimitError>() {
        true => PolicyError::TooLong(longest).into(),
        false => error,
    })?;
    Ok(Response::from_parts(parts, Either::Right(Full::new(whole.to_bytes()))))
}

async fn with_retries<S, B>(
    inner: &tokio::sync::Mutex<S>,
    layer: &PolicyLayer,
    request: Request<Body>,
    until: Instant,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
{
    let (parts, body) = request.into_parts();
    let bytes = body.collect_bytes().await?;
    let mut tries = 0;
    loop {
        let request = Request::from_parts(parts.clone(), Body::from(bytes.clone()));
        let answer = once(inner, layer, request).await?;
        if tries == RETRIES || !is_retried(answer.status()) {
            return Ok(answer);
        }
        // What must wait for longer than we have is told as it is: the answer names the limit.
        let Some(again) = Instant::now().checked_add(pause(&answer, tries)).filter(|again| *again < until)
        else {
            return Ok(answer);
        };
        tokio::time::sleep_until(again).await;
        tries += 1;
    }
}

/// Sends one request. The fence is asked last before the bytes go out.
async fn once<S, B>(
    inner: &tokio::sync::Mutex<S>,
    layer: &PolicyLayer,
    request: Request<Body>,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
{
    let method = request.method().clone();
    if let Some(rate) = &layer.rate {
        rate.pass().await;
    }
    let answer = {
        let mut inner = inner.lock().await;
        let ready = inner.ready().await?;
        if writes(&method) {
            layer.fence.check().map_err(PolicyError::Fenced)?;
        }
        ready.call(request)
    };
    let answer = answer.await;
    let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
    layer.metrics.requested(&method, code);
    answer
}

fn writes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_retried(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

fn pause<B>(answer: &Response<B>, tries: u32) -> Duration {
    let named = answer.headers().get(http::header::RETRY_AFTER);
    let named = named.and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    named.unwrap_or(PAUSE * 2u32.pow(tries))
}

/// What a request may take.
struct Limits {
    /// All tries together; none for a watch.
    time: Option<Duration>,
    /// Bytes of the answer.
    length: usize,
}

impl Limits {
    fn of(request: &Request<Body>) -> Result<Self, NotAnAddress> {
        let target = Target::of(request.uri())?;
        let query = request.uri().query().unwrap_or_default();
        let has = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
        let of_many = target == Target::Collection && request.method() == Method::GET;
        let time = match of_many {
            // A watch of ours always says when the server is to end it.
            true if query.split('&').any(|part| part == "watch=true") && has("timeoutSeconds") => None,
            true if has("limit") || has("labelSelector") || has("resourceVersion") => Some(LIST_DEADLINE),
            _ => Some(DEADLINE),
        };
        Ok(Self { time, length: if target == Target::Object { LONGEST } else { LONGEST_LIST } })
    }
}

#[cfg(test)]
mod tests;
