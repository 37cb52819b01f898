//! The fake receivers: HTTP, HTTPS, a proxy for public hosts, and NATS.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Every public host of the recordings.
const HOSTS: [&str; 13] = [
    "127.0.0.1",
    "localhost",
    "api.bitbucket.org",
    "api.github.com",
    "api.telegram.org",
    "dev.azure.com",
    "acme.webhook.office.com",
    "gitea.example.org",
    "gitlab.com",
    "generic.example.org",
    "slack.com",
    "pubsub.googleapis.com",
    "www.googleapis.com",
];

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    #[allow(dead_code, reason = "for the suites that share this file")]
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What is answered to a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) http: u16,
    pub(crate) https: u16,
    pub(crate) proxy: u16,
    pub(crate) nats: u16,
}

/// Chooses ports and writes them and the certificates into a folder.
pub(crate) fn prepare(folder: &Path) -> Result<Ports> {
    let [http, https, proxy, nats] = testkit::free_ports()?;
    let ports = Ports { http, https, proxy, nats };
    std::fs::write(folder.join("ports.json"), serde_json::to_string(&ports)?)?;
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let hosts = HOSTS.map(str::to_owned).to_vec();
    let certificate = CertificateParams::new(hosts)?.signed_by(&key, &issuer)?;
    std::fs::write(folder.join("ca.pem"), ca_certificate.pem())?;
    std::fs::write(folder.join("server.pem"), certificate.pem())?;
    std::fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(ports)
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    replies: VecDeque<Reply>,
    /// Answered at their paths and kept out of what was seen.
    pages: BTreeMap<String, String>,
}

/// The servers, and what they were sent since [`Sink::reset`].
pub(crate) struct Sink {
    pub(crate) ports: Ports,
    #[allow(dead_code, reason = "for the suites that share this file")]
    pub(crate) ca: String,
    state: Arc<Mutex<State>>,
}

impl Sink {
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let ports: Ports = serde_json::from_str(&std::fs::read_to_string(folder.join("ports.json"))?)?;
        let ca = std::fs::read_to_string(folder.join("ca.pem"))?;
        let state = Arc::new(Mutex::new(State::default()));
        let tls = acceptor(folder)?;
        let listen = |port: u16| TcpListener::bind(("127.0.0.1", port));
        let (http, https, proxy, nats) = (
            listen(ports.http).await?,
            listen(ports.https).await?,
            listen(ports.proxy).await?,
            listen(ports.nats).await?,
        );
        tokio::spawn(plain(http, tls.clone(), state.clone()));
        tokio::spawn(plain(proxy, tls.clone(), state.clone()));
        tokio::spawn(secure(https, tls, state.clone()));
        tokio::spawn(publish(nats, state.clone()));
        Ok(Self { ports, ca, state })
    }

    /// Forgets what was seen and answers with these replies, in order.
    pub(crate) fn reset(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut state = lock(&self.state);
        state.seen.clear();
        state.replies = replies.into_iter().collect();
    }

    /// Answers with this text at a path.
    #[allow(dead_code, reason = "for the suites that share this file")]
    pub(crate) fn page(&self, path: &str, text: String) {
        lock(&self.state).pages.insert(path.to_owned(), text);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn acceptor(folder: &Path) -> Result<TlsAcceptor> {
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(folder.join("server.pem"))?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key"))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(certificates, key);
    Ok(TlsAcceptor::from(Arc::new(config.context("server certificate")?)))
}

/// HTTP, and as a proxy CONNECT and absolute targets.
async fn plain(listener: TcpListener, tls: TlsAcceptor, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, tls.clone(), state.clone()));
    }
}

async fn secure(listener: TcpListener, tls: TlsAcceptor, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, state) = (tls.clone(), state.clone());
        tokio::spawn(async move {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, tls, state).await;
            }
        });
    }
}

/// Boxed, because a tunnel is served within the connection that asked for it.
fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    tls: TlsAcceptor,
    state: Arc<Mutex<State>>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let service = service_fn(move |request| answer(request, tls.clone(), state.clone()));
    Box::pin(async move {
        // What the other end does to the connection shows in what was seen.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    })
}

async fn answer(
    request: Request<Incoming>,
    tls: TlsAcceptor,
    state: Arc<Mutex<State>>,
) -> Result<Response<Body>, Infallible> {
    if request.method() == Method::CONNECT {
        tokio::spawn(async move {
            let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
            if let Ok(stream) = tls.accept(TokioIo::new(upgraded)).await {
                serve(stream, tls, state).await;
            }
        });
        return Ok(Response::new(Body::empty()));
    }
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), 16 << 20).await.unwrap_or_default().to_vec();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let seen = Seen { method: head.method.to_string(), path, headers: headers.collect(), body };
    let reply = {
        let mut state = lock(&state);
        if let Some(page) = state.pages.get(&seen.path) {
            return Ok(Response::new(Body::from(page.clone())));
        }
        // Asked once a process by Flux: answered whenever it is asked here, and left out where it is not.
        while seen.method != "OPTIONS"
            && state.replies.front().is_some_and(|reply| reply.body.contains("routeTemplate"))
        {
            state.replies.pop_front();
        }
        let once = once(&seen, state.replies.front());
        state.seen.push(seen);
        once.or_else(|| state.replies.pop_front())
    };
    let reply = reply.unwrap_or(Reply { status: 299, body: "{}".to_owned() });
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    Ok(response)
}

/// The list of resources of Azure DevOps, where the recording does not have it.
fn once(seen: &Seen, next: Option<&Reply>) -> Option<Reply> {
    let recorded = next.is_some_and(|reply| reply.body.contains("routeTemplate"));
    (seen.method == "OPTIONS" && !recorded).then(|| Reply { status: 200, body: RESOURCES.to_owned() })
}

/// What an organization of Azure DevOps says of its API, as far as it matters here.
pub(crate) const RESOURCES: &str = r#"{"count":1,"value":[{"id":"428dd4fb-fda5-4722-af02-9313b80305da","area":"git",
    "resourceName":"statuses","resourceVersion":1,"minVersion":"1.0","maxVersion":"7.2","releasedVersion":"7.1",
    "routeTemplate":"{project}/_apis/{area}/repositories/{repositoryId}/commits/{commitId}/{resource}"}]}"#;

/// A NATS server that keeps what is published.
async fn publish(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            // A client that goes away ends its task.
            let _ = publisher(stream, state).await;
        });
    }
}

async fn publisher(stream: TcpStream, state: Arc<Mutex<State>>) -> Result<()> {
    let mut client = BufReader::new(stream);
    client.get_mut().write_all(b"INFO {\"server_id\":\"fake\",\"max_payload\":1048576}\r\n").await?;
    let mut options = String::new();
    loop {
        let mut line = String::new();
        if client.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["PING"] => client.get_mut().write_all(b"PONG\r\n").await?,
            ["CONNECT", ..] => options = line.trim_start_matches("CONNECT ").trim().to_owned(),
            ["PUB", subject, size] => {
                let mut body = vec![0; size.parse::<usize>()? + 2];
                client.read_exact(&mut body).await?;
                body.truncate(body.len() - 2);
                let headers = vec![("connect_options".to_owned(), options.clone())];
                lock(&state).seen.push(Seen {
                    method: "NATS PUB".into(),
                    path: subject.into(),
                    headers,
                    body,
                });
            }
            _ => {}
        }
    }
}
