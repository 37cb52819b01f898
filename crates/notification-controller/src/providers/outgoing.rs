//! Requests to providers: tried again where that may help, bounded by the Provider's timeout around all of it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use net::{Client, RequestError};
use url::Url;

use super::{PostError, SendError};
use crate::go_json;

/// Attempts in all.
const ATTEMPTS: u32 = 5;
/// First and longest wait between attempts; it doubles.
const WAITS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// A request that can be sent again.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Headers that the Secret names; they win.
    pub(crate) extra: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Outgoing {
    /// Without headers and body.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), extra: Vec::new(), body: Vec::new() }
    }

    /// A POST of a value as `json.Marshal` writes it.
    pub(crate) fn json<T: serde::Serialize + ?Sized>(url: Url, value: &T) -> Self {
        Self::new(Method::POST, url).header("content-type", "application/json").body(go_json::marshal(value))
    }

    /// With a header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With `Authorization: Bearer`.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// With `Authorization: Basic`.
    pub(crate) fn basic(self, username: &str, password: &str) -> Self {
        use base64::Engine as _;
        let pair = base64::prelude::BASE64_STANDARD.encode(format!("{username}:{password}"));
        self.header("authorization", format!("Basic {pair}"))
    }

    /// With a body.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn request(&self) -> Result<net::Request, SendError> {
        let mut headers = HeaderMap::new();
        let own = self.headers.iter().map(|(name, value)| (*name, value));
        let extra = self.extra.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in own.chain(extra) {
            // The value may be a secret: it is not told.
            let bad = || SendError(format!("failed to create a new request: header {name} is not valid"));
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.insert(key, HeaderValue::from_str(value.trim()).map_err(|_| bad())?);
        }
        Ok(net::Request {
            method: self.method.clone(),
            url: self.url.clone(),
            headers,
            body: self.body.clone().into(),
            authenticate: false,
            timeout: None,
        })
    }
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<serde_json::Value, SendError> {
        serde_json::from_slice(&self.body).map_err(|_| SendError("the answer is not JSON".to_owned()))
    }
}

/// Sends a request until there is an answer that another attempt would not change.
pub(crate) async fn send(client: &Client, outgoing: &Outgoing) -> Result<Answer, SendError> {
    let mut wait = WAITS.0;
    for attempt in 1..=ATTEMPTS {
        let (retry_after, result) = once(client, outgoing).await?;
        let again = match &result {
            Ok(answer) => worth_repeating(answer.status),
            Err(error) => is_passing(error),
        };
        if !again {
            return result.map_err(|error| SendError(error.to_string()));
        }
        if attempt < ATTEMPTS {
            tokio::time::sleep(retry_after.unwrap_or(wait)).await;
            wait = (wait * 2).min(WAITS.1);
        } else if let Err(error) = result {
            return Err(SendError(format!("giving up after {ATTEMPTS} attempt(s): {error}")));
        }
    }
    Err(SendError(format!("giving up after {ATTEMPTS} attempt(s)")))
}

type Once = (Option<Duration>, Result<Answer, RequestError>);

async fn once(client: &Client, outgoing: &Outgoing) -> Result<Once, SendError> {
    let response = match client.send(outgoing.request()?).await {
        Ok(response) => response,
        Err(error) => return Ok((None, Err(error))),
    };
    let status = response.status();
    let retry_after = retry_after(status, response.headers());
    let body = response.bytes().await;
    Ok((retry_after, body.map(|body| Answer { status, body })))
}

fn worth_repeating(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
}

/// What may be otherwise the next time.
fn is_passing(error: &RequestError) -> bool {
    match error {
        RequestError::Timeout { .. } | RequestError::Slow { .. } | RequestError::Broken { .. } => true,
        RequestError::Connect { cause, .. } => !cause.starts_with("tls: failed to verify"),
        RequestError::Scheme { .. }
        | RequestError::Address { .. }
        | RequestError::Redirect { .. }
        | RequestError::TooLarge { .. } => false,
    }
}

/// Seconds, as 429 and 503 may say.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

/// Posts a message and wants a status of success.
pub(crate) async fn post_message(client: &Client, outgoing: &Outgoing) -> Result<Answer, PostError> {
    let answer = send(client, outgoing).await;
    let answer = answer.map_err(|error| error.within("failed to execute request"))?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    let cause = format!(
        "request failed: request failed with status code {}: {}",
        answer.status.as_u16(),
        answer.text()
    );
    Err(SendError(cause).into())
}

#[cfg(test)]
mod tests {
    use super::{retry_after, worth_repeating};
    use http::{HeaderMap, StatusCode};

    #[test]
    fn only_what_may_pass_is_repeated() {
        for (status, expected) in
            [(200, false), (302, false), (404, false), (429, true), (500, true), (501, false)]
        {
            assert_eq!(worth_repeating(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    #[test]
    fn a_server_says_when_to_come_back() {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, "7".parse().unwrap())]);
        assert_eq!(retry_after(StatusCode::TOO_MANY_REQUESTS, &headers).unwrap().as_secs(), 7);
        assert!(retry_after(StatusCode::BAD_GATEWAY, &headers).is_none());
    }
}
