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
    flag: &'static str,
}

impl SshOptionsError {
    /// The flag that a controller reads the name from.
    pub fn flag(&self) -> &'static str {
        self.flag
    }
}

impl SshOptions {
    /// Reads the names as SSH knows them, in order of preference.
    ///
    /// # Errors
    /// A name that is not implemented.
    pub fn parse(kex: &[String], host_keys: &[String]) -> Result<Self, SshOptionsError> {
        let kex = kex.iter().map(|name| {
            kex::Name::try_from(name.as_str())
                .map_err(|()| unsupported("key exchange", name, "--ssh-kex-algos"))
        });
        let host_keys = host_keys.iter().map(|name| {
            Algorithm::new(name).map_err(|_| unsupported("host key", name, "--ssh-hostkey-algos"))
        });
        Ok(Self { kex: kex.collect::<Result<_, _>>()?, host_keys: host_keys.collect::<Result<_, _>>()? })
    }
}

fn unsupported(kind: &'static str, name: &str, flag: &'static str) -> SshOptionsError {
    SshOptionsError { kind, name: name.to_owned(), flag }
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
        let flag = |kex: &[&str], host_keys: &[&str]| {
            SshOptions::parse(&names(kex), &names(host_keys)).unwrap_err().flag()
        };
        assert_eq!(flag(&["rot13"], &[]), "--ssh-kex-algos");
        assert_eq!(flag(&["curve25519-sha256"], &[""]), "--ssh-hostkey-algos");
    }
}
