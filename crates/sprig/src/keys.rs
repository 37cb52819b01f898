//! Private keys: made, read, printed, and signing.

use std::convert::Infallible;

use ed25519_dalek::{Signer, SigningKey as Ed25519Key};
use p256::ecdsa::{Signature as P256Signature, SigningKey as P256Key};
use rsa::{
    Pkcs1v15Sign, RsaPrivateKey,
    pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey},
    rand_core::{TryCryptoRng, TryRng},
};
use sha2::{Digest, Sha256};

use crate::der::{NULL, OCTETS, OID, Reader, SEQUENCE, bits, element, from_pem, integer, pem, sequence};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// What stands before a SHA-256 digest in an RSA signature.
const SHA256_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A private key.
pub(crate) enum Key {
    Rsa(Box<RsaPrivateKey>),
    P256(P256Key),
    Ed25519(Ed25519Key),
}

/// Random bytes without end from 32 that the host gave: SHA-256 of the seed and a counter.
pub(crate) struct Stream {
    seed: [u8; 32],
    counter: u64,
}

impl Stream {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block =
                Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.counter += 1;
        }
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.fill(buffer);
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

impl Key {
    pub(crate) fn rsa(random: &mut Stream, size: usize) -> Result<Self, String> {
        RsaPrivateKey::new(random, size)
            .map(|key| Self::Rsa(Box::new(key)))
            .map_err(|error| error.to_string())
    }

    pub(crate) fn p256(random: &mut Stream) -> Self {
        loop {
            if let Ok(key) = P256Key::from_slice(&random.bytes::<32>()) {
                return Self::P256(key);
            }
        }
    }

    pub(crate) fn ed25519(random: &mut Stream) -> Self {
        Self::Ed25519(Ed25519Key::from_bytes(&random.bytes()))
    }

    /// Reads a key from PEM.
    ///
    /// # Errors
    /// In Sprig's words.
    pub(crate) fn from_pem(text: &str) -> Result<Self, String> {
        let (label, der) = from_pem(text).ok_or("no PEM data in input")?;
        match label.as_str() {
            "PRIVATE KEY" => pkcs8(&der).ok_or_else(|| "decoding PEM as PKCS#8: no such key".into()),
            "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(&der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(|error| format!("parsing RSA private key from PEM: {error}")),
            "EC PRIVATE KEY" => {
                sec1(&der).ok_or_else(|| "parsing EC private key from PEM: no P-256 key".into())
            }
            label => match label.strip_suffix(" PRIVATE KEY") {
                Some(kind) => Err(format!("invalid private key type {kind}")),
                None => Err(format!("no private key data in PEM block of type {label}")),
            },
        }
    }

    /// The key as Go prints it.
    pub(crate) fn to_pem(&self) -> Result<String, String> {
        match self {
            Self::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|error| error.to_string())?;
                Ok(pem("RSA PRIVATE KEY", der.as_bytes()))
            }
            Self::P256(key) => {
                let secret = element(OCTETS, &key.to_bytes());
                let curve = element(0xa0, &element(OID, P256));
                let point = element(0xa1, &bits(0, &self.public_bits()));
                Ok(pem("EC PRIVATE KEY", &sequence(&[&integer(&[1]), &secret, &curve, &point])))
            }
            Self::Ed25519(key) => {
                let algorithm = sequence(&[&element(OID, ED25519)]);
                let secret = element(OCTETS, &element(OCTETS, &key.to_bytes()));
                Ok(pem("PRIVATE KEY", &sequence(&[&integer(&[0]), &algorithm, &secret])))
            }
        }
    }

    /// The bits of the public key.
    pub(crate) fn public_bits(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let public = key.to_public_key().to_pkcs1_der();
                public.map(|der| der.as_bytes().to_vec()).unwrap_or_default()
            }
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
        }
    }

    /// SubjectPublicKeyInfo.
    pub(crate) fn public_info(&self) -> Vec<u8> {
        let algorithm = match self {
            Self::Rsa(_) => sequence(&[&element(OID, RSA), &element(NULL, &[])]),
            Self::P256(_) => sequence(&[&element(OID, EC), &element(OID, P256)]),
            Self::Ed25519(_) => sequence(&[&element(OID, ED25519)]),
        };
        sequence(&[&algorithm, &bits(0, &self.public_bits())])
    }

    /// The algorithm of [`sign`](Self::sign).
    pub(crate) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[&element(OID, RSA_SHA256), &element(NULL, &[])]),
            Self::P256(_) => sequence(&[&element(OID, ECDSA_SHA256)]),
            Self::Ed25519(_) => sequence(&[&element(OID, ED25519)]),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Rsa(key) => {
                let digest = [SHA256_INFO, &Sha256::digest(message)[..]].concat();
                key.sign(Pkcs1v15Sign::new_unprefixed(), &digest).map_err(|error| error.to_string())
            }
            Self::P256(key) => {
                let signature: P256Signature = key.sign(message);
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
        }
    }
}

fn sec1(der: &[u8]) -> Option<Key> {
    let mut fields = Reader(Reader(der).take(SEQUENCE)?.content);
    fields.next()?;
    P256Key::from_slice(fields.take(OCTETS)?.content).ok().map(Key::P256)
}

fn pkcs8(der: &[u8]) -> Option<Key> {
    let mut fields = Reader(Reader(der).take(SEQUENCE)?.content);
    fields.next()?;
    let algorithm = Reader(fields.take(SEQUENCE)?.content).take(OID)?.content;
    let secret = fields.take(OCTETS)?.content;
    match algorithm {
        RSA => RsaPrivateKey::from_pkcs1_der(secret).ok().map(|key| Key::Rsa(Box::new(key))),
        EC => sec1(secret),
        ED25519 => {
            let seed: [u8; 32] = Reader(secret).take(OCTETS)?.content.try_into().ok()?;
            Some(Key::Ed25519(Ed25519Key::from_bytes(&seed)))
        }
        _ => None,
    }
}
