use std::collections::{HashMap, HashSet};
use std::time::Duration;

use api::kustomize::v1::KustomizationStatus;
use api::meta::{ConditionType, Reason};
use manifest::{Inventory, ObjectId};
use runtime::conditions::find;
use runtime::{Event, Set};
use ssa::{Applied, ApplyError, Change, Deferred, FIRST_LOOK, ObjectError, Prepared, Secrets};
use tokio::time::Instant;

use crate::contest::Nominations;
use crate::hints;
use crate::memory::{AppliedBuild, Pass, Stage, TOLD_AFTER, Wait};
use crate::state::{Last, Scope};
use crate::status::{Failure, Own, Phase};
use crate::steps::apply::{ApplyStop, Sends};
use crate::steps::finish::Checked;
use crate::steps::{apply, build, drift, finish, health, inventory, origin, prune};
use crate::work::{Stop, Work, reference};

/// How a run ends that did not fail.
#[derive(Debug)]
pub(crate) enum End {
    /// There was nothing to do, or drift was undone: the status stays.
    Rest {
        /// When the interval passes.
        next: Option<Instant>,
    },
    /// Applied; something is waited for.
    Waiting(Box<Waiting>),
    /// Applied, pruned, healthy.
    Done(Box<finish::Done>),
}

/// What is waited for.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The status to record.
    pub status: KustomizationStatus,
    /// Reason and message of Reconciling.
    pub reconciling: (Reason, String),
    /// Conditions of Kustomizations.
    pub sets: Vec<Set>,
    /// When to look again if nothing wakes the object.
    pub next: Again,
}

impl Waiting {
    /// The same, without these texts.
    pub(crate) fn masked(mut self, secrets: &Secrets) -> Self {
        let message = |set: &mut Set| match set {
            Set::Put { message, .. } => *message = secrets.mask(message),
            Set::Remove(_) => {}
        };
        self.sets.iter_mut().for_each(message);
        self.reconciling.1 = secrets.mask(&self.reconciling.1);
        self
    }
}

/// When a waiting object is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// At this time, and what is waited for is judged.
    Look(Instant),
    /// After this time, by a full pass.
    Pass(Duration),
}

/// What a pass is about to do.
struct Plan {
    sends: Sends,
    nominations: Nominations,
    build: AppliedBuild,
}

/// Nothing to do until the next wake-up.
pub(crate) fn rest(work: &Work<'_>) -> End {
    let next = work.app.memories.with(&work.run.key, |memory| memory.interval_at);
    End::Rest { next }
}

/// Fetches, builds, applies, prunes, looks.
///
/// # Errors
/// At the first step that fails, and when the run is outdated.
pub(crate) async fn pass(work: &Work<'_>, scope: Scope) -> Result<End, Stop> {
    let built = build::from_source(work).await?;
    work.border()?;
    let attempted = attempted(work);
    let prepared = work.session.prepare(built.objects, &work.owner).await;
    let prepared = prepared.map_err(|error| {
        Failure::in_phase(Phase::Applying, Reason::ReconciliationFailed, error.to_string())
            .with(attempted.clone())
    })?;
    let plan = plan(work, &prepared, built.digest, scope);
    warn_of_dropped(work, &prepared).await;
    if let Some(left) = left_with_nothing_to_do(work, &plan)? {
        keep(work, &remembered(work, &prepared, &plan.build.digest, &[]), false);
        work.app.memories.with(&work.run.key, |memory| memory.note_prune(left, true));
        return Ok(End::Done(Box::new(finish::done(work, Checked::Before))));
    }
    let nominations = plan.nominations.clone();
    let end = carry_out(work, &prepared, plan, attempted).await;
    if matches!(end, Err(Stop::Outdated | Stop::Unrecorded)) {
        // The watch tells of a drift once: what this run could not undo is left to the next one.
        work.app.memories.with(&work.run.key, |memory| memory.contest.put_back(nominations));
    }
    end
}

