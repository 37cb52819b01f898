use std::fmt;

use net::Auth;
use url::{Host, Url};

use crate::UrlError;

/// A checked repository URL: `http`, `https` or `ssh`, with a plain host, and without credentials.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    url: Url,
    user: Option<String>,
    inline: Auth,
}

/// Bytes of a URL, as it is written and as it is sent: what is no ASCII takes three times its length there.
const LONGEST: usize = 4096;

impl RemoteUrl {
    /// Reads `spec.url`. A user name and password in it are kept apart and never shown.
    ///
    /// # Errors
    /// Another scheme, no host or path, a host, user or path that could be taken for an option of a program,
    /// or control characters.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > LONGEST || text.contains(char::is_control) {
            return Err(UrlError::Characters);
        }
        let parsed = Url::parse(text).map_err(|error| UrlError::Malformed(error.to_string()))?;
        let (url, inline) = net::split_userinfo(&parsed);
        let user = match &inline {
            Auth::Basic { username, .. } if !username.is_empty() => Some(username.clone()),
            _ => None,
        };
        let remote = Self { url, user, inline };
        remote.check()?;
        Ok(remote)
    }

    fn check(&self) -> Result<(), UrlError> {
        if !matches!(self.url.scheme(), "http" | "https" | "ssh") {
            return Err(UrlError::Scheme(self.url.scheme().to_owned()));
        }
        let host = self.url.host_str().unwrap_or_default();
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        let option = |text: &str| text.starts_with('-');
        let odd = |c: char| c.is_control() || c == '\0';
        let user = self.user.as_deref().unwrap_or_default();
        let path = self.path();
        if self.as_str().len() > LONGEST
            || option(host)
            || option(user)
            || user.contains(odd)
            || path.contains(odd)
        {
            return Err(UrlError::Characters);
        }
        if matches!(path.trim_matches('/'), "") { Err(UrlError::NoPath) } else { Ok(()) }
    }

    /// Whether the transport is SSH.
    pub fn is_ssh(&self) -> bool {
        self.url.scheme() == "ssh"
    }

    /// The URL without credentials, as errors show it.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The URL as others may read it: without a password, and with a user only for SSH, where it is no secret.
    pub fn address(&self) -> String {
        let mut url = self.url.clone();
        if let Some(user) = self.user.as_ref().filter(|_| self.is_ssh()) {
            // It had a user before.
            let _ = url.set_username(user);
        }
        url.into()
    }

    /// The user name and password that stood in it.
    pub fn inline(&self) -> &Auth {
        &self.inline
    }

    /// The user to log in as by SSH; `git` when the URL names none.
    pub(crate) fn ssh_user(&self) -> &str {
        self.user.as_deref().unwrap_or("git")
    }

    /// The host without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    pub(crate) fn ssh_port(&self) -> u16 {
        self.url.port().unwrap_or(22)
    }

    /// The path, percent-decoded.
    pub(crate) fn path(&self) -> String {
        let mut out = Vec::new();
        let mut bytes = self.url.path().bytes();
        while let Some(byte) = bytes.next() {
            let digit = |byte: Option<u8>| byte.and_then(|byte| (byte as char).to_digit(16));
            let mut ahead = bytes.clone();
            match (byte, digit(ahead.next()), digit(ahead.next())) {
                (b'%', Some(high), Some(low)) => {
                    out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                    bytes = ahead;
                }
                _ => out.push(byte),
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_schemes_and_options_are_refused() {
        for bad in [
            "file:///etc/passwd",
            "ext::sh -c id",
            "git://host/x",
            "ssh://-oProxyCommand=id/x",
            "ssh://-oProxyCommand=id@host/x",
            "ssh://host/%0aevil",
            "http://host with spaces/x.git",
            "http:///x",
            "https://host",
            "https://host/\n",
            "host:path",
            "",
        ] {
            assert!(RemoteUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_are_taken_out() {
        let remote = RemoteUrl::parse("https://bob:canary@host/x.git").unwrap();
        assert_eq!(remote.to_string(), "https://host/x.git");
        assert_eq!(remote.address(), "https://host/x.git");
        assert!(*remote.inline() == Auth::basic("bob", "canary"));
        assert_eq!(RemoteUrl::parse("https://token@host/x.git").unwrap().address(), "https://host/x.git");
        assert_eq!(RemoteUrl::parse("ssh://me:canary@host/x").unwrap().address(), "ssh://me@host/x");
        assert_eq!(RemoteUrl::parse("ssh://host/x").unwrap().address(), "ssh://host/x");
    }

    #[test]
    fn ssh_has_its_defaults() {
        let remote = RemoteUrl::parse("ssh://[::1]/~me/a%20b.git").unwrap();
        assert_eq!((remote.ssh_user(), remote.ssh_port()), ("git", 22));
        assert_eq!((remote.host(), remote.path()), ("::1".to_owned(), "/~me/a b.git".to_owned()));
        assert_eq!(RemoteUrl::parse("ssh://me@h:2222/x").unwrap().ssh_user(), "me");
    }
}
