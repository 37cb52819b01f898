//! Tokens of a registry's token server, as the distribution's token specification says.
use std::time::{Duration, Instant};

use http::{HeaderValue, header::CONTENT_TYPE};
use net::{Client, Request};
use serde::Deserialize;
use url::{Url, form_urlencoded::Serializer};

use crate::{Login, OciError, error::said, host::basic};

/// How long a token is good when the server does not say; and the margin before its end.
const LIFETIME: Duration = Duration::from_secs(60);
const MARGIN: Duration = Duration::from_secs(10);

/// A token and until when it is used.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) until: Instant,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

/// Asks for a token. `secure` says that the registry itself was reached by https: then the server must be, too.
pub(crate) async fn ask(
    client: &Client,
    (realm, service): (&str, &str),
    scope: &str,
    login: &Login,
    secure: bool,
) -> Result<Token, OciError> {
    let malformed = |cause: &str| OciError::Malformed { place: "token server".into(), cause: cause.into() };
    let realm = Url::parse(realm).map_err(|_| malformed("the realm is not a URL"))?;
    if secure && realm.scheme() != "https" {
        return Err(malformed("the registry is reached by https, its token server is not"));
    }
    let request = match login {
        Login::Refresh(token) => exchange(realm, service, scope, token),
        login => get(realm, service, scope, login)?,
    };
    let begun = Instant::now();
    let response = client.send(request).await.map_err(OciError::Request)?;
    let (status, place) = (response.status(), response.place().to_owned());
    let body = response.bytes().await.map_err(OciError::Request)?;
    if !status.is_success() {
        return Err(OciError::Answer { place, status: status.as_u16(), text: said(status, &body) });
    }
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|_| OciError::Malformed { place: place.clone(), cause: "no token in the answer".into() })?;
    let text = if answer.token.is_empty() { answer.access_token } else { answer.token };
    if text.is_empty() {
        return Err(OciError::Malformed { place, cause: "no token in the answer".into() });
    }
    let lifetime = answer.expires_in.map_or(LIFETIME, |seconds| Duration::from_secs(seconds.min(3600)));
    Ok(Token { text, until: begun + lifetime.saturating_sub(MARGIN) })
}

fn get(mut realm: Url, service: &str, scope: &str, login: &Login) -> Result<Request, OciError> {
    realm.query_pairs_mut().append_pair("scope", scope);
    if !service.is_empty() {
        realm.query_pairs_mut().append_pair("service", service);
    }
    let mut request = Request::get(realm);
    if let Login::Basic { username, password } = login {
        request.headers.insert(http::header::AUTHORIZATION, basic(username, password)?);
    }
    Ok(request)
}

fn exchange(realm: Url, service: &str, scope: &str, token: &str) -> Request {
    let form = Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("service", service)
        .append_pair("client_id", "sluice")
        .append_pair("scope", scope)
        .append_pair("refresh_token", token)
        .finish();
    let mut request = Request::post(realm, form);
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    request
}
