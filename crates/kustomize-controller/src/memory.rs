use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use manifest::{Inventory, ObjectId};
use runtime::Key;
use ssa::Secrets;
use tokio::time::Instant;

use crate::contest::Contest;
use crate::state::Last;
use crate::steps::finalize::Termination;

/// What a pass is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Generation of the Kustomization.
    pub generation: i64,
    /// Revision of the source.
    pub revision: String,
}

/// The last build that was applied: a hash for each object, not the objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppliedBuild {
    /// Digest of the built manifests, as in history.
    pub digest: String,
    /// Identity, version and hash of each object, in apply order.
    pub objects: Vec<AppliedObject>,
}

/// One object of the last applied build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppliedObject {
    /// Which object.
    pub id: ObjectId,
    /// API version without the group.
    pub version: String,
    /// Hash of what was applied.
    pub hash: u64,
    /// False for objects that their marks keep from being applied: they are not waited for.
    pub touched: bool,
}

impl AppliedBuild {
    /// The objects as an inventory.
    pub(crate) fn inventory(&self) -> Inventory {
        self.objects.iter().map(|object| (object.id.clone(), object.version.clone())).collect()
    }
}

/// What an applied pass waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Kustomizations of the same source that have not tried this revision yet: they may take over what is to be
    /// pruned here.
    Siblings,
    /// The health of the objects.
    Health,
}

/// A pass that is applied and not finished.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    /// What it waits for.
    pub stage: Stage,
    /// When the stage ends whatever happens.
    pub until: Instant,
    /// When the stage began.
    pub since: Instant,
    /// Objects that are not healthy yet, with their versions.
    pub pending: Vec<(ObjectId, String)>,
}

/// One pass: what is needed to finish it later.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    /// What it is for.
    pub target: Target,
    /// When it began.
    pub started: Instant,
    /// Something in the cluster was changed by it.
    pub changed: bool,
    /// Objects that its answers showed as healthy: for those that no watch sees, nobody else remembers it.
    pub healthy: HashSet<ObjectId>,
    /// The objects were healthy before it.
    pub was_healthy: bool,
    /// What it waits for.
    pub wait: Option<Wait>,
    /// What left the build is deleted, or left to others for good.
    pub pruned: bool,
    /// How it ended, or stands.
    pub last: Last,
}

/// What this process remembers of one Kustomization. Lost at a restart, after which the first pass is a full one.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The last pass.
    pub pass: Option<Pass>,
    /// The last applied build.
    pub applied: AppliedBuild,
    /// Objects that left the build and are claimed by another Kustomization, which has not taken them over yet.
    pub left: Inventory,
    /// What the inventory had before it was written ahead of a pass that has not pruned yet.
    pub before: Option<Inventory>,
    /// Drift that was seen.
    pub contest: Contest,
    /// A full pass is due that has not come to its end.
    pub full_due: bool,
    /// The run ended because a dependency is not ready.
    pub blocked: bool,
    /// Revision and digest of the artifact that was last worked with.
    pub artifact: Option<(String, String)>,
    /// When the interval after the last full pass ends; none from a full pass to the end of its waits.
    pub interval_at: Option<Instant>,
    /// Downloads that failed in a row.
    pub fetch_tries: u32,
    /// How often the pass was put off for missing kinds or webhooks, in a row.
    pub deferrals: u32,
    /// What was put off, and since when.
    pub deferred_since: Option<(Target, Instant)>,
    /// Objects that go away with the Kustomization and are waited for.
    pub termination: Option<Termination>,
    /// Values of Secrets that became variables of the last build: no message of the pass shows them, to its end.
    pub secrets: Secrets,
    /// File and line, at the target of the pass, of objects that somebody insists on; empty where they are not found.
    pub places: HashMap<ObjectId, String>,
    /// The revision for which dropped fields were told.
    pub warned: Option<String>,
    /// When a signal last woke a wait; the next one is held back for [`COALESCE`].
    pub woken: Option<Instant>,
}

/// How long a wait lasts before the status tells of it: a status that is outdated a moment later costs a request, and
/// an event to everybody who watches.
pub(crate) const TOLD_AFTER: Duration = Duration::from_secs(1);

/// Signals of one Kustomization within this time are one look.
pub(crate) const COALESCE: Duration = Duration::from_millis(100);

