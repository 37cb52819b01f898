//! Whether a call is from whom the Receiver expects, and what it says.

use api::notification::v1::{Receiver, ReceiverType};
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use net::Secret;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{cdevents, google, oidc};
use crate::go_json::{self, ShapeError};
use crate::hex;
use crate::providers::Clients;

/// Why a call is refused. Quotes nothing of the body and no signature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValidationError {
    #[error("the {0} signature header is invalid, err: {1}")]
    Signed(&'static str, SignatureError),
    #[error("unable to validate HMAC signature: {0}")]
    Hmac(SignatureError),
    #[error("the {0} header value does not match the receiver token")]
    Token(&'static str),
    #[error("the {caller} \"{event}\" is not authorised")]
    Event { caller: &'static str, event: String },
    #[error("cannot decode {0} webhook payload: {1}")]
    Payload(&'static str, ShapeError),
    #[error("the Nexus signature is missing from header")]
    NexusMissing,
    #[error("invalid Nexus signature")]
    Nexus,
    #[error("unable to validate CDEvent event: {0}")]
    CdEvent(#[from] cdevents::CdEventError),
    #[error("cannot authenticate GCR request: {0}")]
    Google(#[from] google::GoogleError),
    #[error(transparent)]
    Oidc(#[from] oidc::OidcError),
    #[error("receiver type \"{0}\" not supported")]
    Unknown(String),
}

/// Why a signature is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("missing signature")]
    Missing,
    #[error("error parsing signature")]
    Form,
    #[error("unknown hash type prefix")]
    Hash,
    #[error("error decoding signature")]
    Hex,
    #[error("payload signature check failed")]
    Wrong,
    #[error("the receiver's token is empty")]
    NoToken,
    #[error("mime: no media type")]
    NoContentType,
    #[error("webhook request has unsupported Content-Type")]
    ContentType,
}

/// What a call says.
#[derive(Debug, Default)]
pub(crate) struct Validated {
    /// The body that filters see.
    pub(crate) body: Vec<u8>,
    /// The claims of the caller's token, for types that have one.
    pub(crate) claims: Option<Value>,
}

/// A call, and what is known of the Receiver.
pub(crate) struct Attempt<'a> {
    pub(crate) receiver: &'a Receiver,
    pub(crate) secret: &'a Secret,
    pub(crate) token: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) clients: &'a Clients,
}

impl Attempt<'_> {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The event that a header names must be one of those the Receiver lists.
    fn event(&self, caller: &'static str, header: &str) -> Result<(), ValidationError> {
        let (event, allowed) = (self.header(header), &self.receiver.spec.events);
        if allowed.is_empty() || allowed.iter().any(|allowed| allowed.to_lowercase() == event.to_lowercase())
        {
            tracing::info!("handling {caller}: {event}");
            return Ok(());
        }
        Err(ValidationError::Event { caller, event: event.chars().take(200).collect() })
    }

    fn unchanged(&self) -> Validated {
        Validated { body: self.body.to_vec(), claims: None }
    }

    /// The first value of the body, which must be an object or `null`, with these texts in it.
    fn payload(&self, caller: &'static str, texts: &[&[&str]]) -> Result<Validated, ValidationError> {
        let failed = |error| ValidationError::Payload(caller, error);
        let value = go_json::parse_first(self.body).map_err(failed)?;
        for path in texts {
            check_text(&value, path).map_err(failed)?;
        }
        Ok(self.unchanged())
    }
}

/// The way to a text must be objects, and at its end a text; each may be absent or `null`.
fn check_text(value: &Value, path: &[&str]) -> Result<(), ShapeError> {
    let mut fields = go_json::object(value, "")?;
    let Some((last, way)) = path.split_last() else { return Ok(()) };
    for name in way {
        fields = go_json::nested(&fields, name)?;
    }
    go_json::text(&fields, last).map(drop)
}

/// Judges a call.
pub(crate) async fn validate(attempt: &Attempt<'_>) -> Result<Validated, ValidationError> {
    let a = attempt;
    match &a.receiver.spec.type_ {
        ReceiverType::Generic => {}
        ReceiverType::GenericHmac => {
            check_signature(a.header("x-signature"), a.body, a.token).map_err(ValidationError::Hmac)?;
        }
        ReceiverType::GenericOidc => {
            let claims = oidc::claims(a).await?;
            return Ok(Validated { claims: Some(claims), ..a.unchanged() });
        }
        ReceiverType::GitHub => return signed(a, "GitHub", "GitHub event", "x-github-event"),
        ReceiverType::Bitbucket => {
            return signed(a, "Bitbucket server", "Bitbucket server event", "x-event-key");
        }
        ReceiverType::GitLab => {
            check_token(a, "x-gitlab-token", "X-Gitlab-Token")?;
            a.event("GitLab event", "x-gitlab-event")?;
        }
        ReceiverType::Harbor => check_token(a, "authorization", "Harbor Authorization")?,
        ReceiverType::CdEvents => {
            cdevents::check(a.body)?;
            a.event("CDEvent", "ce-type")?;
        }
        ReceiverType::Quay => return quay(a),
        ReceiverType::DockerHub => {
            return a.payload("DockerHub", &[&["push_data", "tag"], &["repository", "repo_url"]]);
        }
        ReceiverType::Acr => {
            return a.payload("ACR", &[&["action"], &["target", "repository"], &["target", "tag"]]);
        }
        ReceiverType::Nexus => return nexus(a),
        ReceiverType::Gcr => return google::validate(a).await,
        ReceiverType::Other(kind) => return Err(ValidationError::Unknown(kind.clone())),
    }
    Ok(a.unchanged())
}

fn check_token(a: &Attempt<'_>, header: &str, shown: &'static str) -> Result<(), ValidationError> {
    let same = equal(a.header(header).as_bytes(), a.token.as_bytes());
    if same && !a.token.is_empty() { Ok(()) } else { Err(ValidationError::Token(shown)) }
}

/// In a time that says nothing of where two texts differ.
fn equal(left: &[u8], right: &[u8]) -> bool {
    let differ = left.iter().zip(right).fold(0, |differ, (left, right)| differ | (left ^ right));
    differ == 0 && left.len() == right.len()
}

/// GitHub's form: JSON, or a form whose field `payload` is JSON; the whole body is signed.
fn signed(
    a: &Attempt<'_>,
    host: &'static str,
    caller: &'static str,
    event: &str,
) -> Result<Validated, ValidationError> {
    let failed = |error| ValidationError::Signed(host, error);
    let form = match media_type(a.header("content-type")).as_deref() {
        None => return Err(failed(SignatureError::NoContentType)),
        Some("application/json") => false,
        Some("application/x-www-form-urlencoded") => true,
        Some(_) => return Err(failed(SignatureError::ContentType)),
    };
    if a.token.is_empty() {
        return Err(failed(SignatureError::NoToken));
    }
    let newer = Some(a.header("x-hub-signature-256")).filter(|signature| !signature.is_empty());
    let signature = newer.unwrap_or_else(|| a.header("x-hub-signature"));
    check_signature(signature, a.body, a.token).map_err(failed)?;
    a.event(caller, event)?;
    let body = if form { form_payload(a.body) } else { a.body.to_vec() };
    Ok(Validated { body, claims: None })
}

/// The type without its parameters, in lower case.
pub(crate) fn media_type(header: &str) -> Option<String> {
    let kind = header.split(';').next().unwrap_or_default().trim().to_lowercase();
    Some(kind).filter(|kind| !kind.is_empty())
}

fn form_payload(body: &[u8]) -> Vec<u8> {
    let found = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    found.map(|(_, value)| value.into_owned().into_bytes()).unwrap_or_default()
}

/// `sha1=`, `sha256=` or `sha512=` and the HMAC in hexadecimal.
fn check_signature(signature: &str, body: &[u8], token: &str) -> Result<(), SignatureError> {
    if signature.is_empty() {
        return Err(SignatureError::Missing);
    }
    let [hash, text] = signature.split('=').collect::<Vec<_>>()[..] else { return Err(SignatureError::Form) };
    if !matches!(hash, "sha1" | "sha256" | "sha512") {
        return Err(SignatureError::Hash);
    }
    let bytes = hex::decode(text).ok_or(SignatureError::Hex)?;
    let right = match hash {
        "sha1" => verified::<Hmac<Sha1>>(token, body, &bytes),
        "sha256" => verified::<Hmac<Sha256>>(token, body, &bytes),
        _ => verified::<Hmac<Sha512>>(token, body, &bytes),
    };
    if right { Ok(()) } else { Err(SignatureError::Wrong) }
}

fn verified<M: Mac + KeyInit>(token: &str, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(token.as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

fn nexus(a: &Attempt<'_>) -> Result<Validated, ValidationError> {
    let signature = a.header("x-nexus-webhook-signature");
    if signature.is_empty() {
        return Err(ValidationError::NexusMissing);
    }
    // The text itself is compared: lower case only.
    let lower = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
    let bytes = hex::decode(signature).filter(|_| lower).ok_or(ValidationError::Nexus)?;
    if !verified::<Hmac<Sha1>>(a.token, a.body, &bytes) {
        return Err(ValidationError::Nexus);
    }
    let failed = |error| ValidationError::Payload("Nexus", error);
    let value = go_json::parse(a.body).map_err(failed)?;
    for name in ["action", "repositoryName"] {
        check_text(&value, &[name]).map_err(failed)?;
    }
    Ok(a.unchanged())
}

fn quay(a: &Attempt<'_>) -> Result<Validated, ValidationError> {
    let validated = a.payload("Quay", &[&["docker_url"]])?;
    let failed = |error| ValidationError::Payload("Quay", error);
    let value = go_json::parse_first(a.body).map_err(failed)?;
    let fields = go_json::object(&value, "").map_err(failed)?;
    match go_json::field(&fields, "updated_tags") {
        None | Some(Value::Null) => Ok(validated),
        Some(Value::Array(tags)) if tags.iter().all(|tag| tag.is_string() || tag.is_null()) => Ok(validated),
        Some(other) => Err(failed(go_json::mismatch(other, "updated_tags", "[]string"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{SignatureError, check_signature, equal, media_type};

    #[test]
    fn signatures_of_three_hashes_are_taken() {
        // As `openssl dgst -hmac key` gives them of `body`.
        let sha1 = "70bbf6819d1037aa94ca7e7f537cbea25fe49283";
        let sha256 = "515aae133b435d4000956731f68ae5cf5eb85d4f0dc6a546d2bfcd3595ec1ae1";
        for signature in
            [format!("sha1={sha1}"), format!("sha256={sha256}"), format!("sha256={}", sha256.to_uppercase())]
        {
            assert!(check_signature(&signature, b"body", "key").is_ok(), "{signature}");
            assert!(matches!(check_signature(&signature, b"other", "key"), Err(SignatureError::Wrong)));
            assert!(matches!(check_signature(&signature, b"body", "other"), Err(SignatureError::Wrong)));
        }
        let short = format!("sha256={}", &sha256[..60]);
        assert!(matches!(check_signature(&short, b"body", "key"), Err(SignatureError::Wrong)));
    }

    #[test]
    fn what_is_no_signature_is_told() {
        let error = |text| check_signature(text, b"", "key").unwrap_err().to_string();
        assert_eq!(error(""), "missing signature");
        assert_eq!(error("abc"), "error parsing signature");
        assert_eq!(error("md5=ab"), "unknown hash type prefix");
        assert_eq!(error("sha256=zz"), "error decoding signature");
    }

    #[test]
    fn texts_of_other_lengths_differ() {
        assert!(
            equal(b"abc", b"abc") && !equal(b"abc", b"abcd") && !equal(b"", b"a") && !equal(b"abc", b"abd")
        );
    }

    #[test]
    fn parameters_are_no_part_of_the_type() {
        assert_eq!(media_type("Application/JSON; charset=utf-8").as_deref(), Some("application/json"));
        assert!(media_type("").is_none());
    }
}
