use net::{PolicyError, RequestError};
use serde_json::Value;
use thiserror::Error;

use crate::NameError;

/// Why a registry did not give or take something. Wording follows go-containerregistry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OciError {
    /// A name that cannot be asked for.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Certificates or proxy that no client can be made of.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No complete answer.
    #[error(transparent)]
    Request(RequestError),
    /// Neither by https nor by http was there an answer.
    #[error("{secure}; {plain}")]
    Unreachable {
        /// By https.
        secure: RequestError,
        /// By http.
        plain: RequestError,
    },
    /// An answer that is not the wanted one.
    #[error("{place}: {text}")]
    Answer {
        /// Verb and URL without credentials.
        place: String,
        /// HTTP status.
        status: u16,
        /// What the registry said, shortened.
        text: String,
    },
    /// The bytes are not those of the digest.
    #[error("{place}: computed digest '{found}' doesn't match '{wanted}'")]
    Digest {
        /// Verb and URL.
        place: String,
        /// What was asked for.
        wanted: String,
        /// What came.
        found: String,
    },
    /// A manifest, list or token that cannot be read.
    #[error("{place}: {cause}")]
    Malformed {
        /// Verb and URL.
        place: String,
        /// Why.
        cause: String,
    },
    /// An index without an image for linux/amd64.
    #[error("no child with platform linux/amd64 in index {0}")]
    NoPlatform(String),
    /// More tags than are read.
    #[error("repository {repository} has more than {limit} tags")]
    TooManyTags {
        /// Name.
        repository: String,
        /// Limit.
        limit: usize,
    },
    /// The place for the bytes failed.
    #[error("cannot keep what was pulled: {0}")]
    Disk(String),
}

impl OciError {
    /// Whether the registry says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Answer { status: 404, .. })
    }

    /// Whether the registry refuses who asks.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Answer { status: 401 | 403, .. })
    }

    /// Whether the time limit was reached.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Request(error) => matches!(error, RequestError::Timeout { .. }),
            Self::Unreachable { secure, plain } => {
                [secure, plain].iter().any(|error| matches!(error, RequestError::Timeout { .. }))
            }
            _ => false,
        }
    }
}

/// What the body of a refusal says: the registry's own errors, else the beginning of the text.
pub(crate) fn said(status: http::StatusCode, body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let errors = parsed.as_ref().and_then(|body| body["errors"].as_array());
    let errors: Vec<String> = errors.into_iter().flatten().take(8).map(diagnostic).collect();
    let name = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    match errors.as_slice() {
        [] if body.is_empty() => format!("unexpected status code {name}"),
        [] => format!("unexpected status code {name}: {}", shortened(String::from_utf8_lossy(body).trim())),
        [one] => one.clone(),
        many => format!("multiple errors returned: {}", many.join("; ")),
    }
}

fn diagnostic(error: &Value) -> String {
    let text = |key: &str| error[key].as_str().unwrap_or_default();
    let said = format!("{}: {}", text("code"), text("message"));
    match &error["detail"] {
        Value::Null => shortened(&said),
        detail => shortened(&format!("{said}; {}", as_go_prints(detail))),
    }
}

/// `%v` of Go: `map[a:1 b:[x y]]`.
fn as_go_prints(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        Value::Array(list) => format!("[{}]", list.iter().map(as_go_prints).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}:{}", as_go_prints(value))).collect();
            pairs.sort();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// What strangers say ends up in conditions and logs.
fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(512).collect()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::said;

    #[test]
    fn refusals_are_told_as_the_go_library_tells_them() {
        let check = |body: &str, expected| assert_eq!(said(StatusCode::NOT_FOUND, body.as_bytes()), expected);
        check("", "unexpected status code 404 Not Found");
        check("gone\n", "unexpected status code 404 Not Found: gone");
        check(
            r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag=v2"}]}"#,
            "MANIFEST_UNKNOWN: manifest unknown; unknown tag=v2",
        );
        check(
            r#"{"errors":[{"code":"A","message":"b","detail":[{"Type":"r","Action":"pull"}]},{"code":"C","message":""}]}"#,
            "multiple errors returned: A: b; [map[Action:pull Type:r]]; C: ",
        );
    }

    #[test]
    fn long_and_binary_bodies_are_cut() {
        assert!(said(StatusCode::OK, &[0xff; 10_000]).chars().count() < 600);
    }
}
