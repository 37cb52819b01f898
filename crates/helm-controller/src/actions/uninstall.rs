//! The release is removed: as a remedy, because its object is deleted, or because it moves elsewhere.

use api::helm::v2::ReleaseSnapshot;
use helm_release::{Release, Status};
use manifest::Object;
use runtime::{Event, Set};

use crate::act::{Act, ActError};
use crate::actions::report::{self, Ended};
use crate::history;
use crate::hooks::{self, Hooks};
use crate::made;
use crate::plan::{Doing, Phase};
use crate::resources;
use crate::spec::Kind;
use crate::status::{Condition, Why};
use crate::storage::Storage;
use crate::wait;
use crate::work::{Stop, Work};

/// Why the release is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nobody wants it any more.
    Wanted,
    /// It failed.
    Remedy,
}

impl Cause {
    fn action(self) -> &'static str {
        match self {
            Self::Wanted => "uninstall",
            Self::Remedy => "uninstall-remediation",
        }
    }
}

/// How Helm's part ended.
enum Outcome {
    Done,
    /// There was no such release.
    NotFound,
    /// It was uninstalled before, and its history kept.
    Already,
}

/// Removes the release that `status.history` names last, and tells of it.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn uninstall(work: &Work<'_>, cause: Cause) -> Result<Ended, Stop> {
    let Some(current) = work.ledger.read(|status| history::latest(&status.history).cloned()) else {
        return Ok(Ended::Nothing("no latest release: required to uninstall".into()));
    };
    let namespace = work.ledger.read(|status| status.storage_namespace.clone()).unwrap_or_default();
    let storage = Storage::new(&work.session, &namespace, &current.name);
    let mut written = Vec::new();
    let result = helm(work, storage, &mut written).await;
    work.app.cluster.drift().forget(&work.owner);
    observe(work, written, cause);
    match result {
        Ok(Outcome::Done) => succeeded(work, &current, cause),
        Ok(Outcome::NotFound) if cause == Cause::Wanted => {
            gone(work, &current, "was not found, assuming it is uninstalled")
        }
        Ok(Outcome::Already) if cause == Cause::Wanted => gone(work, &current, "was already uninstalled"),
        Ok(_) => succeeded(work, &current, cause),
        Err(error) => {
            let text = report::ends(error)?;
            failed(work, &current, cause, &text);
            if cause == Cause::Wanted {
                work.ledger.summarize(work.spec());
            }
            return Ok(Ended::Nothing(text));
        }
    }
    // Flux leaves Ready to the next look after a remedy that removed the release.
    if cause == Cause::Wanted {
        work.ledger.summarize(work.spec());
    }
    Ok(Ended::Stored)
}

fn gone(work: &Work<'_>, current: &ReleaseSnapshot, how: &str) {
    let message = format!("Release {} {how}", history::full_name(current));
    work.ledger.set(Set::no(Condition::Released, Why::UninstallSucceeded, message));
}

fn failed(work: &Work<'_>, current: &ReleaseSnapshot, cause: Cause, text: &str) {
    let (name, chart) = (history::full_name(current), history::chart(current));
    work.ledger.change(|status| status.failures += 1);
    // It has ended: the next try begins anew, with its hooks, as Helm's does.
    work.ledger.set(Set::remove(Condition::Acting));
    let about = report::about(current);
    match cause {
        Cause::Wanted => {
            let message =
                format!("Helm uninstall failed for release {name} with chart {chart}: {}", text.trim());
            report::tell(work, Condition::Released, Why::UninstallFailed, &about, message, true);
        }
        Cause::Remedy => {
            let message = format!(
                "Helm uninstall remediation for release {name} with chart {chart} failed: {}",
                text.trim()
            );
            report::tell(work, Condition::Remediated, Why::UninstallFailed, &about, message, true);
        }
    }
}

fn succeeded(work: &Work<'_>, current: &ReleaseSnapshot, cause: Cause) {
    let (name, chart) = (history::full_name(current), history::chart(current));
    let about = report::about(current);
    match cause {
        Cause::Wanted => {
            work.ledger.change(|status| status.inventory = None);
            let message = format!("Helm uninstall succeeded for release {name} with chart {chart}");
            report::tell(work, Condition::Released, Why::UninstallSucceeded, &about, message, false);
        }
        Cause::Remedy => {
            let message =
                format!("Helm uninstall remediation for release {name} with chart {chart} succeeded");
            work.ledger.set(Set::yes(Condition::Remediated, Why::UninstallSucceeded, message.clone()));
            work.emit(&about, Event::info(Why::UninstallSucceeded, message));
        }
    }
}

fn observe(work: &Work<'_>, written: Vec<ReleaseSnapshot>, cause: Cause) {
    work.ledger.change(|status| {
        for snapshot in written {
            report::replace(&mut status.history, snapshot, Some(cause.action()));
        }
    });
}

async fn helm(
    work: &Work<'_>,
    storage: Storage,
    written: &mut Vec<ReleaseSnapshot>,
) -> Result<Outcome, ActError> {
    let rows = storage.rows().await?;
    let Some(row) = rows.first() else { return Ok(Outcome::NotFound) };
    let Some(stored) = storage.get(row.version).await? else { return Ok(Outcome::NotFound) };
    let resumed = work.plan_of(&stored).filter(|plan| plan.doing == Doing::Uninstall).cloned();
    let release = stored.release;
    let keep = work.spec().uninstall().keep_history;
    if release.status() == Status::Uninstalled {
        if keep {
            return Ok(Outcome::Already);
        }
        purge(&storage, &rows.iter().map(|row| row.version).collect::<Vec<_>>()).await?;
        return Ok(Outcome::Done);
    }
    let mut act = match resumed {
        Some(plan) => Act::resume(work, Kind::Uninstall, release, plan),
        None => begin(work, release).await,
    };
    act.storage = storage.clone();
    // Uninstall hooks are made by server-side apply, however the release was made.
    act.server_side = true;
    let result = remove(&mut act, keep).await;
    written.append(&mut act.written);
    let incomplete = result?;
    match keep {
        true => supersede(&mut act, &rows, written).await?,
        false => forget(&act, &storage, &rows, written).await?,
    }
    incomplete.map_or(Ok(Outcome::Done), |text| Err(ActError::Helm(text)))
}

