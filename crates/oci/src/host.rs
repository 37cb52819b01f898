//! One registry, reached in one way: scheme, challenge and tokens are found once and remembered.
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use net::{Client, PolicyError, Request, RequestError, Response};
use url::Url;

use crate::{
    Login, OciError,
    challenge::Challenge,
    error::said,
    retry::is_passing,
    token::{self, Token},
};

/// How many tokens of one registry are remembered.
const TOKENS: usize = 256;

pub(crate) struct Host {
    client: Client,
    name: String,
    login: Login,
    /// Plain HTTP is tried when https gets no answer.
    plain: bool,
    patience: Patience,
    state: tokio::sync::Mutex<Option<Greeting>>,
    tokens: Mutex<HashMap<String, Token>>,
}

/// How long a registry in trouble is asked again.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// Before the second and the third try.
    pub(crate) pauses: [Duration; 2],
    /// After this time no further try begins.
    pub(crate) total: Duration,
}

/// What the registry said to the first request.
#[derive(Clone)]
struct Greeting {
    base: Url,
    challenge: Challenge,
}

/// A request to a registry's API.
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Below `/v2/`, or a whole URL that the registry gave.
    pub(crate) place: Place,
    pub(crate) headers: HeaderMap,
    pub(crate) body: net::Body,
    /// `repository:PATH:pull`, or with push.
    pub(crate) scope: String,
    /// Bytes of the answer's body.
    pub(crate) max_body: Option<u64>,
}

impl Ask {
    fn only_reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

pub(crate) enum Place {
    Path(String),
    Url(String),
}

impl Host {
    pub(crate) fn new(client: Client, name: &str, login: Login, plain: bool, patience: Patience) -> Self {
        let (state, tokens) = (tokio::sync::Mutex::new(None), Mutex::default());
        Self { client, name: name.to_owned(), login, plain, patience, state, tokens }
    }

    /// Sends a request with whatever the registry demands; one that only reads is repeated when that may help. The
    /// answer may have any status.
    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Response, OciError> {
        let begun = Instant::now();
        for pause in self.patience.pauses.into_iter().filter(|_| ask.only_reads()) {
            let done = self.once(ask).await;
            if !is_passing(&done) || begun.elapsed() + pause >= self.patience.total {
                return done;
            }
            tokio::time::sleep(pause).await;
        }
        self.once(ask).await
    }

    async fn once(&self, ask: &Ask) -> Result<Response, OciError> {
        let greeting = self.greeting().await?;
        match self.send(ask, &greeting, false).await {
            Ok(answer) if demands(&answer, &greeting) => match changed(&answer, &greeting) {
                Some(changed) => {
                    *self.state.lock().await = Some(changed.clone());
                    self.send(ask, &changed, true).await
                }
                None if self.may_renew(&greeting) => self.send(ask, &greeting, true).await,
                None => Ok(answer),
            },
            Err(error) => {
                // It, or its token server, may have moved, from http to https for one.
                *self.state.lock().await = None;
                Err(error)
            }
            other => other,
        }
    }

    fn may_renew(&self, greeting: &Greeting) -> bool {
        matches!(greeting.challenge, Challenge::Bearer { .. }) && !matches!(self.login, Login::Bearer(_))
    }

    async fn send(&self, ask: &Ask, greeting: &Greeting, renew: bool) -> Result<Response, OciError> {
        let malformed =
            |text: &str| OciError::Malformed { place: text.to_owned(), cause: "not a URL".into() };
        let mut url = match &ask.place {
            Place::Path(path) => greeting.base.join(path).map_err(|_| malformed(path))?,
            Place::Url(url) => greeting.base.join(url).map_err(|_| malformed("location"))?,
        };
        raise(&mut url, &greeting.base);
        let own = url.origin() == greeting.base.origin();
        let mut request = Request::get(url);
        request.method = ask.method.clone();
        request.headers = ask.headers.clone();
        request.body = ask.body.clone();
        if own && let Some(value) = self.authorization(greeting, &ask.scope, renew).await? {
            request.headers.insert(AUTHORIZATION, value);
        }
        let client = match ask.max_body {
            Some(limit) => self.client.clone().with_max_body(limit),
            None => self.client.clone(),
        };
        client.send(request).await.map_err(OciError::Request)
    }

    async fn authorization(
        &self,
        greeting: &Greeting,
        scope: &str,
        renew: bool,
    ) -> Result<Option<HeaderValue>, OciError> {
        if let Login::Bearer(token) = &self.login {
            return header(&format!("Bearer {token}")).map(Some);
        }
        match &greeting.challenge {
            // A registry that lets anybody in may still hide what is private from who shows no password.
            Challenge::None | Challenge::Basic => match &self.login {
                Login::Basic { username, password } => basic(username, password).map(Some),
                _ => Ok(None),
            },
            Challenge::Bearer { realm, service } => {
                let token = self.token((realm, service), scope, &greeting.base, renew).await?;
                header(&format!("Bearer {token}")).map(Some)
            }
        }
    }

