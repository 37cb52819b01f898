//! The Kustomization is deleted: what it applied goes too, when its policy says so.

use std::time::Duration;

use api::kustomize::v1::{DeletionPolicy, Kustomization, KustomizationStatus};
use api::meta::{ConditionType, FluxObject, Reason};
use manifest::Inventory;
use runtime::conditions::find;
use runtime::{Event, Finalized, Next, ReasonName, Run};
use ssa::{Owner, PruneOptions, Pruned, Session};
use tokio::time::Instant;

use crate::app::App;
use crate::hints;
use crate::status::finished_message;
use crate::steps::{inventory, prune};
use crate::work::{identity, owner, reference, with_revision};

/// How often objects that are going away are looked at.
const POLL: Duration = Duration::from_secs(2);

/// Deletes, waits, and lets go.
pub(crate) async fn finalize(app: &App, run: &Run<Kustomization>) -> Finalized<KustomizationStatus> {
    let owner = owner(run);
    app.cluster.drift().forget(&owner);
    let inventory = match inventory::of_status(&run.base) {
        Ok(inventory) => inventory,
        Err(error) => return failed(run, error.to_string(), Vec::new()),
    };
    if inventory.is_empty() {
        return done(run, Vec::new());
    }
    if let Some(message) = unreadable(&run.object) {
        let (status, reason) = (run.base.clone(), Reason::PruneFailed.into());
        let events = vec![about(run, Event::error(ready_reason(run), &*message))];
        return Finalized::Failed { status, reason, message, events, next: Next::Never };
    }
    if !deletes(&run.object) {
        return done(run, Vec::new());
    }
    if run.object.spec.kube_config.is_some() {
        // The inventory is that of another cluster.
        return done(run, vec![about(run, Event::error(ready_reason(run), orphaned(&inventory)))]);
    }
    let session = app.cluster.session(identity(app, &run.object));
    if let Some(wait) = app.memories.with(&run.key, |memory| memory.termination.clone()) {
        return terminated(app, run, &session, &wait).await;
    }
    match session.account_exists().await {
        Ok(true) => delete(app, run, &session, &owner, &inventory).await,
        Ok(false) => done(run, vec![about(run, Event::error(ready_reason(run), orphaned(&inventory)))]),
        Err(error) => failed(run, error.to_string(), Vec::new()),
    }
}

/// A field that cannot be read could be the account that deletes, or say that nothing is to be deleted: the object stays
/// until it can be read.
fn unreadable(object: &Kustomization) -> Option<String> {
    let error = object.spec_error()?;
    Some(format!(
        "its objects are not deleted: the stored object cannot be read: {error}; mend it, or take its finalizer off to \
         leave them in the cluster"
    ))
}

fn deletes(object: &Kustomization) -> bool {
    match object.spec.deletion_policy() {
        DeletionPolicy::MirrorPrune => object.spec.prune,
        DeletionPolicy::Delete | DeletionPolicy::WaitForTermination => true,
        DeletionPolicy::Orphan | DeletionPolicy::Other(_) => false,
    }
}

async fn delete(
    app: &App,
    run: &Run<Kustomization>,
    session: &Session,
    owner: &Owner,
    inventory: &Inventory,
) -> Finalized<KustomizationStatus> {
    // Other people's claims count for nothing: nobody comes back to look what became of them.
    let claimed = prune::claimed_by_others(app, &run.key, inventory, true);
    let fence = || run.fence().is_ok();
    let options =
        PruneOptions { owner, claimed: &|id| claimed.contains_key(id), cancel: &run.cancel, fence: &fence };
    let mut pruned = session.prune(inventory, &options).await;
    // Whoever claims them knows of them.
    pruned.skipped.append(&mut pruned.left);
    if !pruned.failed.is_empty() {
        let event = about(run, Event::error(ready_reason(run), "pruning for deleted resource failed"));
        return failed(run, failures(&pruned), vec![event]);
    }
    let lines = prune::lines(&pruned);
    if lines.is_empty() {
        return done(run, Vec::new());
    }
    let told = about(run, Event::info(ready_reason(run), lines));
    if run.object.spec.deletion_policy() != DeletionPolicy::WaitForTermination {
        return done(run, vec![told]);
    }
    run.emit(told);
    let version = |id| inventory.version(id).unwrap_or_default().to_owned();
    let going = pruned.deleted.iter().map(|id| (id.clone(), version(id))).collect();
    let wait = Termination { going, until: Instant::now() + run.object.spec.timeout(), told: false };
    app.memories.with(&run.key, |memory| memory.termination = Some(wait.clone()));
    terminated(app, run, session, &wait).await
}

/// Objects that are being deleted and waited for.
#[derive(Clone, Debug)]
pub(crate) struct Termination {
    going: Inventory,
    until: Instant,
    told: bool,
}

