//! A fake issuer on a real connection.

use super::{FRESH, OLD, PAUSE, Source, TokenError, claims};
use crate::providers::Clients;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers with its pages, and hangs where it has none.
struct Issuer {
    url: String,
    pages: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<AtomicUsize>,
    clients: Clients,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (pages, asked) =
            (Arc::<Mutex<HashMap<String, String>>>::default(), Arc::<AtomicUsize>::default());
        let issuer = Self { url, pages: pages.clone(), asked: asked.clone(), clients: Clients::default() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                let pages = pages.clone();
                tokio::spawn(async move {
                    let mut head = vec![0; 4096];
                    let length = stream.read(&mut head).await.unwrap();
                    let head = String::from_utf8_lossy(&head[..length]).into_owned();
                    let page = pages.lock().unwrap().get(head.split(' ').nth(1).unwrap()).cloned();
                    let Some(page) = page else { return std::future::pending().await };
                    let length = page.len();
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}"
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        issuer
    }

    fn publish(&self, key: &EncodingKey, algorithm: Algorithm, listed: &[&str]) {
        let mut published = Jwk::from_encoding_key(key, algorithm).unwrap();
        published.common.key_id = Some("k".to_owned());
        let mut set = serde_json::to_value(JwkSet { keys: vec![published] }).unwrap();
        set["keys"].as_array_mut().unwrap().push(json!({"kty": "AKP", "kid": "of another time"}));
        let document = json!({"issuer": self.url, "jwks_uri": format!("{}/keys", self.url),
            "id_token_signing_alg_values_supported": listed});
        let mut pages = self.pages.lock().unwrap();
        pages.insert("/.well-known/openid-configuration".to_owned(), document.to_string());
        pages.insert("/keys".to_owned(), set.to_string());
    }

    fn hang(&self) {
        self.pages.lock().unwrap().clear();
    }

    async fn claims(&self, token: &str) -> Result<(), TokenError> {
        claims(&self.clients, Source::Issuer(&self.url), token, "us").await.map(drop)
    }
}

fn key(algorithm: Algorithm) -> EncodingKey {
    if algorithm == Algorithm::EdDSA {
        // RFC 8410, section 7: what stands before the 32 bytes of a private key.
        let head = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
        return EncodingKey::from_ed_der(&[&head[..], &[7; 32]].concat());
    }
    let pair = match algorithm {
        Algorithm::ES384 => rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        _ => rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048),
    };
    let pem = pair.unwrap().serialize_pem();
    match algorithm {
        Algorithm::ES384 => EncodingKey::from_ec_pem(pem.as_bytes()),
        _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
    }
    .unwrap()
}

fn token(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, &json!({"aud": "us", "exp": 4_000_000_000_u32}), key).unwrap()
}

#[tokio::test]
async fn an_issuer_may_sign_with_what_it_lists() {
    for (algorithm, listed, taken) in [
        (Algorithm::RS256, &[][..], true),
        (Algorithm::RS512, &[], false),
        (Algorithm::PS256, &["RS256", "PS256"], true),
        (Algorithm::ES384, &["ES384"], true),
        (Algorithm::EdDSA, &["EdDSA"], true),
        (Algorithm::PS256, &["RS256"], false),
    ] {
        let (issuer, key) = (Issuer::start().await, key(algorithm));
        issuer.publish(&key, algorithm, listed);
        let answer = issuer.claims(&token(&key, algorithm, "k")).await;
        match taken {
            true => assert!(answer.is_ok(), "{algorithm:?}: {answer:?}"),
            false => assert!(matches!(answer, Err(TokenError::Algorithm(_))), "{algorithm:?}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_shared_secret_signs_nothing() {
    let (issuer, key) = (Issuer::start().await, key(Algorithm::RS256));
    issuer.publish(&key, Algorithm::RS256, &["HS256", "RS256"]);
    let forged = token(&EncodingKey::from_secret(b"public"), Algorithm::HS256, "k");
    let answer = issuer.claims(&forged).await;
    assert!(matches!(answer, Err(TokenError::Algorithm(_))), "{answer:?}");
    // {"alg":"ES512"}
    let answer = issuer.claims("eyJhbGciOiJFUzUxMiJ9.e30.AA").await;
    assert!(matches!(&answer, Err(TokenError::Algorithm(name)) if name == "ES512"), "{answer:?}");
}

#[tokio::test]
async fn an_issuer_that_hangs_is_asked_once() {
    let (issuer, key) = (Issuer::start().await, key(Algorithm::RS256));
    let text = token(&key, Algorithm::RS256, "k");
    // Time stands still but for the connections, so that waiting for the issuer takes none.
    tokio::time::pause();
    let calls = (0..50).map(|_| issuer.claims(&text));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(TokenError::Fetch(_)))), "{answers:?}");
    assert!(matches!(issuer.claims(&text).await, Err(TokenError::Fetch(_))));
    assert!(issuer.asked.load(Ordering::SeqCst) <= 1);
}

#[tokio::test]
async fn a_known_key_outlives_an_outage_of_its_issuer_for_a_while() {
    let (issuer, key) = (Issuer::start().await, key(Algorithm::RS256));
    issuer.publish(&key, Algorithm::RS256, &["RS256"]);
    let (known, unknown) = (token(&key, Algorithm::RS256, "k"), token(&key, Algorithm::RS256, "new"));
    issuer.claims(&known).await.unwrap();
    issuer.hang();
    tokio::time::pause();
    tokio::time::advance(FRESH + Duration::from_secs(1)).await;
    issuer.claims(&known).await.unwrap();
    assert!(matches!(issuer.claims(&unknown).await, Err(TokenError::Fetch(_))));
    tokio::time::advance(OLD + PAUSE).await;
    assert!(matches!(issuer.claims(&known).await, Err(TokenError::Fetch(_))));
}
