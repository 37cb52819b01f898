//! A certificate authority for one control plane, and what it signs.
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};

/// The authority that signs the API server's certificate and those of its users.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, PEM.
    pub(crate) certificate: String,
}

/// A certificate and its key, both PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// A new authority whose key and certificate are written to `dir`.
    pub(crate) fn create(dir: &Path) -> Result<Authority> {
        let key = KeyPair::generate()?;
        let certificate = authority_params()?.self_signed(&key)?.pem();
        std::fs::write(dir.join("ca.key"), key.serialize_pem())?;
        std::fs::write(dir.join("ca.crt"), &certificate)?;
        Ok(Authority { issuer: Issuer::new(authority_params()?, key), certificate })
    }

    /// The authority that [`Authority::create`] wrote to `dir`.
    pub(crate) fn open(dir: &Path) -> Result<Authority> {
        let key = std::fs::read_to_string(dir.join("ca.key")).context("reading the authority's key")?;
        let certificate = std::fs::read_to_string(dir.join("ca.crt"))?;
        Ok(Authority { issuer: Issuer::new(authority_params()?, KeyPair::from_pem(&key)?), certificate })
    }

    /// A certificate for a server at 127.0.0.1.
    pub(crate) fn server(&self) -> Result<Pair> {
        let names = ["127.0.0.1", "10.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc"];
        let mut params = CertificateParams::new(names.map(String::from).to_vec())?;
        params.distinguished_name = name("kube-apiserver", None);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A certificate that the API server takes as this user, a member of this group.
    pub(crate) fn user(&self, user: &str, group: Option<&str>) -> Result<Pair> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = name(user, group);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Result<Pair> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { certificate, key: key.serialize_pem() })
    }
}

fn authority_params() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = name("sluice-test-authority", None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn name(common: &str, group: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    if let Some(group) = group {
        name.push(DnType::OrganizationName, group);
    }
    name
}
