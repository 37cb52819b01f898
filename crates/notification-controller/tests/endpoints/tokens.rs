//! A fake issuer of tokens, and fake keys of Google.

use anyhow::{Context, Result};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::sink::Sink;

pub(crate) struct Keys {
    published: EncodingKey,
    other: EncodingKey,
}

fn key() -> Result<EncodingKey> {
    let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?;
    Ok(EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes())?)
}

impl Keys {
    /// Makes the keys and publishes one.
    pub(crate) fn new(sink: &Sink) -> Result<Self> {
        let keys = Self { published: key()?, other: key()? };
        let mut published = Jwk::from_encoding_key(&keys.published, Algorithm::RS256)?;
        published.common.key_id = Some("test-key".to_owned());
        let set = serde_json::to_string(&JwkSet { keys: vec![published] })?;
        let base = format!("https://127.0.0.1:{}/issuer", sink.ports.https);
        let document = json!({ "issuer": base, "jwks_uri": format!("{base}/keys"),
            "id_token_signing_alg_values_supported": ["RS256"] });
        sink.page("/issuer/.well-known/openid-configuration", document.to_string());
        sink.page("/issuer/keys", set.clone());
        sink.page("/oauth2/v3/certs", set);
        Ok(keys)
    }

    /// The token that a recording describes.
    pub(crate) fn token(&self, described: &Value) -> Result<String> {
        let mut claims = described["claims"].clone();
        for claim in claims.as_object_mut().context("claims")?.values_mut() {
            if let Some(offset) = claim.as_str().and_then(offset) {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
                *claim = (i64::try_from(now)? + offset).into();
            }
        }
        let mut header = Header::new(Algorithm::RS256);
        header.kid = described["header"]["kid"].as_str().map(str::to_owned);
        let key = if described["signed_by_published_key"] == true { &self.published } else { &self.other };
        Ok(jsonwebtoken::encode(&header, &claims, key)?)
    }
}

/// `<now+600s>`.
fn offset(text: &str) -> Option<i64> {
    text.strip_prefix("<now")?.strip_suffix("s>")?.parse().ok()
}
