//! What was applied and what the watches have seen: pure, so that every order of events can be tested.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use manifest::ObjectId;

use crate::{Fingerprint, Identity, Owner, drift_watch::What};

/// What one watch sees: a kind, in all namespaces or in one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
}

impl Scope {
    fn has(&self, id: &ObjectId) -> bool {
        id.group == self.group
            && id.kind == self.kind
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == id.namespace)
    }
}

/// Rows by object. What is asked about one owner or one kind costs what that has, not what the cluster has.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: HashMap<Arc<ObjectId>, Row>,
    owners: HashMap<Owner, Owned>,
    kinds: Vec<Kind>,
    /// As whom owners act.
    identities: HashMap<Owner, Identity>,
}

/// The objects of one owner that have a row which is tracked for it.
#[derive(Debug, Default)]
struct Owned {
    objects: HashSet<Arc<ObjectId>>,
    waiting: Vec<Arc<ObjectId>>,
}

/// What is known of one kind; there are few.
#[derive(Debug)]
struct Kind {
    group: String,
    kind: String,
    /// How many objects of it are tracked.
    tracked: usize,
    /// Whether the watch of all namespaces has delivered its initial list and is connected.
    everywhere: bool,
    /// The same of the watches of single namespaces.
    namespaces: HashSet<String>,
}

impl Kind {
    fn is(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group == group
    }

    fn set_synced(&mut self, namespace: Option<&String>, synced: bool) {
        match namespace {
            None => self.everywhere = synced,
            Some(namespace) if !synced => drop(self.namespaces.remove(namespace)),
            Some(namespace) if self.namespaces.contains(namespace) => {}
            Some(namespace) => drop(self.namespaces.insert(namespace.clone())),
        }
    }
}

#[derive(Debug, Default)]
struct Row {
    live: Option<Fingerprint>,
    tracked: Option<Tracked>,
    /// Seen in the list under way.
    listed: bool,
}

/// An object as it was applied.
#[derive(Debug)]
pub(super) struct Tracked {
    owner: Owner,
    expected: Fingerprint,
    waiting: bool,
    writing: bool,
    /// Version of a deletion seen while writing; 0 for none.
    deleted_at: u64,
    /// The newest version that was found healthy; 0 for none.
    healthy_at: u64,
    /// The state that was last reported, so that it is reported once.
    nominated: Option<Fingerprint>,
}

impl Tracked {
    pub(super) fn new(owner: &Owner, expected: Fingerprint, healthy: bool) -> Self {
        let healthy_at = if healthy { expected.resource_version } else { 0 };
        Self {
            owner: owner.clone(),
            expected,
            waiting: false,
            writing: false,
            deleted_at: 0,
            healthy_at,
            nominated: None,
        }
    }
}

/// What an event means for one owner.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    Nothing,
    /// Differs from what was applied: tell who did it.
    Drift(Owner),
    Moved(Owner),
    Gone(Owner),
}

impl Table {
    /// Remembers an applied object; a difference that the watch saw before is told at once.
    pub(super) fn track(&mut self, id: &ObjectId, mut tracked: Tracked) -> Option<What> {
        let is_new = self
            .rows
            .get(id)
            .and_then(|row| row.tracked.as_ref())
            .is_none_or(|before| before.owner != tracked.owner);
        if is_new {
            self.disown(id);
            self.own(&tracked.owner, id);
        }
        let row = self.rows.get_mut(id)?;
        if let Some(before) = row.tracked.as_ref().filter(|before| before.owner == tracked.owner) {
            tracked.waiting = before.waiting;
            tracked.healthy_at = tracked.healthy_at.max(before.healthy_at);
            if before.expected.resource_version > tracked.expected.resource_version {
                tracked.expected = before.expected.clone();
            }
            if before.expected.resource_version == tracked.expected.resource_version {
                tracked.nominated = before.nominated.clone();
            }
        }
        row.tracked = Some(tracked);
        let live = row.live.clone()?;
        match row.judge(&live) {
            Meaning::Drift(_) => Some(What::Nominated { manager: String::new(), fields: Vec::new() }),
            _ => None,
        }
    }

