//! The HelmRelease is deleted: its release goes, then its HelmChart.

use api::helm::v2::{HelmRelease, HelmReleaseStatus};
use api::meta::ConditionType;
use applier::Rules;
use runtime::{Finalized, Next, Run, Set};

use crate::actions::report::Ended;
use crate::actions::uninstall::{self, Cause};
use crate::app::App;
use crate::history;
use crate::status::Why;
use crate::steps::chart_template;
use crate::work::{Stop, Work};

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
    let (stored, known) = work
        .ledger
        .read(|status| (status.storage_namespace.is_some(), history::latest(&status.history).is_some()));
    if !stored || !known || work.run.object.spec.kube_config.is_some() {
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
            work.ledger.set(Set::no(ConditionType::Ready, Why::UninstallFailed, text.clone()));
            return Err(text);
        }
    }
    match uninstall::uninstall(work, Cause::Wanted).await {
        Ok(Ended::Stored) => {
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

async fn failed(work: Work<'_>, error: String) -> Finalized<HelmReleaseStatus> {
    tracing::error!(error, "the release could not be removed");
    // Conditions say it already; the shell is to repeat none of them.
    if let Err(stop) = work.ledger.write().await {
        tracing::debug!(?stop, "the failed end of the release is not written");
    }
    let status = work.run.written();
    Finalized::Wait { status, message: None, events: Vec::new(), next: Next::Backoff }
}
