//! The HelmRelease is deleted: its release goes, then its HelmChart.

use api::helm::v2::{HelmRelease, HelmReleaseStatus};
use api::meta::{ConditionType, FluxObject};
use applier::Rules;
use runtime::{Finalized, Next, Run, Set};

use crate::actions::report::Ended;
use crate::actions::uninstall::{self, Cause};
use crate::app::App;
use crate::status::Why;
use crate::steps::chart_template;
use crate::storage::Stored;
use crate::work::{Stop, Work};
use crate::{history, snapshot};

/// Uninstalls, deletes the HelmChart, and lets go.
pub(crate) async fn finalize(app: &App, run: &Run<HelmRelease>) -> Finalized<HelmReleaseStatus> {
    let work = Work::new(app, run, Rules::default());
    app.cluster.drift().forget(&work.owner);
    if let Err(error) = uninstalled(&work).await {
        return failed(work, error).await;
    }
    if let Err(error) = chart_template::delete(&work).await {
        return failed(work, error).await;
    }
    // What the release's end looked like is shown once before the object goes.
    if let Err(stop) = work.ledger.write().await {
        tracing::debug!(?stop, "the last status is not written");
    }
    Finalized::Done { events: Vec::new() }
}

/// Nothing is uninstalled without a release, without its ServiceAccount, or in another cluster.
async fn uninstalled(work: &Work<'_>) -> Result<(), String> {
    let tried = work.ledger.read(|status| status.storage_namespace.is_some());
    if !tried {
        return Ok(());
    }
    if let Some(error) = work.run.object.spec_error() {
        // It could name another cluster or the account that may uninstall.
        let text = format!("the stored object cannot be read: {error}; mend it, or take its finalizer off");
        return Err(not_uninstalled(work, text));
    }
    if work.run.object.spec.kube_config.is_some() {
        return Ok(());
    }
    match work.session.account_exists().await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("the release is not uninstalled: its ServiceAccount is gone");
            return Ok(());
        }
        Err(error) => {
            let text = format!(
                "failed to confirm that the ServiceAccount can be used to uninstall release: {error}"
            );
            return Err(not_uninstalled(work, text));
        }
    }
    if !is_known(work).await? {
        return Ok(());
    }
    match uninstall::uninstall(work, Cause::Wanted).await {
        Ok(Ended::Stored | Ended::GivenUp) => {
            if let Err(stop) = work.ledger.write().await {
                tracing::debug!(?stop, "the end of the release is not written");
            }
            work.ledger.change(|status| {
                status.history.clear();
                status.storage_namespace = None;
            });
            Ok(())
        }
        Ok(Ended::Nothing(error)) => Err(error),
        Err(Stop::Failed(_, error)) => Err(error),
        Err(Stop::Outdated | Stop::Unrecorded) => Err("the run is outdated".into()),
    }
}

/// Whether there is a release of ours. One that was stored by a process that could not tell of it any more stands in
/// the storage alone: it is ours when its newest version carries a plan of this very HelmRelease, and the status knows of
/// it. Whatever else bears the name is left alone.
async fn is_known(work: &Work<'_>) -> Result<bool, String> {
    if work.ledger.read(|status| history::latest(&status.history).is_some()) {
        return Ok(true);
    }
    let stored = match work.storage().last().await {
        Ok(stored) => stored,
        // Nobody waits for ever for what most likely never was.
        Err(error) if error.stays() => {
            tracing::warn!(error = %error, "a release that may be left cannot be looked for");
            None
        }
        Err(error) => {
            let text = format!("failed to retrieve last release from storage: {error}");
            return Err(not_uninstalled(work, text));
        }
    };
    let ours = stored.filter(|stored| work.plan_of(stored).is_some());
    let Some(Stored { release, .. }) = ours else { return Ok(false) };
    work.ledger.change(|status| status.history.push(snapshot::of(&release, "", None)));
    Ok(true)
}

fn not_uninstalled(work: &Work<'_>, text: String) -> String {
    work.ledger.set(Set::no(ConditionType::Ready, Why::UninstallFailed, text.clone()));
    text
}

async fn failed(work: Work<'_>, error: String) -> Finalized<HelmReleaseStatus> {
    tracing::error!(error, "the release could not be removed");
    // Conditions say it already; the shell is to repeat none of them.
    if let Err(stop) = work.ledger.write().await {
        tracing::debug!(?stop, "the failed end of the release is not written");
    }
    let status = work.run.written();
    Finalized::Wait { status, message: None, events: Vec::new(), next: Next::Backoff }
}