    async fn token(
        &self,
        server: (&str, &str),
        scope: &str,
        base: &Url,
        renew: bool,
    ) -> Result<String, OciError> {
        let known = self.tokens().get(scope).filter(|token| !renew && token.until > Instant::now()).cloned();
        if let Some(token) = known {
            return Ok(token.text);
        }
        let token = token::ask(&self.client, server, scope, &self.login, base.scheme() == "https").await?;
        let mut tokens = self.tokens();
        if tokens.len() >= TOKENS {
            tokens.clear();
        }
        tokens.insert(scope.to_owned(), token.clone());
        Ok(token.text)
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<String, Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn greeting(&self) -> Result<Greeting, OciError> {
        let mut state = self.state.lock().await;
        if let Some(known) = state.as_ref() {
            return Ok(known.clone());
        }
        let greeting = self.greet().await?;
        *state = Some(greeting.clone());
        Ok(greeting)
    }

    async fn greet(&self) -> Result<Greeting, OciError> {
        let secure = match self.greet_by("https").await {
            // A registry that shows a bad certificate is there: its credentials do not go out in the clear instead.
            Err(OciError::Request(error)) if self.plain && !is_certificate(&error) => error,
            done => return done,
        };
        match self.greet_by("http").await {
            Err(OciError::Request(plain)) => Err(OciError::Unreachable { secure, plain }),
            done => done,
        }
    }

    async fn greet_by(&self, scheme: &str) -> Result<Greeting, OciError> {
        let base = format!("{scheme}://{}/v2/", self.name);
        let base = Url::parse(&base).map_err(|_| crate::NameError::Registry(self.name.clone()))?;
        let answer = self.client.get(base.clone()).await.map_err(OciError::Request)?;
        let challenge = match answer.status() {
            StatusCode::OK => Challenge::None,
            StatusCode::UNAUTHORIZED => challenge(&answer),
            _ => return Err(refusal(answer).await),
        };
        Ok(Greeting { base, challenge })
    }
}

fn challenge(answer: &Response) -> Challenge {
    let demands = answer.headers().get_all(WWW_AUTHENTICATE);
    Challenge::parse(demands.iter().filter_map(|value| value.to_str().ok()))
}

/// Whether the registry itself wants to know who asks. Another host, to which it sent us on, is told nothing of it: what
/// that one demands would name the server that gets the password.
fn demands(answer: &Response, greeting: &Greeting) -> bool {
    answer.status() == StatusCode::UNAUTHORIZED && answer.url().origin() == greeting.base.origin()
}

/// What a refusal demands, where that is something else than what the registry said at first: one that is open to all
/// says nothing then, and one may change its mind.
fn changed(answer: &Response, greeting: &Greeting) -> Option<Greeting> {
    let challenge = challenge(answer);
    let changed = challenge != Challenge::None && challenge != greeting.challenge;
    changed.then(|| Greeting { base: greeting.base.clone(), challenge })
}

/// A registry behind a proxy that ends TLS may call itself by http: its credentials do not go out in the clear.
fn raise(url: &mut Url, base: &Url) {
    let same = url.host_str() == base.host_str() && url.port() == base.port();
    if same && base.scheme() == "https" && url.scheme() == "http" {
        // Both schemes are of the same kind: it cannot fail.
        let _ = url.set_scheme("https");
    }
}

fn is_certificate(error: &RequestError) -> bool {
    matches!(error, RequestError::Connect { cause, .. } if cause.starts_with("tls: failed to verify"))
}

/// The error that an answer with an unwanted status is.
pub(crate) async fn refusal(answer: Response) -> OciError {
    let (status, place) = (answer.status(), go_place(answer.place()));
    // What was refused matters more than why its explanation cannot be read.
    let body = answer.bytes().await.unwrap_or_default();
    OciError::Answer { place, status: status.as_u16(), text: said(status, &body) }
}

/// `GET http://…`, as go-containerregistry writes it; `net` has `Get "http://…"`, as Go's own client does.
pub(crate) fn go_place(place: &str) -> String {
    match place.split_once(' ') {
        Some((verb, url)) => format!("{} {}", verb.to_uppercase(), url.trim_matches('"')),
        None => place.to_owned(),
    }
}

pub(crate) fn basic(username: &str, password: &str) -> Result<HeaderValue, OciError> {
    header(&format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
}

fn header(text: &str) -> Result<HeaderValue, OciError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| OciError::Policy(PolicyError::BadToken))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_calls_itself_by_http_is_asked_by_https() {
        let raised = |url: &str, base: &str| {
            let mut url: Url = url.parse().unwrap();
            raise(&mut url, &base.parse().unwrap());
            url.to_string()
        };
        assert_eq!(
            raised("http://r.example/v2/a?n=1", "https://r.example/v2/"),
            "https://r.example/v2/a?n=1"
        );
        for url in ["http://other.example/a", "http://r.example:5000/a", "https://r.example/a"] {
            assert_eq!(raised(url, "https://r.example/v2/"), url);
        }
        assert_eq!(raised("http://r.example/a", "http://r.example/v2/"), "http://r.example/a");
    }
}