/// Says once a revision, in Kubernetes alone, that a committed `kubectl get -o yaml` was applied without what belongs
/// to the server.
async fn warn_of_dropped(work: &Work<'_>, prepared: &Prepared) {
    let Some((first, fields)) = prepared.dropped().first() else { return };
    let told = work.app.memories.with(&work.run.key, |memory| {
        memory.warned.replace(work.target.revision.clone()).as_ref() == Some(&work.target.revision)
    });
    if told {
        return;
    }
    let more = match prepared.dropped().len() - 1 {
        0 => String::new(),
        more => format!(", and of {more} more objects"),
    };
    let text = format!(
        "fields of the server were dropped from {}{more}: {}; what was committed is the output of kubectl get",
        first.subject(),
        fields.join(", ")
    );
    let found = origin::files(work, std::slice::from_ref(first)).await;
    let run = found.first().map(|(_, file)| hints::strip(file, fields));
    let lines = hints::whereabouts(&found, &work.target.revision).into_iter().chain(run);
    work.run.emit(Event::error(Own::ServerFieldsDropped, text).below(lines).on(reference(work.object())));
}

async fn carry_out(
    work: &Work<'_>,
    prepared: &Prepared,
    plan: Plan,
    attempted: KustomizationStatus,
) -> Result<End, Stop> {
    announce(work, prepared, &plan, attempted).await?;
    work.border()?;
    let applied = send(work, prepared, &plan).await?;
    after_apply(work, prepared, plan, applied).await
}

/// The status with the revision that is being tried.
fn attempted(work: &Work<'_>) -> KustomizationStatus {
    KustomizationStatus { last_attempted_revision: Some(work.target.revision.clone()), ..work.status() }
}

fn plan(work: &Work<'_>, prepared: &Prepared, digest: String, scope: Scope) -> Plan {
    let build = AppliedBuild { digest, objects: apply::described(prepared) };
    let now = Instant::now();
    work.app.memories.with(&work.run.key, |memory| {
        let same = memory.pass.as_ref().is_some_and(|pass| pass.target == work.target);
        let (sends, nominations) = match scope {
            Scope::Full => {
                let nominations = memory.contest.take_all(now);
                memory.contest.forget_old(now);
                (Sends::All, nominations)
            }
            // What the build takes from elsewhere changed without a new revision: what was applied is another build.
            Scope::Changed if same && memory.applied.digest != build.digest => {
                (Sends::All, memory.contest.take_all(now))
            }
            Scope::Changed if same => {
                let due = memory.contest.take_due(now);
                let left = |id: &ObjectId| (id.clone(), memory.contest.insisting(id));
                (Sends::Drifted(due.keys().map(left).collect()), due)
            }
            Scope::Changed => {
                (Sends::Changed(inventory::changed(&memory.applied.objects, &build.objects)), HashMap::new())
            }
        };
        Plan { sends, nominations, build }
    })
}

/// A revision that changes nothing here (decision D4): no object differs, and none left but those that the last pass left
/// to another Kustomization, which claims them still. These are given.
fn left_with_nothing_to_do(work: &Work<'_>, plan: &Plan) -> Result<Option<Inventory>, Stop> {
    let gone = old_inventory(work)?.minus(&plan.build.inventory());
    let nothing = matches!(plan.sends, Sends::Changed(_)) && plan.sends.is_nothing();
    Ok((nothing && prune::stays_left(work, &gone)).then_some(gone))
}

fn old_inventory(work: &Work<'_>) -> Result<Inventory, Stop> {
    inventory::of_status(&work.status()).map_err(|error| {
        Failure::in_phase(Phase::Applying, Reason::ReconciliationFailed, error.to_string()).into()
    })
}

