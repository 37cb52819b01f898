//! Reasons read back from a stored condition.

use runtime::ReasonName;

use crate::status::Why;

/// The reason of that text, if it is one that a counted condition can carry.
pub(crate) fn known(text: &str) -> Option<ReasonName> {
    const ALL: [Why; 12] = [
        Why::InstallSucceeded,
        Why::InstallFailed,
        Why::UpgradeSucceeded,
        Why::UpgradeFailed,
        Why::TestSucceeded,
        Why::TestFailed,
        Why::RollbackSucceeded,
        Why::RollbackFailed,
        Why::UninstallSucceeded,
        Why::UninstallFailed,
        Why::AwaitingTests,
        Why::PendingRelease,
    ];
    ALL.into_iter().map(ReasonName::from).find(|reason| reason.as_str() == text)
}