/// A status that cannot be written keeps nothing: the next process begins anew then.
async fn begin<'a>(work: &'a Work<'a>, release: Release) -> Act<'a> {
    let act = Act::new(work, Kind::Uninstall, release, 0);
    if let Err(error) = act.seal().await {
        tracing::warn!(error = %error, "the status does not say what is uninstalled");
    }
    act
}

/// Removes what is stored of the release. As with Helm, also when objects are still there at the end of the wait:
/// they are on their way out, and nobody would look at them again.
async fn forget(
    act: &Act<'_>,
    storage: &Storage,
    rows: &[crate::storage::Row],
    written: &mut Vec<ReleaseSnapshot>,
) -> Result<(), ActError> {
    for row in rows {
        if row.version != act.release.version
            && let Some(stored) = storage.get(row.version).await?
        {
            written.push(act.shown(&stored.release));
        }
        storage.delete(row.version).await?;
    }
    act.unseal();
    Ok(())
}

async fn purge(storage: &Storage, versions: &[i64]) -> Result<(), ActError> {
    for version in versions {
        storage.delete(*version).await?;
    }
    Ok(())
}

/// Removes the objects. What went wrong after they were deleted is told, and does not keep the release.
async fn remove(act: &mut Act<'_>, keep: bool) -> Result<Option<String>, ActError> {
    if act.resumed.is_none() {
        act.release.set_status(Status::Uninstalling, "Deletion in progress (or silently failed)");
        act.release.info.deleted = Some(made::now_text());
    }
    if act.hooks && !act.is_past(Phase::Before) {
        hooks::run(act, &Hooks { event: "pre-delete", phase: Phase::Before, skip: &[] }).await?;
    }
    let mut errors = Vec::new();
    let deleted = delete(act).await?;
    if act.waits.objects && !act.is_past(Phase::Wait) && !deleted.is_empty() {
        act.enter(Phase::Wait, 0, false).await?;
        let until = act.until();
        errors.extend(wait::gone(act.work, &deleted, until).await.err().map(|error| error.to_string()));
    }
    if act.hooks {
        let after = Hooks { event: "post-delete", phase: Phase::After, skip: &[] };
        match hooks::run(act, &after).await {
            Err(ActError::Helm(text)) => errors.push(text),
            other => other?,
        }
    }
    act.release.set_status(Status::Uninstalled, "Uninstallation complete");
    if keep {
        act.conclude().await?;
    }
    let told = format!("uninstallation completed with {} error(s): {}", errors.len(), errors.join("; "));
    Ok(Some(told).filter(|_| !errors.is_empty()))
}

/// Deletes the release's own objects in Helm's order; those deleted are returned.
async fn delete(act: &mut Act<'_>) -> Result<Vec<Object>, ActError> {
    let session = &act.work.session;
    let built = resources::build_known(session, &act.release.manifest, &act.release.namespace).await;
    let corrupt = |error| ActError::Helm(format!("failed to delete release: {}: {error}", act.release.name));
    let mut objects = built.map_err(corrupt)?;
    objects.retain(|object| !resources::is_kept(object));
    helm_template::uninstall_order(&mut objects, Object::kind);
    if act.is_past(Phase::Apply) {
        return Ok(objects);
    }
    act.plan.phase = Phase::Apply;
    act.record().await?;
    let owned = owned(act, objects).await?;
    let propagation = act.work.spec().propagation();
    let mut failed = false;
    for object in &owned {
        if let Err(error) = act.work.session.delete_one(object, propagation, None).await {
            tracing::error!(error = %error, object = object.id().subject(), "could not be deleted");
            failed = true;
        }
    }
    if failed {
        return Err(ActError::Helm(format!("failed to delete release: {}", act.release.name)));
    }
    Ok(owned)
}

/// Objects that are there and carry the release's marks. One that cannot be read ends the uninstall before anything is
/// deleted: once the release is forgotten, nobody knows of what was left.
async fn owned(act: &Act<'_>, objects: Vec<Object>) -> Result<Vec<Object>, ActError> {
    let Release { name, namespace, .. } = &act.release;
    let mut owned = Vec::new();
    for object in objects {
        match resources::find(&act.work.session, &object).await {
            Ok(Some(live)) if resources::foreign(&live, name, namespace).is_none() => owned.push(object),
            Ok(Some(_)) => {
                tracing::warn!(object = object.id().subject(), "not deleted: it is not the release's");
            }
            Ok(None) => {}
            Err(error) => {
                let subject = object.id().subject();
                return Err(ActError::Helm(format!("failed to delete release: {name}: {subject}: {error}")));
            }
        }
    }
    Ok(owned)
}

async fn supersede(
    act: &mut Act<'_>,
    rows: &[crate::storage::Row],
    written: &mut Vec<ReleaseSnapshot>,
) -> Result<(), ActError> {
    for row in rows.iter().filter(|row| row.status == "deployed" && row.version != act.release.version) {
        let Some(mut stored) = act.storage.get(row.version).await? else { continue };
        stored.release.info.status = Some(Status::Superseded);
        act.storage.update(&stored.release, None).await?;
        written.push(act.shown(&stored.release));
    }
    Ok(())
}
