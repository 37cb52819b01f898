//! Google Pub/Sub, by its REST API: a service account's key signs for itself.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::outgoing::{Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address};
use crate::event::Event;
use crate::go_json;

const API: &str = "https://pubsub.googleapis.com";

/// Publishes the event; `headers` of the Secret become attributes.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let (project, topic) = (&target.address, &target.channel);
    let empty = |what: &str| SetupError(format!("GCP {what} cannot be empty"));
    if project.is_empty() {
        return Err(empty("project ID").into());
    }
    if topic.is_empty() {
        return Err(empty("Pub/Sub topic ID").into());
    }
    let path = format!("projects/{}/topics/{}", address::segment(project), address::segment(topic));
    let failed = |error: SendError| error.within(&format!("error publishing to GCP Pub/Sub topic {path}"));
    let bad = |_| SendError("the topic has no valid address".to_owned());
    let url = Url::parse(&format!("{API}/v1/{path}:publish")).map_err(bad).map_err(failed)?;
    let mut message = json!({ "data": BASE64_STANDARD.encode(go_json::marshal(event)) });
    if !target.secrets.headers.is_empty() {
        message["attributes"] = json!(target.secrets.headers);
    }
    let token = token(&target.token, Timestamp::now().as_second()).map_err(failed)?;
    let outgoing = Outgoing::json(url, &json!({ "messages": [message] })).bearer(&token);
    let answer = send(&target.client, &outgoing).await.map_err(failed)?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(failed(SendError(format!("{}: {}", answer.status, answer.text()))).into())
}

/// A token that the account signs itself, as Google's libraries do where only one API is meant.
fn token(account: &str, now: i64) -> Result<String, SendError> {
    if account.is_empty() {
        let text = "workload identity is not supported, the secret needs the token of a service account";
        return Err(SendError(text.to_owned()));
    }
    let bad = || SendError("the token is not the JSON key of a service account".to_owned());
    let account: Value = serde_json::from_str(account).map_err(|_| bad())?;
    let text = |key: &str| account[key].as_str().ok_or_else(bad);
    let email = text("client_email")?;
    let key = EncodingKey::from_rsa_pem(text("private_key")?.as_bytes()).map_err(|_| bad())?;
    let mut header = Header::new(Algorithm::RS256);
    header.kid = account["private_key_id"].as_str().map(str::to_owned);
    let claims =
        json!({ "iss": email, "sub": email, "aud": format!("{API}/"), "iat": now, "exp": now + 3600 });
    jsonwebtoken::encode(&header, &claims, &key).map_err(|_| bad())
}
