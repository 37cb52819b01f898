//! How to reach a Helm repository: what `secretRef` and `certSecretRef` say.

use api::source::v1::HelmRepositorySpec;
use kube::Client;
use net::{Auth, Credentials, Tls};
use oci::{Keychain, Login, Repository};

use crate::status::{SourceReason, StepError};
use crate::steps::secret::{self, Found};

/// The credentials of a repository.
#[derive(Clone, Default)]
pub(crate) struct HelmAccess {
    pub(crate) credentials: Credentials,
    /// The Secret of `secretRef`, for registries.
    docker: Option<Keychain>,
}

impl HelmAccess {
    /// Reads the Secrets that the spec names.
    pub(crate) async fn read(
        client: &Client,
        namespace: &str,
        spec: &HelmRepositorySpec,
    ) -> Result<Self, StepError> {
        let mut access = Self::default();
        let (cert, auth) = (&spec.cert_secret_ref, &spec.secret_ref);
        if let Some(reference) = cert {
            let found = required(client, namespace, &reference.name, "TLS authentication secret").await?;
            access.credentials.tls = Tls::from_certificates(&found.secret)
                .map_err(|error| failed(format!("failed to construct Helm client's TLS config: {error}")))?;
        }
        if let Some(reference) = auth {
            let found = required(client, namespace, &reference.name, "authentication secret").await?;
            access.take(&found, cert.is_none())?;
        }
        Ok(access)
    }

    fn take(&mut self, found: &Found, with_tls: bool) -> Result<(), StepError> {
        if found.kind == "kubernetes.io/dockerconfigjson" {
            let mut keychain = Keychain::default();
            crate::steps::registry::add(&mut keychain, found)?;
            self.docker = Some(keychain);
            return Ok(());
        }
        let detect =
            |error: net::PolicyError| failed(format!("failed to detect authentication methods: {error}"));
        check_pair(found)?;
        self.credentials.auth = match Auth::from_secret(&found.secret).map_err(detect)? {
            // Helm knows names and passwords only.
            Auth::Bearer(_) => Auth::None,
            auth => auth,
        };
        if with_tls {
            self.credentials.tls = Tls::from_secret(&found.secret).map_err(detect)?;
        }
        Ok(())
    }

    /// The login for a chart in a registry.
    pub(crate) fn login(&self, repository: &Repository) -> Login {
        match (&self.docker, &self.credentials.auth) {
            (Some(keychain), _) => keychain.login(repository),
            (None, Auth::Basic { username, password }) => {
                Login::Basic { username: username.clone(), password: password.clone() }
            }
            (None, _) => Login::Anonymous,
        }
    }
}

/// A name without a password is a mistake, not a choice.
fn check_pair(found: &Found) -> Result<(), StepError> {
    let has = |key: &str| found.secret.bytes(key).is_some();
    let (present, missing) = match (has("username"), has("password")) {
        (true, false) => ("username", "password"),
        (false, true) => ("password", "username"),
        _ => return Ok(()),
    };
    let text = format!("malformed basic auth - has '{present}' but missing '{missing}'");
    Err(failed(format!("failed to detect authentication methods: secret '{}': {text}", found.secret.name())))
}

async fn required(client: &Client, namespace: &str, name: &str, what: &str) -> Result<Found, StepError> {
    let of = |text: String| failed(format!("failed to get {what} '{namespace}/{name}': {text}"));
    let found = secret::read(client, namespace, name).await.map_err(|error| of(error.to_string()))?;
    found.ok_or_else(|| of(format!("secrets {name:?} not found")))
}

fn failed(message: String) -> StepError {
    StepError::fetch(SourceReason::AuthenticationFailed, message)
}
