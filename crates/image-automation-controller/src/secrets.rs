//! Secrets and ServiceAccounts that specs name.

use std::collections::BTreeMap;

use api::image::v1::ImageRepository;
use k8s_openapi::api::core::v1::{Secret as CoreSecret, ServiceAccount};
use kube::Client;
use net::Secret;
use runtime::{Context, Handle, Key, Reason, Unlabelled, read_named};

/// Reads a Secret; none when there is no such Secret.
pub(crate) async fn read(client: &Client, key: &Key) -> Result<Option<Secret>, kube::Error> {
    Ok(read_named(client, key).await?.map(|secret| wrap(key, secret)))
}

fn wrap(key: &Key, secret: CoreSecret) -> Secret {
    let data = secret.data.unwrap_or_default().into_iter();
    let data: BTreeMap<String, Vec<u8>> = data.map(|(key, value)| (key, value.0)).collect();
    Secret::new(key.to_string(), data)
}

/// The image pull Secrets of a ServiceAccount, in Flux's words where there is none.
pub(crate) async fn pull_secrets(client: &Client, account: &Key) -> Result<Vec<Secret>, String> {
    let found: Result<Option<ServiceAccount>, _> = read_named(client, account).await;
    let found = found.map_err(|error| format!("failed to get serviceaccount '{account}': {error}"))?;
    let found = found.ok_or_else(|| format!("serviceaccount '{account}' not found"))?;
    let mut secrets = Vec::new();
    for reference in found.image_pull_secrets.unwrap_or_default() {
        let key = Key::new(&account.namespace, &reference.name);
        let of =
            |text: String| format!("failed to get image pull secret for serviceaccount '{account}': {text}");
        let secret = read(client, &key).await.map_err(|error| of(error.to_string()))?;
        secrets.push(secret.ok_or_else(|| of(format!("secret '{key}' not found")))?);
    }
    Ok(secrets)
}

/// Watches the metadata of labelled Secrets: a change wakes the repositories of the namespace that refer to the Secret.
pub(crate) fn watch(context: &Context, handle: Handle<ImageRepository>) {
    context.watch_configs::<CoreSecret>(Unlabelled::None, move |secret| wake(&handle, secret));
}

fn wake(handle: &Handle<ImageRepository>, secret: &Key) {
    let all = handle.store.all().into_iter();
    for (key, object) in all.filter(|(key, _)| key.namespace == secret.namespace) {
        let spec = &object.spec;
        let references = [&spec.secret_ref, &spec.proxy_secret_ref, &spec.cert_secret_ref];
        if references.into_iter().flatten().any(|reference| reference.name == secret.name) {
            handle.waker.wake(&key, Reason::Config);
        }
    }
}
