use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use net::{Client, Request, Response};
use tokio::time::Instant;
use url::Url;

use crate::{GitError, RemoteUrl, error::shown, service::Service, stream::ByteStream};

const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// A repository behind smart HTTP.
pub(crate) struct HttpTransport {
    client: Client,
    remote: RemoteUrl,
    /// Where requests go; another place than the remote after a redirect of the first request.
    base: Url,
    service: Service,
    deadline: Instant,
}

impl HttpTransport {
    pub(crate) fn new(client: Client, remote: RemoteUrl, service: Service, deadline: Instant) -> Self {
        let base = remote.url().clone();
        Self { client, remote, base, service, deadline }
    }

    pub(crate) async fn advertisement(&mut self) -> Result<ByteStream<'_>, GitError> {
        let mut url = at(&self.base, "info/refs");
        url.set_query(Some(&format!("service={}", self.service.name())));
        let mut request = Request::get(url);
        if self.service == Service::UploadPack {
            request.headers.insert(GIT_PROTOCOL, HeaderValue::from_static("version=2"));
        }
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let response = self.send(request).await?;
        self.follow(response.url());
        self.expect_type(&response, self.service.advertisement_type())?;
        Ok(ByteStream::Http { response: Box::new(response), url: self.remote.as_str() })
    }

    pub(crate) async fn post(&self, body: Bytes, version2: bool) -> Result<ByteStream<'_>, GitError> {
        let mut request = Request::post(at(&self.base, self.service.name()), body);
        let content = HeaderValue::from_static(self.service.request_type());
        let accepted = HeaderValue::from_static(self.service.result_type());
        request.headers.insert(header::CONTENT_TYPE, content);
        request.headers.insert(header::ACCEPT, accepted);
        if version2 {
            request.headers.insert(GIT_PROTOCOL, HeaderValue::from_static("version=2"));
        }
        let response = self.send(request).await?;
        self.expect_type(&response, self.service.result_type())?;
        Ok(ByteStream::Http { response: Box::new(response), url: self.remote.as_str() })
    }

    async fn send(&self, mut request: Request) -> Result<Response, GitError> {
        request.authenticate = same_origin(&request.url, self.remote.url());
        request.timeout =
            Some(self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
        let sent = self.client.send(request).await;
        let response = sent.map_err(|error| GitError::from_request(self.remote.as_str(), error))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(self.refusal(status, response).await),
        }
    }

    async fn refusal(&self, status: StatusCode, mut response: Response) -> GitError {
        let url = self.remote.to_string();
        // Only a plain text says something in a condition; a page does not.
        let plain = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        let reason = match plain {
            true => response.chunk().await.ok().flatten().map(|text| shown(&text)).unwrap_or_default(),
            false => String::new(),
        };
        match status {
            StatusCode::UNAUTHORIZED => {
                GitError::AuthFailed { url, reason: format!("authentication required: {reason}") }
            }
            StatusCode::FORBIDDEN => GitError::Forbidden { url, reason },
            StatusCode::NOT_FOUND => GitError::RepositoryNotFound { url, reason },
            status => GitError::Network {
                url,
                cause: format!(
                    "unexpected client error: unexpected requesting \"{}\" status code: {}",
                    net::shown(response.url()),
                    status.as_u16()
                ),
            },
        }
    }

    /// A moved repository keeps the end of its URL, so the rest of the answer's URL is its new place.
    fn follow(&mut self, answered: &Url) {
        if let Some(path) = answered.path().strip_suffix("/info/refs") {
            let mut base = answered.clone();
            base.set_query(None);
            base.set_path(path);
            self.base = base;
        }
    }

    fn expect_type(&self, response: &Response, wanted: &str) -> Result<(), GitError> {
        let found = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match found {
            Some(found) if found.split(';').next() == Some(wanted) => Ok(()),
            _ => Err(GitError::protocol(
                self.remote.as_str(),
                "server does not speak git's smart http protocol",
            )),
        }
    }
}

fn at(base: &Url, end: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{end}", base.path().trim_end_matches('/')));
    url
}

fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}
