use std::{fmt, io, str::FromStr};

use sha1::Digest as _;
use thiserror::Error;

/// A digest function that Flux accepts in `status.artifact.digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-1; only for artifacts of others.
    Sha1,
    /// SHA-256, which everything written here uses.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// A digest as `algorithm:hex`, lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    hex: String,
}

impl Digest {
    /// The function.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value in lower-case hex.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digester = Digester::new(Algorithm::Sha256);
        digester.update(bytes);
        digester.finish()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a digest we can check.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DigestError {
    /// No `algorithm:hex`, or a function that is not known.
    #[error("digest '{0}' is not sha1, sha256, sha384 or sha512 followed by ':' and a value")]
    Unknown(String),
    /// Wrong length, or not lower-case hex.
    #[error("digest '{0}' does not have the length or characters of its algorithm")]
    Malformed(String),
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let short = || text.chars().take(160).collect::<String>();
        let (name, hex) = text.split_once(':').ok_or_else(|| DigestError::Unknown(short()))?;
        let found = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        let algorithm = found.ok_or_else(|| DigestError::Unknown(short()))?;
        let is_hex = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex.len() != algorithm.hex_length() || !is_hex {
            return Err(DigestError::Malformed(short()));
        }
        Ok(Self { algorithm, hex: hex.to_owned() })
    }
}

/// Computes a [`Digest`] piece by piece.
pub struct Digester(State);

enum State {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Digester {
    /// Starts a computation.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => State::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        let (algorithm, hex) = match self.0 {
            State::Sha1(state) => (Algorithm::Sha1, hex(&state.finalize())),
            State::Sha256(state) => (Algorithm::Sha256, hex(&state.finalize())),
            State::Sha384(state) => (Algorithm::Sha384, hex(&state.finalize())),
            State::Sha512(state) => (Algorithm::Sha512, hex(&state.finalize())),
        };
        Digest { algorithm, hex }
    }
}

impl io::Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS[usize::from(value)] as char;
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_published_test_vectors() {
        let check = |algorithm, expected: &str| {
            let mut digester = Digester::new(algorithm);
            digester.update(b"a");
            digester.update(b"bc");
            assert_eq!(digester.finish().to_string(), expected);
        };
        check(Algorithm::Sha1, "sha1:a9993e364706816aba3e25717850c26c9cd0d89d");
        check(Algorithm::Sha256, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let long = format!(
            "{}{}",
            "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163",
            "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        );
        check(Algorithm::Sha384, &long);
        let longer = format!(
            "{}{}",
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
        check(Algorithm::Sha512, &longer);
    }

    #[test]
    fn only_complete_lower_case_digests_are_read() {
        let good = Digest::of(b"x").to_string();
        assert_eq!(good.parse::<Digest>().unwrap().to_string(), good);
        for bad in
            ["", "sha256", "sha256:", "md5:00", "sha256:00", &good.to_uppercase(), &good.replace(':', ":g")]
        {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
