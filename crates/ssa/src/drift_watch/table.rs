//! What was applied and what the watches have seen: pure, so that every order of events can be tested.

use std::collections::{HashMap, HashSet};

use manifest::ObjectId;

use crate::{Fingerprint, Owner, drift_watch::What};

/// Rows by object.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: HashMap<ObjectId, Row>,
    /// Kinds whose watch has delivered its initial list and is connected.
    synced: HashSet<(String, String)>,
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
    /// The state that was last reported, so that it is reported once.
    nominated: Option<Fingerprint>,
}

impl Tracked {
    pub(super) fn new(owner: &Owner, expected: Fingerprint) -> Self {
        Self { owner: owner.clone(), expected, waiting: false, nominated: None }
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
        let row = self.rows.entry(id.clone()).or_default();
        if let Some(before) = row.tracked.as_ref().filter(|before| before.owner == tracked.owner) {
            tracked.waiting = before.waiting;
            if before.expected.resource_version > tracked.expected.resource_version {
                tracked.expected = before.expected.clone();
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
        if let Some(row) = self.rows.get_mut(id)
            && row.tracked.as_ref().is_some_and(|tracked| tracked.owner == *owner)
        {
            row.tracked = None;
        }
    }

    pub(super) fn forget(&mut self, owner: &Owner) {
        for row in self.rows.values_mut() {
            row.tracked.take_if(|tracked| tracked.owner == *owner);
        }
    }

    pub(super) fn wait_for(&mut self, owner: &Owner, ids: &[ObjectId]) {
        let wanted: HashSet<&ObjectId> = ids.iter().collect();
        for (id, row) in &mut self.rows {
            if let Some(tracked) = row.tracked.as_mut().filter(|tracked| tracked.owner == *owner) {
                tracked.waiting = wanted.contains(id);
            }
        }
    }

    pub(super) fn in_sync(&self, owner: &Owner, id: &ObjectId, version: Option<u64>) -> bool {
        let Some(Row { live: Some(live), tracked: Some(tracked), .. }) = self.rows.get(id) else {
            return false;
        };
        self.is_synced(&id.group, &id.kind)
            && tracked.owner == *owner
            && live.same_state(&tracked.expected)
            && live.resource_version >= tracked.expected.resource_version
            && !live.deleting
            && !live.marked
            && live.takeover == 0
            && version.is_none_or(|version| version == live.resource_version)
    }

    pub(super) fn is_synced(&self, group: &str, kind: &str) -> bool {
        self.synced.contains(&(group.to_owned(), kind.to_owned()))
    }

    pub(super) fn used_kinds(&self) -> HashSet<(String, String)> {
        let used = self.rows.iter().filter(|(_, row)| row.tracked.is_some());
        used.map(|(id, _)| (id.group.clone(), id.kind.clone())).collect()
    }

    pub(super) fn drop_kind(&mut self, group: &str, kind: &str) {
        self.rows.retain(|id, _| id.group != group || id.kind != kind);
        self.lost(group, kind);
    }

    /// An object was added or changed, or is part of a list.
    pub(super) fn seen(&mut self, id: ObjectId, live: Fingerprint) -> Meaning {
        let row = self.rows.entry(id).or_default();
        row.listed = true;
        let meaning = row.judge(&live);
        row.live = Some(live);
        meaning
    }

    /// An object was deleted, or no longer carries the label.
    pub(super) fn deleted(&mut self, id: &ObjectId, version: u64) -> Meaning {
        let Some(row) = self.rows.get_mut(id) else { return Meaning::Nothing };
        row.live = None;
        let Some(tracked) = &row.tracked else {
            self.rows.remove(id);
            return Meaning::Nothing;
        };
        let recreated_since = version != 0 && tracked.expected.resource_version > version;
        if recreated_since { Meaning::Nothing } else { Meaning::Gone(tracked.owner.clone()) }
    }

    /// A list begins: what is not in it is gone.
    pub(super) fn list_begins(&mut self, group: &str, kind: &str) {
        for (_, row) in self.of_kind(group, kind) {
            row.listed = false;
        }
    }

    /// A list is complete. Objects that were known before it began and are not in it are gone.
    pub(super) fn list_ends(&mut self, group: &str, kind: &str) -> Vec<(ObjectId, Owner)> {
        self.synced.insert((group.to_owned(), kind.to_owned()));
        let missing = self.of_kind(group, kind).filter(|(_, row)| !row.listed);
        let mut gone = Vec::new();
        for (id, row) in missing {
            let was_live = row.live.take().is_some();
            if let Some(tracked) = row.tracked.as_ref().filter(|_| was_live) {
                gone.push((id.clone(), tracked.owner.clone()));
            }
        }
        self.rows.retain(|_, row| row.live.is_some() || row.tracked.is_some());
        gone
    }

    /// The watch is broken: what it knows may be old.
    pub(super) fn lost(&mut self, group: &str, kind: &str) {
        self.synced.remove(&(group.to_owned(), kind.to_owned()));
    }

    /// The watch works again without a new list.
    pub(super) fn back(&mut self, group: &str, kind: &str) {
        if !self.is_synced(group, kind) {
            self.synced.insert((group.to_owned(), kind.to_owned()));
        }
    }

    fn of_kind(&mut self, group: &str, kind: &str) -> impl Iterator<Item = (&ObjectId, &mut Row)> {
        self.rows.iter_mut().filter(move |(id, _)| id.group == group && id.kind == kind)
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
        Fingerprint {
            resource_version: version,
            uid: 1,
            entry,
            takeover: 0,
            owner: 7,
            deleting: false,
            marked: false,
        }
    }

    fn tracked(version: u64, entry: u64) -> Table {
        let mut table = Table::default();
        assert!(table.track(&id(), Tracked::new(&owner("app"), print(version, entry))).is_none());
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
    }

    #[test]
    fn drift_between_the_apply_and_its_tracking_is_not_lost() {
        let mut table = Table::default();
        assert_eq!(table.seen(id(), print(11, 2)), Meaning::Nothing);
        assert!(table.track(&id(), Tracked::new(&owner("app"), print(10, 1))).is_some());
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
        table.list_begins("apps", "Deployment");
        assert!(
            table.list_ends("apps", "Deployment").is_empty(),
            "never seen: the list may be older than the apply"
        );
        table.seen(id(), print(10, 1));
        table.list_begins("apps", "Deployment");
        assert_eq!(table.list_ends("apps", "Deployment"), [(id(), owner("app"))]);
    }

    #[test]
    fn in_sync_needs_a_working_watch_and_the_very_version() {
        let mut table = tracked(10, 1);
        table.seen(id(), print(10, 1));
        assert!(!table.in_sync(&owner("app"), &id(), None));
        table.list_begins("apps", "Deployment");
        table.seen(id(), print(11, 1));
        table.list_ends("apps", "Deployment");
        assert!(table.in_sync(&owner("app"), &id(), None) && table.in_sync(&owner("app"), &id(), Some(11)));
        assert!(!table.in_sync(&owner("app"), &id(), Some(12)));
        assert!(!table.in_sync(&owner("other"), &id(), None));
        table.lost("apps", "Deployment");
        assert!(!table.in_sync(&owner("app"), &id(), None));
    }

    #[test]
    fn forgotten_owners_leave_no_kinds_in_use() {
        let mut table = tracked(10, 1);
        assert_eq!(table.used_kinds().len(), 1);
        table.untrack(&owner("other"), &id());
        assert_eq!(table.used_kinds().len(), 1);
        table.forget(&owner("app"));
        assert!(table.used_kinds().is_empty());
    }
}
