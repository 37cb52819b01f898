//! Tokens of a GitHub App: a JWT signed with its key is exchanged for one of the installation, kept until it ends.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::call;
use crate::providers::{SendError, SetupError, Target};

/// A token is not used within this many seconds of its end.
const MARGIN: i64 = 300;
/// Most tokens that are kept.
const MAX_KEPT: usize = 100;

#[derive(Clone)]
struct Token {
    text: String,
    slug: Option<String>,
    ends: i64,
}

/// By the hash of what the Secret says and whether the slug was asked for.
type Kept = Mutex<HashMap<[u8; 32], Token>>;

fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(Mutex::default)
}

/// The installation's token, and the App's slug where it is asked for.
pub(super) async fn log_in(
    target: &Target<'_>,
    with_slug: bool,
) -> Result<(String, Option<String>), SetupError> {
    let app = App::of(target)?;
    let key = app.key(with_slug);
    let now = Timestamp::now().as_second();
    let found = kept().lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some(token) = found.filter(|token| token.ends - MARGIN > now) {
        return Ok((token.text, token.slug));
    }
    let token = app.exchange(target, with_slug, now).await.map_err(|error| SetupError(error.to_string()))?;
    let mut kept = kept().lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(key, token.clone());
    Ok((token.text, token.slug))
}

struct App<'a> {
    id: &'a str,
    installation: &'a str,
    private_key: &'a str,
    api: Url,
}

impl<'a> App<'a> {
    fn of(target: &'a Target<'_>) -> Result<Self, SetupError> {
        let text = |key| target.secrets.data.trimmed(key).ok().flatten();
        let wanted = |key| {
            text(key).ok_or_else(|| SetupError(format!("github app: key '{key}' is missing in the secret")))
        };
        let none = "github token or github app details must be specified";
        let id = text("githubAppID").ok_or_else(|| SetupError(none.to_owned()))?;
        if text("githubAppInstallationID").is_none() && text("githubAppInstallationOwner").is_some() {
            return Err(SetupError("github app: githubAppInstallationOwner is not supported".to_owned()));
        }
        let base = text("githubAppBaseURL").unwrap_or("https://api.github.com");
        let bad = |_| SetupError("github app: githubAppBaseURL is not a URL".to_owned());
        let api = Url::parse(&format!("{}/", base.trim_end_matches('/'))).map_err(bad)?;
        let (installation, private_key) =
            (wanted("githubAppInstallationID")?, wanted("githubAppPrivateKey")?);
        if !installation.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SetupError("github app: githubAppInstallationID is not a number".to_owned()));
        }
        Ok(Self { id, installation, private_key, api })
    }

    fn key(&self, with_slug: bool) -> [u8; 32] {
        let parts = [self.id, self.installation, self.private_key, self.api.as_str()];
        Sha256::digest(format!("{with_slug}\0{}", parts.join("\0"))).into()
    }

    async fn exchange(&self, target: &Target<'_>, with_slug: bool, now: i64) -> Result<Token, SendError> {
        let jwt = self.jwt(now)?;
        let failed = |_| SendError("github app: the address cannot be used".to_owned());
        let mut slug = None;
        if with_slug {
            let url = self.api.join("app").map_err(failed)?;
            let app = self.ask(target, &jwt, Method::GET, url, None).await?;
            slug = app["slug"].as_str().map(str::to_owned);
        }
        let path = format!("app/installations/{}/access_tokens", self.installation);
        let url = self.api.join(&path).map_err(failed)?;
        let token = self.ask(target, &jwt, Method::POST, url, Some("null".to_owned())).await?;
        let ends = token["expires_at"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
        let text = token["token"]
            .as_str()
            .ok_or_else(|| SendError("github app: the answer has no token".to_owned()))?;
        Ok(Token { text: text.to_owned(), slug, ends: ends.map_or(now, |time| time.as_second()) })
    }

    async fn ask(
        &self,
        target: &Target<'_>,
        jwt: &str,
        method: Method,
        url: Url,
        body: Option<String>,
    ) -> Result<Value, SendError> {
        call(target, jwt, method, url, super::ACCEPT, body).await?.json()
    }

    /// Valid for ten minutes at most, as GitHub demands; from a minute ago, for clocks that differ.
    fn jwt(&self, now: i64) -> Result<String, SendError> {
        let bad = |_| SendError("github app: the private key cannot be used".to_owned());
        let key = EncodingKey::from_rsa_pem(self.private_key.as_bytes()).map_err(bad)?;
        let claims = json!({ "iat": now - 60, "exp": now + 540, "iss": self.id });
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(bad)
    }
}
