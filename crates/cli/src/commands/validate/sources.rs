//! Which sources are the repository that is checked.
use std::collections::BTreeSet;

use serde_json::Value;

use super::{index::Index, units::is_flux};
use crate::value::{name, namespace, or, text};

/// The file in which a bootstrap says what the repository is.
const SYNC: &str = "gotk-sync.yaml";
/// The name that a bootstrap gives the GitRepository of a cluster.
const ROOT: &str = "flux-system";

/// The GitRepositories that are this repository; when none is known, each may be.
pub(super) struct Sources {
    own: BTreeSet<(String, String)>,
}

impl Sources {
    /// What a bootstrap wrote, and what leads to the same address; else what bears the name that a bootstrap gives.
    pub(super) fn of(index: &Index) -> Self {
        let all = || index.documents.iter().filter(|one| text(&one.value, &["kind"]) == "GitRepository");
        let roots: Vec<&Value> =
            all().filter(|one| one.file.rsplit('/').next() == Some(SYNC)).map(|one| &one.value).collect();
        let url = |one: &Value| text(one, &["spec", "url"]).to_owned();
        let same = |one: &&Value| roots.iter().any(|root| url(root) == url(one));
        let id = |one: &Value| (namespace(one).to_owned(), name(one).to_owned());
        let mut own: BTreeSet<_> = all().map(|one| &one.value).filter(same).map(id).collect();
        let followed = |one: &Value| {
            is_flux(one)
                && ["kind", "name"].map(|key| text(one, &["spec", "sourceRef", key]))
                    == ["GitRepository", ROOT]
        };
        if own.is_empty() && index.documents.iter().any(|one| followed(&one.value)) {
            own.insert((String::new(), ROOT.to_owned()));
        }
        Self { own }
    }

    /// Whether what an object refers to may be this repository.
    pub(super) fn may_be(&self, object: &Value, reference: &Value) -> bool {
        if text(reference, &["kind"]) != "GitRepository" {
            return false;
        }
        let wanted = text(reference, &["name"]);
        let place = or(text(reference, &["namespace"]), namespace(object));
        let is_it = |(own, name): &(String, String)| {
            name == wanted && (own.is_empty() || place.is_empty() || own == place)
        };
        self.own.is_empty() || self.own.iter().any(is_it)
    }
}
