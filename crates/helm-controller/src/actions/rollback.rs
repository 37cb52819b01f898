//! Back to the last release that succeeded, as a new one.

use api::helm::v2::ReleaseSnapshot;
use helm_release::{Info, Release, Status};
use runtime::{Event, Set};

use crate::act::{Act, ActError};
use crate::actions::report::{self, Ended};
use crate::history;
use crate::perform;
use crate::plan::{Phase, Plan};
use crate::spec::Kind;
use crate::status::{Condition, Why};
use crate::work::{About, Stop, Work};
use crate::{made, resume, snapshot};

/// Rolls back to the release of this entry, and tells of it. `values` is the digest of the values wanted.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn roll_back(
    work: &Work<'_>,
    target: &ReleaseSnapshot,
    values: &str,
) -> Result<Ended, Stop> {
    match prepare(work, target).await {
        Ok((act, current)) => finish(act, &current, target, values).await,
        Err(error) => {
            let text = report::ends(error)?;
            failure(work, target, values, &text);
            Ok(Ended::Nothing(text))
        }
    }
}

/// Goes on with a rollback that a former process began.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn go_on_with(
    work: &Work<'_>,
    release: Release,
    plan: Plan,
    target: &ReleaseSnapshot,
    values: &str,
) -> Result<Ended, Stop> {
    let current = match work.storage().get(plan.original).await {
        Ok(stored) => stored.map(|stored| stored.release).unwrap_or_default(),
        Err(error) => return Ok(Ended::Nothing(error.to_string())),
    };
    let act = Act::resume(work, Kind::Rollback, release, plan);
    finish(act, &current, target, values).await
}

async fn finish(
    mut act: Act<'_>,
    current: &Release,
    target: &ReleaseSnapshot,
    values: &str,
) -> Result<Ended, Stop> {
    let result = go_on(&mut act, current).await;
    let work = act.work;
    observe(work, std::mem::take(&mut act.written));
    match result {
        Ok(()) => success(work, target, values),
        Err(error) => {
            let text = report::ends(error)?;
            failure(work, target, values, &text);
        }
    }
    work.ledger.summarize(work.spec());
    Ok(Ended::Stored)
}

async fn prepare<'a>(work: &'a Work<'a>, target: &ReleaseSnapshot) -> Result<(Act<'a>, Release), ActError> {
    let storage = work.storage();
    let current = storage.last().await?.ok_or_else(|| ActError::Helm("release: not found".into()))?.release;
    let missing = || ActError::Helm(format!("release has no {} version", target.version));
    let previous = storage.get(target.version).await?.ok_or_else(missing)?.release;
    if !snapshot::records(target, &previous) {
        let text = format!("release {} is not what was recorded of it", history::full_name(target));
        return Err(ActError::Helm(text));
    }
    let server_side = work.spec().server_side(Kind::Rollback, made::is_server_side(&previous));
    let release = Release {
        name: previous.name.clone(),
        namespace: current.namespace.clone(),
        version: current.version + 1,
        info: Info {
            first_deployed: current.info.first_deployed.clone(),
            last_deployed: Some(made::now_text()),
            status: Some(Status::PendingRollback),
            description: format!("Rollback to {}", target.version),
            notes: previous.info.notes.clone(),
            ..Info::default()
        },
        chart: previous.chart.clone(),
        config: previous.config.clone(),
        manifest: previous.manifest.clone(),
        hooks: made::fresh(&previous.hooks),
        labels: previous.labels.clone(),
        apply_method: made::apply_method(server_side),
        ..Release::default()
    };
    let mut act = Act::new(work, Kind::Rollback, release, current.version);
    let objects = act.target().await.map_err(|error| {
        ActError::Helm(format!("unable to build kubernetes objects from new release manifest: {error}"))
    })?;
    let crds = work.ledger.read(|status| crd_entries(status.inventory.as_ref()));
    let mut inventory = snapshot::inventory(&objects);
    inventory
        .entries
        .extend(crds.into_iter().filter(|crd| !objects.iter().any(|o| o.id().to_string() == crd.id)));
    act.store(work.spec().max_history()).await?;
    work.ledger.change(|status| status.inventory = Some(inventory));
    Ok((act, current))
}

/// CRDs from the chart's `crds` folder stay through a rollback.
fn crd_entries(inventory: Option<&api::meta::Inventory>) -> Vec<api::meta::InventoryEntry> {
    let entries = inventory.into_iter().flat_map(|inventory| &inventory.entries);
    entries
        .filter(|entry| entry.id.ends_with("_apiextensions.k8s.io_CustomResourceDefinition"))
        .cloned()
        .collect()
}

async fn go_on(act: &mut Act<'_>, current: &Release) -> Result<(), ActError> {
    if let Some(ended) = resume::ended(act) {
        resume::tell(act);
        return ended.map_err(ActError::Helm);
    }
    let mut created = Vec::new();
    match perform::perform(act, Some(current), &mut created).await {
        Ok(()) => {
            supersede(act).await?;
            let description = act.release.info.description.clone();
            perform::deployed(act, &description).await
        }
        Err(error) => {
            let error = match error {
                ActError::Helm(text) if act.plan.phase == Phase::Wait => {
                    ActError::Helm(format!("release {} failed: {text}", act.release.name))
                }
                error => error,
            };
            perform::failed(act, &error, &created).await;
            Err(error)
        }
    }
}

/// All deployed versions before this one are superseded.
async fn supersede(act: &mut Act<'_>) -> Result<(), ActError> {
    let rows = act.storage.rows().await?;
    let deployed = rows.iter().filter(|row| row.status == "deployed" && row.version != act.release.version);
    for row in deployed {
        let Some(mut stored) = act.storage.get(row.version).await? else { continue };
        stored.release.info.status = Some(Status::Superseded);
        act.storage.update(&stored.release, None).await?;
        let shown = act.shown(&stored.release);
        act.written.push(shown);
    }
    Ok(())
}

/// Notes the releases the rollback wrote, in order: a known one is replaced, a new one comes first.
fn observe(work: &Work<'_>, written: Vec<ReleaseSnapshot>) {
    work.ledger.change(|status| {
        for snapshot in written {
            if !report::replace(&mut status.history, snapshot.clone(), Some("rollback")) {
                status.history.insert(0, snapshot);
            }
        }
        history::sort(&mut status.history);
    });
}

fn about(target: &ReleaseSnapshot, values: &str) -> About {
    About { token: values.to_owned(), ..report::about(target) }
}

fn named(target: &ReleaseSnapshot) -> String {
    format!(
        "Helm rollback to previous release {} with chart {}",
        history::full_name(target),
        history::chart(target)
    )
}

fn failure(work: &Work<'_>, target: &ReleaseSnapshot, values: &str, text: &str) {
    let message = format!("{} failed: {}", named(target), text.trim());
    work.ledger.change(|status| status.failures += 1);
    report::tell(work, Condition::Remediated, Why::RollbackFailed, &about(target, values), message, true);
}

fn success(work: &Work<'_>, target: &ReleaseSnapshot, values: &str) {
    let message = format!("{} succeeded", named(target));
    work.ledger.set(Set::yes(Condition::Remediated, Why::RollbackSucceeded, message.clone()));
    work.emit(&about(target, values), Event::info(Why::RollbackSucceeded, message));
}
