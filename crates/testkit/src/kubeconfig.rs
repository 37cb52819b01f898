//! Kubeconfig files, written as JSON, which every YAML reader takes.
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// How a user shows who it is.
pub(crate) enum Credential<'a> {
    Token(&'a str),
    Certificate { certificate: &'a str, key: &'a str },
}

/// One cluster, one user, one context named `sluice`.
pub(crate) fn kubeconfig(url: &str, authority: &str, credential: &Credential<'_>) -> String {
    let user = match credential {
        Credential::Token(token) => json!({ "token": token }),
        Credential::Certificate { certificate, key } => json!({
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        }),
    };
    let document: Value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "sluice", "cluster": {
            "server": url, "certificate-authority-data": STANDARD.encode(authority),
        }}],
        "users": [{ "name": "sluice", "user": user }],
        "contexts": [{ "name": "sluice", "context": { "cluster": "sluice", "user": "sluice" } }],
        "current-context": "sluice",
    });
    format!("{document:#}\n")
}