    pub(super) fn untrack(&mut self, owner: &Owner, id: &ObjectId) {
        if self.tracked_mut(owner, id).is_some() {
            self.disown(id);
        }
    }

    pub(super) fn forget(&mut self, owner: &Owner) {
        let owned = self.owners.remove(owner).unwrap_or_default();
        owned.objects.iter().for_each(|id| self.disown(id));
        self.identities.remove(owner);
    }

    pub(super) fn wait_for(&mut self, owner: &Owner, ids: &[ObjectId]) {
        let Some(owned) = self.owners.get_mut(owner) else { return };
        let wanted = ids.iter().filter_map(|id| owned.objects.get(id).cloned()).collect();
        let before = std::mem::replace(&mut owned.waiting, wanted);
        let now = owned.waiting.clone();
        before.iter().for_each(|id| self.set_waiting(owner, id, false));
        now.iter().for_each(|id| self.set_waiting(owner, id, true));
    }

    fn set_waiting(&mut self, owner: &Owner, id: &ObjectId, waiting: bool) {
        if let Some(tracked) = self.tracked_mut(owner, id) {
            tracked.waiting = waiting;
        }
    }

    /// Counts an object that is about to be tracked, which nobody owns.
    fn own(&mut self, owner: &Owner, id: &ObjectId) {
        let known = self.rows.get_key_value(id).map(|(id, _)| id.clone());
        let id = known.unwrap_or_else(|| {
            let id = Arc::new(id.clone());
            self.rows.insert(id.clone(), Row::default());
            id
        });
        self.kind_mut(&id.group, &id.kind).tracked += 1;
        if let Some(owned) = self.owners.get_mut(owner) {
            owned.objects.insert(id);
            return;
        }
        let owned = Owned { objects: HashSet::from([id]), waiting: Vec::new() };
        self.owners.insert(owner.clone(), owned);
    }

    /// Ends the tracking of an object, whoever's it is.
    fn disown(&mut self, id: &ObjectId) {
        let Some(row) = self.rows.get_mut(id) else { return };
        let Some(tracked) = row.tracked.take() else { return };
        if row.live.is_none() {
            self.rows.remove(id);
        }
        self.kind_mut(&id.group, &id.kind).tracked -= 1;
        if let Some(owned) = self.owners.get_mut(&tracked.owner) {
            owned.objects.remove(id);
            if owned.objects.is_empty() {
                self.owners.remove(&tracked.owner);
            }
        }
    }

    fn kind(&self, group: &str, kind: &str) -> Option<&Kind> {
        self.kinds.iter().find(|known| known.is(group, kind))
    }

    fn kind_mut(&mut self, group: &str, kind: &str) -> &mut Kind {
        let at = self.kinds.iter().position(|known| known.is(group, kind)).unwrap_or_else(|| {
            let (group, kind) = (group.to_owned(), kind.to_owned());
            self.kinds.push(Kind { group, kind, tracked: 0, everywhere: false, namespaces: HashSet::new() });
            self.kinds.len() - 1
        });
        &mut self.kinds[at]
    }

    /// The live state, when a working watch has it and it is the one that was applied for this owner.
    pub(super) fn in_sync(&self, owner: &Owner, id: &ObjectId) -> Option<&Fingerprint> {
        let Row { live: Some(live), tracked: Some(tracked), .. } = self.rows.get(id)? else { return None };
        let is = self.is_synced(id)
            && tracked.owner == *owner
            && live.same_state(&tracked.expected)
            && live.resource_version >= tracked.expected.resource_version
            && !live.deleting
            && !live.marked
            && live.takeover == 0;
        is.then_some(live)
    }

    /// Whether a working watch has seen nothing of the object since it was found healthy.
    pub(super) fn is_healthy(&self, owner: &Owner, id: &ObjectId) -> bool {
        let Some((tracked, newest)) = self.watched(owner, id) else { return false };
        tracked.healthy_at != 0 && tracked.healthy_at == newest.max(tracked.expected.resource_version)
    }

