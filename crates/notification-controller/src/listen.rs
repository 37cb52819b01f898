//! The two HTTP servers: bounded in size, time and connections.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Largest body that is taken, in bytes.
pub(crate) const MAX_BODY: usize = 3 << 20;
/// What every body may take; beyond it bodies share [`ROOM`]. Webhooks of the usual size are never refused for want of it.
const SMALL: usize = 64 << 10;
/// What larger bodies may take together, in bytes.
const ROOM: usize = 96 << 20;
/// How long a body waits for room.
const ROOM_TIME: Duration = Duration::from_secs(1);
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
    _room: Room,
}

/// What a large body takes of the room of all, as long as it is held.
type Room = Option<OwnedSemaphorePermit>;

/// Serves until the token fires; then running requests come to their end. `refuse` looks at path and query and answers what
/// is not to be read.
pub(crate) async fn serve<A, H, F>(listener: TcpListener, shutdown: CancellationToken, refuse: A, handle: H)
where
    A: Fn(&str) -> Option<Response<Body>> + Clone + Send + Sync + 'static,
    H: Fn(Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (permits, connections) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    let room = Arc::new(Semaphore::new(ROOM));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        let Some((stream, permit)) = accepted else { continue };
        let (handlers, shutdown, room) = ((refuse.clone(), handle.clone()), shutdown.clone(), room.clone());
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, &room, handlers.clone()));
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

type Accepted = (tokio::net::TcpStream, OwnedSemaphorePermit);

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

async fn answer<A, H, F>(
    request: Request<Incoming>,
    room: &Arc<Semaphore>,
    (refuse, handle): (A, H),
) -> Result<Response<Body>, Infallible>
where
    A: Fn(&str) -> Option<Response<Body>>,
    H: Fn(Call) -> F,
    F: Future<Output = Response<Body>>,
{
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    if let Some(refusal) = refuse(&target) {
        return Ok(last(refusal, &body));
    }
    match tokio::time::timeout(BODY_TIME, read(body, room)).await {
        Ok(Ok((body, room))) => Ok(handle(Call { target, headers: head.headers, body, _room: room }).await),
        Ok(Err(status)) => Ok(unread(status)),
        Err(_) => Ok(unread(StatusCode::BAD_REQUEST)),
    }
}

/// A body of which nothing was read: the connection ends with the answer.
fn last(mut answer: Response<Body>, body: &Incoming) -> Response<Body> {
    if !body.is_end_stream() {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// The answer to a body that was not read to its end.
fn unread(status: StatusCode) -> Response<Body> {
    let mut answer = empty(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// The body and the room it takes, or the status that says why not.
async fn read(mut body: Incoming, room: &Arc<Semaphore>) -> Result<(Vec<u8>, Room), StatusCode> {
    let (mut bytes, mut held) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > MAX_BODY {
            tracing::error!(
                error = format!("request body exceeds the maximum size of {MAX_BODY} bytes"),
                "reading the request body failed"
            );
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        take(room, &mut held, length.saturating_sub(SMALL).min(data.len())).await?;
        if bytes.capacity() < length {
            // Not twice as much as there is: the room is counted by the byte.
            bytes.reserve_exact(data.len().max(bytes.len() / 8));
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, held))
}

async fn take(room: &Arc<Semaphore>, held: &mut Room, bytes: usize) -> Result<(), StatusCode> {
    // A frame is at most as long as a body.
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    if bytes == 0 {
        return Ok(());
    }
    let more = tokio::time::timeout(ROOM_TIME, room.clone().acquire_many_owned(bytes)).await;
    let Ok(Ok(more)) = more else {
        tracing::warn!("request is refused: the bodies of others take all room");
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    };
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
    Ok(())
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

#[cfg(test)]
mod tests;
