//! Variables of `postBuild`: from ConfigMaps and Secrets of the namespace, then inline.

use std::collections::{BTreeMap, BTreeSet};

use api::kustomize::v1::{PostBuild, SubstituteReference};
use api::meta::{Reason, ValuesKind};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use runtime::{Key, read_named};
use ssa::Secrets;

use crate::status::{Failure, Phase};

/// Why the variables are not there. Names the object, never a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VariablesError {
    /// The object does not exist. The text is Flux's.
    #[error("substitute from '{kind}/{name}' error: {plural} \"{name}\" not found")]
    Missing {
        /// `ConfigMap` or `Secret`.
        kind: &'static str,
        /// The resource's plural.
        plural: &'static str,
        /// Name of the object.
        name: String,
    },
    /// The API server refused or does not answer.
    #[error("substitute from '{kind}/{name}' error: {cause}")]
    Unreadable {
        /// `ConfigMap` or `Secret`.
        kind: &'static str,
        /// Name of the object.
        name: String,
        /// Why.
        cause: Box<kube::Error>,
    },
    /// A kind that holds no variables.
    #[error("substitute from '{kind}/{name}' error: kind is neither ConfigMap nor Secret")]
    Kind {
        /// The kind.
        kind: String,
        /// Name of the object.
        name: String,
    },
    /// A value of a Secret that is no text.
    #[error("substitute from 'Secret/{name}' error: the value of key '{key}' is not UTF-8")]
    NotText {
        /// Name of the Secret.
        name: String,
        /// The key.
        key: String,
    },
}

impl VariablesError {
    /// Kind and name of what could not be read.
    pub(crate) fn reference(&self) -> Option<(&str, &str)> {
        match self {
            Self::Missing { kind, name, .. } | Self::Unreadable { kind, name, .. } => Some((kind, name)),
            Self::NotText { name, .. } => Some(("Secret", name)),
            Self::Kind { .. } => None,
        }
    }

    /// What it means for the pass; `resource` is the first that would take a variable.
    pub(crate) fn failure(&self, resource: &str) -> Failure {
        let message = format!("post build failed for '{resource}': {self}");
        Failure::in_phase(Phase::Building, Reason::BuildFailed, message)
    }
}

/// Variables by name. No `Debug`: values may be secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Variables {
    values: BTreeMap<String, String>,
    secret: BTreeSet<String>,
}

impl Variables {
    /// The variables.
    pub(crate) fn into_inner(self) -> BTreeMap<String, String> {
        self.values
    }

    /// Values of Secrets.
    pub(crate) fn secrets(&self) -> Secrets {
        applier::secrets(self.secret.iter().filter_map(|name| self.values.get(name)).cloned())
    }

    fn add(&mut self, name: String, value: &str) {
        self.secret.remove(&name);
        // As in Flux: a value never breaks a line of the manifest.
        self.values.insert(name, value.replace('\n', ""));
    }

    fn add_secret(&mut self, name: String, value: &str) {
        self.add(name.clone(), value);
        self.secret.insert(name);
    }
}

/// Reads all variables; later ones win, inline ones over all.
///
/// # Errors
/// When an object that is not optional cannot be read.
pub(crate) async fn read(
    client: &Client,
    namespace: &str,
    post_build: &PostBuild,
) -> Result<Variables, VariablesError> {
    let mut variables = Variables::default();
    for reference in &post_build.substitute_from {
        match reference.kind {
            ValuesKind::ConfigMap => config_map(client, namespace, reference, &mut variables).await?,
            ValuesKind::Secret => secret(client, namespace, reference, &mut variables).await?,
            ValuesKind::Other(ref kind) => {
                return Err(VariablesError::Kind { kind: kind.clone(), name: reference.name.clone() });
            }
        }
    }
    for (name, value) in &post_build.substitute {
        variables.add(name.clone(), value);
    }
    Ok(variables)
}

async fn config_map(
    client: &Client,
    namespace: &str,
    reference: &SubstituteReference,
    variables: &mut Variables,
) -> Result<(), VariablesError> {
    let answer: Result<Option<ConfigMap>, _> =
        read_named(client, &Key::new(namespace, &reference.name)).await;
    let found = found(answer, "ConfigMap", "configmaps", reference)?;
    for (name, value) in found.and_then(|found| found.data).into_iter().flatten() {
        variables.add(name, &value);
    }
    Ok(())
}

async fn secret(
    client: &Client,
    namespace: &str,
    reference: &SubstituteReference,
    variables: &mut Variables,
) -> Result<(), VariablesError> {
    let answer: Result<Option<Secret>, _> = read_named(client, &Key::new(namespace, &reference.name)).await;
    let found = found(answer, "Secret", "secrets", reference)?;
    for (name, value) in found.and_then(|found| found.data).into_iter().flatten() {
        let text = std::str::from_utf8(&value.0)
            .map_err(|_| VariablesError::NotText { name: reference.name.clone(), key: name.clone() })?;
        variables.add_secret(name, text);
    }
    Ok(())
}

fn found<T>(
    answer: Result<Option<T>, kube::Error>,
    kind: &'static str,
    plural: &'static str,
    reference: &SubstituteReference,
) -> Result<Option<T>, VariablesError> {
    let name = reference.name.clone();
    match answer {
        Ok(None) if !reference.optional => Err(VariablesError::Missing { kind, plural, name }),
        Ok(found) => Ok(found),
        Err(cause) => Err(VariablesError::Unreadable { kind, name, cause: Box::new(cause) }),
    }
}

#[cfg(test)]
mod tests {
    use super::Variables;

    #[test]
    fn values_of_secrets_are_known_unless_something_else_overrides_them() {
        let mut variables = Variables::default();
        variables.add("plain".into(), "not-secret-at-all");
        variables.add_secret("short".into(), "true");
        variables.add_secret("token".into(), "canary-token");
        variables.add_secret("longer".into(), "canary-token-and-more");
        variables.add_secret("inline".into(), "canary-inline");
        variables.add("inline".into(), "somebody-wrote-it");
        assert_eq!(variables.secrets().texts(), ["canary-token-and-more", "canary-token"]);
    }
}
