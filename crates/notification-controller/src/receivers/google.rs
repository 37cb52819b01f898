//! gcr: pushes of Pub/Sub, signed by Google for a service account.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::keys::{self, Source, TokenError};
use super::validate::{Attempt, Validated, ValidationError};
use crate::go_json::{self, ShapeError};

/// Google's keys.
const KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// Why a caller is not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GoogleError {
    #[error("invalid secret data: required field '{0}' for GCR receiver")]
    Secret(&'static str),
    #[error("the Authorization header is missing or malformed")]
    Header,
    #[error("invalid ID token: {0}")]
    Token(#[from] TokenError),
    #[error("token issuer is not 'accounts.google.com' or 'https://accounts.google.com'")]
    Issuer,
    #[error("token email is not the one of the secret")]
    Email,
    #[error("token email is not verified")]
    Unverified,
}

/// Judges a push and unwraps the registry's event in it.
pub(crate) async fn validate(attempt: &Attempt<'_>) -> Result<Validated, ValidationError> {
    authenticate(attempt).await?;
    let body = unwrapped(attempt.body).map_err(|error| ValidationError::Payload("GCR", error))?;
    Ok(Validated { body, claims: None })
}

async fn authenticate(attempt: &Attempt<'_>) -> Result<(), GoogleError> {
    let text = |key| attempt.secret.text(key).ok().flatten().ok_or(GoogleError::Secret(key));
    let (email, audience) = (text("email")?, text("audience")?);
    let token = attempt.header("authorization").strip_prefix("Bearer ").ok_or(GoogleError::Header)?;
    let claims = keys::claims(attempt.clients, Source::Keys(KEYS), token, audience).await?;
    let claim = |key: &str| claims.get(key).and_then(Value::as_str);
    if !matches!(claim("iss"), Some("accounts.google.com" | "https://accounts.google.com")) {
        return Err(GoogleError::Issuer);
    }
    if claim("email") != Some(email) {
        return Err(GoogleError::Email);
    }
    if claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Err(GoogleError::Unverified);
    }
    Ok(())
}

/// The event lies in the push as Base64.
fn unwrapped(body: &[u8]) -> Result<Vec<u8>, ShapeError> {
    let push = go_json::parse_first(body)?;
    let message = go_json::nested(&go_json::object(&push, "")?, "message")?;
    for name in ["messageId", "subscription"] {
        go_json::text(&message, name)?;
    }
    let time = go_json::text(&message, "publishTime")?;
    if !time.is_empty() && time.parse::<Timestamp>().is_err() {
        return Err(ShapeError::Syntax("publishTime: parsing time: not RFC 3339".to_owned()));
    }
    let data = go_json::text(&message, "data")?;
    let event = go_json::parse(&BASE64_STANDARD.decode(data.trim()).unwrap_or_default())?;
    let event = go_json::object(&event, "")?;
    let text = |name| go_json::text(&event, name);
    let unwrapped = json!({ "action": text("action")?, "digest": text("digest")?, "tag": text("tag")? });
    Ok(unwrapped.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::unwrapped;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    #[test]
    fn the_event_is_taken_out_of_the_push() {
        let data = BASE64_STANDARD.encode(r#"{"action":"INSERT","tag":"t","other":1}"#);
        let body = json!({"message": {"data": data, "publishTime": "2026-01-02T03:04:05Z"}}).to_string();
        let event: serde_json::Value = serde_json::from_slice(&unwrapped(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(event, json!({"action": "INSERT", "digest": "", "tag": "t"}));
        assert!(unwrapped(br#"{"message":{"data":"eHl6"}}"#).is_err());
        assert!(unwrapped(br#"{"message":{"publishTime":"yesterday"}}"#).is_err());
    }
}
