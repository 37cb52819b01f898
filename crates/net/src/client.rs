use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};
use url::Url;

use crate::{AddressRule, Auth, LeastPace, Limits, RequestError, Response, shown, split_userinfo};

/// The body of a request; kept in memory.
pub type Body = Bytes;

/// What to ask.
#[derive(Clone)]
pub struct Request {
    /// Verb.
    pub method: Method,
    /// Where; a user and password in it are moved to the `Authorization` header.
    pub url: Url,
    /// Further headers.
    pub headers: HeaderMap,
    /// Body, maybe empty.
    pub body: Body,
    /// Whether the client's credentials go along. Set it to false for a host that they are not meant for.
    pub authenticate: bool,
    /// Time for the whole request, instead of the policy's.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A `GET` without further headers.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url, Bytes::new())
    }

    /// A `POST` of `body`.
    pub fn post(url: Url, body: impl Into<Body>) -> Self {
        Self::new(Method::POST, url, body.into())
    }

    fn new(method: Method, url: Url, body: Body) -> Self {
        Self { method, url, headers: HeaderMap::new(), body, authenticate: true, timeout: None }
    }
}

/// An HTTP client that keeps a [`crate::Policy`]. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::Client,
    authorization: Option<HeaderValue>,
    max_body: u64,
    pace: Option<LeastPace>,
    addresses: AddressRule,
    /// Host and port of the proxy.
    proxy: Option<String>,
}

impl Client {
    pub(crate) fn new(
        inner: reqwest::Client,
        authorization: Option<HeaderValue>,
        limits: &Limits,
        addresses: AddressRule,
        proxy: Option<&Url>,
    ) -> Self {
        let Limits { max_body, pace, .. } = *limits;
        Self { inner, authorization, max_body, pace, addresses, proxy: proxy.map(host_and_port) }
    }

    /// The same client, and the same connections, with another limit for bodies in bytes.
    #[must_use]
    pub fn with_max_body(mut self, max_body: u64) -> Self {
        self.max_body = max_body;
        self
    }

    /// Asks for `url`. The answer may have any status.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn get(&self, url: Url) -> Result<Response, RequestError> {
        self.send(Request::get(url)).await
    }

    /// Sends a request and returns when the headers are there. The answer may have any status.
    ///
    /// # Errors
    /// A URL or address that is not allowed, a failed connection, a time limit.
    pub async fn send(&self, request: Request) -> Result<Response, RequestError> {
        let (url, inline) = split_userinfo(&request.url);
        let place = format!("{} \"{}\"", verb(&request.method), shown(&url));
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RequestError::Scheme { place });
        }
        if !self.addresses.allows_url(&url) {
            return Err(RequestError::Address { place });
        }
        let host = host_and_port(&url);
        let mut builder = self.inner.request(request.method, url).headers(request.headers).body(request.body);
        if let Some(value) = self.authorization_for(&inline).filter(|_| request.authenticate) {
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(timeout) = request.timeout {
            builder = builder.timeout(timeout);
        }
        match builder.send().await {
            Ok(inner) => Ok(Response::new(inner, place, host, (self.max_body, self.pace))),
            Err(error) => Err(RequestError::from_reqwest(&error, place, &host, self.proxy.as_deref())),
        }
    }

    fn authorization_for(&self, inline: &Auth) -> Option<HeaderValue> {
        self.authorization.clone().or_else(|| inline.header().ok().flatten())
    }
}

/// The verb as users of the Go tools know it from messages: `Get`, `Post`.
fn verb(method: &Method) -> String {
    let text = method.as_str();
    let (first, rest) = text.split_at(text.len().min(1));
    format!("{first}{}", rest.to_lowercase())
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
