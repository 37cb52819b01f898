//! HTTP clients, shared by equal policies: making one reads the system's certificates.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use net::{AddressRule, Auth, Client, Credentials, Limits, Policy, PolicyError};

use crate::secrets::ProviderSecrets;

/// Most clients that are kept.
const MAX_KEPT: usize = 64;
/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// Redirects that are followed, as Go does.
const MAX_REDIRECTS: usize = 10;

/// Private addresses are allowed, as in Flux: what is told may run in the cluster; the metadata service of a cloud may
/// not be told.
pub(crate) const ADDRESSES: AddressRule = AddressRule::NoLinkLocal;

/// HTTP clients by their policy.
#[derive(Default)]
pub struct Clients {
    kept: Mutex<HashMap<Policy, Client>>,
}

impl Clients {
    /// The client for a Provider's certificates and proxy.
    pub(crate) fn get(&self, secrets: &ProviderSecrets) -> Result<Client, PolicyError> {
        self.of(secrets.tls.clone(), secrets.proxy.clone())
    }

    /// The client for these certificates and this proxy.
    pub(crate) fn of(&self, tls: net::Tls, proxy: Option<net::Proxy>) -> Result<Client, PolicyError> {
        let policy = Policy {
            limits: limits(),
            credentials: Credentials { auth: Auth::None, tls, proxy },
            addresses: ADDRESSES,
            ..Policy::default()
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = kept.get(&policy) {
            return Ok(client.clone());
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let client = policy.client()?;
        kept.insert(policy, client.clone());
        Ok(client)
    }
}

/// The whole time is bounded by `spec.timeout`, around all attempts.
fn limits() -> Limits {
    let total = Duration::from_secs(300);
    Limits { total, idle: total, max_body: MAX_ANSWER, max_redirects: MAX_REDIRECTS, ..Limits::default() }
}

#[cfg(test)]
mod tests {
    use super::Clients;

    #[tokio::test]
    async fn the_metadata_service_is_told_nothing() {
        let client = Clients::default().of(net::Tls::default(), None).unwrap();
        let url = "http://169.254.169.254/latest/api/token".parse().unwrap();
        let error = client.get(url).await.err().unwrap().to_string();
        assert!(error.contains("not allowed"), "{error}");
    }
}
