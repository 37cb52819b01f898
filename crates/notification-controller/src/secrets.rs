//! What a Provider's Secrets say. Nothing here can be printed.

use std::collections::BTreeMap;

use api::notification::v1beta3::{Provider, ProviderType};
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use kube::{Api, Client};
use manifest::yaml::{DuplicateKeys, Limits, parse_value};
use net::{PolicyError, Proxy, Secret, Tls};
use runtime::checked_name;
use serde_json::Value;

/// Longest address in a Secret, in bytes.
const MAX_ADDRESS: usize = 2048;

/// Why Secrets cannot be used. Names, never values.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The Secret cannot be read.
    #[error("failed to get secret '{name}': {cause}")]
    Read {
        /// `namespace/name`.
        name: String,
        /// What the API server says.
        cause: String,
    },
    /// Too long.
    #[error("invalid address in secret: address exceeds maximum length of {MAX_ADDRESS} bytes")]
    LongAddress,
    /// No map of texts.
    #[error("failed to read headers from secret '{name}': not a map of texts")]
    Headers {
        /// `namespace/name`.
        name: String,
    },
    /// Certificates, or a value that is no text.
    #[error("failed to get TLS config: {0}")]
    Tls(#[source] PolicyError),
    /// The proxy.
    #[error("failed to get proxy URL: {0}")]
    Proxy(#[source] PolicyError),
}

impl SecretError {
    /// The cause alone, where the name was told already.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Read { cause, .. } => cause.clone(),
            other => other.to_string(),
        }
    }
}

/// The token of a webhook's Secret; it may be empty, for types that do not look at it.
pub(crate) fn webhook_token(secret: &Secret) -> Result<&str, String> {
    let missing = || format!("invalid \"{}\" secret data: required field 'token'", secret.name());
    if !secret.keys().any(|key| key == "token") {
        return Err(missing());
    }
    secret.text("token").map(Option::unwrap_or_default).map_err(|error| error.to_string())
}

/// What a Provider's Secrets say, put together. No `Debug`.
#[derive(Clone, Default)]
pub struct ProviderSecrets {
    /// Where to send to; wins over the spec.
    pub address: Option<String>,
    /// How to log in by a token.
    pub token: String,
    /// How to log in by name; both or none.
    pub basic: Option<(String, String)>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// All keys, for what one type alone knows.
    pub data: Secret,
    /// Certificates.
    pub tls: Tls,
    /// The way out.
    pub proxy: Option<Proxy>,
}

/// Reads the Secrets that a Provider names.
pub(crate) async fn read(client: &Client, provider: &Provider) -> Result<ProviderSecrets, SecretError> {
    let namespace = provider.metadata.namespace.clone().unwrap_or_default();
    let spec = &provider.spec;
    let mut found = Vec::with_capacity(3);
    for reference in [&spec.secret_ref, &spec.proxy_secret_ref, &spec.cert_secret_ref] {
        found.push(match reference {
            Some(reference) => Some(get(client, &namespace, &reference.name).await?),
            None => None,
        });
    }
    let [own, proxy, certificates] = [0, 1, 2].map(|index| found[index].take());
    ProviderSecrets::new(provider, own, proxy, certificates)
}

/// Reads a Secret.
pub(crate) async fn get(client: &Client, namespace: &str, name: &str) -> Result<Secret, SecretError> {
    let api: Api<KubeSecret> = Api::namespaced(client.clone(), namespace);
    let full = format!("{namespace}/{name}");
    let read = |cause| SecretError::Read { name: full.clone(), cause };
    let checked = checked_name(namespace).and_then(|_| checked_name(name));
    let name = checked.map_err(|error| read(error.to_string()))?;
    match api.get(name).await {
        Ok(secret) => {
            let data = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
            Ok(Secret::new(full, data.collect()))
        }
        Err(kube::Error::Api(status)) => Err(read(status.message)),
        Err(error) => Err(read(error.to_string())),
    }
}

impl ProviderSecrets {
    /// Puts together what the Secrets of `secretRef`, `proxySecretRef` and `certSecretRef` say.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn new(
        provider: &Provider,
        own: Option<Secret>,
        proxy: Option<Secret>,
        certificates: Option<Secret>,
    ) -> Result<Self, SecretError> {
        let mut secrets =
            own.map(|own| Self::of_own(own, &provider.spec.type_)).transpose()?.unwrap_or_default();
        if secrets.proxy.is_none() {
            secrets.proxy = provider.spec.proxy.as_deref().map(proxy_of).transpose()?;
        }
        if let Some(proxy) = proxy {
            secrets.proxy = Some(Proxy::from_secret(&proxy).map_err(SecretError::Proxy)?);
        }
        if let Some(certificates) = certificates {
            secrets.tls = Tls::from_certificates(&certificates).map_err(SecretError::Tls)?;
        }
        Ok(secrets)
    }

    fn of_own(own: Secret, kind: &ProviderType) -> Result<Self, SecretError> {
        if own.bytes("address").is_some_and(|address| address.len() > MAX_ADDRESS) {
            return Err(SecretError::LongAddress);
        }
        let text = |key| own.text(key).map_err(SecretError::Tls);
        let address = own.trimmed("address").map_err(SecretError::Tls)?.map(str::to_owned);
        let headers = headers(&own)?;
        let (username, password) = (text("username")?, text("password")?);
        // Half a pair makes Flux ignore the token too.
        let (token, basic) = match (username, password) {
            (Some(username), Some(password)) => {
                (text("token")?, Some((username.to_owned(), password.to_owned())))
            }
            (None, None) => (text("token")?, None),
            _ => (None, None),
        };
        let token = token.unwrap_or_default().to_owned();
        let proxy = own.trimmed("proxy").map_err(SecretError::Proxy)?.map(proxy_of).transpose()?;
        let git = matches!(
            kind,
            ProviderType::GitHub
                | ProviderType::GitLab
                | ProviderType::Gitea
                | ProviderType::BitbucketServer
                | ProviderType::Bitbucket
                | ProviderType::AzureDevOps
        );
        let tls = if git { Tls::from_secret(&own).map_err(SecretError::Tls)? } else { Tls::default() };
        Ok(Self { address, token, basic, headers, tls, proxy, data: own })
    }

    /// Texts that no error may show.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let mut hidden = vec![self.token.clone()];
        hidden.extend(self.basic.iter().map(|(_, password)| password.clone()));
        hidden.extend(self.headers.values().cloned());
        hidden
            .extend(self.data.keys().filter_map(|key| self.data.text(key).ok().flatten()).map(str::to_owned));
        hidden
    }
}

fn proxy_of(address: &str) -> Result<Proxy, SecretError> {
    let data = BTreeMap::from([("address".to_owned(), address.as_bytes().to_vec())]);
    Proxy::from_secret(&Secret::new("spec.proxy", data)).map_err(SecretError::Proxy)
}

/// `headers` is a YAML map of texts.
fn headers(own: &Secret) -> Result<BTreeMap<String, String>, SecretError> {
    let failed = || SecretError::Headers { name: own.name().to_owned() };
    let Some(text) = own.text("headers").map_err(|_| failed())? else { return Ok(BTreeMap::new()) };
    let value =
        parse_value(own.name(), text, DuplicateKeys::Refuse, &Limits::default()).map_err(|_| failed())?;
    let Value::Object(fields) = value else { return Err(failed()) };
    let pairs = fields.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        _ => Err(failed()),
    });
    pairs.collect()
}
