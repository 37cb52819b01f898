use api::image::v1::{SigningKey, SigningKeyType};
use git::{Signer, SignerError};
use kube::Client;
use net::Secret;
use runtime::Key;

use crate::secrets;

/// Reads the key that commits are signed with, in Flux's words where it cannot be used.
pub(super) async fn signer(client: &Client, namespace: &str, key: &SigningKey) -> Result<Signer, String> {
    let name = &key.secret_ref.name;
    let found = secrets::read(client, &Key::new(namespace, name)).await;
    let missing = |cause: String| format!("could not find signing key secret '{name}': {cause}");
    let secret = found.map_err(|error| missing(error.to_string()))?;
    let secret = secret.ok_or_else(|| missing(format!("secrets {name:?} not found")))?;
    // Deriving a key from a passphrase takes time by design.
    let (name, kind) = (name.clone(), key.type_.clone().unwrap_or(SigningKeyType::Gpg));
    let read = tokio::task::spawn_blocking(move || read(&secret, &name, &kind)).await;
    read.map_err(|error| error.to_string())?
}

fn read(secret: &Secret, name: &str, kind: &SigningKeyType) -> Result<Signer, String> {
    match kind {
        SigningKeyType::Gpg => gpg(secret, name),
        SigningKeyType::Ssh => ssh(secret, name),
        other => Err(format!("unknown signing key type {:?}", other.to_string())),
    }
}

fn gpg(secret: &Secret, name: &str) -> Result<Signer, String> {
    let key = secret.bytes("git.asc");
    let key = key.ok_or_else(|| format!("signing key secret '{name}' does not contain a 'git.asc' key"))?;
    Signer::gpg(key, secret.bytes("passphrase")).map_err(|error| match error {
        SignerError::Several => format!(
            "multiple entities read from secret '{name}', could not determine which signing key to use"
        ),
        SignerError::PassphraseMissing => protected("passphrase", name),
        SignerError::PassphraseWrong => {
            format!("could not decrypt private key of the signing key present in secret {name}: {error}")
        }
        error => format!("could not read signing key from secret '{name}': {error}"),
    })
}

fn ssh(secret: &Secret, name: &str) -> Result<Signer, String> {
    let unreadable = |cause: String| format!("could not parse SSH signing key from secret '{name}': {cause}");
    let key = secret.text("identity").map_err(|error| unreadable(error.to_string()))?;
    let key = key.ok_or_else(|| format!("signing key secret '{name}' does not contain an 'identity' key"))?;
    let passphrase = secret.text("password").map_err(|error| unreadable(error.to_string()))?;
    Signer::ssh(key, passphrase).map_err(|error| match error {
        SignerError::PassphraseMissing => protected("password", name),
        error => unreadable(error.to_string()),
    })
}

fn protected(field: &str, name: &str) -> String {
    format!("can not use passphrase protected signing key without '{field}' field present in secret {name}")
}

#[cfg(test)]
mod tests {
    use super::read;
    use api::image::v1::SigningKeyType;
    use net::Secret;

    fn refused(kind: SigningKeyType, pairs: &[(&str, &str)]) -> String {
        let data = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
        read(&Secret::new("ns/sign", data), "sign", &kind).err().unwrap()
    }

    #[test]
    fn keys_that_cannot_sign_are_told_without_their_text() {
        let text = refused(SigningKeyType::Gpg, &[("identity", "canary")]);
        assert_eq!(text, "signing key secret 'sign' does not contain a 'git.asc' key");
        let text = refused(SigningKeyType::Ssh, &[("git.asc", "canary")]);
        assert_eq!(text, "signing key secret 'sign' does not contain an 'identity' key");
        for (kind, key) in [(SigningKeyType::Gpg, "git.asc"), (SigningKeyType::Ssh, "identity")] {
            let text = refused(kind, &[(key, "canary")]);
            assert!(text.contains("from secret 'sign': ") && !text.contains("canary"), "{text}");
        }
    }
}
