//! A release that was left in the middle of an action is marked as failed, so that it can be acted on again.

use helm_release::Status;

use crate::actions::report::{self, Ended};
use crate::history;
use crate::snapshot;
use crate::status::{Condition, Why};
use crate::storage::Stored;
use crate::work::Work;

/// Unlocks the newest release, and tells of it.
pub(crate) async fn unlock(work: &Work<'_>) -> Ended {
    let storage = work.storage();
    let mut release = match storage.last().await {
        Ok(Some(Stored { release, .. })) => release,
        Ok(None) => return Ended::Stored,
        Err(error) => return Ended::Nothing(error.to_string()),
    };
    let digest = work.ledger.read(|status| {
        let entry = status
            .history
            .iter()
            .find(|entry| history::targets(entry, &release.name, &release.namespace, release.version));
        entry.and_then(|entry| entry.oci_digest.clone()).unwrap_or_default()
    });
    let status = release.status().to_string();
    let shown = snapshot::of(&release, &digest, None);
    release.set_status(Status::Failed, format!("Release unlocked from stale '{status}' state"));
    let result = storage.update(&release, None).await;
    let subject = format!("release {} with chart {}", history::full_name(&shown), history::chart(&shown));
    let about = report::about(&shown);
    let ended = match result {
        Err(error) => {
            let message = format!("Unlock of Helm {subject} in {status} state failed: {error}");
            work.ledger.change(|status| status.failures += 1);
            report::tell(work, Condition::Released, Why::PendingRelease, &about, message.clone(), true);
            Ended::Nothing(message)
        }
        Ok(()) => {
            let failed = snapshot::of(&release, &digest, None);
            work.ledger.change(|status| {
                let known = status.history.iter().find(|entry| {
                    history::targets(entry, &release.name, &release.namespace, release.version)
                });
                let action = known.and_then(|entry| entry.action.clone());
                report::replace(&mut status.history, failed, action.as_deref());
            });
            let message = format!("Unlocked Helm {subject} in {status} state");
            report::tell(work, Condition::Released, Why::PendingRelease, &about, message, false);
            Ended::Stored
        }
    };
    work.ledger.summarize(work.spec());
    ended
}
