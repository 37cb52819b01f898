//! The kinds whose objects scenarios play with.
use anyhow::{Context, Result};
use kube::discovery::ApiResource;

/// Kind, group, version and plural.
const KINDS: [(&str, &str, &str, &str); 12] = [
    ("GitRepository", SOURCE, "v1", "gitrepositories"),
    ("OCIRepository", SOURCE, "v1", "ocirepositories"),
    ("HelmRepository", SOURCE, "v1", "helmrepositories"),
    ("HelmChart", SOURCE, "v1", "helmcharts"),
    ("Bucket", SOURCE, "v1", "buckets"),
    ("ExternalArtifact", SOURCE, "v1", "externalartifacts"),
    ("Kustomization", "kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
    ("HelmRelease", "helm.toolkit.fluxcd.io", "v2", "helmreleases"),
    ("ImageRepository", IMAGE, "v1", "imagerepositories"),
    ("ImagePolicy", IMAGE, "v1", "imagepolicies"),
    ("ImageUpdateAutomation", IMAGE, "v1", "imageupdateautomations"),
    ("Receiver", "notification.toolkit.fluxcd.io", "v1", "receivers"),
];

const SOURCE: &str = "source.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";

/// How the API server knows a kind.
pub(crate) fn resource(kind: &str) -> Result<ApiResource> {
    let row = KINDS.iter().find(|row| row.0 == kind);
    let (_, group, version, plural) = row.with_context(|| format!("no scenario of {kind} is played here"))?;
    Ok(ApiResource {
        group: (*group).into(),
        version: (*version).into(),
        api_version: format!("{group}/{version}"),
        kind: kind.into(),
        plural: (*plural).into(),
    })
}

/// `Kustomization/app` with the group, since kustomize.config.k8s.io could be meant too; other objects as they are.
pub(crate) fn with_group(object: &str) -> String {
    let known = object.split_once('/').and_then(|(kind, name)| Some((resource(kind).ok()?, name)));
    known.map_or(object.to_owned(), |(kind, name)| format!("{}.{}/{name}", kind.plural, kind.group))
}

/// All of them, as an argument of kubectl.
pub(crate) fn all() -> String {
    let named: Vec<String> = KINDS.iter().map(|(_, group, _, plural)| format!("{plural}.{group}")).collect();
    named.join(",")
}
