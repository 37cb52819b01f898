//! Certificates for test servers, and for clients that must show one.
use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use crate::certificates::Authority;

/// An authority of a server's own, with what it signed. Everything is PEM.
pub struct Tls {
    /// The authority's certificate, `ca.crt` of a Secret.
    pub authority: String,
    /// A client's certificate, `tls.crt` of a Secret.
    pub client_certificate: String,
    /// A client's key, `tls.key` of a Secret.
    pub client_key: String,
    server_certificate: String,
    server_key: String,
    dir: tempfile::TempDir,
}

/// Files of a [`Tls`], for programs that read files.
pub(crate) struct TlsFiles {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Tls {
    /// A new authority, a certificate for a server at 127.0.0.1 and one for a client.
    pub fn create() -> Result<Tls> {
        crate::install_crypto();
        let dir = tempfile::Builder::new().prefix("sluice-tls-").tempdir()?;
        crate::Scope::add_dir(dir.path())?;
        let authority = Authority::create(dir.path())?;
        let (server, client) = (authority.server()?, authority.user("client", None)?);
        Ok(Tls {
            authority: authority.certificate,
            client_certificate: client.certificate,
            client_key: client.key,
            server_certificate: server.certificate,
            server_key: server.key,
            dir,
        })
    }

    pub(crate) fn files(&self) -> Result<TlsFiles> {
        let write = |name: &str, text: &str| -> Result<PathBuf> {
            let file = self.dir.path().join(name);
            std::fs::write(&file, text)?;
            Ok(file)
        };
        Ok(TlsFiles {
            authority: write("ca.crt", &self.authority)?,
            certificate: write("server.crt", &self.server_certificate)?,
            key: write("server.key", &self.server_key)?,
        })
    }

    /// With `demand` only clients that show a certificate of this authority are served.
    pub(crate) fn server_config(&self, demand: bool) -> Result<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_slice(self.server_certificate.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(self.server_key.as_bytes())?;
        let builder = ServerConfig::builder();
        let builder = if demand {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes())?)?;
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build()?)
        } else {
            builder.with_no_client_auth()
        };
        builder.with_single_cert(chain, key).context("the server's certificate")
    }
}
