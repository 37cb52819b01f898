use api::image::v1::ImageRepositorySpec;
use api::source::v1::RegistryProvider;
use kube::Client;
use net::{Proxy, Secret, Tls};
use oci::{Access, Keychain, Login, Oci, Repository, Session};
use runtime::Key;

use crate::secrets;
use crate::status::{ImageReason, StepError};

/// The way to registries, as specs describe it.
#[derive(Clone)]
pub(crate) struct Registries {
    pub(crate) client: Client,
    pub(crate) oci: Oci,
}

impl Registries {
    /// A session with the image's repository, with the credentials that the spec names.
    pub(crate) async fn session(
        &self,
        namespace: &str,
        spec: &ImageRepositorySpec,
        repository: &Repository,
    ) -> Result<Session, StepError> {
        if let Some(provider) =
            spec.provider.as_ref().filter(|provider| **provider != RegistryProvider::Generic)
        {
            return Err(StepError::unsupported(&format!("spec.provider '{provider}'")));
        }
        let access = self.access(namespace, spec, repository).await;
        let session = access
            .and_then(|access| self.oci.session(repository, &access).map_err(|error| error.to_string()));
        session.map_err(|cause| {
            let message = format!("failed to configure authentication options: {cause}");
            StepError::retry(ImageReason::AuthenticationFailed, message)
        })
    }

    async fn access(
        &self,
        namespace: &str,
        spec: &ImageRepositorySpec,
        repository: &Repository,
    ) -> Result<Access, String> {
        let proxy = match &spec.proxy_secret_ref {
            Some(reference) => Some(self.proxy(&Key::new(namespace, &reference.name)).await?),
            None => None,
        };
        let tls = match &spec.cert_secret_ref {
            Some(reference) => {
                let secret = self.secret(&Key::new(namespace, &reference.name)).await?;
                Tls::from_certificates(&secret).map_err(|error| error.to_string())?
            }
            None => Tls::default(),
        };
        let login = self.login(namespace, spec, repository).await?;
        let timeout = spec.timeout().unwrap_or(Access::default().timeout);
        Ok(Access { login, tls, proxy, insecure: spec.insecure, timeout })
    }

    async fn proxy(&self, key: &Key) -> Result<Proxy, String> {
        let secret = secrets::read(&self.client, key).await.map_err(|error| error.to_string())?;
        let secret = secret.ok_or_else(|| format!("secret '{key}' not found"))?;
        Proxy::from_secret(&secret).map_err(|error| error.to_string())
    }

    async fn secret(&self, key: &Key) -> Result<Secret, String> {
        let secret = secrets::read(&self.client, key).await.map_err(|error| error.to_string())?;
        secret.ok_or_else(|| format!("secrets {:?} not found", key.name))
    }

    async fn login(
        &self,
        namespace: &str,
        spec: &ImageRepositorySpec,
        repository: &Repository,
    ) -> Result<Login, String> {
        let mut found = Vec::new();
        if let Some(reference) = &spec.secret_ref {
            found.push(self.secret(&Key::new(namespace, &reference.name)).await?);
        }
        if let Some(account) = spec.service_account_name.as_deref().filter(|name| !name.is_empty()) {
            found.extend(secrets::pull_secrets(&self.client, &Key::new(namespace, account)).await?);
        }
        let mut keychain = Keychain::default();
        for secret in &found {
            add(&mut keychain, secret)?;
        }
        Ok(keychain.login(repository))
    }
}

/// Docker's configuration in its two forms; a Secret with neither says nothing.
fn add(keychain: &mut Keychain, secret: &Secret) -> Result<(), String> {
    let added = match (secret.bytes(".dockerconfigjson"), secret.bytes(".dockercfg")) {
        (Some(config), _) => keychain.add_config_json(config),
        (None, Some(config)) => keychain.add_config(config),
        (None, None) => Ok(()),
    };
    added.map_err(|error| format!("secret '{}': {error}", secret.name()))
}
