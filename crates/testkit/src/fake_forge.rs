//! A fake of a Git forge's API: takes commit statuses and events, and sends webhooks signed as GitHub signs them. What it
//! answers is just enough for a client that posts: a list that is empty, and 201.
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri},
    routing::any,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::serve::Served;

/// One request that was posted to the forge.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The path with its query.
    pub path: String,
    /// The body, when it was JSON, else its text.
    pub body: Value,
    /// When it came.
    pub at: Instant,
}

/// A running fake forge.
pub struct FakeForge {
    served: Served,
    posted: Arc<Mutex<Vec<Posted>>>,
    client: reqwest::Client,
}

impl FakeForge {
    /// Starts one on a free port.
    pub fn start() -> Result<FakeForge> {
        crate::plane::install_crypto();
        let posted = Arc::<Mutex<Vec<Posted>>>::default();
        let router = Router::new().fallback(any(answer)).with_state(posted.clone());
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(FakeForge { served: Served::start(router, 0)?, posted, client })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.served.address)
    }

    /// What was posted so far, oldest first.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a post that is as wanted.
    pub async fn wait(&self, limit: Duration, wanted: impl Fn(&Posted) -> bool) -> Result<Posted> {
        let limit = crate::cluster::patience(limit);
        let since = Instant::now();
        while since.elapsed() < limit {
            if let Some(posted) = self.posted().into_iter().find(&wanted) {
                return Ok(posted);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("no such request within {limit:?}; posted: {:#?}", self.posted())
    }

    /// Sends a webhook as GitHub does, and again until it is taken, as an administrator's redelivery would.
    pub async fn tell(&self, hook: &str, token: &str, event: &str, body: &Value) -> Result<()> {
        let text = body.to_string();
        let limit = crate::cluster::patience(Duration::from_secs(30));
        let since = Instant::now();
        loop {
            let request = self
                .client
                .post(hook)
                .header("X-GitHub-Event", event)
                .header("X-Hub-Signature-256", signature(token, &text)?)
                .header("Content-Type", "application/json")
                .body(text.clone());
            let told = match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => format!("answer {}", answer.status()),
                Err(error) => format!("{error:#}"),
            };
            if since.elapsed() > limit {
                bail!("the webhook {event} was not taken within {limit:?}: {told}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// `sha256=<hex>`, the HMAC of the body under the shared token.
fn signature(token: &str, body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).context("a token of any length")?;
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256={hex}"))
}

async fn answer(
    State(posted): State<Arc<Mutex<Vec<Posted>>>>,
    method: Method,
    uri: Uri,
    body: String,
) -> (StatusCode, &'static str) {
    if method == Method::GET {
        return (StatusCode::OK, "[]");
    }
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let one = Posted { path: uri.to_string(), body, at: Instant::now() };
    posted.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    (StatusCode::CREATED, "{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_as_in_the_example_of_the_forge_documentation() {
        let signed = signature("It's a Secret to Everybody", "Hello, World!").unwrap();
        assert_eq!(signed, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    }
}