/// Writes the inventory ahead (decision D6), and what is being tried. An unchanged pass writes nothing.
async fn announce(
    work: &Work<'_>,
    prepared: &Prepared,
    plan: &Plan,
    mut status: KustomizationStatus,
) -> Result<(), Stop> {
    let (old, new) = (old_inventory(work)?, prepared.inventory());
    let grows = inventory::grows(&old, &new);
    let tried = work.status().last_attempted_revision.as_deref() == Some(&*work.target.revision);
    if !grows && (tried || matches!(plan.sends, Sends::Drifted(_))) {
        return Ok(());
    }
    if grows {
        let ahead = inventory::to_status(&old.union(&new));
        inventory::fits(&ahead).map_err(|error| {
            Failure::in_phase(Phase::Applying, Reason::ReconciliationFailed, error.to_string())
        })?;
        status.inventory = Some(ahead);
        // A pass that was held or failed comes here again: what it wrote ahead was not there before.
        work.app.memories.with(&work.run.key, |memory| {
            memory.before.get_or_insert(old);
        });
    }
    work.progress(&status, Phase::Applying, &[]).await
}

async fn send(work: &Work<'_>, prepared: &Prepared, plan: &Plan) -> Result<Applied, Stop> {
    if plan.sends.is_nothing() {
        return Ok(Applied::default());
    }
    match apply::apply(work, prepared, &plan.sends).await {
        Ok(applied) => Ok(applied),
        Err(ApplyStop::Outdated) => {
            // Some of it may be written: what the next revision leaves as it was before this one has to be sent too.
            if !matches!(plan.sends, Sends::Drifted(_)) {
                work.app.memories.with(&work.run.key, |memory| memory.full_due = true);
            }
            Err(Stop::Outdated)
        }
        // Nothing is healed in a namespace that goes away; the interval tells what is left of it.
        Err(ApplyStop::Failed(error)) if is_hopeless_heal(&plan.sends, &error) => Ok(error.applied),
        Err(ApplyStop::Failed(error)) => {
            tell_changes(work, &error.applied.changes, plan);
            work.app.cluster.drift().track(&work.owner, &error.applied.changes);
            work.app.memories.with(&work.run.key, |memory| memory.fail());
            let base = inventory::of_status(&work.run.base).unwrap_or_default();
            let left = inventory::after_failure(&base, &prepared.inventory(), &error);
            let mut status = attempted(work);
            status.inventory = Some(inventory::to_status(&left)).filter(|list| !list.entries.is_empty());
            let failure = explained(work, apply::failure(&error), &error.errors).await;
            Err(finish::failed(work, failure, status, &plan.build.digest).into())
        }
    }
}

/// A failure with the places of its objects in the source, and what to run about the first.
async fn explained(work: &Work<'_>, failure: Failure, errors: &[ObjectError]) -> Failure {
    let ids: Vec<ObjectId> = errors.iter().map(|error| error.id.clone()).collect();
    let account = work.account();
    let run = errors.first().map(|error| hints::refused(error, account.as_deref()));
    origin::located(work, failure, &ids).await.below(run)
}

fn is_hopeless_heal(sends: &Sends, error: &ApplyError) -> bool {
    let terminating = |one: &ObjectError| one.to_string().contains("because it is being terminated");
    matches!(sends, Sends::Drifted(_)) && error.errors.iter().all(terminating)
}

/// Events and metrics of what an apply did.
fn tell_changes(work: &Work<'_>, changes: &[Change], plan: &Plan) {
    let lines = apply::change_lines(changes);
    if !lines.is_empty() {
        work.tell(lines);
    }
    for change in changes {
        let nominations = plan.nominations.get(&change.id);
        drift::tell(work, change, nominations.and_then(|all| all.last()));
    }
}

async fn after_apply(
    work: &Work<'_>,
    prepared: &Prepared,
    plan: Plan,
    applied: Applied,
) -> Result<End, Stop> {
    work.app.cluster.drift().track(&work.owner, &applied.changes);
    tell_changes(work, &applied.changes, &plan);
    if !applied.deferred.is_empty() {
        return put_off(work, &plan, &applied.deferred).await;
    }
    if plan.sends == Sends::All {
        work.app.memories.with(&work.run.key, |memory| {
            memory.full_due = false;
            memory.interval_at = None;
        });
    }
    let changed = applied.changes.iter().any(|change| change.action.is_change());
    let heals = matches!(plan.sends, Sends::Drifted(_));
    keep(work, &remembered(work, prepared, &plan.build.digest, &applied.changes), heals);
    let healthy =
        applied.changes.iter().filter(|change| change.healthy).map(|change| change.id.clone()).collect();
    work.app.memories.with(&work.run.key, |memory| memory.note_changes(changed, healthy));
    if heals {
        health::judge_again(work, &applied.changes);
    }
    let was_done = work.app.memories.with(&work.run.key, |memory| memory.is(Last::Ready));
    if heals && was_done { Ok(rest(work)) } else { look(work).await }
}