impl Memory {
    /// When a wait is to be woken for a signal that came now; none when a wake-up is under way already.
    pub(crate) fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        match self.woken {
            Some(woken) if woken > now => None,
            Some(woken) if woken + COALESCE > now => {
                self.woken = Some(woken + COALESCE);
                self.woken
            }
            _ => {
                self.woken = Some(now);
                self.woken
            }
        }
    }

    /// A pass begins. Where objects stand in the source is looked up anew at another revision.
    pub(crate) fn begin(&mut self, pass: Pass) {
        if self.pass.as_ref().is_none_or(|before| before.target != pass.target) {
            self.places.clear();
        }
        self.pass = Some(pass);
    }

    /// A build is applied: `pass` goes on from here, but for a heal, which belongs to the pass that stands. What that
    /// one left to others, the status tells of until a pass looks at it again.
    pub(crate) fn note_applied(&mut self, build: AppliedBuild, pass: Pass, heals: bool) {
        self.applied = build;
        self.deferrals = 0;
        self.deferred_since = None;
        if heals && self.pass.is_some() {
            return;
        }
        self.left = Inventory::new();
        self.begin(pass);
    }

    /// These are waited for too, if health is: what a heal wrote was judged before it drifted.
    pub(crate) fn judge_again(&mut self, checks: impl Iterator<Item = (ObjectId, String)>) {
        let wait = self.pass.as_mut().and_then(|pass| pass.wait.as_mut());
        let Some(wait) = wait.filter(|wait| wait.stage == Stage::Health) else { return };
        for check in checks {
            if !wait.pending.contains(&check) {
                wait.pending.push(check);
            }
        }
    }

    /// The pass failed.
    pub(crate) fn fail(&mut self) {
        if let Some(pass) = self.pass.as_mut() {
            pass.last = Last::Failed;
            pass.wait = None;
        }
    }

    /// The pass has deleted what left the build but for what is left to others, `for_good` or to be looked for again.
    pub(crate) fn note_prune(&mut self, left: Inventory, for_good: bool) {
        self.left = left;
        if let Some(pass) = self.pass.as_mut() {
            pass.pruned = for_good;
        }
    }

    /// Objects that somebody insists on and whose place in the source was not looked up yet, with their fields.
    pub(crate) fn unplaced(&self, now: Instant) -> Vec<(ObjectId, Vec<String>)> {
        let insisted = self.contest.insisted(now);
        let new = insisted.iter().filter(|one| !self.places.contains_key(one.id));
        new.map(|one| (one.id.clone(), one.fields.to_vec())).collect()
    }

    /// Who insists on what, and where it stands.
    pub(crate) fn contested(&self, now: Instant) -> String {
        let line = |one: &crate::contest::Insisted<'_>| match self.places.get(one.id) {
            Some(place) if !place.is_empty() => format!("{one}. In the source: {place}"),
            _ => one.to_string(),
        };
        self.contest.insisted(now).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Whether the last pass stands so.
    pub(crate) fn is(&self, last: Last) -> bool {
        self.pass.as_ref().is_some_and(|pass| pass.last == last)
    }

    /// Whether the object is one of the last applied build, so that its drift watch tells of moves.
    pub(crate) fn knows(&self, id: &ObjectId) -> bool {
        self.applied.objects.iter().any(|object| object.id == *id)
    }

    /// What the answers of an apply said.
    pub(crate) fn note_changes(&mut self, changed: bool, healthy: HashSet<ObjectId>) {
        if let Some(pass) = self.pass.as_mut() {
            pass.changed |= changed;
            pass.healthy = healthy;
        }
    }

    /// The pass is put off.
    pub(crate) fn defer(&mut self, target: &Target, started: Instant, now: Instant) {
        self.deferrals += 1;
        if self.deferred_since.as_ref().is_none_or(|(since, _)| since != target) {
            self.deferred_since = Some((target.clone(), now));
            self.deferrals = 1;
        }
        self.begin(Pass {
            target: target.clone(),
            started,
            changed: false,
            healthy: HashSet::new(),
            was_healthy: false,
            wait: None,
            pruned: false,
            last: Last::Deferred,
        });
    }

    /// Whether the last pass waits in this stage.
    pub(crate) fn waits_in(&self, stage: Stage) -> bool {
        let wait = self.pass.as_ref().and_then(|pass| pass.wait.as_ref());
        wait.is_some_and(|wait| wait.stage == stage)
    }

    /// Whether the artifact last worked with was fetched: else its next announcement is a reason to try again.
    pub(crate) fn took_it(&self) -> bool {
        self.fetch_tries == 0
    }

    /// Whether the last pass waits for something.
    pub(crate) fn waits(&self) -> bool {
        self.pass.as_ref().is_some_and(|pass| pass.wait.is_some())
    }
}

