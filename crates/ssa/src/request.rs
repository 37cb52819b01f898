use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{ApiError, Identity, error::Failure};

/// Deadline of a request for one object, from the first byte out to the last byte in, retries included.
pub(crate) const OBJECT_DEADLINE: Duration = Duration::from_secs(15);
/// Deadline of a list.
pub(crate) const LIST_DEADLINE: Duration = Duration::from_secs(60);
/// Tries after the first one.
const RETRIES: u32 = 2;
/// Largest answer read; etcd holds objects of about 1.5 MiB, lists are paged.
const MAX_ANSWER: usize = 64 << 20;
/// What a value or key of parsed JSON takes in memory besides its text, in bytes.
const NODE: usize = 96;
/// Media types of patches.
pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";

/// One request: a path on the API server and what to send.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    content_type: Option<&'static str>,
    accept: &'static str,
    body: Vec<u8>,
    deadline: Duration,
    room: Option<usize>,
}

/// An answer with success status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP status: 201 tells that an apply created the object.
    pub(crate) code: u16,
    /// The server's clock, in seconds since 1970, when it says it.
    pub(crate) date: Option<i64>,
    /// From sending to the last byte.
    pub(crate) took: Duration,
    /// What the value takes in memory, in bytes; 0 unless it was limited.
    pub(crate) weight: usize,
    pub(crate) value: Value,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None, Vec::new(), OBJECT_DEADLINE)
    }

    pub(crate) fn list(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None, Vec::new(), LIST_DEADLINE)
    }

    pub(crate) fn patch(path: impl Into<String>, content_type: &'static str, body: &Value) -> Self {
        Self::new(Method::PATCH, path.into(), Some(content_type), encode(body), OBJECT_DEADLINE)
    }

    pub(crate) fn delete(path: impl Into<String>, options: &Value) -> Self {
        Self::new(Method::DELETE, path.into(), Some("application/json"), encode(options), OBJECT_DEADLINE)
    }

    fn new(
        method: Method,
        path: String,
        content_type: Option<&'static str>,
        body: Vec<u8>,
        deadline: Duration,
    ) -> Self {
        Self { method, path, content_type, accept: "application/json", body, deadline, room: None }
    }

    /// POST or PUT of an object.
    pub(crate) fn write(method: Method, path: impl Into<String>, body: &Value) -> Self {
        Self::new(method, path.into(), Some("application/json"), encode(body), OBJECT_DEADLINE)
    }

    /// Asks for another form of the answer.
    pub(crate) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    /// Refuses an answer that takes more memory than this, in bytes.
    pub(crate) fn within(mut self, room: usize) -> Self {
        self.room = Some(room);
        self
    }

    fn request(&self, identity: &Identity) -> Result<Request<Body>, ApiError> {
        let malformed = |cause: String| ApiError::Malformed { path: self.shown_path(), cause };
        let mut request = Request::builder().method(&self.method).uri(&self.path);
        if let Some(kind) = self.content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        request = request.header(header::ACCEPT, self.accept);
        if let Some(user) = identity.user() {
            let user = HeaderValue::from_str(&user).map_err(|e| malformed(e.to_string()))?;
            request = request.header("Impersonate-User", user);
        }
        request.body(Body::from(self.body.clone())).map_err(|e| malformed(e.to_string()))
    }

    /// The path without its query: what errors show.
    fn shown_path(&self) -> String {
        self.path.split('?').next().unwrap_or_default().to_owned()
    }
}

