use std::fmt;

use api::meta::{ConditionType, Reason};
use runtime::{ConditionName, ReasonName};

macro_rules! reasons {
    ($($name:ident),+ $(,)?) => {
        /// Reasons of conditions and events that only sources have; each is written as it is named.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum SourceReason {
            $($name),+
        }

        impl From<SourceReason> for ReasonName {
            fn from(reason: SourceReason) -> Self {
                Self::new(match reason {
                    $(SourceReason::$name => stringify!($name)),+
                })
            }
        }
    };
}

reasons! {
    ArchiveOperationFailed,
    ArtifactUpToDate,
    ArtifactVerificationFailed,
    AuthenticationFailed,
    ChartPackageError,
    ChartPackageSucceeded,
    ChartPullError,
    ChartPullSucceeded,
    DependencyBuildError,
    EmptyGitRepository,
    GarbageCollectionFailed,
    GarbageCollectionSucceeded,
    GitOperationFailed,
    GitOperationSucceeded,
    IndexationFailed,
    InvalidChartReference,
    MetadataPatchError,
    NewArtifact,
    NewChart,
    NewRevision,
    NoSourceArtifact,
    OCIArtifactLayerOperationFailed,
    OCIArtifactPullFailed,
    ReadOperationFailed,
    ResolvedDependencies,
    SourceUnavailable,
    StatOperationFailed,
    URLInvalid,
    UnsupportedFeature,
    ValuesFilesError,
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
    /// Told as a trace: it is only waiting.
    pub(crate) is_quiet: bool,
    /// What to run, below the event's message in Kubernetes.
    pub(crate) run: Option<String>,
}

impl StepError {
    /// The source could not be fetched.
    pub(crate) fn fetch(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self::of(Some(ConditionType::FetchFailed), reason, message, Disposition::Retry)
    }

    /// The artifact could not be built from what was fetched.
    pub(crate) fn build(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self::of(Some(ConditionType::BuildFailed), reason, message, Disposition::Retry)
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

    /// The same, with a command that shows more. It must not hold a secret.
    #[must_use]
    pub(crate) fn run(mut self, command: impl Into<String>) -> Self {
        self.run = Some(format!("Run: {}", command.into()));
        self
    }

    /// The same, but it is no error: another object is waited for.
    #[must_use]
    pub(crate) fn quiet(mut self) -> Self {
        self.is_quiet = true;
        self
    }

    fn of(
        condition: Option<ConditionType>,
        reason: impl Into<ReasonName>,
        message: impl Into<String>,
        disposition: Disposition,
    ) -> Self {
        Self {
            condition,
            reason: reason.into(),
            message: message.into(),
            disposition,
            is_quiet: false,
            run: None,
        }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Conditions of this kind that say that something is wrong; each step that succeeds takes its own back.
pub(crate) const TROUBLES: [ConditionType; 3] =
    [ConditionType::FetchFailed, ConditionType::BuildFailed, ConditionType::StorageOperationFailed];

/// The condition's name, for comparison with stored ones.
pub(crate) fn is_trouble(name: &str) -> bool {
    TROUBLES.iter().any(|kind| ConditionName::from(*kind).as_str() == name)
}

/// The message of the stored artifact.
pub(crate) fn stored(revision: &str) -> String {
    format!("stored artifact for revision '{revision}'")
}

/// The reason of a failed run that has no other.
pub(crate) const FAILED: Reason = Reason::Failed;

/// The reason of a successful run.
pub(crate) const SUCCEEDED: Reason = Reason::Succeeded;