    /// The object was found healthy in this version.
    pub(super) fn note_healthy(&mut self, owner: &Owner, id: &ObjectId, version: u64) {
        if let Some(tracked) = self.tracked_mut(owner, id) {
            tracked.healthy_at = tracked.healthy_at.max(version);
        }
    }

    /// Whether the object is waited for by a working watch that has seen nothing of it since it was applied.
    pub(super) fn has_not_moved(&self, owner: &Owner, id: &ObjectId) -> bool {
        let watched = self.watched(owner, id);
        watched
            .is_some_and(|(tracked, newest)| tracked.waiting && newest <= tracked.expected.resource_version)
    }

    /// An object of this owner that a working watch sees, and the newest version it has seen; 0 for none.
    fn watched(&self, owner: &Owner, id: &ObjectId) -> Option<(&Tracked, u64)> {
        let Row { live, tracked, .. } = self.rows.get(id)?;
        let tracked = tracked.as_ref().filter(|tracked| tracked.owner == *owner)?;
        let newest = live.as_ref().map_or(0, |live| live.resource_version);
        self.is_synced(id).then_some((tracked, newest))
    }

    /// We are about to write the object: events from now on may be our own doing.
    pub(super) fn write_begins(&mut self, owner: &Owner, id: &ObjectId) {
        if let Some(tracked) = self.tracked_mut(owner, id) {
            tracked.writing = true;
            tracked.deleted_at = 0;
        }
    }

    /// The write has ended, with this state when it succeeded. What the watch has seen since is judged now.
    pub(super) fn write_ends(
        &mut self,
        owner: &Owner,
        id: &ObjectId,
        result: Option<Fingerprint>,
    ) -> Meaning {
        let Some(tracked) = self.tracked_mut(owner, id) else { return Meaning::Nothing };
        tracked.writing = false;
        if let Some(result) = result {
            tracked.expected = result;
            tracked.nominated = None;
        }
        if tracked.deleted_at > tracked.expected.resource_version {
            return Meaning::Gone(owner.clone());
        }
        let Some(row) = self.rows.get_mut(id) else { return Meaning::Nothing };
        row.live.clone().map_or(Meaning::Nothing, |live| row.judge(&live))
    }

    pub(super) fn applied_fields(&self, owner: &Owner, id: &ObjectId) -> Option<u64> {
        let tracked = self.rows.get(id)?.tracked.as_ref()?;
        (tracked.owner == *owner).then_some(tracked.expected.entry)
    }

    fn tracked_mut(&mut self, owner: &Owner, id: &ObjectId) -> Option<&mut Tracked> {
        self.rows.get_mut(id)?.tracked.as_mut().filter(|tracked| tracked.owner == *owner)
    }

    /// Whether a working watch sees this object.
    pub(super) fn is_synced(&self, id: &ObjectId) -> bool {
        let kind = self.kind(&id.group, &id.kind);
        kind.is_some_and(|kind| kind.everywhere || kind.namespaces.contains(&id.namespace))
    }

    /// Whether a working watch sees this kind in all namespaces.
    pub(super) fn is_kind_synced(&self, group: &str, kind: &str) -> bool {
        self.kind(group, kind).is_some_and(|kind| kind.everywhere)
    }

    pub(super) fn acts_as(&mut self, owner: &Owner, identity: &Identity) {
        if self.identities.get(owner) != Some(identity) {
            self.identities.insert(owner.clone(), identity.clone());
        }
    }

    /// Tenants, and the namespaces in which they have objects of a kind.
    pub(super) fn tenants(&self, group: &str, kind: &str) -> HashSet<(Identity, String)> {
        let of_kind = self.rows.iter().filter(|(id, _)| id.group == group && id.kind == kind);
        let owned = of_kind.filter_map(|(id, row)| Some((id, &row.tracked.as_ref()?.owner)));
        let acting = owned.filter_map(|(id, owner)| Some((self.identities.get(owner)?, &id.namespace)));
        let tenants = acting.filter(|(identity, _)| **identity != Identity::Controller);
        let distinct: HashSet<(&Identity, &String)> = tenants.collect();
        distinct.into_iter().map(|(identity, namespace)| (identity.clone(), namespace.clone())).collect()
    }