/// The build with what is known of its objects before and after these changes.
fn remembered(work: &Work<'_>, prepared: &Prepared, digest: &str, changes: &[ssa::Change]) -> AppliedBuild {
    let before = work.app.memories.with(&work.run.key, |memory| memory.applied.objects.clone());
    AppliedBuild { digest: digest.to_owned(), objects: apply::remembered(prepared, &before, changes) }
}

/// Remembers the build, and the pass unless it only undid drift.
fn keep(work: &Work<'_>, build: &AppliedBuild, heals: bool) {
    let ready = find(&work.run.base.conditions, ConditionType::Healthy);
    let was_healthy = ready.is_some_and(|healthy| healthy.status == "True");
    let pass = Pass {
        target: work.target.clone(),
        started: work.run.started,
        changed: false,
        healthy: HashSet::new(),
        was_healthy,
        wait: None,
        pruned: false,
        last: Last::Waiting,
    };
    work.app.memories.with(&work.run.key, |memory| memory.note_applied(build.clone(), pass, heals));
}

/// Some objects wait for their kind or a webhook (decision D7): nothing is pruned and nothing is judged until they
/// are applied, or the time is up.
async fn put_off(work: &Work<'_>, plan: &Plan, deferred: &[Deferred]) -> Result<End, Stop> {
    let now = Instant::now();
    let (since, count) = work.app.memories.with(&work.run.key, |memory| {
        memory.defer(&work.target, work.run.started, now);
        (memory.deferred_since.as_ref().map_or(now, |(_, since)| *since), memory.deferrals)
    });
    let texts: Vec<String> = deferred.iter().map(|one| one.error.to_string()).collect();
    let status = attempted(work);
    if now.duration_since(since) >= work.timeout() {
        let message = format!("{}\n", texts.join("\n"));
        let failure = Failure::in_phase(Phase::Applying, Reason::ReconciliationFailed, message);
        let errors: Vec<ObjectError> = deferred.iter().map(|one| one.error.clone()).collect();
        let failure = explained(work, failure, &errors).await;
        return Err(finish::failed(work, failure, status, &plan.build.digest).into());
    }
    let seconds = 2u64.saturating_pow(count.saturating_sub(1)).min(30);
    let left = work.timeout().saturating_sub(now.duration_since(since));
    Ok(End::Waiting(Box::new(Waiting {
        status,
        reconciling: (Reason::ProgressingWithRetry, format!("Waiting to apply: {}", texts.join("; "))),
        sets: Vec::new(),
        next: Again::Pass(Duration::from_secs(seconds).min(left.max(Duration::from_millis(100)))),
    })))
}

/// Goes on from where the pass stands: prune, then health, then the end.
///
/// # Errors
/// When a delete fails, or the objects do not become healthy.
pub(crate) async fn look(work: &Work<'_>) -> Result<End, Stop> {
    let known = work.app.memories.with(&work.run.key, |memory| {
        memory.pass.clone().map(|pass| (pass, memory.applied.clone(), memory.left.clone()))
    });
    let Some((pass, applied, left)) = known else { return Ok(rest(work)) };
    let mut candidates = prune::candidates(&old_inventory(work)?, &applied.inventory());
    if !left.is_empty() {
        // The others are deleted; the status still tells of them.
        candidates = candidates.minus(&candidates.minus(&left));
    }
    if !pass.pruned
        && !candidates.is_empty()
        && work.object().spec.prune
        && let Some(end) = prune_stage(work, &pass, &applied, &candidates).await?
    {
        return Ok(end);
    }
    work.app.memories.with(&work.run.key, |memory| memory.before = None);
    health_stage(work, &pass, &applied).await
}

