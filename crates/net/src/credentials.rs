use std::hash::{Hash, Hasher};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use reqwest::{Certificate, Identity};
use url::Url;

use crate::{PolicyError, Secret};

/// How a request proves who it is. No `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Anonymous.
    #[default]
    None,
    /// `Authorization: Basic`.
    Basic {
        /// User name; may be empty.
        username: String,
        /// Password or token; may be empty.
        password: String,
    },
    /// `Authorization: Bearer`.
    Bearer(String),
}

impl Auth {
    /// Reads `username`/`password`, else `bearerToken`. Basic wins when both are there, as in Flux; a Secret
    /// with only a user name gives basic auth with an empty password.
    ///
    /// # Errors
    /// [`PolicyError::NotText`] when a value is not UTF-8.
    pub fn from_secret(secret: &Secret) -> Result<Self, PolicyError> {
        let username = secret.text("username")?;
        let password = secret.text("password")?;
        if username.is_some() {
            return Ok(Self::basic(username.unwrap_or_default(), password.unwrap_or_default()));
        }
        Ok(match secret.trimmed("bearerToken")? {
            Some(token) => Self::Bearer(token.to_owned()),
            None => Self::None,
        })
    }

    /// Basic auth from its two parts.
    pub fn basic(username: &str, password: &str) -> Self {
        Self::Basic { username: username.to_owned(), password: password.to_owned() }
    }

    pub(crate) fn header(&self) -> Result<Option<HeaderValue>, PolicyError> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Basic { username, password } => {
                format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| PolicyError::BadToken)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Certificates of the two ends, as PEM. No `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    ca: Option<Vec<u8>>,
    identity: Option<Vec<u8>>,
    unverified: bool,
}

impl Tls {
    /// Reads `ca.crt` and the pair `tls.crt`/`tls.key`, with the older names `caFile`, `certFile`, `keyFile`.
    /// The authority is trusted beside those of the system.
    ///
    /// # Errors
    /// Half a pair, or PEM that holds no certificate or key.
    pub fn from_secret(secret: &Secret) -> Result<Self, PolicyError> {
        let ca = secret.first(&["ca.crt", "caFile"]).map(<[u8]>::to_vec);
        let cert = secret.first(&["tls.crt", "certFile"]);
        let key = secret.first(&["tls.key", "keyFile"]);
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some([cert, b"\n", key].concat()),
            (None, None) => None,
            (Some(_), None) => return Err(half(secret, "tls.crt", "tls.key")),
            (None, Some(_)) => return Err(half(secret, "tls.key", "tls.crt")),
        };
        let tls = Self { ca, identity, unverified: false };
        tls.authorities().map_err(|_| PolicyError::BadCertificate(secret.place("ca.crt")))?;
        tls.identity().map_err(|_| PolicyError::BadCertificate(secret.place("tls.crt")))?;
        Ok(tls)
    }

    /// Reads a Secret that is there for TLS alone (`certSecretRef`): one that holds nothing of it is a mistake that
    /// would otherwise show as a connection without the certificates its owner meant.
    ///
    /// # Errors
    /// When neither an authority nor a pair is there; else as [`Tls::from_secret`].
    pub fn from_certificates(secret: &Secret) -> Result<Self, PolicyError> {
        let tls = Self::from_secret(secret)?;
        if tls.is_empty() {
            return Err(PolicyError::NoCertificates(secret.name().to_owned()));
        }
        Ok(tls)
    }

    /// Takes whatever certificate the server shows. Only for what its owner calls insecure.
    pub fn unverified() -> Self {
        Self { unverified: true, ..Self::default() }
    }

    pub(crate) fn is_unverified(&self) -> bool {
        self.unverified
    }

    /// Whether neither an authority nor a client certificate is set.
    pub fn is_empty(&self) -> bool {
        self.ca.is_none() && self.identity.is_none()
    }

    pub(crate) fn authorities(&self) -> Result<Vec<Certificate>, PolicyError> {
        let Some(pem) = &self.ca else { return Ok(Vec::new()) };
        let found = Certificate::from_pem_bundle(pem).map_err(|_| PolicyError::BadAuthority)?;
        if found.is_empty() { Err(PolicyError::BadAuthority) } else { Ok(found) }
    }

    pub(crate) fn identity(&self) -> Result<Option<Identity>, PolicyError> {
        let Some(pem) = &self.identity else { return Ok(None) };
        Identity::from_pem(pem).map(Some).map_err(|_| PolicyError::BadIdentity)
    }
}

fn half(secret: &Secret, has: &'static str, misses: &'static str) -> PolicyError {
    PolicyError::HalfPair { secret: secret.name().to_owned(), has, misses }
}

/// A proxy and how to log in to it. No `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    address: Url,
    auth: Auth,
}

impl Hash for Proxy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.as_str().hash(state);
        self.auth.hash(state);
    }
}

impl Proxy {
    /// Reads `address` (`http`, `https`, `socks5` or `socks5h` URL), `username` and `password`.
    ///
    /// # Errors
    /// No address, or one that is not such a URL.
    pub fn from_secret(secret: &Secret) -> Result<Self, PolicyError> {
        let place = || secret.place("address");
        let address = secret.trimmed("address")?.ok_or_else(|| PolicyError::MissingKey(place()))?;
        let url = Url::parse(address).map_err(|_| PolicyError::BadProxy(place()))?;
        if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") || !url.has_host() {
            return Err(PolicyError::BadProxy(place()));
        }
        let (address, inline) = crate::split_userinfo(&url);
        let auth = match secret.text("username")? {
            Some(username) => Auth::basic(username, secret.text("password")?.unwrap_or_default()),
            None => inline,
        };
        Ok(Self { address, auth })
    }

    /// The proxy's address without credentials.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// How to log in to the proxy.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    pub(crate) fn for_client(&self) -> Result<reqwest::Proxy, PolicyError> {
        let proxy = reqwest::Proxy::all(self.address.as_str()).map_err(|_| PolicyError::ClientBuild)?;
        Ok(match &self.auth {
            Auth::Basic { username, password } => proxy.basic_auth(username, password),
            Auth::None | Auth::Bearer(_) => proxy,
        })
    }
}

/// All that a request may prove itself with. No `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// What goes into `Authorization`.
    pub auth: Auth,
    /// Certificates.
    pub tls: Tls,
    /// The way out, when it is not direct.
    pub proxy: Option<Proxy>,
}

impl Credentials {
    /// Reads [`Auth`] and [`Tls`] from one Secret, as `secretRef` of the sources means it.
    ///
    /// # Errors
    /// Those of [`Auth::from_secret`] and [`Tls::from_secret`].
    pub fn from_secret(secret: &Secret) -> Result<Self, PolicyError> {
        Ok(Self { auth: Auth::from_secret(secret)?, tls: Tls::from_secret(secret)?, proxy: None })
    }
}
