use russh::kex;
use ssh_key::Algorithm;
use thiserror::Error;

/// Algorithms for SSH (`--ssh-kex-algos`, `--ssh-hostkey-algos`); empty lists mean the safe defaults.
#[derive(Clone, Debug, Default)]
pub struct SshOptions {
    pub(crate) kex: Vec<kex::Name>,
    pub(crate) host_keys: Vec<Algorithm>,
}

/// An algorithm that is not implemented.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("ssh {kind} algorithm '{name}' is not supported")]
pub struct SshOptionsError {
    kind: &'static str,
    name: String,
}

impl SshOptions {
    /// Reads the names as SSH knows them, in order of preference.
    ///
    /// # Errors
    /// A name that is not implemented.
    pub fn parse(kex: &[String], host_keys: &[String]) -> Result<Self, SshOptionsError> {
        let kex = kex
            .iter()
            .map(|name| kex::Name::try_from(name.as_str()).map_err(|()| unsupported("key exchange", name)));
        let host_keys =
            host_keys.iter().map(|name| Algorithm::new(name).map_err(|_| unsupported("host key", name)));
        Ok(Self { kex: kex.collect::<Result<_, _>>()?, host_keys: host_keys.collect::<Result<_, _>>()? })
    }
}

fn unsupported(kind: &'static str, name: &str) -> SshOptionsError {
    SshOptionsError { kind, name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_algorithms_are_taken() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(
            SshOptions::parse(&names(&["curve25519-sha256"]), &names(&["ssh-ed25519", "rsa-sha2-512"]))
                .is_ok()
        );
        assert!(SshOptions::parse(&names(&["rot13"]), &[]).is_err());
        assert!(SshOptions::parse(&[], &names(&[""])).is_err());
    }
}
