use std::time::Duration;

use serde_json::Value;

/// A request to the API server that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The API server answered with a failure.
    #[error("{}", .0.message)]
    Status(Box<Failure>),
    /// No answer within the deadline.
    #[error("{method} {path}: no answer from the API server within {seconds} s")]
    Timeout {
        /// HTTP method.
        method: String,
        /// Path of the request, without query.
        path: String,
        /// The deadline in seconds.
        seconds: u64,
    },
    /// The connection failed.
    #[error("{method} {path}: {cause}")]
    Transport {
        /// HTTP method.
        method: String,
        /// Path of the request, without query.
        path: String,
        /// What the client says.
        cause: String,
    },
    /// The answer cannot be read, or the request cannot be written.
    #[error("{path}: {cause}")]
    Malformed {
        /// Path of the request, without query.
        path: String,
        /// What is wrong.
        cause: String,
    },
}

/// A `Status` answer of the API server.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`; empty when the server gives none.
    pub reason: String,
    /// The server's message.
    pub message: String,
    /// Reasons of `details.causes`, such as `FieldManagerConflict`.
    pub causes: Vec<String>,
    /// Whether `details` names an object.
    pub names_object: bool,
    /// How long the server asks to wait before another try.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// Reads a `Status` body; anything else becomes a failure with the bare code.
    pub(crate) fn read(code: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let status: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |field: &str| status.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let details = status.get("details");
        let message = match text("message") {
            empty if empty.is_empty() => format!("the server answered with status {code}"),
            message => message,
        };
        Self {
            code,
            reason: text("reason"),
            message,
            causes: causes(details),
            names_object: details.and_then(|d| d.get("name")).is_some(),
            retry_after: retry_after.or_else(|| asked_wait(details)),
        }
    }
}

fn causes(details: Option<&Value>) -> Vec<String> {
    let list = details.and_then(|d| d.get("causes")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|cause| Some(cause.get("reason")?.as_str()?.to_owned())).collect()
}

fn asked_wait(details: Option<&Value>) -> Option<Duration> {
    details?.get("retryAfterSeconds")?.as_u64().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

impl ApiError {
    /// The answer, when there was one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Status(failure) => Some(failure),
            _ => None,
        }
    }

    /// 404.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.has_code(404)
    }

    /// 404 for the object itself: the server knows the path. A kind or version that is not served (any more)
    /// is a 404 too, and proves nothing about the object.
    #[must_use]
    pub fn is_absent_object(&self) -> bool {
        self.failure().is_some_and(|failure| failure.code == 404 && failure.names_object)
    }

    /// 409.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.has_code(409)
    }

    /// 403.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.has_code(403)
    }

    /// Whether another try may succeed without anything having changed: overload, a broken connection,
    /// an internal error that is no webhook's.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Status(failure) => match failure.code {
                429 | 502 | 503 | 504 => true,
                500 => failure.retry_after.is_some() || is_lost_leader(&failure.message),
                _ => false,
            },
            Self::Transport { .. } => true,
            Self::Timeout { .. } | Self::Malformed { .. } => false,
        }
    }

    /// Whether a request is repeated here: a broken connection, an etcd without leader. Overload (429, 502 to
    /// 504) is the client's to repeat, which sees `Retry-After` for all requests of the process.
    pub(crate) fn is_repeated(&self) -> bool {
        match self {
            Self::Status(failure) => failure.code == 500 && self.is_transient(),
            _ => self.is_transient(),
        }
    }

    /// The same failure, said of an API group whose own message may be a bare status: an aggregated API without anybody
    /// behind it answers 503 and no word. The phrase is the one that users of controller-runtime know.
    pub(crate) fn of_group(self, group_version: &str) -> Self {
        let Self::Status(mut failure) = self else { return self };
        failure.message = format!(
            "failed to get API group resources: unable to retrieve the complete list of server APIs: {group_version}: {}",
            failure.message
        );
        Self::Status(failure)
    }

    fn has_code(&self, code: u16) -> bool {
        self.failure().is_some_and(|failure| failure.code == code)
    }
}

/// What the API server says while etcd has no leader or restarts.
fn is_lost_leader(message: &str) -> bool {
    message.contains("etcdserver:") || message.contains("connection refused") && !message.contains("webhook")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: u16, body: &str) -> ApiError {
        ApiError::Status(Box::new(Failure::read(code, body.as_bytes(), None)))
    }

    #[test]
    fn a_body_that_is_no_status_still_tells_the_code() {
        for body in ["", "<html>", "[]", "{\"message\": 3}"] {
            assert_eq!(failure(502, body).to_string(), "the server answered with status 502", "{body}");
        }
    }

    #[test]
    fn reads_reason_causes_and_wait() {
        let error = failure(
            409,
            r#"{"message":"m","reason":"Conflict","details":{"name":"x","retryAfterSeconds":2,"causes":[{"reason":"FieldManagerConflict"},7]}}"#,
        );
        let read = error.failure().unwrap();
        assert_eq!(
            (read.reason.as_str(), read.causes.as_slice()),
            ("Conflict", &["FieldManagerConflict".to_owned()][..])
        );
        assert_eq!(read.retry_after, Some(Duration::from_secs(2)));
        assert!(read.names_object && error.is_conflict());
    }

    #[test]
    fn a_group_that_cannot_be_asked_is_named_and_keeps_its_code() {
        let error = failure(503, "").of_group("metrics.example.com/v1");
        assert!(error.to_string().ends_with("metrics.example.com/v1: the server answered with status 503"));
        assert!(error.is_transient());
    }

    #[test]
    fn a_webhook_that_cannot_be_reached_is_not_tried_again_at_once() {
        let webhook = failure(500, r#"{"message":"failed calling webhook \"w\": connection refused"}"#);
        assert!(!webhook.is_transient());
        assert!(failure(503, "").is_transient() && failure(429, "").is_transient());
        assert!(!failure(429, "").is_repeated());
        assert!(failure(500, r#"{"message":"etcdserver: leader changed"}"#).is_repeated());
    }
}
