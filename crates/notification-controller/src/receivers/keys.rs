//! Public keys of token issuers, fetched and kept for a while.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use net::Tls;
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use crate::providers::Clients;

/// How long keys are used without being fetched again.
const FRESH: Duration = Duration::from_secs(300);
/// Keys are not fetched more often than this, whoever calls.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a fetch may take.
const TIME: Duration = Duration::from_secs(10);
/// Most issuers that are remembered.
const MAX_KEPT: usize = 100;
/// A token may be used so many seconds before its time, for clocks that differ.
const EARLY: u64 = 300;

/// Why a token is not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("cannot fetch keys: {0}")]
    Fetch(String),
    #[error("the issuer calls itself something else")]
    OtherIssuer,
    #[error("failed to verify signature")]
    Signature,
    #[error("token is expired")]
    Expired,
    #[error("token is not valid yet")]
    Early,
    #[error("expected another audience")]
    Audience,
    #[error("token is malformed")]
    Malformed,
}

#[derive(Clone)]
struct Kept {
    keys: JwkSet,
    fetched: Instant,
}

fn kept() -> &'static Mutex<HashMap<String, Kept>> {
    static KEPT: OnceLock<Mutex<HashMap<String, Kept>>> = OnceLock::new();
    KEPT.get_or_init(Mutex::default)
}

/// Where an issuer's keys are.
pub(crate) enum Source<'a> {
    /// Found by the issuer's discovery document.
    Issuer(&'a str),
    /// At this address.
    Keys(&'a str),
}

impl Source<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Issuer(name) | Self::Keys(name) => name,
        }
    }
}

/// The claims of a token whose signature, times and audience are right. The issuer is the caller's to check.
pub(crate) async fn claims(
    clients: &Clients,
    source: Source<'_>,
    token: &str,
    audience: &str,
) -> Result<Map<String, Value>, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
    let keys = keys(clients, &source, header.kid.as_deref()).await?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256) {
        return Err(TokenError::Signature);
    }
    let mut rules = Validation::new(header.alg);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "aud"]);
    rules.validate_exp = true;
    // `nbf` is checked below, where it may lie ahead further than `exp` may lie back.
    rules.validate_nbf = false;
    rules.leeway = 0;
    let named = keys.keys.iter().filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
    let mut failure = TokenError::Signature;
    for key in named {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        match jsonwebtoken::decode::<Map<String, Value>>(token, &key, &rules) {
            Ok(token) => return not_early(token.claims),
            Err(error) => failure = meaning(&error),
        }
    }
    Err(failure)
}

fn not_early(claims: Map<String, Value>) -> Result<Map<String, Value>, TokenError> {
    let begins = claims.get("nbf").and_then(Value::as_f64).unwrap_or_default();
    let now = k8s_openapi::jiff::Timestamp::now().as_second();
    let latest =
        f64::from(u32::try_from(now).unwrap_or(u32::MAX)) + f64::from(u32::try_from(EARLY).unwrap_or(0));
    if begins > latest { Err(TokenError::Early) } else { Ok(claims) }
}

fn meaning(error: &jsonwebtoken::errors::Error) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::Early,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => TokenError::Audience,
        ErrorKind::MissingRequiredClaim(_) => TokenError::Expired,
        ErrorKind::InvalidSignature => TokenError::Signature,
        _ => TokenError::Malformed,
    }
}

/// The keys, fetched anew when they are old or do not hold the one that is asked for.
async fn keys(clients: &Clients, source: &Source<'_>, kid: Option<&str>) -> Result<JwkSet, TokenError> {
    let known = kept().lock().unwrap_or_else(PoisonError::into_inner).get(source.name()).cloned();
    if let Some(known) = known {
        let age = known.fetched.elapsed();
        let has = kid.is_none_or(|kid| known.keys.find(kid).is_some());
        if age < PAUSE || (has && age < FRESH) {
            return Ok(known.keys);
        }
    }
    let keys = match source {
        Source::Issuer(issuer) => discover(clients, issuer).await?,
        Source::Keys(address) => fetch(clients, address).await?,
    };
    let keys: JwkSet =
        serde_json::from_value(keys).map_err(|_| TokenError::Fetch("no set of keys".to_owned()))?;
    let mut kept = kept().lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(source.name().to_owned(), Kept { keys: keys.clone(), fetched: Instant::now() });
    Ok(keys)
}

async fn discover(clients: &Clients, issuer: &str) -> Result<Value, TokenError> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = fetch(clients, &address).await?;
    if document["issuer"] != issuer {
        return Err(TokenError::OtherIssuer);
    }
    let keys = document["jwks_uri"].as_str().ok_or_else(|| TokenError::Fetch("no jwks_uri".to_owned()))?;
    fetch(clients, keys).await
}

async fn fetch(clients: &Clients, address: &str) -> Result<Value, TokenError> {
    let failed = |cause: String| TokenError::Fetch(cause);
    let url = Url::parse(address).map_err(|_| failed("the address is not a URL".to_owned()))?;
    let client = clients.of(Tls::default(), None).map_err(|error| failed(error.to_string()))?;
    let get = async {
        let answer = client.get(url).await.map_err(|error| failed(error.to_string()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(failed(status.to_string()));
        }
        let body = answer.bytes().await.map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&body).map_err(|_| failed("the answer is not JSON".to_owned()))
    };
    tokio::time::timeout(TIME, get).await.unwrap_or_else(|_| Err(failed("it took too long".to_owned())))
}
