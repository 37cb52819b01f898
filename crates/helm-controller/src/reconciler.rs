//! The ordered steps of a run.

use std::sync::Arc;

use api::helm::v2::{HelmRelease, HelmReleaseStatus};
use api::meta::annotations;
use applier::Rules;
use runtime::{Change, Event, Finalized, Key, Outcome, Reconciler, Run};

use crate::actions::report::{self, Ended};
use crate::actions::uninstall::{self, Cause};
use crate::app::App;
use crate::chart::Loaded;
use crate::state::{Target, moved};
use crate::status::{PREREQUISITES, Why};
use crate::steps::{accept, chart_template, dependencies, fetch, source, values};
use crate::work::{Retry, Stop, Work};
use crate::{finalize, record, release, requests, watching};

/// Reconciles HelmReleases.
pub(crate) struct HelmReleaseReconciler {
    app: Arc<App>,
}

impl HelmReleaseReconciler {
    /// Works with this.
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl Reconciler for HelmReleaseReconciler {
    type Kind = HelmRelease;

    const SUSPEND_JUDGES_ALL: bool = true;

    async fn reconcile(&self, run: &Run<HelmRelease>) -> Outcome<HelmReleaseStatus> {
        let (rules, refusal) = match accept::accept(&run.object) {
            Ok(rules) => (rules, None),
            Err(refusal) => (Rules::default(), Some(refusal)),
        };
        let mut work = Work::new(&self.app, run, rules);
        let result = match refusal {
            None => steps(&mut work).await,
            Some(refusal) => {
                run.emit(Event::error(refusal.reason, refusal.event));
                Err(work.stall(refusal.reason, refusal.message))
            }
        };
        record::outcome(work, result)
    }

    async fn finalize(&self, run: &Run<HelmRelease>) -> Finalized<HelmReleaseStatus> {
        finalize::finalize(&self.app, run).await
    }

    fn forget(&self, key: &Key) {
        watching::forget(&self.app, key);
    }

    fn observed(&self, change: &Change<HelmRelease>) {
        watching::peer_changed(&self.app, change);
    }
}

async fn steps(work: &mut Work<'_>) -> Result<(), Stop> {
    chart_template::reconcile(work).await?;
    work.ledger.reconciling(PREREQUISITES);
    dependencies::depend(work).await?;
    let found = source::find(work).await?;
    work.run.revision(&found.1.revision);
    work.source = Some(found);
    let values = compose(work).await?;
    let chart = fetch::load(work, values).await?;
    border(work)?;
    if let Some(reason) = elsewhere(work, &chart) {
        tracing::info!(reason, "the release moves: the one of now is uninstalled first");
        leave(work).await?;
    }
    attempt(work, &chart);
    release::release(work, &chart).await?;
    work.app.forget_without_drift(work);
    Ok(())
}

/// Ends the run when something newer is due.
fn border(work: &Work<'_>) -> Result<(), Stop> {
    if work.run.cancel.is_cancelled() { Err(Stop::Outdated) } else { Ok(()) }
}

async fn compose(work: &Work<'_>) -> Result<helm_template::Values, Stop> {
    let object = &work.run.object;
    let spec = &object.spec;
    let namespace = &work.run.key.namespace;
    let values = values::compose(&work.app.client, namespace, spec.values.as_ref(), &spec.values_from).await;
    let composed = values.map_err(|error| work.fail(Why::ValuesError, error.to_string()))?;
    // Once a run: nobody has set it before.
    let _ = work.given.set(composed.given);
    work.ledger.overcome(&["ValuesError"]);
    Ok(composed.values)
}

/// Why the release that was made is not where the wanted one will be.
fn elsewhere(work: &Work<'_>, chart: &Loaded) -> Option<&'static str> {
    let spec = work.spec();
    let name = spec.name();
    let target = Target {
        storage: spec.storage_namespace(),
        namespace: spec.namespace(),
        name: &name,
        chart: &chart.name,
    };
    work.ledger.read(|status| moved(status, &target, spec.reinstalls_renamed_charts()))
}

/// Removes the release of now; the status forgets it.
async fn leave(work: &Work<'_>) -> Result<(), Stop> {
    if let Ended::Nothing(error) = uninstall::uninstall(work, Cause::Wanted).await? {
        return Err(Stop::Failed(Retry::Backoff, error));
    }
    report::forget_failures(work);
    work.ledger.change(|status| {
        status.history.clear();
        status.storage_namespace = None;
    });
    work.ledger.write().await
}

/// Notes what is tried; failures of other tries are forgotten.
fn attempt(work: &Work<'_>, chart: &Loaded) {
    let object = &work.run.object;
    let (handled, reconciled) = work
        .ledger
        .read(|status| (status.last_handled_reset_at.clone(), status.last_handled_reconcile_at.clone()));
    let (reset, value) =
        requests::asked(object, annotations::RESET_AT, handled.as_deref(), reconciled.as_deref());
    let generation = work.run.generation();
    let other = work.ledger.read(|status| {
        status.last_attempted_generation != generation
            || status.last_attempted_revision.as_deref() != Some(chart.version.as_str())
            || status
                .last_attempted_config_digest
                .as_deref()
                .is_some_and(|digest| !helm_release::verify_values(digest, &chart.values))
    });
    if other || reset {
        report::forget_failures(work);
    }
    let storage = work.spec().storage_namespace().to_owned();
    work.ledger.change(|status| {
        status.last_handled_reset_at = value;
        status.storage_namespace = Some(storage);
        status.last_attempted_generation = generation;
        status.last_attempted_revision = Some(chart.version.clone());
        status.last_attempted_revision_digest =
            Some(chart.oci_digest.clone()).filter(|digest| !digest.is_empty());
        status.last_attempted_config_digest = Some(chart.values_digest.clone());
        status.last_attempted_values_checksum = None;
        status.last_release_revision = None;
    });
}
