use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Secret as CoreSecret, ServiceAccount};
use kube::Client;
use net::Secret;
use runtime::{Key, read_named};

/// A Secret as it was read, with its type.
pub(crate) struct Found {
    /// `kubernetes.io/dockerconfigjson` and the like; empty for `Opaque` ones that do not say it.
    pub(crate) kind: String,
    pub(crate) secret: Secret,
}

/// A Secret of the namespace, or nothing where there is none.
pub(crate) async fn read(client: &Client, namespace: &str, name: &str) -> Result<Option<Found>, kube::Error> {
    let found: Option<CoreSecret> = read_named(client, &Key::new(namespace, name)).await?;
    Ok(found.map(|secret| {
        let data = secret.data.unwrap_or_default().into_iter();
        let data: BTreeMap<String, Vec<u8>> = data.map(|(key, value)| (key, value.0)).collect();
        Found {
            kind: secret.type_.unwrap_or_default(),
            secret: Secret::new(format!("{namespace}/{name}"), data),
        }
    }))
}

/// The names of a ServiceAccount's image pull secrets, or nothing where there is no such account.
pub(crate) async fn pull_secrets(
    client: &Client,
    namespace: &str,
    account: &str,
) -> Result<Option<Vec<String>>, kube::Error> {
    let found: Option<ServiceAccount> = read_named(client, &Key::new(namespace, account)).await?;
    Ok(found
        .map(|account| account.image_pull_secrets.into_iter().flatten().map(|secret| secret.name).collect()))
}