async fn prune_stage(
    work: &Work<'_>,
    pass: &Pass,
    applied: &AppliedBuild,
    candidates: &Inventory,
) -> Result<Option<End>, Stop> {
    let before = work.app.memories.with(&work.run.key, |memory| memory.before.clone());
    let before = before.map_or_else(|| old_inventory(work), Ok)?;
    let is_late = pass.wait.as_ref().is_some_and(|wait| wait.until <= Instant::now());
    let claimed = prune::claimed_by_others(work.app, &work.run.key, candidates, is_late);
    let held = prune::guard(work, (candidates, &before), &claimed, applied.objects.len());
    held.map_err(|failure| finish::failed(work, failure, attempted(work), &applied.digest))?;
    if let Some(waiting) = wait_for_siblings(work, pass) {
        return Ok(Some(waiting));
    }
    work.border()?;
    let ids: Vec<ObjectId> = candidates.iter().map(|(id, _)| id.clone()).collect();
    work.app.cluster.drift().untrack(&work.owner, &ids);
    let (pruned, is_taken) = prune::prune(work, candidates, &claimed).await;
    let left = prune::left(&pruned, candidates);
    let lines = prune::lines(&pruned);
    if !lines.is_empty() {
        work.tell(lines);
    }
    work.border()?;
    let Some(failure) = prune::failure(&pruned) else {
        let waiting = if is_taken { wait_for_takeover(work, pass) } else { None };
        work.app.memories.with(&work.run.key, |memory| memory.note_prune(left, waiting.is_none()));
        return Ok(waiting);
    };
    work.app.memories.with(&work.run.key, |memory| memory.fail());
    let mut status = attempted(work);
    let left = applied.inventory().union(&left).union(&prune::survivors(&pruned, candidates));
    status.inventory = Some(inventory::to_status(&left));
    Err(finish::failed(work, failure, status, &applied.digest).into())
}

/// Another Kustomization is about to take over what left this one: it is looked for again, untold, because it mostly takes
/// less than a second.
fn wait_for_takeover(work: &Work<'_>, pass: &Pass) -> Option<End> {
    set_sibling_wait(work, pass)?;
    Some(End::Rest { next: Some(Instant::now() + prune::TAKEOVER) })
}

/// Begins to wait for others, or goes on; gives how long. None when the time is up.
fn set_sibling_wait(work: &Work<'_>, pass: &Pass) -> Option<Instant> {
    let now = Instant::now();
    let until = match &pass.wait {
        Some(wait) if wait.stage == Stage::Siblings => wait.until,
        Some(_) => return None,
        None => now + prune::SIBLINGS,
    };
    if now >= until {
        return None;
    }
    set_wait(work, Wait { stage: Stage::Siblings, until, since: now, pending: Vec::new() });
    Some(until)
}

fn wait_for_siblings(work: &Work<'_>, pass: &Pass) -> Option<End> {
    // Before it is asked who is waited for: that one may move at once, and tells it once, to those that wait.
    let until = set_sibling_wait(work, pass)?;
    let sibling = prune::waits_for(work.app, &work.run.key, work.object(), &work.target.revision)?;
    let message = format!(
        "Waiting for Kustomization '{sibling}' to try revision {} before objects that left are deleted",
        work.target.revision
    );
    Some(waiting(attempted(work), message, Vec::new(), until))
}

fn waiting(status: KustomizationStatus, message: String, sets: Vec<Set>, at: Instant) -> End {
    End::Waiting(Box::new(Waiting {
        status,
        reconciling: (Reason::Progressing, message),
        sets,
        next: Again::Look(at),
    }))
}

fn set_wait(work: &Work<'_>, wait: Wait) {
    work.app.memories.with(&work.run.key, |memory| {
        if let Some(pass) = memory.pass.as_mut() {
            pass.wait = Some(wait);
            pass.last = Last::Waiting;
        }
    });
}