/// What is left after so long a wait is held by somebody.
const HELD: Duration = Duration::from_secs(10);

/// Says once, in Kubernetes alone, what is waited for and how to see who holds it.
fn tell_held(run: &Run<Kustomization>, present: &[manifest::ObjectId], until: Instant) {
    let Some(first) = present.first() else { return };
    let left = present.iter().map(manifest::ObjectId::subject).collect::<Vec<_>>().join(", ");
    let seconds = until.saturating_duration_since(Instant::now()).as_secs();
    let text =
        format!("waiting for the termination of {left}: finalizers hold it; the wait ends in {seconds}s");
    run.emit(Event::error(ready_reason(run), text).below([hints::holders(first)]).on(reference(&run.object)));
}

async fn terminated(
    app: &App,
    run: &Run<Kustomization>,
    session: &Session,
    wait: &Termination,
) -> Finalized<KustomizationStatus> {
    let present = session.present(&wait.going).await;
    if present.is_empty() {
        return done(run, Vec::new());
    }
    let now = Instant::now();
    if now >= wait.until {
        let event = Event::error(ready_reason(run), "failed to wait for resources termination");
        return done(run, vec![about(run, event)]);
    }
    let left = present.iter().map(manifest::ObjectId::subject).collect::<Vec<_>>().join(", ");
    run.note(format!("termination of {left}"));
    let begun = wait.until.checked_sub(run.object.spec.timeout());
    let tells = !wait.told && begun.is_some_and(|begun| now.duration_since(begun) >= HELD);
    if tells {
        tell_held(run, &present, wait.until);
    }
    let wait = Termination { told: wait.told || tells, ..wait.clone() };
    app.memories.with(&run.key, |memory| memory.termination = Some(wait.clone()));
    let next = Next::At(wait.until.min(now + POLL));
    Finalized::Wait { status: run.base.clone(), message: None, events: Vec::new(), next }
}

fn failures(pruned: &Pruned) -> String {
    pruned.failed.iter().map(|(_, error)| error.to_string()).collect::<Vec<_>>().join(", ")
}

fn orphaned(inventory: &Inventory) -> String {
    let left: Vec<String> = inventory.iter().map(|(id, _)| id.subject()).collect();
    format!("unable to prune objects: \n{}", left.join("\n"))
}

/// Let go, and told as Flux does for a Kustomization that was ready.
fn done(run: &Run<Kustomization>, mut events: Vec<Event>) -> Finalized<KustomizationStatus> {
    if is_ready(run) {
        let interval = run.object.spec.interval.get_or(Duration::ZERO);
        let finished = Event::info(ready_reason(run), finished_message(run.started.elapsed(), interval));
        events.push(about(run, finished).with("commit_status", "update"));
    }
    Finalized::Done { events }
}

fn failed(run: &Run<Kustomization>, message: String, events: Vec<Event>) -> Finalized<KustomizationStatus> {
    let (status, reason) = (run.base.clone(), Reason::PruneFailed.into());
    Finalized::Failed { status, reason, message, events, next: Next::Backoff }
}

fn is_ready(run: &Run<Kustomization>) -> bool {
    find(&run.base.conditions, ConditionType::Ready).is_some_and(|ready| ready.status == "True")
}

/// Events of Flux carry the reason that Ready has at that moment.
fn ready_reason(run: &Run<Kustomization>) -> ReasonName {
    const KNOWN: [Reason; 7] = [
        Reason::ReconciliationSucceeded,
        Reason::ReconciliationFailed,
        Reason::HealthCheckFailed,
        Reason::PruneFailed,
        Reason::BuildFailed,
        Reason::ArtifactFailed,
        Reason::DependencyNotReady,
    ];
    let ready = find(&run.base.conditions, ConditionType::Ready);
    let reason = ready.and_then(|ready| KNOWN.into_iter().find(|known| known.as_str() == ready.reason));
    reason.unwrap_or(Reason::Progressing).into()
}

fn about(run: &Run<Kustomization>, event: Event) -> Event {
    let status = &run.base;
    with_revision(
        event,
        status.last_applied_revision.as_deref(),
        status.last_applied_origin_revision.as_deref(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn kustomization(spec: Value) -> Kustomization {
        serde_json::from_value(json!({"metadata": {"name": "app"}, "spec": spec})).unwrap()
    }

    #[test]
    fn nothing_is_deleted_for_a_spec_that_cannot_be_read() {
        let lost = kustomization(json!({"prune": true, "serviceAccountName": 7}));
        assert_eq!(
            (deletes(&lost), lost.spec.service_account_name.as_deref()),
            (true, None),
            "as the controller"
        );
        let message = unreadable(&lost).unwrap();
        assert!(message.contains("cannot read spec.serviceAccountName; mend it"), "{message}");
        assert!(unreadable(&kustomization(json!({"prune": true, "serviceAccountName": "tenant"}))).is_none());
    }
}
