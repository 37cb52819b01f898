use api::source::v1::OCIRepositorySpec;
use kube::Client;
use net::{Proxy, Tls};
use oci::{Access, Keychain, Login, Oci, Repository, Session};

use crate::status::{SourceReason, StepError};
use crate::steps::secret::{self, Found};

/// The scheme of every URL of the kind.
const SCHEME: &str = "oci://";

/// A session with the repository that a spec names, with the credentials of the Secrets it names.
pub(crate) async fn session(
    oci: &Oci,
    client: &Client,
    namespace: &str,
    spec: &OCIRepositorySpec,
) -> Result<Session, StepError> {
    let secrets = Secrets { client, namespace };
    let keychain = secrets.keychain(spec).await?;
    let proxy = secrets.proxy(spec).await?;
    let transport = |text: String| failed(format!("failed to generate transport for '{}': {text}", spec.url));
    let tls = secrets.tls(spec).await.map_err(transport)?;
    let repository = repository(&spec.url)?;
    let access = Access {
        login: keychain.map_or(Login::Anonymous, |keychain| keychain.login(&repository)),
        tls,
        proxy,
        insecure: spec.insecure,
        timeout: spec.timeout(),
    };
    oci.session(&repository, &access).map_err(|error| transport(error.to_string()))
}

fn repository(url: &str) -> Result<Repository, StepError> {
    let invalid = |text: String| {
        let message = format!("URL validation failed for '{url}': {text}");
        StepError::fetch(SourceReason::URLInvalid, message).stalled()
    };
    let name = url.strip_prefix(SCHEME);
    let name = name.ok_or_else(|| invalid("URL must be in format 'oci://<domain>/<org>/<repo>'".into()))?;
    Repository::parse(name).map_err(|error| invalid(error.to_string()))
}

struct Secrets<'a> {
    client: &'a Client,
    namespace: &'a str,
}

impl Secrets<'_> {
    /// Logins of `secretRef`, then those of the account; none where neither is given.
    async fn keychain(&self, spec: &OCIRepositorySpec) -> Result<Option<Keychain>, StepError> {
        let mut found = Vec::new();
        if let Some(reference) = &spec.secret_ref {
            found.push(self.named(&reference.name).await?);
        }
        if let Some(account) = spec.service_account_name.as_deref().filter(|name| !name.is_empty()) {
            found.extend(self.of_account(account).await?);
        }
        let mut keychain = Keychain::default();
        for secret in &found {
            add(&mut keychain, secret)?;
        }
        Ok((!found.is_empty()).then_some(keychain))
    }

    async fn named(&self, name: &str) -> Result<Found, StepError> {
        let of =
            |text: String| credential(&format!("failed to get secret '{}/{name}': {text}", self.namespace));
        let found =
            secret::read(self.client, self.namespace, name).await.map_err(|error| of(error.to_string()))?;
        found.ok_or_else(|| of(format!("secrets {name:?} not found")))
    }

    async fn of_account(&self, account: &str) -> Result<Vec<Found>, StepError> {
        let namespace = self.namespace;
        let names = secret::pull_secrets(self.client, namespace, account).await;
        let names = names.map_err(|error| {
            credential(&format!("failed to get serviceaccount '{namespace}/{account}': {error}"))
        })?;
        let names =
            names.ok_or_else(|| credential(&format!("serviceaccount '{namespace}/{account}' not found")))?;
        let mut found = Vec::new();
        for name in names {
            let secret = secret::read(self.client, namespace, &name).await;
            let of = |text: String| {
                let account = format!("serviceaccount '{namespace}/{account}'");
                credential(&format!("failed to get image pull secret for {account}: {text}"))
            };
            let secret = secret.map_err(|error| of(error.to_string()))?;
            found.push(secret.ok_or_else(|| of(format!("secret '{namespace}/{name}' not found")))?);
        }
        Ok(found)
    }

    async fn proxy(&self, spec: &OCIRepositorySpec) -> Result<Option<Proxy>, StepError> {
        let Some(reference) = &spec.proxy_secret_ref else { return Ok(None) };
        let of = |text: String| failed(format!("failed to get proxy address: {text}"));
        let found = self.required(&reference.name).await.map_err(of)?;
        Proxy::from_secret(&found.secret).map(Some).map_err(|error| of(error.to_string()))
    }

    async fn tls(&self, spec: &OCIRepositorySpec) -> Result<Tls, String> {
        let Some(reference) = spec.cert_secret_ref.as_ref().filter(|reference| !reference.name.is_empty())
        else {
            return Ok(Tls::default());
        };
        let found = self.required(&reference.name).await?;
        Tls::from_certificates(&found.secret).map_err(|error| error.to_string())
    }

    async fn required(&self, name: &str) -> Result<Found, String> {
        let found =
            secret::read(self.client, self.namespace, name).await.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("secret '{}/{name}' not found", self.namespace))
    }
}

/// Secrets of other types hold no login, as Kubernetes has it.
pub(crate) fn add(keychain: &mut Keychain, found: &Found) -> Result<(), StepError> {
    let (config, older) = (found.secret.bytes(".dockerconfigjson"), found.secret.bytes(".dockercfg"));
    let added = match (found.kind.as_str(), config, older) {
        ("kubernetes.io/dockerconfigjson", Some(config), _) => keychain.add_config_json(config),
        ("kubernetes.io/dockercfg", _, Some(older)) => keychain.add_config(older),
        _ => Ok(()),
    };
    added.map_err(|error| credential(&format!("secret '{}': {error}", found.secret.name())))
}

fn credential(text: &str) -> StepError {
    failed(format!("failed to get credential: {text}"))
}

fn failed(message: String) -> StepError {
    StepError::fetch(SourceReason::AuthenticationFailed, message)
}

#[cfg(test)]
mod tests {
    use super::repository;
    use crate::status::Disposition;

    #[test]
    fn a_url_that_names_no_repository_stalls() {
        assert_eq!(repository("oci://ghcr.io/org/app").unwrap().to_string(), "ghcr.io/org/app");
        let error = repository("oci://h.io:5000/a/b:v1").unwrap_err();
        assert_eq!(error.disposition, Disposition::Stalled);
        assert!(
            error.message.starts_with("URL validation failed for 'oci://h.io:5000/a/b:v1': repository can")
        );
    }
}