    /// Whether objects of the kind are tracked.
    pub(super) fn uses_kind(&self, group: &str, kind: &str) -> bool {
        self.kind(group, kind).is_some_and(|kind| kind.tracked > 0)
    }

    /// Forgets a kind of which no object is tracked.
    pub(super) fn drop_kind(&mut self, group: &str, kind: &str) {
        self.rows.retain(|id, _| id.group != group || id.kind != kind);
        self.kinds.retain(|known| !known.is(group, kind));
    }

    /// An object was added or changed, or is part of a list.
    pub(super) fn seen(&mut self, id: ObjectId, live: Fingerprint) -> Meaning {
        let row = self.rows.entry(Arc::new(id)).or_default();
        row.listed = true;
        let meaning = row.judge(&live);
        row.live = Some(live);
        meaning
    }

    /// An object was deleted, or no longer carries the label.
    pub(super) fn deleted(&mut self, id: &ObjectId, version: u64) -> Meaning {
        let Some(row) = self.rows.get_mut(id) else { return Meaning::Nothing };
        row.live = None;
        let Some(tracked) = &mut row.tracked else {
            self.rows.remove(id);
            return Meaning::Nothing;
        };
        tracked.healthy_at = 0;
        if tracked.writing {
            tracked.deleted_at = version;
            return Meaning::Nothing;
        }
        let recreated_since = version != 0 && tracked.expected.resource_version > version;
        if recreated_since { Meaning::Nothing } else { Meaning::Gone(tracked.owner.clone()) }
    }

    /// A list begins: what is not in it is gone.
    pub(super) fn list_begins(&mut self, scope: &Scope) {
        for (_, row) in self.seen_by(scope) {
            row.listed = false;
        }
    }

    /// A list is complete. Objects that were known before it began and are not in it are gone.
    pub(super) fn list_ends(&mut self, scope: &Scope) -> Vec<(ObjectId, Owner)> {
        self.back(scope);
        let missing = self.seen_by(scope).filter(|(_, row)| !row.listed);
        let mut gone = Vec::new();
        for (id, row) in missing {
            let was_live = row.live.take().is_some();
            let Some(tracked) = &mut row.tracked else { continue };
            tracked.healthy_at = 0;
            if was_live {
                gone.push((ObjectId::clone(id), tracked.owner.clone()));
            }
        }
        self.rows.retain(|_, row| row.live.is_some() || row.tracked.is_some());
        gone
    }

    /// The watch is broken: what it knows may be old.
    pub(super) fn lost(&mut self, scope: &Scope) {
        if let Some(kind) = self.kinds.iter_mut().find(|kind| kind.is(&scope.group, &scope.kind)) {
            kind.set_synced(scope.namespace.as_ref(), false);
        }
    }

    /// The watch works again without a new list.
    pub(super) fn back(&mut self, scope: &Scope) {
        self.kind_mut(&scope.group, &scope.kind).set_synced(scope.namespace.as_ref(), true);
    }

    fn seen_by(&mut self, scope: &Scope) -> impl Iterator<Item = (&ObjectId, &mut Row)> {
        self.rows.iter_mut().map(|(id, row)| (&**id, row)).filter(move |(id, _)| scope.has(id))
    }
}

