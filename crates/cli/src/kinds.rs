//! The table of kinds: all that the verbs know of one.
use api::{
    helm::v2::HelmRelease,
    image::v1::{ImagePolicy, ImageRepository, ImageUpdateAutomation},
    kustomize::v1::Kustomization,
    meta::FluxKind,
    notification::{
        v1::Receiver,
        v1beta3::{Alert, Provider},
    },
    source::v1::{Bucket, ExternalArtifact, GitRepository, HelmChart, HelmRepository, OCIRepository},
    source_extensions::v1beta1::ArtifactGenerator,
};
use serde_json::Value;

use crate::{
    resource::Resource,
    typed::retyped,
    value::{flag, text},
};

/// The word in front of the kinds that are named with two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Source,
    Image,
    Artifact,
}

/// A verb that takes a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Reconcile,
    Suspend,
    Resume,
    Delete,
    Export,
}

/// A column of `get`, between the name and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// The revision that was fetched or applied; commits cut.
    Revision,
    /// A chart's version, never cut.
    Version,
    /// Where an ExternalArtifact comes from.
    Origin,
    /// The image and the tag that a policy chose.
    Image,
    Tag,
    LastScan,
    LastRun,
    Suspended,
    Ready,
    Message,
}

/// Where an object refers to another of our kinds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    /// The path to the reference.
    pub(crate) path: &'static [&'static str],
    /// The kind it means; empty when the reference names it.
    pub(crate) kind: &'static str,
}

/// One kind.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) kind: &'static str,
    pub(crate) resource: Resource,
    pub(crate) family: Option<Family>,
    /// The noun on the command line; in its family, if it has one.
    pub(crate) word: &'static str,
    pub(crate) plural_word: &'static str,
    pub(crate) short: &'static str,
    /// The name in sentences.
    pub(crate) human: &'static str,
    pub(crate) verbs: &'static [Verb],
    pub(crate) columns: &'static [Column],
    /// What `get` says of a kind without a status.
    pub(crate) always_ready: Option<&'static str>,
    pub(crate) reference: Option<Reference>,
    /// The object as Flux's own types print it.
    pub(crate) retyped: fn(Value) -> Result<Value, serde_json::Error>,
}

const READ: &[Verb] = &[Verb::Get, Verb::Export];
const STATIC: &[Verb] = &[Verb::Get, Verb::Suspend, Verb::Resume, Verb::Delete, Verb::Export];
const ALL: &[Verb] = &[Verb::Get, Verb::Reconcile, Verb::Suspend, Verb::Resume, Verb::Delete, Verb::Export];

const SOURCE: &[Column] = &[Column::Revision, Column::Suspended, Column::Ready, Column::Message];
const CHART: &[Column] = &[Column::Version, Column::Suspended, Column::Ready, Column::Message];
const PLAIN: &[Column] = &[Column::Suspended, Column::Ready, Column::Message];

/// What of a kind its type says, and the usual for the rest.
const fn kind<K: FluxKind + serde::de::DeserializeOwned + serde::Serialize>(
    words: [&'static str; 4],
    family: Option<Family>,
    columns: &'static [Column],
) -> Kind {
    Kind {
        kind: K::KIND,
        resource: Resource::fixed(K::GROUP, K::VERSION, K::PLURAL, K::KIND),
        family,
        word: words[0],
        plural_word: words[1],
        short: words[2],
        human: words[3],
        verbs: ALL,
        columns,
        always_ready: None,
        reference: None,
        retyped: retyped::<K>,
    }
}

const fn source<K: FluxKind + serde::de::DeserializeOwned + serde::Serialize>(
    word: &'static str,
    human: &'static str,
) -> Kind {
    kind::<K>([word, word, "", human], Some(Family::Source), SOURCE)
}

impl Kind {
    const fn shown(mut self, columns: &'static [Column]) -> Self {
        self.columns = columns;
        self
    }

    const fn only(mut self, verbs: &'static [Verb]) -> Self {
        self.verbs = verbs;
        self
    }

    /// Without a status.
    const fn always(mut self, message: &'static str) -> Self {
        self.always_ready = Some(message);
        self.only(STATIC)
    }

    const fn refers(mut self, path: &'static [&'static str], kind: &'static str) -> Self {
        self.reference = Some(Reference { path, kind });
        self
    }
}

