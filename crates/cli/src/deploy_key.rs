//! SSH keys for Git: made here, or told apart by their public half.
use clap::Args;
use ssh_key::{Algorithm, EcdsaCurve, LineEnding, PrivateKey};

use crate::CommandError;

/// What kind of key is made when none is given.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// Kind of the key that is made when none is given
    #[arg(long, value_parser = ["ecdsa", "ed25519", "rsa"], default_value = "ecdsa")]
    ssh_key_algorithm: String,
    /// Its curve, for ecdsa
    #[arg(long, value_parser = ["p256", "p384", "p521"], default_value = "p384")]
    ssh_ecdsa_curve: String,
}

/// A private key and its public half, each as OpenSSH writes it.
pub(crate) struct DeployKey {
    pub(crate) identity: String,
    pub(crate) public: String,
}

impl KeyArgs {
    /// A new key without a passphrase.
    pub(crate) fn generate(&self) -> Result<DeployKey, CommandError> {
        let failed = |error: ssh_key::Error| CommandError::failed(format!("no SSH key can be made: {error}"));
        let key = PrivateKey::random(&mut rand::rng(), self.algorithm()).map_err(failed)?;
        let identity = key.to_openssh(LineEnding::LF).map_err(failed)?.to_string();
        Ok(DeployKey { identity, public: public_line(&key)? })
    }

    fn algorithm(&self) -> Algorithm {
        match (self.ssh_key_algorithm.as_str(), self.ssh_ecdsa_curve.as_str()) {
            ("ed25519", _) => Algorithm::Ed25519,
            ("rsa", _) => Algorithm::Rsa { hash: None },
            (_, "p256") => Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            (_, "p521") => Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
            _ => Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        }
    }
}

/// The public half of a key; nothing where the form of the file does not show it (PEM as OpenSSL writes it).
pub(crate) fn public_half(identity: &str) -> Option<String> {
    PrivateKey::from_openssh(identity).ok().and_then(|key| public_line(&key).ok())
}

fn public_line(key: &PrivateKey) -> Result<String, CommandError> {
    let line = key.public_key().to_openssh();
    let line = line.map_err(|error| CommandError::failed(format!("no public key: {error}")))?;
    Ok(format!("{}\n", line.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::{KeyArgs, public_half};

    fn made(algorithm: &str, curve: &str) -> super::DeployKey {
        let args = KeyArgs { ssh_key_algorithm: algorithm.into(), ssh_ecdsa_curve: curve.into() };
        args.generate().unwrap()
    }

    #[test]
    fn keys_are_of_the_kind_that_is_asked_for_and_never_the_same() {
        for (algorithm, curve, start) in [
            ("ecdsa", "p256", "ecdsa-sha2-nistp256 "),
            ("ecdsa", "p384", "ecdsa-sha2-nistp384 "),
            ("ed25519", "p384", "ssh-ed25519 "),
        ] {
            let (one, other) = (made(algorithm, curve), made(algorithm, curve));
            assert!(one.public.starts_with(start) && one.public.ends_with('\n'), "{}", one.public);
            assert_ne!(one.public, other.public);
            assert_eq!(public_half(&one.identity), Some(one.public));
        }
    }

    #[test]
    fn a_key_that_cannot_be_read_has_no_public_half() {
        assert_eq!(public_half("-----BEGIN PRIVATE KEY-----\n"), None);
    }
}
