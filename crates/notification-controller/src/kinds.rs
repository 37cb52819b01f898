//! Objects of other controllers, by kind: their place on the API server.

use std::collections::BTreeMap;

use kube::core::ApiResource;
use kube::{Api, Client};

use crate::event::InvolvedObject;

/// Kinds whose apiVersion need not be said in a Receiver.
const DEFAULTS: [(&str, &str); 7] = [
    ("Bucket", "source.toolkit.fluxcd.io/v1"),
    ("HelmChart", "source.toolkit.fluxcd.io/v1"),
    ("HelmRepository", "source.toolkit.fluxcd.io/v1"),
    ("GitRepository", "source.toolkit.fluxcd.io/v1"),
    ("OCIRepository", "source.toolkit.fluxcd.io/v1"),
    ("ImageRepository", "image.toolkit.fluxcd.io/v1"),
    ("ArtifactGenerator", "source.extensions.fluxcd.io/v1beta1"),
];

/// The apiVersion of a kind, where one is known.
pub(crate) fn default_api_version(kind: &str) -> Option<&'static str> {
    DEFAULTS.iter().find(|(known, _)| *known == kind).map(|(_, version)| *version)
}

/// What is named cannot be a kind or a namespace: it is not put into an address.
#[derive(Debug, thiserror::Error)]
#[error("apiVersion \"{api_version}\", kind \"{kind}\" and namespace \"{namespace}\" name no objects")]
pub(crate) struct NoPlace {
    api_version: String,
    kind: String,
    namespace: String,
}

/// Where the objects of a kind in a namespace live. Whoever may write a Receiver or post an event chooses all three texts.
pub(crate) fn place(api_version: &str, kind: &str, namespace: &str) -> Result<ApiResource, NoPlace> {
    let resource = resource(api_version, kind);
    let parts = [&resource.version, &resource.plural, namespace];
    let is_plain_group = resource.group.is_empty() != api_version.contains('/')
        && (resource.group.is_empty() || is_plain(&resource.group));
    if parts.into_iter().all(is_plain) && is_plain_group {
        return Ok(resource);
    }
    let (api_version, kind, namespace) = (api_version.to_owned(), kind.to_owned(), namespace.to_owned());
    Err(NoPlace { api_version, kind, namespace })
}

/// All kinds that can be named are Flux's, whose plurals are regular.
fn resource(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let lower = kind.to_lowercase();
    let plural = match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{lower}s"),
    };
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural,
    }
}

/// Why an object was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The event names what cannot be an object: it is not put into an address.
    #[error("the event's object has no valid name")]
    Name,
    /// The API server refuses or does not answer.
    #[error(transparent)]
    Api(#[from] Box<kube::Error>),
}

/// The labels of an event's object. Whoever can reach the event endpoint chooses the object's name.
pub(crate) async fn labels_of(
    client: &Client,
    object: &InvolvedObject,
) -> Result<BTreeMap<String, String>, ReadError> {
    let resource = place(&object.api_version, &object.kind, &object.namespace);
    let resource = resource.ok().filter(|_| is_plain(&object.name)).ok_or(ReadError::Name)?;
    let api: Api<kube::core::DynamicObject> =
        Api::namespaced_with(client.clone(), &object.namespace, &resource);
    let found = api.get_metadata(&object.name).await.map_err(Box::new)?;
    Ok(found.metadata.labels.unwrap_or_default())
}

/// What can be a part of an object's address: letters in lower case, digits, `-`, and `.` inside.
fn is_plain(part: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    !part.is_empty() && part.bytes().all(inner) && !part.starts_with('.') && !part.contains("..")
}

#[cfg(test)]
mod tests {
    use super::{is_plain, place};

    #[test]
    fn plurals_are_those_of_the_definitions() {
        for (kind, plural) in [
            ("GitRepository", "gitrepositories"),
            ("Kustomization", "kustomizations"),
            ("ImagePolicy", "imagepolicies"),
            ("HelmRelease", "helmreleases"),
            ("ImageUpdateAutomation", "imageupdateautomations"),
        ] {
            assert_eq!(place("g.io/v1", kind, "ns").unwrap().plural, plural);
        }
    }

    #[test]
    fn no_version_kind_or_namespace_leads_elsewhere() {
        for version in ["v1", "kustomize.toolkit.fluxcd.io/v1"] {
            assert!(place(version, "Kustomization", "own").is_ok(), "{version}");
        }
        for (version, kind, namespace) in [
            (
                "kustomize.toolkit.fluxcd.io/v1/namespaces/victim/kustomizations/app?x=",
                "Kustomization",
                "own",
            ),
            ("g.io/v1/namespaces/victim/kustomizations", "Kustomization", "own"),
            ("v1%2Fnamespaces%2Fvictim%2Fsecrets%2Fdb?x=", "Secret", "own"),
            ("/v1", "Secret", "own"),
            ("", "Secret", "own"),
            ("v1", "Secrets/db?x=", "own"),
            ("v1", "Secret", "victim/secrets/db?x="),
            ("v1", "Secret", ""),
        ] {
            assert!(place(version, kind, namespace).is_err(), "{version} {kind} {namespace}");
        }
    }

    #[test]
    fn no_event_leads_out_of_the_kind_it_names() {
        for part in ["app", "app.v1-2", "kustomize.toolkit.fluxcd.io"] {
            assert!(is_plain(part), "{part}");
        }
        for part in ["", "..", "a/../b", "a%2fb", "a?b", "App", ".a", "a..b"] {
            assert!(!is_plain(part), "{part}");
        }
    }
}