/// All kinds, in the order of `get all`.
pub(crate) static KINDS: [Kind; 15] = [
    source::<OCIRepository>("oci", "source oci"),
    source::<Bucket>("bucket", "source bucket"),
    source::<GitRepository>("git", "source git"),
    source::<HelmRepository>("helm", "source helm"),
    source::<HelmChart>("chart", "source chart").shown(CHART).refers(&["spec", "sourceRef"], ""),
    source::<ExternalArtifact>("external", "source external-artifact").only(READ).shown(&[
        Column::Revision,
        Column::Origin,
        Column::Ready,
        Column::Message,
    ]),
    kind::<ImageRepository>(
        ["repository", "repository", "", "image repository"],
        Some(Family::Image),
        &[Column::LastScan, Column::Suspended, Column::Ready, Column::Message],
    ),
    kind::<ImagePolicy>(
        ["policy", "policy", "", "image policy"],
        Some(Family::Image),
        &[Column::Image, Column::Tag, Column::Ready, Column::Message],
    )
    .refers(&["spec", "imageRepositoryRef"], "ImageRepository"),
    kind::<ImageUpdateAutomation>(
        ["update", "update", "", "image update automation"],
        Some(Family::Image),
        &[Column::LastRun, Column::Suspended, Column::Ready, Column::Message],
    ),
    kind::<HelmRelease>(["helmrelease", "helmreleases", "hr", "helmrelease"], None, CHART)
        .refers(&["spec", "chart", "spec", "sourceRef"], ""),
    kind::<Kustomization>(["kustomization", "kustomizations", "ks", "kustomization"], None, SOURCE)
        .refers(&["spec", "sourceRef"], ""),
    kind::<Receiver>(["receiver", "receivers", "", "receiver"], None, PLAIN),
    kind::<Provider>(
        ["alert-provider", "alert-providers", "", "alert provider"],
        None,
        &[Column::Ready, Column::Message],
    )
    .always("Provider is Ready"),
    kind::<Alert>(["alert", "alerts", "", "alert"], None, PLAIN)
        .always("Alert is Ready")
        .refers(&["spec", "providerRef"], "Provider"),
    kind::<ArtifactGenerator>(
        ["generator", "generators", "", "artifactgenerator"],
        Some(Family::Artifact),
        PLAIN,
    )
    .only(READ),
];

impl Family {
    /// The word on the command line, and its plural.
    pub(crate) fn words(self) -> [&'static str; 2] {
        match self {
            Self::Source => ["source", "sources"],
            Self::Image => ["image", "images"],
            Self::Artifact => ["artifact", "artifacts"],
        }
    }
}

impl Kind {
    /// The kind of a name, whatever its case.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.kind.eq_ignore_ascii_case(name))
    }

    /// True for an object that no controller reconciles, so that nothing of its status can be waited for.
    pub(crate) fn is_static(&self, object: &Value) -> bool {
        self.always_ready.is_some()
            || self.kind == "HelmRepository" && text(object, &["spec", "type"]) == "oci"
    }

    /// True when the owner asked the controllers to leave the object alone.
    pub(crate) fn suspended(&self, object: &Value) -> bool {
        if self.kind == "ArtifactGenerator" {
            let disabled =
                text(object, &["metadata", "annotations", "source.extensions.fluxcd.io/reconcile"]);
            return disabled.eq_ignore_ascii_case("disabled");
        }
        flag(object, &["spec", "suspend"])
    }

    /// What to tell when it was reconciled.
    pub(crate) fn done(&self, object: &Value) -> String {
        let revision = |path: &[&str]| text(object, path).to_owned();
        match self.kind {
            "Kustomization" => format!("applied revision {}", revision(&["status", "lastAppliedRevision"])),
            "HelmRelease" => format!("applied revision {}", release_revision(object)),
            "ImageRepository" => {
                let count = crate::value::at(object, &["status", "lastScanResult", "tagCount"]);
                format!("scan fetched {} tags", count.and_then(Value::as_i64).unwrap_or_default())
            }
            "ImagePolicy" => format!("selected ref {}", chosen_ref(object)),
            "ImageUpdateAutomation" => ready_message(object).to_owned(),
            "HelmRepository" if self.is_static(object) => ready_message(object).to_owned(),
            _ if self.family == Some(Family::Source) => {
                format!("fetched revision {}", revision(&["status", "artifact", "revision"]))
            }
            _ => format!("{} reconciliation completed", self.kind),
        }
    }
}

/// The version of a release: that of the newest in its history, else the one last tried.
pub(crate) fn release_revision(object: &Value) -> &str {
    let history = crate::value::list(object, &["status", "history"]);
    history.first().map_or_else(
        || text(object, &["status", "lastAttemptedRevision"]),
        |newest| text(newest, &["chartVersion"]),
    )
}

fn ready_message(object: &Value) -> &str {
    crate::value::condition(object, "Ready").map_or("", |ready| text(ready, &["message"]))
}

/// `name:tag@digest`, without what is missing.
fn chosen_ref(object: &Value) -> String {
    let part = |key| text(object, &["status", "latestRef", key]);
    let mut out = format!("{}:{}", part("name"), part("tag"));
    if !part("digest").is_empty() {
        out = format!("{out}@{}", part("digest"));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{KINDS, Kind};

    #[test]
    fn no_two_kinds_have_the_same_words() {
        let mut seen = HashSet::new();
        for kind in &KINDS {
            for word in [kind.word, kind.short].into_iter().filter(|word| !word.is_empty()) {
                assert!(seen.insert((kind.family.map(super::Family::words), word)), "{word} means two kinds");
            }
        }
    }

    #[test]
    fn a_kind_is_found_whatever_the_case() {
        assert_eq!(Kind::named("gitrepository").unwrap().kind, "GitRepository");
        assert!(Kind::named("Deployment").is_none());
    }
}
