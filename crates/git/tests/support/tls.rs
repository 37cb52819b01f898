use std::{net::TcpStream, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use super::server::Duplex;

/// An authority of its own, a certificate for 127.0.0.1, and one for a client; all PEM.
pub struct Certificates {
    pub authority: String,
    pub client: (String, String),
    server: (String, String),
}

impl Certificates {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(vec!["test authority".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let signed = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
        };
        Self { authority: authority.pem(), client: signed("client"), server: signed("127.0.0.1") }
    }

    /// Wraps accepted connections in TLS; with `clients` only those with a certificate of the authority.
    pub fn acceptor(
        &self,
        clients: bool,
    ) -> impl Fn(TcpStream) -> Option<Box<dyn Duplex>> + Send + Sync + 'static {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            false => builder.with_no_client_auth(),
            true => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(self.server.0.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.server.1.as_bytes()).unwrap();
        let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
        move |stream| {
            let connection = ServerConnection::new(config.clone()).unwrap();
            Some(Box::new(StreamOwned::new(connection, stream)))
        }
    }
}
