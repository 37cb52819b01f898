//! Condition types, reasons and texts of HelmReleases, in Flux's words.

use std::time::Duration;

use api::meta::GoDuration;
use runtime::{ConditionName, ReasonName};

/// Condition types of HelmReleases alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The last installation or upgrade.
    Released,
    /// The tests of the current release.
    TestSuccess,
    /// A failed release was undone.
    Remediated,
    /// The cluster differs from the release.
    Drifted,
    /// A manager takes the same object again and again.
    DriftContested,
    /// What the action under way does: it is gone on with only as it stands here. See [`crate::seal`].
    Acting,
}

impl Condition {
    /// The text on the wire.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Released => "Released",
            Self::TestSuccess => "TestSuccess",
            Self::Remediated => "Remediated",
            Self::Drifted => "Drifted",
            Self::DriftContested => "DriftContested",
            Self::Acting => "Acting",
        }
    }
}

impl From<Condition> for ConditionName {
    fn from(condition: Condition) -> Self {
        Self::new(condition.text())
    }
}

macro_rules! reasons {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {
        /// Reasons of conditions and events of HelmReleases alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Why { $($(#[$meta])* $name,)+ }

        impl From<Why> for ReasonName {
            fn from(why: Why) -> Self {
                Self::new(match why { $(Why::$name => stringify!($name),)+ })
            }
        }
    };
}

reasons! {
    /// Installed.
    InstallSucceeded,
    /// Not installed.
    InstallFailed,
    /// Upgraded.
    UpgradeSucceeded,
    /// Not upgraded.
    UpgradeFailed,
    /// Tests passed.
    TestSucceeded,
    /// Tests failed.
    TestFailed,
    /// Back at an earlier release.
    RollbackSucceeded,
    /// Not rolled back.
    RollbackFailed,
    /// Removed.
    UninstallSucceeded,
    /// Not removed.
    UninstallFailed,
    /// Released, and not tested yet.
    AwaitingTests,
    /// A release was left in the middle of an action.
    PendingRelease,
    /// The source is not ready.
    SourceNotReady,
    /// The values cannot be put together.
    ValuesError,
    /// The chart does not fit its source's revision.
    ChartMutateError,
    /// The release's state cannot be told.
    StateError,
    /// An action ended in an unexpected way.
    ReconcileError,
    /// No retries are left.
    RetriesExceeded,
    /// There is no release to go back to.
    MissingRollbackTarget,
    /// The cluster differs from the release.
    DriftDetected,
    /// It does not.
    NoDriftDetected,
    /// The cluster was put right.
    DriftCorrected,
    /// It was not.
    DriftCorrectionFailed,
    /// Somebody insists.
    DriftContested,
    /// The HelmChart was made.
    HelmChartCreated,
    /// The HelmChart was changed.
    HelmChartConfigured,
    /// The HelmChart was deleted.
    HelmChartDeleted,
    /// The HelmChart could not be written.
    HelmChartSyncErr,
}

/// Message of Reconciling before the release is looked at.
pub(crate) const PREREQUISITES: &str = "Fulfilling prerequisites";

/// Message of Ready when what it waited for is there.
pub(crate) const IN_PROGRESS: &str = "reconciliation in progress";

/// What stands before the message of a configuration error that no retry can mend.
pub(crate) const TERMINAL: &str = "Reconciliation failed terminally due to configuration error";

/// Message of Reconciling and Ready while an action runs.
pub(crate) fn running(action: &str, timeout: Duration) -> String {
    format!("Running '{action}' action with timeout of {}", GoDuration::from(timeout))
}

/// Message of Reconciling while a retry is awaited.
pub(crate) fn retrying(after: Duration) -> String {
    format!("retrying after {}", GoDuration::from(after))
}
