use pgp::{
    composed::{ArmorOptions, Deserializable, DetachedSignature, SignedSecretKey, SignedSecretSubKey},
    crypto::hash::HashAlgorithm,
    types::{KeyDetails, Password, SigningKey, Timestamp},
};
use rand08::rngs::OsRng;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use thiserror::Error;

/// Signs commits. No `Debug`.
pub struct Signer(Key);

enum Key {
    Gpg { key: Box<SignedSecretKey>, passphrase: Password },
    Ssh(Box<PrivateKey>),
}

/// A key that cannot sign.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignerError {
    /// Not a private key.
    #[error("private key cannot be read: {0}")]
    Unreadable(String),
    /// Which one is meant cannot be told.
    #[error("it holds more than one key")]
    Several,
    /// The key is protected.
    #[error("the key is protected and there is no passphrase")]
    PassphraseMissing,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the key")]
    PassphraseWrong,
    /// The key cannot sign.
    #[error("signature cannot be made: {0}")]
    Sign(String),
}

/// The namespace of Git's signatures (gpg-interface.c).
const NAMESPACE: &str = "git";

impl Signer {
    /// An OpenPGP key, armoured; its newest subkey that may sign is used, else the key itself, as gpg does.
    ///
    /// # Errors
    /// Anything but exactly one private key, or a passphrase that is missing or wrong.
    pub fn gpg(armoured: &[u8], passphrase: Option<&[u8]>) -> Result<Self, SignerError> {
        let unreadable = |error: pgp::errors::Error| SignerError::Unreadable(first_line(&error));
        let (keys, _) = SignedSecretKey::from_armor_many(armoured).map_err(unreadable)?;
        let mut keys = keys.take(2).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let key = keys.pop().ok_or_else(|| SignerError::Unreadable("it holds no key".to_owned()))?;
        if !keys.is_empty() {
            return Err(SignerError::Several);
        }
        let password = passphrase.map_or_else(Password::empty, Password::from);
        let check = check_passphrase(&key, &password);
        match (check, passphrase) {
            (true, _) => Ok(Self(Key::Gpg { key: Box::new(key), passphrase: password })),
            (false, None) => Err(SignerError::PassphraseMissing),
            (false, Some(_)) => Err(SignerError::PassphraseWrong),
        }
    }

    /// An SSH key, OpenSSH or PEM.
    ///
    /// # Errors
    /// Not a private key, or a passphrase that is missing or wrong.
    pub fn ssh(identity: &str, passphrase: Option<&str>) -> Result<Self, SignerError> {
        let key = match russh::keys::decode_secret_key(identity, None) {
            Ok(key) => key,
            Err(russh::keys::Error::KeyIsEncrypted) => {
                let passphrase = passphrase.ok_or(SignerError::PassphraseMissing)?;
                russh::keys::decode_secret_key(identity, Some(passphrase))
                    .map_err(|_| SignerError::PassphraseWrong)?
            }
            Err(_) => return Err(SignerError::Unreadable("unknown format".to_owned())),
        };
        Ok(Self(Key::Ssh(Box::new(key))))
    }

    /// The armoured signature of these bytes.
    pub(crate) fn sign(&self, payload: &[u8]) -> Result<String, SignerError> {
        match &self.0 {
            Key::Gpg { key, passphrase } => match signing_subkey(key) {
                Some(subkey) => gpg_sign(&subkey.key, passphrase, payload),
                None => gpg_sign(&key.primary_key, passphrase, payload),
            },
            Key::Ssh(key) => {
                let failed = |error: ssh_key::Error| SignerError::Sign(error.to_string());
                let signature = key.sign(NAMESPACE, HashAlg::Sha512, payload).map_err(failed)?;
                signature.to_pem(LineEnding::LF).map_err(failed)
            }
        }
    }
}

fn gpg_sign(key: &impl SigningKey, password: &Password, payload: &[u8]) -> Result<String, SignerError> {
    let failed = |error: pgp::errors::Error| SignerError::Sign(first_line(&error));
    let signature = DetachedSignature::sign_binary_data(OsRng, key, password, HashAlgorithm::Sha256, payload);
    signature.and_then(|signature| signature.to_armored_string(ArmorOptions::default())).map_err(failed)
}

/// The newest subkey whose binding says that it may sign, and that has neither ended nor been revoked.
fn signing_subkey(key: &SignedSecretKey) -> Option<&SignedSecretSubKey> {
    let usable = key.secret_subkeys.iter().filter(|subkey| may_sign(subkey));
    usable.max_by_key(|subkey| subkey.key.created_at().as_secs())
}

fn may_sign(subkey: &SignedSecretSubKey) -> bool {
    let revoked = |signature: &pgp::packet::Signature| {
        signature.typ() == Some(pgp::packet::SignatureType::SubkeyRevocation)
    };
    let ended = |signature: &pgp::packet::Signature| match signature.key_expiration_time() {
        Some(lasts) if lasts.as_secs() > 0 => {
            let end = u64::from(subkey.key.created_at().as_secs()) + u64::from(lasts.as_secs());
            end < u64::from(Timestamp::now().as_secs())
        }
        _ => false,
    };
    !subkey.signatures.iter().any(revoked)
        && subkey.signatures.iter().any(|signature| signature.key_flags().sign() && !ended(signature))
}

fn check_passphrase(key: &SignedSecretKey, password: &Password) -> bool {
    let opened = match signing_subkey(key) {
        Some(subkey) => subkey.key.unlock(password, |_, _| Ok(())),
        None => key.primary_key.unlock(password, |_, _| Ok(())),
    };
    matches!(opened, Ok(Ok(())))
}

fn first_line(error: &pgp::errors::Error) -> String {
    crate::error::shown(error.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(matches!(Signer::gpg(b"", None), Err(SignerError::Unreadable(_))));
        assert!(Signer::gpg(b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n", None).is_err());
        assert!(matches!(Signer::ssh("nonsense", None), Err(SignerError::Unreadable(_))));
    }
}