impl Row {
    fn judge(&mut self, live: &Fingerprint) -> Meaning {
        let Some(tracked) = &mut self.tracked else { return Meaning::Nothing };
        let expected = &mut tracked.expected;
        if live.resource_version < expected.resource_version {
            return Meaning::Nothing;
        }
        if live.resource_version == expected.resource_version {
            // The very state that was applied or judged: this is how it looks to the watch.
            *expected = live.clone();
            return Meaning::Nothing;
        }
        if tracked.writing {
            return Meaning::Nothing;
        }
        let other_owner = live.owner != 0 && live.owner != expected.owner;
        let moved = if tracked.waiting { Meaning::Moved(tracked.owner.clone()) } else { Meaning::Nothing };
        if live.same_state(expected) {
            tracked.nominated = None;
            return moved;
        }
        // A handed over object is its new owner's; one that is going away is waited out.
        let told = tracked.nominated.as_ref().is_some_and(|told| told.same_state(live));
        if other_owner || live.deleting || told {
            return moved;
        }
        tracked.nominated = Some(live.clone());
        Meaning::Drift(tracked.owner.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        Owner { namespace: "ns".into(), name: name.into() }
    }

    fn id() -> ObjectId {
        ObjectId::parse("ns_web_apps_Deployment").unwrap()
    }

    fn print(version: u64, entry: u64) -> Fingerprint {
        let applied_at = 0;
        Fingerprint {
            resource_version: version,
            uid: 1,
            entry,
            applied_at,
            takeover: 0,
            owner: 7,
            deleting: false,
            marked: false,
        }
    }

    fn scope(namespace: Option<&str>) -> Scope {
        Scope { group: "apps".into(), kind: "Deployment".into(), namespace: namespace.map(str::to_owned) }
    }

    fn tracked(version: u64, entry: u64) -> Table {
        let mut table = Table::default();
        assert!(table.track(&id(), Tracked::new(&owner("app"), print(version, entry), false)).is_none());
        table
    }

    #[test]
    fn events_of_our_own_apply_and_older_ones_are_ignored() {
        let mut table = tracked(10, 1);
        assert_eq!(table.seen(id(), print(9, 2)), Meaning::Nothing);
        assert_eq!(table.seen(id(), print(10, 2)), Meaning::Nothing);
        // The state at version 10 is what was applied, whatever its hash.
        assert_eq!(table.seen(id(), print(11, 2)), Meaning::Nothing);
    }

    #[test]
    fn a_difference_is_told_once_until_it_changes_again() {
        let mut table = tracked(10, 1);
        assert_eq!(table.seen(id(), print(11, 2)), Meaning::Drift(owner("app")));
        assert_eq!(table.seen(id(), print(12, 2)), Meaning::Nothing);
        assert_eq!(table.seen(id(), print(13, 3)), Meaning::Drift(owner("app")));
        assert_eq!(table.seen(id(), print(14, 1)), Meaning::Nothing);
        assert_eq!(table.seen(id(), print(15, 3)), Meaning::Drift(owner("app")));
        assert!(
            table.track(&id(), Tracked::new(&owner("app"), print(10, 1), false)).is_none(),
            "told already"
        );
    }

    #[test]
    fn drift_between_the_apply_and_its_tracking_is_not_lost() {
        let mut table = Table::default();
        assert_eq!(table.seen(id(), print(11, 2)), Meaning::Nothing);
        assert!(table.track(&id(), Tracked::new(&owner("app"), print(10, 1), false)).is_some());
    }

    #[test]
    fn only_objects_waited_for_are_told_to_have_moved() {
        let mut table = tracked(10, 1);
        assert_eq!(table.seen(id(), print(11, 1)), Meaning::Nothing);
        table.wait_for(&owner("app"), &[id()]);
        assert_eq!(table.seen(id(), print(12, 1)), Meaning::Moved(owner("app")));
        table.wait_for(&owner("app"), &[]);
        assert_eq!(table.seen(id(), print(13, 1)), Meaning::Nothing);
    }

    #[test]
    fn an_object_rests_while_it_is_waited_for_and_no_newer_version_is_seen() {
        let mut table = tracked(10, 1);
        table.wait_for(&owner("app"), &[id()]);
        assert!(!table.has_not_moved(&owner("app"), &id()), "nobody watches");
        table.list_ends(&scope(None));
        assert!(table.has_not_moved(&owner("app"), &id()), "its creation is not told yet");
        table.seen(id(), print(10, 1));
        assert!(table.has_not_moved(&owner("app"), &id()));
        assert!(!table.has_not_moved(&owner("other"), &id()));
        table.seen(id(), print(11, 1));
        assert!(!table.has_not_moved(&owner("app"), &id()), "it moved before anybody asked");
    }

    #[test]
    fn an_object_found_healthy_is_until_it_moves_or_the_watch_breaks() {
        let (mut table, owner) = (tracked(10, 1), owner("app"));
        table.list_ends(&scope(None));
        assert!(!table.is_healthy(&owner, &id()), "nobody judged it");
        table.note_healthy(&owner, &id(), 10);
        assert!(table.is_healthy(&owner, &id()));
        table.seen(id(), print(10, 1));
        assert!(table.is_healthy(&owner, &id()));
        table.seen(id(), print(11, 1));
        assert!(!table.is_healthy(&owner, &id()), "it moved");
        table.note_healthy(&owner, &id(), 11);
        assert!(table.is_healthy(&owner, &id()));
        table.lost(&scope(None));
        assert!(!table.is_healthy(&owner, &id()), "the watch may have missed a move");
        table.back(&scope(None));
        table.deleted(&id(), 12);
        assert!(!table.is_healthy(&owner, &id()), "it is gone");
    }

    #[test]
    fn what_an_apply_shows_to_be_healthy_is_until_the_next_apply() {
        let (mut table, owner) = (Table::default(), owner("app"));
        table.list_ends(&scope(None));
        table.track(&id(), Tracked::new(&owner, print(10, 1), true));
        assert!(table.is_healthy(&owner, &id()), "its creation need not be told for that");
        table.track(&id(), Tracked::new(&owner, print(10, 1), false));
        assert!(table.is_healthy(&owner, &id()), "it is the same version");
        table.track(&id(), Tracked::new(&owner, print(12, 2), false));
        assert!(!table.is_healthy(&owner, &id()));
    }

    #[test]
    fn an_object_handed_over_or_going_away_is_not_fought_for() {
        let mut table = tracked(10, 1);
        let handed = Fingerprint { owner: 8, ..print(11, 2) };
        assert_eq!(table.seen(id(), handed), Meaning::Nothing);
        assert_eq!(table.seen(id(), Fingerprint { deleting: true, ..print(12, 2) }), Meaning::Nothing);
        assert_eq!(table.seen(id(), Fingerprint { owner: 0, ..print(13, 1) }), Meaning::Drift(owner("app")));
    }

    #[test]
    fn deletion_is_told_unless_it_is_older_than_the_apply() {
        let mut table = tracked(10, 1);
        assert_eq!(table.deleted(&id(), 9), Meaning::Nothing);
        assert_eq!(table.deleted(&id(), 12), Meaning::Gone(owner("app")));
        assert_eq!(Table::default().deleted(&id(), 12), Meaning::Nothing);
    }

    #[test]
    fn what_a_new_list_lacks_is_gone() {
        let mut table = tracked(10, 1);
        table.list_begins(&scope(None));
        assert!(table.list_ends(&scope(None)).is_empty(), "never seen: the list may be older than the apply");
        table.seen(id(), print(10, 1));
        table.list_begins(&scope(None));
        assert_eq!(table.list_ends(&scope(None)), [(id(), owner("app"))]);
    }

    #[test]
    fn in_sync_needs_a_working_watch_and_the_applied_state() {
        let mut table = tracked(10, 1);
        table.seen(id(), print(10, 1));
        assert!(table.in_sync(&owner("app"), &id()).is_none());
        table.list_begins(&scope(None));
        table.seen(id(), print(11, 1));
        table.list_ends(&scope(None));
        assert_eq!(table.in_sync(&owner("app"), &id()), Some(&print(11, 1)));
        assert!(table.in_sync(&owner("other"), &id()).is_none());
        table.seen(id(), print(12, 2));
        assert!(table.in_sync(&owner("app"), &id()).is_none());
        table.seen(id(), print(13, 1));
        assert!(table.in_sync(&owner("app"), &id()).is_some());
        table.lost(&scope(None));
        assert!(table.in_sync(&owner("app"), &id()).is_none());
    }

    #[test]
    fn events_of_a_write_under_way_are_not_drift() {
        let mut table = tracked(10, 1);
        table.write_begins(&owner("app"), &id());
        assert_eq!(table.seen(id(), print(11, 5)), Meaning::Nothing, "taken over");
        assert_eq!(table.seen(id(), print(12, 2)), Meaning::Nothing, "applied");
        assert_eq!(table.write_ends(&owner("app"), &id(), Some(print(12, 2))), Meaning::Nothing);
        table.write_begins(&owner("app"), &id());
        assert_eq!(table.seen(id(), print(15, 3)), Meaning::Nothing, "somebody was faster than our answer");
        assert_eq!(table.write_ends(&owner("app"), &id(), Some(print(14, 2))), Meaning::Drift(owner("app")));
    }

    #[test]
    fn an_object_deleted_while_written_is_gone_only_if_that_came_later() {
        let mut table = tracked(10, 1);
        table.seen(id(), print(10, 1));
        table.write_begins(&owner("app"), &id());
        assert_eq!(table.deleted(&id(), 11), Meaning::Nothing);
        assert_eq!(table.write_ends(&owner("app"), &id(), Some(print(12, 1))), Meaning::Nothing);
        table.write_begins(&owner("app"), &id());
        assert_eq!(table.deleted(&id(), 14), Meaning::Nothing);
        assert_eq!(table.write_ends(&owner("app"), &id(), Some(print(13, 1))), Meaning::Gone(owner("app")));
        assert_eq!(table.deleted(&id(), 15), Meaning::Gone(owner("app")));
    }

    #[test]
    fn a_watch_of_one_namespace_speaks_for_no_other() {
        let mut table = tracked(10, 1);
        table.seen(id(), print(10, 1));
        table.list_begins(&scope(Some("other")));
        assert!(table.list_ends(&scope(Some("other"))).is_empty());
        assert!(!table.is_synced(&id()));
        table.list_begins(&scope(Some("ns")));
        assert_eq!(table.list_ends(&scope(Some("ns"))).len(), 1);
        assert!(table.is_synced(&id()) && !table.is_kind_synced("apps", "Deployment"));
    }

    #[test]
    fn tenants_are_those_that_act_as_an_account() {
        let mut table = tracked(10, 1);
        let tenant = Identity::ServiceAccount { namespace: "ns".into(), name: "deployer".into() };
        table.acts_as(&owner("app"), &Identity::Controller);
        assert!(table.tenants("apps", "Deployment").is_empty());
        table.acts_as(&owner("app"), &tenant);
        assert_eq!(table.tenants("apps", "Deployment"), HashSet::from([(tenant, "ns".to_owned())]));
        assert!(table.tenants("", "ConfigMap").is_empty());
        table.forget(&owner("app"));
        assert!(table.tenants("apps", "Deployment").is_empty());
    }

    #[test]
    fn forgotten_owners_leave_no_kinds_in_use() {
        let mut table = tracked(10, 1);
        assert!(table.uses_kind("apps", "Deployment") && !table.uses_kind("", "Deployment"));
        table.untrack(&owner("other"), &id());
        assert!(table.uses_kind("apps", "Deployment"));
        table.forget(&owner("app"));
        assert!(!table.uses_kind("apps", "Deployment"));
    }

    #[test]
    fn what_nobody_tracks_and_no_watch_sees_leaves_no_row() {
        let mut table = tracked(10, 1);
        table.untrack(&owner("app"), &id());
        assert!(table.rows.is_empty());
        let mut table = tracked(10, 1);
        table.seen(id(), print(10, 1));
        table.forget(&owner("app"));
        assert_eq!(table.rows.len(), 1, "a watch sees it");
        table.deleted(&id(), 11);
        assert!(table.rows.is_empty());
    }
}
