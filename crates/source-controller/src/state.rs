use api::meta::Artifact;
use api::source::v1::{GitRepositorySpec, GitRepositoryStatus};

/// What is known after looking at storage and remote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed<'a> {
    /// The artifact of the status, as far as it is still stored.
    pub(crate) artifact: Option<&'a Artifact>,
    /// The revision that the reference means now.
    pub(crate) revision: &'a str,
    /// What the artifact would be made with differs from what it was made with.
    pub(crate) content_changed: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: the clone is skipped.
    Keep,
    /// Fetch, pack and store.
    Build {
        /// Whether the artifact there is shall be shown as outdated meanwhile.
        outdated: bool,
        /// Whether the revision is another one than the artifact's.
        new_revision: bool,
    },
}

/// The decision of a run.
pub(crate) fn decide(observed: Observed<'_>) -> Action {
    match observed.artifact {
        None => Action::Build { outdated: false, new_revision: true },
        Some(artifact) if artifact.revision != observed.revision => {
            Action::Build { outdated: true, new_revision: true }
        }
        Some(_) if observed.content_changed => Action::Build { outdated: false, new_revision: false },
        Some(_) => Action::Keep,
    }
}

/// Whether what goes into the artifact differs from what went into the last one, at the same revision.
pub(crate) fn content_changed(spec: &GitRepositorySpec, status: &GitRepositoryStatus) -> bool {
    spec.ignore != status.observed_ignore
        || spec.recurse_submodules != status.observed_recurse_submodules
        || spec.include != status.observed_include
        || spec.sparse_checkout != status.observed_sparse_checkout
}

#[cfg(test)]
mod tests {
    use super::{Action, Observed, content_changed, decide};
    use api::meta::Artifact;
    use api::source::v1::{GitRepositorySpec, GitRepositoryStatus};

    fn check(artifact: Option<&str>, revision: &str, content_changed: bool, expected: Action) {
        let artifact = artifact.map(|revision| Artifact { revision: revision.into(), ..Artifact::default() });
        let observed = Observed { artifact: artifact.as_ref(), revision, content_changed };
        assert_eq!(decide(observed), expected);
    }

    #[test]
    fn only_what_differs_is_built() {
        check(Some("main@sha1:a"), "main@sha1:a", false, Action::Keep);
        check(None, "main@sha1:a", false, Action::Build { outdated: false, new_revision: true });
        check(None, "main@sha1:a", true, Action::Build { outdated: false, new_revision: true });
        check(
            Some("main@sha1:a"),
            "main@sha1:b",
            false,
            Action::Build { outdated: true, new_revision: true },
        );
        check(Some("main@sha1:a"), "v1@sha1:a", false, Action::Build { outdated: true, new_revision: true });
        check(
            Some("main@sha1:a"),
            "main@sha1:a",
            true,
            Action::Build { outdated: false, new_revision: false },
        );
    }

    #[test]
    fn another_ignore_list_is_another_content() {
        let (mut spec, status) = (GitRepositorySpec::default(), GitRepositoryStatus::default());
        assert!(!content_changed(&spec, &status));
        spec.ignore = Some("/docs".into());
        assert!(content_changed(&spec, &status));
        let observed = GitRepositoryStatus { observed_ignore: spec.ignore.clone(), ..status };
        assert!(!content_changed(&spec, &observed));
    }

    #[test]
    fn other_folders_and_other_includes_are_another_content() {
        let status = GitRepositoryStatus::default();
        let sparse = GitRepositorySpec { sparse_checkout: vec!["deploy".into()], ..Default::default() };
        assert!(content_changed(&sparse, &status));
        let include = serde_json::from_value(serde_json::json!([{"repository": {"name": "other"}}])).unwrap();
        assert!(content_changed(&GitRepositorySpec { include, ..Default::default() }, &status));
    }

    #[test]
    fn submodules_left_by_flux_are_built_anew_without_them() {
        let status = GitRepositoryStatus { observed_recurse_submodules: true, ..Default::default() };
        assert!(content_changed(&GitRepositorySpec::default(), &status));
    }
}
