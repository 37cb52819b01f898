use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Frame, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    fs::File,
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::path::check_part;

type Body = BoxBody<Bytes, io::Error>;

/// Connections served at a time; more wait in the listener's backlog.
const CONNECTIONS: usize = 1024;
/// Time for the request's headers to arrive.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for one whole connection's idle or transfer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);
const PIECE: usize = 64 * 1024;

/// A bound file server, not yet serving.
pub struct Server {
    listener: TcpListener,
    root: PathBuf,
}

impl Server {
    /// Of a listener that its owner has bound.
    pub fn new(listener: TcpListener, root: impl Into<PathBuf>) -> Self {
        Self { listener, root: root.into() }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves files below the root until `stop` is ready: `GET` and `HEAD`, 200 for `/`, no listings, no hidden names,
    /// nothing outside of the root. Open connections are then cut.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let root: Arc<Path> = self.root.into();
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = tokio::task::JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => return,
                accepted = accept(&self.listener, &permits) => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, permit)) => {
                    let root = root.clone();
                    connections.spawn(async move {
                        connection(stream, root).await;
                        drop(permit);
                    });
                }
                // Out of file descriptors, or the peer is gone already: neither ends the server.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

type Permit = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, Permit)> {
    let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

async fn connection(stream: TcpStream, root: Arc<Path>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let root = root.clone();
        async move { Ok::<_, Infallible>(answer(&request, &root).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_headers(64).max_buf_size(16 * 1024);
    let served = http.serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_TIMEOUT, served).await {
        tracing::debug!(%error, "artifact connection ended early");
    }
}

async fn answer(request: &Request<Incoming>, root: &Path) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    if !head && request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    }
    if request.uri().path() == "/" {
        return plain(StatusCode::OK, "");
    }
    match open(root, request.uri().path()).await {
        Ok((file, size)) => content(file, size, head),
        Err(_) => plain(StatusCode::NOT_FOUND, "404 page not found\n"),
    }
}

/// Opens a regular file below the root. Links are followed only when they end below it.
async fn open(root: &Path, path: &str) -> io::Result<(File, u64)> {
    let refused = || io::Error::from(io::ErrorKind::NotFound);
    let path = percent_decoded(path.trim_start_matches('/')).ok_or_else(refused)?;
    if !path.split('/').all(|part| check_part(part).is_ok()) {
        return Err(refused());
    }
    let root = tokio::fs::canonicalize(root).await?;
    let target = tokio::fs::canonicalize(root.join(path)).await?;
    if !target.starts_with(&root) {
        return Err(refused());
    }
    let file = File::open(target).await?;
    let metadata = file.metadata().await?;
    if metadata.is_file() { Ok((file, metadata.len())) } else { Err(refused()) }
}

fn content(file: File, size: u64, head: bool) -> Response<Body> {
    let body = match head {
        true => Empty::new().map_err(|never| match never {}).boxed(),
        false => BodyExt::boxed(StreamBody::new(pieces(file, size).map_ok(Frame::data))),
    };
    let response = Response::builder()
        .header(header::CONTENT_LENGTH, size)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .body(body);
    response.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, ""))
}

/// The file's first `size` bytes, piece by piece.
fn pieces(file: File, size: u64) -> impl Stream<Item = io::Result<Bytes>> {
    futures::stream::try_unfold(file.take(size), |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE.min(usize::try_from(file.limit()).unwrap_or(PIECE)));
        let read = file.read_buf(&mut piece).await?;
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Decodes `%xx`; Flux's file names hold a colon, which some clients escape.
fn percent_decoded(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: u8| (byte as char).to_digit(16);
        let value = digit(bytes.next()?)? * 16 + digit(bytes.next()?)?;
        out.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(out).ok()
}
