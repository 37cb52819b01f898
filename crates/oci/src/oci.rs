use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use net::{AddressRule, Credentials, Limits, Policy, Proxy, Tls};

use crate::{
    Login, OciError, Repository, Session,
    host::{Host, Patience},
    retry::PAUSES,
};

/// How many registries, each with one way to log in, are remembered.
const HOSTS: usize = 64;

/// What registries may send, and how often they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciLimits {
    /// Bytes of a manifest or index, and of a token server's answer.
    pub manifest: u64,
    /// Tags of one repository.
    pub tags: usize,
    /// Tags asked for at once.
    pub page: usize,
    /// Pauses before a request that failed for a moment is sent a second and a third time.
    pub pauses: [Duration; 2],
}

impl Default for OciLimits {
    fn default() -> Self {
        Self { manifest: 4 << 20, tags: 100_000, page: 1000, pauses: PAUSES }
    }
}

/// How to reach a registry. No `Debug`: it holds credentials.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// Who asks.
    pub login: Login,
    /// Certificates.
    pub tls: Tls,
    /// The way out, when it is not direct.
    pub proxy: Option<Proxy>,
    /// Plain HTTP is tried too, and without certificates those of the registry are not looked at.
    pub insecure: bool,
    /// Time for each request, body included; after it none is repeated.
    pub timeout: Duration,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            login: Login::Anonymous,
            tls: Tls::default(),
            proxy: None,
            insecure: false,
            timeout: Duration::from_secs(60),
        }
    }
}

/// The part that all sessions share: connections, challenges and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Oci {
    inner: Arc<Inner>,
}

struct Inner {
    addresses: AddressRule,
    limits: OciLimits,
    user_agent: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    hosts: HashMap<(String, Access), (Arc<Host>, u64)>,
    clock: u64,
}

impl Oci {
    /// Nothing is asked yet.
    pub fn new(addresses: AddressRule, limits: OciLimits, user_agent: &str) -> Self {
        let user_agent = user_agent.to_owned();
        Self { inner: Arc::new(Inner { addresses, limits, user_agent, known: Mutex::default() }) }
    }

    /// A session with a repository. Nothing is asked yet.
    ///
    /// # Errors
    /// [`OciError::Policy`] for certificates or a proxy that cannot be used.
    pub fn session(&self, repository: &Repository, access: &Access) -> Result<Session, OciError> {
        let host = self.host(repository, access)?;
        Ok(Session::new(host, repository.clone(), self.inner.limits.clone()))
    }

    fn host(&self, repository: &Repository, access: &Access) -> Result<Arc<Host>, OciError> {
        let key = (repository.registry().to_owned(), access.clone());
        let mut known = self.inner.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clock += 1;
        let clock = known.clock;
        if let Some((host, used)) = known.hosts.get_mut(&key) {
            *used = clock;
            return Ok(host.clone());
        }
        let client = self.policy(access).client()?;
        let plain = access.insecure || repository.is_local();
        let patience = Patience { pauses: self.inner.limits.pauses, total: access.timeout };
        let host = Host::new(client, repository.registry(), access.login.clone(), plain, patience);
        let host = Arc::new(host);
        if known.hosts.len() >= HOSTS {
            let oldest = known.hosts.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.map(|key| known.hosts.remove(&key));
        }
        known.hosts.insert(key, (host.clone(), clock));
        Ok(host)
    }

    fn policy(&self, access: &Access) -> Policy {
        let tls = match access.insecure && access.tls.is_empty() {
            true => Tls::unverified(),
            false => access.tls.clone(),
        };
        Policy {
            limits: Limits {
                total: access.timeout,
                // The time of an upload counts as silence: the answer comes at its end.
                idle: access.timeout,
                max_body: self.inner.limits.manifest,
                ..Limits::default()
            },
            credentials: Credentials { tls, proxy: access.proxy.clone(), ..Credentials::default() },
            addresses: self.inner.addresses,
            user_agent: self.inner.user_agent.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Oci, OciLimits};
    use net::AddressRule;
    use std::time::Duration;

    #[test]
    fn a_registry_may_be_silent_for_the_whole_time_of_a_request() {
        let access = Access { timeout: Duration::from_secs(600), ..Access::default() };
        let limits = Oci::new(AddressRule::Any, OciLimits::default(), "").policy(&access).limits;
        assert_eq!((limits.total, limits.idle), (access.timeout, access.timeout));
    }
}
