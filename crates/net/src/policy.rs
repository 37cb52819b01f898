use std::{hash::Hash, sync::Arc, time::Duration};

use reqwest::redirect;

use crate::{AddressRule, Auth, Client, Credentials, LeastPace, PolicyError, address::FilteredResolver};

/// What one request may cost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Longest silence while headers or body are awaited.
    pub idle: Duration,
    /// Time for the whole request, body included.
    pub total: Duration,
    /// How slow a body may come; nothing where silence within `total` is no fault.
    pub pace: Option<LeastPace>,
    /// Bytes of body that are read, after any content decoding.
    pub max_body: u64,
    /// Redirects that are followed; credentials never go along to another host, port or scheme.
    pub max_redirects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(60),
            pace: Some(LeastPace::DEFAULT),
            max_body: 100 << 20,
            max_redirects: 5,
        }
    }
}

/// How often the other end of a connection of HTTP/2 is asked for a sign of life while an answer is awaited.
const PING: Duration = Duration::from_secs(15);
/// How long that sign may take before the connection is given up.
const PONG: Duration = Duration::from_secs(10);

/// The rules a client keeps. No `Debug`: it holds credentials. It can be hashed and compared, so that
/// clients (and with them their connections) can be shared by equal policies.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Times and sizes.
    pub limits: Limits,
    /// Credentials, certificates and proxy.
    pub credentials: Credentials,
    /// Which addresses may be called.
    pub addresses: AddressRule,
    /// Value of `User-Agent`; empty means `sluice`.
    pub user_agent: String,
}

impl Policy {
    /// Builds the client. It keeps connections open for reuse, so make one and share it.
    ///
    /// # Errors
    /// Certificates or proxy that cannot be used.
    pub fn client(&self) -> Result<Client, PolicyError> {
        let header = self.credentials.auth.header()?;
        let proxy = self.credentials.proxy.as_ref().map(crate::Proxy::address);
        Ok(Client::new(self.build()?, header, &self.limits, self.addresses, proxy))
    }

    fn build(&self) -> Result<reqwest::Client, PolicyError> {
        let tls = &self.credentials.tls;
        let mut builder = reqwest::Client::builder()
            .user_agent(if self.user_agent.is_empty() { "sluice" } else { &self.user_agent })
            .connect_timeout(self.limits.connect)
            .read_timeout(self.limits.idle)
            .timeout(self.limits.total)
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(4)
            // Requests of HTTP/2 share a connection: one whose other end is gone would be asked again and again.
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PONG)
            .referer(false)
            .redirect(redirects(self.limits.max_redirects, self.addresses))
            .tls_certs_merge(tls.authorities()?);
        if tls.is_unverified() {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        if let Some(identity) = tls.identity()? {
            builder = builder.identity(identity);
        }
        if let Some(proxy) = &self.credentials.proxy {
            if !self.addresses.allows_url(proxy.address()) {
                return Err(PolicyError::ProxyAddress);
            }
            builder = builder.proxy(proxy.for_client()?);
        }
        if self.addresses != AddressRule::Any {
            builder = builder.dns_resolver(Arc::new(FilteredResolver(self.addresses)));
        }
        builder.build().map_err(|_| PolicyError::ClientBuild)
    }

    /// The same policy with other `Authorization`.
    #[must_use]
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.credentials.auth = auth;
        self
    }
}

/// Follows `http` and `https` only, never from `https` down to `http`. `reqwest` itself drops `Authorization`
/// and cookies when host or port change.
fn redirects(limit: usize, addresses: AddressRule) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let from = attempt.previous().last().map(|url| url.scheme().to_owned());
        let to = attempt.url().scheme();
        if attempt.previous().len() > limit {
            attempt.error("too many redirects")
        } else if !matches!(to, "http" | "https") || (from.as_deref() == Some("https") && to == "http") {
            attempt.error("redirect to a scheme that is not allowed")
        } else if !addresses.allows_url(attempt.url()) {
            attempt.error("redirect to an address that is not allowed")
        } else {
            attempt.follow()
        }
    })
}