/// The memories of all Kustomizations. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memories {
    all: Arc<Mutex<HashMap<Key, Memory>>>,
}

impl Memories {
    /// Reads and changes one memory, which begins empty. Must not be held across an await: it is a closure.
    pub(crate) fn with<T>(&self, key: &Key, act: impl FnOnce(&mut Memory) -> T) -> T {
        let mut all = self.lock();
        if let Some(memory) = all.get_mut(key) {
            return act(memory);
        }
        act(all.entry(key.clone()).or_default())
    }

    /// Reads and changes a memory that exists.
    pub(crate) fn with_known<T>(&self, key: &Key, act: impl FnOnce(&mut Memory) -> T) -> Option<T> {
        self.lock().get_mut(key).map(act)
    }

    /// Forgets one.
    pub(crate) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// Kustomizations whose memory is so.
    pub(crate) fn which(&self, is: impl Fn(&Memory) -> bool) -> Vec<Key> {
        self.lock().iter().filter(|(_, memory)| is(memory)).map(|(key, _)| key.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Memory>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(revision: &str, wait: Option<Wait>) -> Pass {
        Pass {
            target: Target { generation: 1, revision: revision.into() },
            started: Instant::now(),
            changed: false,
            healthy: HashSet::new(),
            was_healthy: false,
            wait,
            pruned: false,
            last: Last::Waiting,
        }
    }

    #[test]
    fn places_in_the_source_are_those_of_the_last_revision() {
        let id = ObjectId::parse("ns_web_apps_Deployment").unwrap();
        let mut memory = Memory::default();
        memory.begin(pass("a", None));
        memory.places.insert(id, "web.yaml:7".into());
        memory.begin(pass("a", None));
        assert_eq!(memory.places.len(), 1, "it stands where it stood");
        memory.begin(pass("b", None));
        assert!(memory.places.is_empty());
    }

    #[test]
    fn what_is_healed_while_health_is_waited_for_is_waited_for_once() {
        let check = |id: &str| (ObjectId::parse(id).unwrap(), "v1".to_owned());
        let now = Instant::now();
        let wait = |stage| Wait { stage, until: now, since: now, pending: vec![check("ns_a__ConfigMap")] };
        let pending = |stage| {
            let mut memory = Memory::default();
            memory.begin(pass("a", Some(wait(stage))));
            memory.judge_again([check("ns_a__ConfigMap"), check("ns_b__ConfigMap")].into_iter());
            memory.pass.unwrap().wait.unwrap().pending.len()
        };
        assert_eq!((pending(Stage::Health), pending(Stage::Siblings)), (2, 1));
    }

    #[test]
    fn a_heal_forgets_nothing_of_what_was_left_to_others() {
        let left: Inventory =
            [(ObjectId::parse("ns_a__ConfigMap").unwrap(), "v1".to_owned())].into_iter().collect();
        let mut memory = Memory::default();
        memory.note_applied(AppliedBuild::default(), pass("a", None), false);
        memory.note_prune(left, true);
        memory.note_applied(AppliedBuild::default(), pass("a", None), true);
        assert_eq!((memory.left.len(), memory.pass.as_ref().map(|pass| pass.pruned)), (1, Some(true)));
        memory.note_applied(AppliedBuild::default(), pass("b", None), false);
        assert_eq!((memory.left.len(), memory.pass.as_ref().map(|pass| pass.pruned)), (0, Some(false)));
    }

    #[test]
    fn the_first_signal_wakes_at_once_and_the_next_ones_together() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        assert_eq!(memory.wake_at(now), Some(now));
        let soon = now + Duration::from_millis(20);
        assert_eq!(memory.wake_at(soon), Some(now + COALESCE));
        assert_eq!(memory.wake_at(soon + Duration::from_millis(20)), None);
        let later = now + COALESCE * 3;
        assert_eq!(memory.wake_at(later), Some(later));
    }
}
