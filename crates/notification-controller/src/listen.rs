//! The two HTTP servers: bounded in size, time and connections.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Largest body that is taken, in bytes.
pub(crate) const MAX_BODY: usize = 3 << 20;
/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 256 << 10;
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long the body of a request may take.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 1000;
/// How long running requests may go on when the process is to end.
const GRACE: Duration = Duration::from_secs(5);

/// A request read whole.
pub(crate) struct Call {
    /// Path and query, as sent.
    pub(crate) target: String,
    /// The headers.
    pub(crate) headers: axum::http::HeaderMap,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// Serves until the token fires; then running requests come to their end.
pub(crate) async fn serve<H, F>(listener: TcpListener, shutdown: CancellationToken, handle: H)
where
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (permits, connections) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let Some((stream, permit)) = accepted else { continue };
        let (handle, shutdown) = (handle.clone(), shutdown.clone());
        connections.spawn(async move {
            let service = service_fn(move |request| answer(request, handle.clone()));
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD);
            let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
            let ended = tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = shutdown.cancelled() => None,
            };
            if ended.is_none() {
                connection.as_mut().graceful_shutdown();
                // What a peer does to its own connection concerns nobody else.
                let _ = tokio::time::timeout(GRACE, connection).await;
            }
            drop(permit);
        });
    }
    connections.close();
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
}

type Accepted = (tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            // Too many open files: pause instead of spinning.
            tracing::warn!(error = %error, "connection is not accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn answer<H, F>(request: Request<Incoming>, handle: H) -> Result<Response<Body>, Infallible>
where
    H: Fn(Call) -> F,
    F: Future<Output = Response<Body>>,
{
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => return Ok(empty(status)),
    };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    Ok(handle(Call { target, headers: head.headers, body }).await)
}

/// The body, or the status that says why not.
async fn read(body: Incoming) -> Result<Vec<u8>, StatusCode> {
    let read = axum::body::to_bytes(Body::new(body), MAX_BODY);
    match tokio::time::timeout(BODY_TIME, read).await {
        Ok(Ok(bytes)) => Ok(bytes.to_vec()),
        Ok(Err(error)) => Err(refusal(&error)),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

fn refusal(error: &axum::Error) -> StatusCode {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<http_body_util::LengthLimitError>() {
            tracing::error!(
                error = format!("request body exceeds the maximum size of {MAX_BODY} bytes"),
                "reading the request body failed"
            );
            return StatusCode::PAYLOAD_TOO_LARGE;
        }
        cause = inner.source();
    }
    StatusCode::BAD_REQUEST
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    (status, [(header::CONTENT_LENGTH, HeaderValue::from_static("0"))]).into_response()
}

/// An answer of plain text.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let sniff = HeaderValue::from_static("nosniff");
    (status, [(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, sniff)], text).into_response()
}
