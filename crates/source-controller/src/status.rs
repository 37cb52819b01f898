use std::fmt;

use api::meta::{ConditionType, Reason};
use runtime::{ConditionName, ReasonName};

/// Reasons of conditions and events that only sources have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceReason {
    ArchiveOperationFailed,
    ArtifactVerificationFailed,
    AuthenticationFailed,
    EmptyGitRepository,
    GarbageCollectionFailed,
    GarbageCollectionSucceeded,
    GitOperationFailed,
    GitOperationSucceeded,
    NewArtifact,
    NewRevision,
    StatOperationFailed,
    URLInvalid,
    UnsupportedFeature,
}

impl From<SourceReason> for ReasonName {
    fn from(reason: SourceReason) -> Self {
        Self::new(match reason {
            SourceReason::ArchiveOperationFailed => "ArchiveOperationFailed",
            SourceReason::ArtifactVerificationFailed => "ArtifactVerificationFailed",
            SourceReason::AuthenticationFailed => "AuthenticationFailed",
            SourceReason::EmptyGitRepository => "EmptyGitRepository",
            SourceReason::GarbageCollectionFailed => "GarbageCollectionFailed",
            SourceReason::GarbageCollectionSucceeded => "GarbageCollectionSucceeded",
            SourceReason::GitOperationFailed => "GitOperationFailed",
            SourceReason::GitOperationSucceeded => "GitOperationSucceeded",
            SourceReason::NewArtifact => "NewArtifact",
            SourceReason::NewRevision => "NewRevision",
            SourceReason::StatOperationFailed => "StatOperationFailed",
            SourceReason::URLInvalid => "URLInvalid",
            SourceReason::UnsupportedFeature => "UnsupportedFeature",
        })
    }
}

/// What becomes of an object after a failed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Only a change of the object helps.
    Stalled,
    /// Time may help.
    Retry,
}

/// A failed step: what it says, in which condition, and what comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepError {
    pub(crate) condition: Option<ConditionType>,
    pub(crate) reason: ReasonName,
    pub(crate) message: String,
    pub(crate) disposition: Disposition,
}

impl StepError {
    /// The source could not be fetched.
    pub(crate) fn fetch(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self::of(Some(ConditionType::FetchFailed), reason, message, Disposition::Retry)
    }

    /// The artifact could not be stored or looked at.
    pub(crate) fn storage(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self::of(Some(ConditionType::StorageOperationFailed), reason, message, Disposition::Retry)
    }

    /// The spec asks for what is not built.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::of(None, SourceReason::UnsupportedFeature, message, Disposition::Stalled)
    }

    /// The same, but only a change of the object helps.
    #[must_use]
    pub(crate) fn stalled(mut self) -> Self {
        self.disposition = Disposition::Stalled;
        self
    }

    fn of(
        condition: Option<ConditionType>,
        reason: impl Into<ReasonName>,
        message: impl Into<String>,
        disposition: Disposition,
    ) -> Self {
        Self { condition, reason: reason.into(), message: message.into(), disposition }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Conditions of this kind that say that something is wrong; each step that succeeds takes its own back.
pub(crate) const TROUBLES: [ConditionType; 2] =
    [ConditionType::FetchFailed, ConditionType::StorageOperationFailed];

/// The condition's name, for comparison with stored ones.
pub(crate) fn is_trouble(name: &str) -> bool {
    TROUBLES.iter().any(|kind| ConditionName::from(*kind).as_str() == name)
}

/// The message of the stored artifact.
pub(crate) fn stored(revision: &str) -> String {
    format!("stored artifact for revision '{revision}'")
}

/// The reason of a successful run.
pub(crate) const SUCCEEDED: Reason = Reason::Succeeded;
