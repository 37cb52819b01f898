//! Sources of Kustomizations, of which the artifact alone is kept. Nothing else decides (docs/contract.md): a source that
//! is not ready goes on serving the artifact it names.

use api::kustomize::v1::{SourceKind, SourceReference};
use api::meta::Artifact;
use api::source::v1::{Bucket, ExternalArtifact, GitRepository, OCIRepository};
use runtime::{Context, Key, sources};
use serde::Deserialize;

/// A source by kind, namespace and name.
pub(crate) type SourceKey = sources::SourceKey<SourceKind>;
/// Called with a source whose artifact changed.
pub(crate) type OnSource = sources::OnSource<SourceKind, Seen>;
/// The sources the controller sees.
pub(crate) type Sources = sources::Sources<SourceKind, Seen>;

/// The source a Kustomization of this namespace refers to.
pub(crate) fn referred(reference: &SourceReference, own_namespace: &str) -> SourceKey {
    let key = Key::new(reference.namespace_or(own_namespace), reference.name.clone());
    SourceKey { kind: reference.kind.clone(), key }
}

/// What a source says of itself; it has no artifact yet where there is none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Seen {
    /// Its artifact.
    #[serde(default)]
    pub artifact: Option<Artifact>,
}

impl sources::Seen for Seen {
    type Status = Self;

    fn of(_: i64, status: Self) -> Self {
        status
    }
}

/// Starts the watches of all kinds a Kustomization can be built from.
pub(crate) fn watch(context: &Context, external: bool, direct: bool, changed: &OnSource) -> Sources {
    let sources = Sources::new(direct)
        .watch::<GitRepository>(context, SourceKind::GitRepository, changed)
        .watch::<OCIRepository>(context, SourceKind::OCIRepository, changed)
        .watch::<Bucket>(context, SourceKind::Bucket, changed);
    if external {
        return sources.watch::<ExternalArtifact>(context, SourceKind::ExternalArtifact, changed);
    }
    sources
}