async fn health_stage(work: &Work<'_>, pass: &Pass, applied: &AppliedBuild) -> Result<End, Stop> {
    let Some(mut checks) = health::checks(work.object(), &applied.objects) else {
        return Ok(End::Done(Box::new(finish::done(work, Checked::NotAsked))));
    };
    checks.retain(|check| health::is_judged(work, check) || !pass.healthy.contains(&check.0));
    let is_new = pass.wait.as_ref().is_none_or(|wait| wait.stage != Stage::Health);
    let wait = health_wait(work, pass, checks);
    let ids: Vec<ObjectId> = wait.pending.iter().map(|(id, _)| id.clone()).collect();
    work.app.cluster.drift().wait_for(&work.owner, &ids);
    if is_new && health::can_wait_for_signal(work, &wait.pending, &ids) {
        let next = wait.until.min(Instant::now() + FIRST_LOOK);
        set_wait(work, wait);
        return Ok(End::Rest { next: Some(next) });
    }
    let look = health::look(work, &wait.pending).await;
    work.border()?;
    let now = Instant::now();
    let took = now.duration_since(wait.since);
    if look.pending.is_empty() {
        work.app.cluster.drift().wait_for(&work.owner, &[]);
        return Ok(End::Done(Box::new(finish::done(work, Checked::Healthy(took)))));
    }
    if let Some(error) = health::HealthError::of(&look, work.app.options.fail_fast, now >= wait.until) {
        work.app.cluster.drift().wait_for(&work.owner, &[]);
        work.app.memories.with(&work.run.key, |memory| memory.fail());
        let status = finish::applied_status(work, applied);
        let ids: Vec<ObjectId> = look.pending.iter().map(|(id, _)| id.clone()).collect();
        let failure = origin::located(work, error.failure(took), &ids)
            .await
            .below(look.why.into_iter().chain(look.run));
        return Err(finish::failed(work, failure, status, &applied.digest).into());
    }
    // What a rollout goes through in its first moments is nobody's news, and its end comes with a signal.
    let told_from = wait.since + TOLD_AFTER;
    if now < told_from && health::is_watched(work, &look.pending) {
        let next = wait.until.min(told_from);
        set_wait(work, Wait { pending: look.pending, ..wait });
        return Ok(End::Rest { next: Some(next) });
    }
    Ok(still_waiting(work, applied, wait, look))
}

fn still_waiting(work: &Work<'_>, applied: &AppliedBuild, wait: Wait, look: health::Look) -> End {
    let again = health::look_again(work, &look.pending, wait.until);
    set_wait(work, Wait { pending: look.pending, ..wait });
    let message = work.message(Phase::Checking);
    let healthy = match look.causes.first() {
        Some(cause) => format!("{message}: {cause}"),
        None => message.clone(),
    };
    work.run.note(look.lines.join(", "));
    let sets = vec![Set::unknown(ConditionType::Healthy, Reason::Progressing, healthy)];
    waiting(finish::applied_status(work, applied), message, sets, again)
}

/// The wait that is under way, the one a process before us began, or a new one. Deadlines are absolute.
fn health_wait(work: &Work<'_>, pass: &Pass, checks: Vec<health::Check>) -> Wait {
    match &pass.wait {
        Some(wait) if wait.stage == Stage::Health => wait.clone(),
        _ => {
            let since = health::begun_before(&work.run.base, &work.target).unwrap_or_else(Instant::now);
            Wait { stage: Stage::Health, until: since + work.timeout(), since, pending: checks }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_masked_in_what_is_told_of_a_wait() {
        let told = || "denied: canary".to_owned();
        let waiting = Waiting {
            status: KustomizationStatus::default(),
            reconciling: (Reason::ProgressingWithRetry, told()),
            sets: vec![Set::unknown(ConditionType::Healthy, Reason::Progressing, told())],
            next: Again::Pass(Duration::ZERO),
        };
        let masked = format!("{:?}", waiting.masked(&Secrets::new(["canary".to_owned()], 1)));
        assert!(!masked.contains("canary") && masked.contains("denied: ***"), "{masked}");
    }
}
