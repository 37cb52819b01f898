use std::collections::BTreeMap;

use api::image::v1::{ImagePolicy, ImageRepository};
use api::meta::{AccessFrom, Reason};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use runtime::{Key, Run, read_named};

use crate::status::{ImageReason, StepError};

/// The repository that a policy names, if the policy may use it.
pub(super) async fn repository(
    client: &Client,
    no_cross_namespace: bool,
    run: &Run<ImagePolicy>,
) -> Result<ImageRepository, StepError> {
    let key = repository_of(&run.key, &run.object);
    let foreign = key.namespace != run.key.namespace;
    if no_cross_namespace && foreign {
        let text =
            format!("cannot access 'ImageRepository/{key}', cross-namespace references have been blocked");
        return Err(failed(Reason::AccessDenied, text));
    }
    let found: Result<Option<ImageRepository>, _> = read_named(client, &key).await;
    let found = found.map_err(|error| failed(ImageReason::Failure, error.to_string()))?;
    let found = found.ok_or_else(|| missing(&key.name))?;
    if foreign {
        let allowed = found.spec.access_from.as_ref();
        check(client, &key, allowed, &run.key.namespace).await?;
    }
    Ok(found)
}

/// Which repository a policy names.
pub(super) fn repository_of(policy: &Key, object: &ImagePolicy) -> Key {
    let reference = &object.spec.image_repository_ref;
    Key::new(reference.namespace_or(&policy.namespace), &reference.name)
}

fn missing(name: &str) -> StepError {
    let text = format!(
        "referenced ImageRepository does not exist: ImageRepository.image.toolkit.fluxcd.io {name:?} not found"
    );
    failed(ImageReason::DependencyNotReady, text)
}

fn failed(reason: impl Into<runtime::ReasonName>, cause: String) -> StepError {
    // Tried again: what is in the way may be a label of a namespace, which nobody tells of.
    StepError::retry(reason, format!("failed to get the referred ImageRepository: {cause}"))
}

/// `accessFrom` of the repository decides by the labels of the policy's namespace.
async fn check(
    client: &Client,
    repository: &Key,
    allowed: Option<&AccessFrom>,
    namespace: &str,
) -> Result<(), StepError> {
    let denied = |text: String| failed(Reason::AccessDenied, format!("access denied: '{repository}' {text}"));
    let Some(allowed) = allowed else {
        return Err(denied("can't be accessed due to missing ACL labels on 'accessFrom'".to_owned()));
    };
    let api: Api<Namespace> = Api::all(client.clone());
    let found = api.get_metadata(namespace).await;
    let found = found.map_err(|error| {
        failed(Reason::AccessDenied, format!("access denied: cannot read namespace '{namespace}': {error}"))
    })?;
    match matches(allowed, &found.metadata.labels.unwrap_or_default()) {
        true => Ok(()),
        false => {
            Err(denied(format!("can't be accessed due to ACL labels mismatch on namespace '{namespace}'")))
        }
    }
}

fn matches(allowed: &AccessFrom, labels: &BTreeMap<String, String>) -> bool {
    let has = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    allowed.namespace_selectors.iter().any(|selector| selector.match_labels.iter().all(has))
}

#[cfg(test)]
mod tests {
    use super::matches;
    use api::meta::{AccessFrom, NamespaceSelector};
    use std::collections::BTreeMap;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn allow(selectors: &[&[(&str, &str)]]) -> AccessFrom {
        let selector = |labels: &&[(&str, &str)]| NamespaceSelector { match_labels: map(labels) };
        AccessFrom { namespace_selectors: selectors.iter().map(selector).collect() }
    }

    #[test]
    fn a_namespace_needs_all_labels_of_one_selector() {
        let labels = map(&[("team", "a"), ("stage", "prod")]);
        assert!(matches(&allow(&[&[("team", "a")]]), &labels));
        assert!(matches(&allow(&[&[("team", "b")], &[]]), &labels));
        assert!(!matches(&allow(&[&[("team", "a"), ("stage", "dev")]]), &labels));
        assert!(!matches(&allow(&[]), &labels));
    }
}
