//! Public keys of token issuers, fetched and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::FutureExt;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use net::{Client, Flights, Tls};
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use crate::providers::Clients;

/// How long keys are used without being fetched again.
const FRESH: Duration = Duration::from_secs(300);
/// Keys are not fetched more often than this, whoever calls and whether they came or not.
const PAUSE: Duration = Duration::from_secs(10);
/// How long keys are used while they cannot be fetched again.
const OLD: Duration = Duration::from_secs(3600);
/// How long a fetch may take.
const TIME: Duration = Duration::from_secs(10);
/// Most issuers that are remembered.
const MAX_KEPT: usize = 100;
/// A token may be used so many seconds before its time, for clocks that differ.
const EARLY: u64 = 300;

/// What an issuer may sign with, of what it lists: nothing whose key it would have to share with us.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::EdDSA,
];
/// What the keys of a place without a list are for.
const USUAL: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// Why a token is not believed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("cannot fetch keys: {0}")]
    Fetch(String),
    #[error("the issuer calls itself something else")]
    OtherIssuer,
    #[error("the signature algorithm {0} is not supported, or not listed by the issuer")]
    Algorithm(String),
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

/// The keys of an issuer, and what it signs with.
struct Keys {
    set: JwkSet,
    algorithms: Vec<Algorithm>,
}

type Fetched = Result<Arc<Keys>, TokenError>;

/// What is known of an issuer: its last keys, and how the last try failed, if it did.
#[derive(Clone, Default)]
struct Kept {
    keys: Option<(Arc<Keys>, Instant)>,
    failed: Option<(TokenError, Instant)>,
}

#[derive(Default)]
struct Issuers {
    kept: Mutex<HashMap<String, Kept>>,
    flights: Flights<String, Fetched>,
}

impl Issuers {
    fn all() -> &'static Self {
        static ALL: OnceLock<Issuers> = OnceLock::new();
        ALL.get_or_init(Self::default)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, name: &str, fetched: &Fetched) {
        let mut all = self.lock();
        if all.len() >= MAX_KEPT && !all.contains_key(name) {
            all.clear();
        }
        let kept = all.entry(name.to_owned()).or_default();
        match fetched {
            Ok(keys) => *kept = Kept { keys: Some((keys.clone(), Instant::now())), failed: None },
            Err(error) => kept.failed = Some((error.clone(), Instant::now())),
        }
    }
}

impl Kept {
    /// What is to be used without asking again.
    fn still(&self, kid: Option<&str>) -> Option<Fetched> {
        let young = |age: Duration| age < PAUSE;
        if let Some((keys, fetched)) = &self.keys
            && (young(fetched.elapsed()) || (keys.has(kid) && fetched.elapsed() < FRESH))
        {
            return Some(Ok(keys.clone()));
        }
        let (error, _) = self.failed.as_ref().filter(|(_, at)| young(at.elapsed()))?;
        Some(self.or_old(kid, error.clone()))
    }

    /// The issuer does not answer: a key that it had not long ago is still believed.
    fn or_old(&self, kid: Option<&str>, error: TokenError) -> Fetched {
        match &self.keys {
            Some((keys, fetched)) if keys.has(kid) && fetched.elapsed() < OLD => Ok(keys.clone()),
            _ => Err(error),
        }
    }
}

impl Keys {
    fn has(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.set.find(kid).is_some())
    }
}

/// Where an issuer's keys are.
#[derive(Clone, Copy)]
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
    let header = jsonwebtoken::decode_header(token).map_err(|_| unreadable(token))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenError::Algorithm(format!("{:?}", header.alg)));
    }
    let keys = keys(clients, source, header.kid.as_deref()).await?;
    if !keys.algorithms.contains(&header.alg) {
        return Err(TokenError::Algorithm(format!("{:?}", header.alg)));
    }
    let mut rules = Validation::new(header.alg);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "aud"]);
    rules.validate_exp = true;
    // `nbf` is checked below, where it may lie ahead further than `exp` may lie back.
    rules.validate_nbf = false;
    rules.leeway = 0;
    let named = keys.set.keys.iter().filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
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

/// A header that is none, or one that names an algorithm we do not know.
fn unreadable(token: &str) -> TokenError {
    let header = token.split('.').next().and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    match header.as_ref().and_then(|header| header["alg"].as_str()) {
        Some(name) => TokenError::Algorithm(name.chars().take(20).collect()),
        None => TokenError::Malformed,
    }
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
        // A key of the set that is for another algorithm.
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => TokenError::Signature,
        _ => TokenError::Malformed,
    }
}

/// The keys, fetched anew when they are old or do not hold the one that is asked for. Who asks meanwhile waits for the same
/// answer.
async fn keys(clients: &Clients, source: Source<'_>, kid: Option<&str>) -> Fetched {
    let (issuers, name) = (Issuers::all(), source.name().to_owned());
    let known = issuers.lock().get(&name).cloned().unwrap_or_default();
    if let Some(known) = known.still(kid) {
        return known;
    }
    let client = clients.of(Tls::default(), None).map_err(|error| TokenError::Fetch(error.to_string()))?;
    let (is_issuer, place) = (matches!(source, Source::Issuer(_)), name.clone());
    let work = async move {
        let fetched = if is_issuer { discover(&client, &place).await } else { usual(&client, &place).await };
        issuers.keep(&place, &fetched);
        fetched
    };
    let fetched = issuers.flights.join(name, work.boxed()).await;
    fetched.or_else(|error| known.or_old(kid, error))
}

async fn discover(client: &Client, issuer: &str) -> Fetched {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = fetch(client, &address).await?;
    if document["issuer"] != issuer {
        return Err(TokenError::OtherIssuer);
    }
    let keys = document["jwks_uri"].as_str().ok_or_else(|| TokenError::Fetch("no jwks_uri".to_owned()))?;
    let set = set(&fetch(client, keys).await?)?;
    Ok(Arc::new(Keys { set, algorithms: listed(&document["id_token_signing_alg_values_supported"]) }))
}

async fn usual(client: &Client, address: &str) -> Fetched {
    let set = set(&fetch(client, address).await?)?;
    Ok(Arc::new(Keys { set, algorithms: USUAL.to_vec() }))
}

/// One key that we cannot use does not take the others along.
fn set(value: &Value) -> Result<JwkSet, TokenError> {
    let keys = value["keys"].as_array().ok_or_else(|| TokenError::Fetch("no set of keys".to_owned()))?;
    let keys = keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    Ok(JwkSet { keys: keys.collect() })
}

/// Without a list it is the one that every issuer must be able to use.
fn listed(list: &Value) -> Vec<Algorithm> {
    let names: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() {
        return vec![Algorithm::RS256];
    }
    let listed = names.into_iter().filter_map(|name| name.parse().ok());
    listed.filter(|algorithm| ALGORITHMS.contains(algorithm)).collect()
}

async fn fetch(client: &Client, address: &str) -> Result<Value, TokenError> {
    let failed = |cause: String| TokenError::Fetch(cause);
    let url = Url::parse(address).map_err(|_| failed("the address is not a URL".to_owned()))?;
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

#[cfg(test)]
mod tests;
