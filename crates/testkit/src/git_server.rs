//! Serves repositories over smart HTTP by the real `git http-backend`.
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::any,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::StreamExt;

use crate::{GitRepo, serve::Served};

/// Requests below `/auth/` need this user and password.
const BASIC: &str = "git:s3cret";

/// How a server misbehaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Takes the request and never answers.
    Silent,
    /// Answers every request with this HTTP status.
    Status(u16),
    /// Answers late.
    Slow(Duration),
    /// Begins an answer, and sends one byte of it every half second for ever.
    Drip,
    /// Sends every request on to the same place.
    Redirect,
    /// Promises this many bytes and sends a few.
    Promise(u64),
}

/// A Git server with any number of repositories. Below `/auth/` it asks for user `git`, password `s3cret`.
pub struct GitServer {
    served: Served,
    inner: Arc<Inner>,
    dir: tempfile::TempDir,
}

struct Inner {
    root: PathBuf,
    state: Mutex<Observed>,
}

#[derive(Default)]
struct Observed {
    fault: Fault,
    requests: Vec<String>,
}

impl Fault {
    /// The answer that the fault gives instead of the right one.
    pub(crate) async fn act(&self) -> Option<Response> {
        match self {
            Fault::None => None,
            Fault::Silent => std::future::pending().await,
            Fault::Status(code) => {
                Some(StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response())
            }
            Fault::Drip => Some(Body::from_stream(drops()).into_response()),
            Fault::Redirect => Some((StatusCode::FOUND, [(header::LOCATION, "?again")]).into_response()),
            Fault::Promise(size) => {
                let body = Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>("001e")]));
                Some(([(header::CONTENT_LENGTH, size.to_string())], body).into_response())
            }
            Fault::Slow(time) => {
                tokio::time::sleep(*time).await;
                None
            }
        }
    }
}

fn drops() -> impl futures::Stream<Item = std::io::Result<&'static str>> {
    futures::stream::repeat("0").then(|byte| async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(byte)
    })
}

impl GitServer {
    /// Starts one on a free port, without repositories.
    pub fn start() -> Result<GitServer> {
        let dir = tempfile::Builder::new().prefix("sluice-git-").tempdir()?;
        crate::Scope::add_dir(dir.path())?;
        let root = dir.path().join("served");
        std::fs::create_dir_all(&root)?;
        let inner = Arc::new(Inner { root, state: Mutex::default() });
        let router =
            Router::new().fallback(any(answer)).layer(DefaultBodyLimit::disable()).with_state(inner.clone());
        Ok(GitServer { served: Served::start(router, 0)?, inner, dir })
    }

    /// A new, empty repository `NAME.git` with a working copy of its own on branch `main`.
    pub fn repo(&self, name: &str) -> Result<GitRepo> {
        let bare = self.inner.root.join(format!("{name}.git"));
        let work = self.dir.path().join("work").join(name);
        GitRepo::create(bare, work, &format!("{}/{name}.git", self.url()))
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.served.address)
    }

    /// The same repositories behind basic authentication.
    pub fn auth_url(&self) -> String {
        format!("{}/auth", self.url())
    }

    /// Misbehaves from now on.
    pub fn set_fault(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// `METHOD path?query` of each request so far.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, Observed> {
        self.inner.state()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, Observed> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = {
        let mut state = inner.state();
        state.requests.push(format!("{method} {uri}"));
        state.fault.clone()
    };
    if let Some(response) = fault.act().await {
        return response;
    }
    let path = match uri.path().strip_prefix("/auth") {
        Some(rest) if authorized(&headers) => rest.to_string(),
        Some(_) => {
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")])
                .into_response();
        }
        None => uri.path().to_string(),
    };
    let mut command = backend(&inner.root, &path, &uri, &method, &headers);
    let done = tokio::task::spawn_blocking(move || cgi(&mut command, &body)).await;
    match done {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn authorized(headers: &HeaderMap) -> bool {
    let wanted = format!("Basic {}", STANDARD.encode(BASIC));
    headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == wanted.as_bytes())
}

/// The variables of RFC 3875 that git-http-backend(1) reads.
fn backend(root: &Path, path: &str, uri: &Uri, method: &Method, headers: &HeaderMap) -> Command {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut command = crate::git_repo::git(root);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", uri.query().unwrap_or(""))
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_TYPE", text("content-type"))
        .env("HTTP_CONTENT_ENCODING", text("content-encoding"))
        .env("GIT_PROTOCOL", text("git-protocol"))
        .env("REMOTE_USER", "git");
    command
}

fn cgi(command: &mut Command, body: &[u8]) -> Result<Response> {
    command.env("CONTENT_LENGTH", body.len().to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let output = std::thread::scope(|scope| {
        // It may answer before it has read everything; the pipe is then closed on us, which is no error.
        scope.spawn(move || stdin.write_all(body));
        child.wait_with_output()
    })?;
    let split = output
        .stdout
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .context("git http-backend gave no headers")?;
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output.stdout[..split]).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        response = match name {
            "Status" => response.status(value.split(' ').next().unwrap_or("500")),
            _ => response.header(name, value),
        };
    }
    Ok(response.body(Body::from(output.stdout[split + 4..].to_vec()))?)
}
