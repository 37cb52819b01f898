use net::{Auth, Credentials, Proxy, Secret};

use crate::{AccessError, RemoteUrl};

/// How to prove who we are to a Git server. No `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// For HTTP(S), and the proxy for both.
    pub(crate) http: Credentials,
    /// For SSH.
    pub(crate) ssh: Option<SshAccess>,
}

/// Key and known hosts for SSH, all from memory. No `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SshAccess {
    /// Private key, OpenSSH or PEM.
    pub(crate) identity: String,
    /// Passphrase of the key.
    pub(crate) passphrase: Option<String>,
    /// Lines of a `known_hosts` file.
    pub(crate) known_hosts: String,
}

impl Access {
    /// Reads what Flux's `secretRef` of a GitRepository may hold: `username`, `password`, `bearerToken`,
    /// `ca.crt`, `tls.crt`, `tls.key` (and their older names) for HTTP; `identity`, `known_hosts` and the
    /// passphrase `password` for SSH. Without a Secret the URL's own user and password count.
    ///
    /// # Errors
    /// Missing or unreadable keys, in the words of Flux.
    pub fn new(url: &RemoteUrl, secret: Option<&Secret>, proxy: Option<Proxy>) -> Result<Self, AccessError> {
        if url.is_ssh() {
            let ssh = SshAccess::from_secret(secret)?;
            return Ok(Self { http: Credentials { proxy, ..Credentials::default() }, ssh: Some(ssh) });
        }
        let mut http = match secret {
            Some(secret) => Credentials::from_secret(secret)?,
            None => Credentials::default(),
        };
        if let Some(secret) = secret {
            http.auth = http_auth(url, secret)?;
        }
        if http.auth == Auth::None {
            http.auth = url.inline().clone();
        }
        http.proxy = proxy;
        Ok(Self { http, ssh: None })
    }
}

/// A bearer token wins over user and password; a password needs a user name.
fn http_auth(url: &RemoteUrl, secret: &Secret) -> Result<Auth, AccessError> {
    if let Some(token) = secret.trimmed("bearerToken")? {
        return Ok(Auth::Bearer(token.to_owned()));
    }
    match (secret.text("username")?, secret.text("password")?) {
        (None, Some(_)) => Err(AccessError::PasswordAlone(url.url().scheme().to_owned())),
        (None, None) => Ok(Auth::None),
        (Some(username), password) => Ok(Auth::basic(username, password.unwrap_or_default())),
    }
}

impl SshAccess {
    fn from_secret(secret: Option<&Secret>) -> Result<Self, AccessError> {
        let text = |key: &'static str| match secret {
            Some(secret) => secret.text(key),
            None => Ok(None),
        };
        let identity = text("identity")?.ok_or(AccessError::Required("identity"))?.to_owned();
        let known_hosts = text("known_hosts")?.ok_or(AccessError::Required("known_hosts"))?.to_owned();
        Ok(Self { identity, passphrase: text("password")?.map(str::to_owned), known_hosts })
    }
}