fn encode(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

/// Sends a request as `identity`: one deadline over all tries, at most two more tries, and only after
/// failures that a try can heal. Every request of this crate is idempotent, so that it may be sent again, but for POST:
/// who makes one looks whether a try before the last one was carried out.
pub(crate) async fn send(
    client: &kube::Client,
    identity: &Identity,
    call: &Call,
) -> Result<Answer, ApiError> {
    let until = Instant::now() + call.deadline;
    let mut tries = 0;
    loop {
        let late = || timed_out(call);
        let result = timeout_at(until, attempt(client, identity, call)).await.unwrap_or_else(|_| Err(late()));
        let Err(error) = result else { return result };
        let again = Instant::now() + pause(&error, tries);
        if tries == RETRIES || !error.is_repeated() || again >= until {
            return Err(error);
        }
        sleep_until(again).await;
        tries += 1;
    }
}

fn pause(error: &ApiError, tries: u32) -> Duration {
    let asked = error.failure().and_then(|failure| failure.retry_after);
    asked.unwrap_or(Duration::from_millis(100) * 3_u32.pow(tries))
}

fn timed_out(call: &Call) -> ApiError {
    ApiError::Timeout {
        method: call.method.to_string(),
        path: call.shown_path(),
        seconds: call.deadline.as_secs(),
    }
}

async fn attempt(client: &kube::Client, identity: &Identity, call: &Call) -> Result<Answer, ApiError> {
    let broken = |cause: String| ApiError::Transport {
        method: call.method.to_string(),
        path: call.shown_path(),
        cause,
    };
    let began = Instant::now();
    let response = client.send(call.request(identity)?).await.map_err(|e| broken(e.to_string()))?;
    let (parts, body) = response.into_parts();
    let most = call.room.unwrap_or(MAX_ANSWER).min(MAX_ANSWER);
    let body =
        Limited::new(body, most).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
            true => too_large(call, most),
            false => broken(error.to_string()),
        })?;
    let body = body.to_bytes();
    if !parts.status.is_success() {
        let failure = Failure::read(parts.status.as_u16(), &body, retry_after(&parts.headers));
        return Err(ApiError::Status(Box::new(failure)));
    }
    let weight = call.room.map_or(0, |_| weight(&body));
    if let Some(room) = call.room.filter(|room| weight > *room) {
        return Err(too_large(call, room));
    }
    let value = serde_json::from_slice(&body)
        .map_err(|e| ApiError::Malformed { path: call.shown_path(), cause: e.to_string() })?;
    let (code, date) = (parts.status.as_u16(), date(&parts.headers));
    Ok(Answer { code, date, took: began.elapsed(), weight, value })
}

fn too_large(call: &Call, most: usize) -> ApiError {
    let cause = format!("the answer takes more than the {most} bytes that are left for it");
    ApiError::Malformed { path: call.shown_path(), cause }
}

/// What a JSON text takes in memory once it is parsed, in bytes: little text may be many values.
fn weight(json: &[u8]) -> usize {
    let (mut nodes, mut quoted, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' | b':' | b'[' | b'{' if !quoted => nodes += 1,
            _ => {}
        }
    }
    json.len() + nodes * NODE
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn date(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(time.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_servers_clock() {
        let mut headers = HeaderMap::new();
        assert_eq!(date(&headers), None);
        headers.insert(header::DATE, HeaderValue::from_static("Sat, 21 Nov 2026 13:30:00 GMT"));
        assert_eq!(date(&headers), Some(1_795_267_800));
        headers.insert(header::DATE, HeaderValue::from_static("today"));
        assert_eq!(date(&headers), None);
    }

    #[test]
    fn values_and_keys_weigh_and_signs_in_texts_do_not() {
        let nodes = |json: &str| (weight(json.as_bytes()) - json.len()) / NODE;
        assert_eq!(nodes("[0,0,0]"), 4);
        assert_eq!(nodes(r#"{"a":{"b":1},"c":2}"#), 7);
        assert_eq!(nodes(r#"{"a":"[{,:\",:\\"}"#), 3);
    }

    #[test]
    fn impersonates_by_header_and_refuses_names_that_are_no_header() {
        let call = Call::get("/api/v1/namespaces/x/secrets/y?z=1");
        let tenant = |name: &str| Identity::ServiceAccount { namespace: "ns".into(), name: name.into() };
        let request = call.request(&tenant("deployer")).unwrap();
        assert_eq!(request.headers()["Impersonate-User"], "system:serviceaccount:ns:deployer");
        assert!(call.request(&Identity::Controller).unwrap().headers().get("Impersonate-User").is_none());
        let error = call.request(&tenant("a\r\nImpersonate-Group: system:masters")).unwrap_err();
        assert!(error.to_string().starts_with("/api/v1/namespaces/x/secrets/y: "), "{error}");
    }

    #[test]
    fn waits_as_long_as_the_server_asks() {
        let busy = Failure { code: 429, retry_after: Some(Duration::from_secs(3)), ..Failure::default() };
        assert_eq!(pause(&ApiError::Status(Box::new(busy)), 0), Duration::from_secs(3));
        let plain = ApiError::Status(Box::new(Failure { code: 503, ..Failure::default() }));
        assert!(pause(&plain, 0) < pause(&plain, 1));
    }
}
