use std::collections::{HashMap, HashSet};
use std::fmt;

use applier::contest::{DELAYS, WINDOW};
use manifest::ObjectId;
use tokio::time::Instant;

/// When a drift is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heal {
    /// At this time, which may be now.
    At(Instant),
    /// By the next full pass: somebody insists.
    AtInterval,
}

/// An object that was seen to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nomination {
    /// Who took or removed fields.
    pub manager: String,
    /// The fields; of Secrets the keys only.
    pub fields: Vec<String>,
    /// When to undo it.
    pub heal: Heal,
}

/// How many managers of one object are told apart; a program that takes a new name each time is one after that.
const MANAGERS: usize = 16;
/// Who stands for all the others.
const OTHERS: &str = "*";

#[derive(Clone, Debug)]
struct Round {
    heals: usize,
    last: Instant,
    fields: Vec<String>,
}

/// Objects that were seen to differ, with one nomination for each manager.
pub(crate) type Nominations = HashMap<ObjectId, Vec<Nomination>>;

/// What was seen of drift in one Kustomization: who insists, and what is to be undone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contest {
    rounds: HashMap<ObjectId, HashMap<String, Round>>,
    nominations: Nominations,
}

impl Contest {
    /// Records that `manager` changed `fields` of an object, and says when to undo it.
    pub(crate) fn nominate(
        &mut self,
        id: ObjectId,
        manager: &str,
        fields: Vec<String>,
        now: Instant,
    ) -> Heal {
        let manager = self.told_apart(&id, manager);
        if let Some(pending) = self.pending(&id, manager) {
            pending.fields = fields;
            return pending.heal;
        }
        let heal = self.next_heal(&id, manager, &fields, now);
        let nomination = Nomination { manager: manager.to_owned(), fields, heal };
        self.nominations.entry(id).or_default().push(nomination);
        heal
    }

    fn told_apart<'m>(&self, id: &ObjectId, manager: &'m str) -> &'m str {
        let known = self.rounds.get(id);
        let is_new = known.is_some_and(|known| known.len() >= MANAGERS && !known.contains_key(manager));
        if is_new { OTHERS } else { manager }
    }

    fn pending(&mut self, id: &ObjectId, manager: &str) -> Option<&mut Nomination> {
        self.nominations.get_mut(id)?.iter_mut().find(|one| one.manager == manager)
    }

    fn next_heal(&mut self, id: &ObjectId, manager: &str, fields: &[String], now: Instant) -> Heal {
        let of_object = self.rounds.entry(id.clone()).or_default();
        let begun = || Round { heals: 0, last: now, fields: Vec::new() };
        let round = of_object.entry(manager.to_owned()).or_insert_with(begun);
        round.fields = fields.to_vec();
        if now.duration_since(round.last) > WINDOW {
            round.heals = 0;
        }
        round.last = now;
        let heal = DELAYS.get(round.heals).map_or(Heal::AtInterval, |delay| Heal::At(now + *delay));
        round.heals += 1;
        heal
    }

    /// How many nominated objects may be healed now.
    pub(crate) fn due(&self, now: Instant) -> usize {
        self.nominations.values().filter(|all| all.iter().any(|one| is_due(one, now))).count()
    }

    /// Takes out what may be healed now; what others hold of the same objects stays ([`Contest::insisting`]).
    pub(crate) fn take_due(&mut self, now: Instant) -> Nominations {
        let mut taken = Nominations::new();
        self.nominations.retain(|id, all| {
            let due: Vec<Nomination> = all.extract_if(.., |one| is_due(one, now)).collect();
            if !due.is_empty() {
                taken.insert(id.clone(), due);
            }
            !all.is_empty()
        });
        taken
    }

    /// Takes out everything: a full pass undoes it all. Whoever is answered by that alone has insisted until now.
    pub(crate) fn take_all(&mut self, now: Instant) -> Nominations {
        for (id, of_object) in &mut self.rounds {
            for (manager, round) in of_object {
                if is_held(&self.nominations, id, manager) {
                    round.last = now;
                }
            }
        }
        std::mem::take(&mut self.nominations)
    }

    /// Managers whose fields in this object are not to be undone yet.
    pub(crate) fn insisting(&self, id: &ObjectId) -> HashSet<String> {
        self.nominations.get(id).into_iter().flatten().map(|one| one.manager.clone()).collect()
    }

    /// Puts back what was taken out and not undone; what was nominated since stays as it is.
    pub(crate) fn put_back(&mut self, taken: Nominations) {
        for (id, nominations) in taken {
            for nomination in nominations {
                if self.pending(&id, &nomination.manager).is_none() {
                    self.nominations.entry(id.clone()).or_default().push(nomination);
                }
            }
        }
    }

    /// When the next nominated object may be healed.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let at = |nomination: &Nomination| match nomination.heal {
            Heal::At(at) => Some(at),
            Heal::AtInterval => None,
        };
        self.nominations.values().flatten().filter_map(at).min()
    }

    /// Objects that somebody insists on, in a fixed order.
    pub(crate) fn insisted(&self, now: Instant) -> Vec<Insisted<'_>> {
        let is_recent =
            |round: &Round| round.heals > DELAYS.len() && now.duration_since(round.last) <= WINDOW;
        let rounds =
            self.rounds.iter().flat_map(|(id, of_object)| of_object.iter().map(move |one| (id, one)));
        let mut all: Vec<_> = rounds
            .filter(|(id, (manager, round))| is_recent(round) || is_held(&self.nominations, id, manager))
            .map(|(id, (manager, round))| Insisted { id, manager, fields: &round.fields })
            .collect();
        all.sort_by_key(|one| (one.id, one.manager));
        all
    }

    /// Forgets contests that ended; called by full passes, which take all nominations first.
    pub(crate) fn forget_old(&mut self, now: Instant) {
        self.rounds.retain(|_, of_object| {
            of_object.retain(|_, round| now.duration_since(round.last) <= WINDOW);
            !of_object.is_empty()
        });
    }
}

fn is_due(nomination: &Nomination, now: Instant) -> bool {
    matches!(nomination.heal, Heal::At(at) if at <= now)
}

/// Whether this manager's change waits for the interval.
fn is_held(nominations: &Nominations, id: &ObjectId, manager: &str) -> bool {
    let mut all = nominations.get(id).into_iter().flatten();
    all.any(|one| one.manager == manager && one.heal == Heal::AtInterval)
}

/// An object that a manager takes again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insisted<'a> {
    /// Which object.
    pub id: &'a ObjectId,
    /// Who.
    pub manager: &'a str,
    /// What; of Secrets the keys only.
    pub fields: &'a [String],
}

impl fmt::Display for Insisted<'_> {
    /// Object, fields, manager, and what ends the contest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, fields) = (self.id.subject(), self.fields.join(", "));
        if self.manager == OTHERS {
            return write!(
                f,
                "{subject} is changed again and again by ever new managers (of late {fields}); it is restored at the \
                 interval only. Remove these fields from the source, or stop who changes them",
            );
        }
        write!(
            f,
            "{subject} is changed again and again by manager '{}' ({fields}); it is restored at the interval only. \
             Remove these fields from the source to leave them to that manager, or stop the manager",
            self.manager,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id() -> ObjectId {
        ObjectId::parse("ns_web_apps_Deployment").unwrap()
    }

    fn take(contest: &mut Contest, now: Instant) -> Heal {
        contest.take_all(now);
        contest.nominate(id(), "other", vec![".spec.replicas".into()], now)
    }

    #[test]
    fn heals_back_off_when_the_same_manager_insists() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        assert_eq!(take(&mut contest, now), Heal::At(now));
        assert_eq!(take(&mut contest, now), Heal::At(now + Duration::from_secs(10)));
        assert_eq!(take(&mut contest, now), Heal::At(now + Duration::from_secs(60)));
        assert_eq!(take(&mut contest, now), Heal::AtInterval);
        let said = contest.insisted(now)[0].to_string();
        assert!(
            said.starts_with(
                "Deployment/ns/web is changed again and again by manager 'other' (.spec.replicas)"
            )
        );
    }

    #[test]
    fn what_a_run_took_and_did_not_undo_is_due_again() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        contest.nominate(id(), "a", vec![], now);
        let taken = contest.take_due(now);
        assert_eq!(contest.due(now), 0);
        contest.put_back(taken);
        assert_eq!(contest.due(now), 1);
        let taken = contest.take_due(now);
        contest.nominate(id(), "b", vec![], now);
        contest.put_back(taken);
        assert_eq!(managers(&contest.take_all(now)), ["b", "a"]);
    }

    fn managers(taken: &Nominations) -> Vec<&str> {
        taken[&id()].iter().map(|one| one.manager.as_str()).collect()
    }

    #[test]
    fn what_waits_is_left_alone_when_another_change_of_the_object_is_undone() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        for _ in 0..4 {
            take(&mut contest, now);
        }
        contest.nominate(id(), "kubectl-edit", vec![], now);
        assert_eq!(contest.due(now), 1);
        assert_eq!(managers(&contest.take_due(now)), ["kubectl-edit"]);
        assert_eq!(contest.insisting(&id()), HashSet::from(["other".to_owned()]));
        assert_eq!((contest.due(now), contest.insisted(now).len()), (0, 1));
    }

    #[test]
    fn who_holds_what_the_interval_is_to_undo_insists_until_then() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        for _ in 0..4 {
            take(&mut contest, now);
        }
        let later = now + WINDOW * 6;
        assert_eq!(contest.insisted(later).len(), 1, "it is pending");
        contest.take_all(later);
        contest.forget_old(later);
        assert_eq!(contest.insisted(later).len(), 1);
        assert_eq!(
            take(&mut contest, later + Duration::from_secs(1)),
            Heal::AtInterval,
            "and takes it again"
        );
        contest.take_all(later);
        assert!(contest.insisted(later + WINDOW * 2).is_empty(), "ten quiet minutes");
    }

    #[test]
    fn a_new_name_each_time_is_one_manager_in_the_end_and_costs_nothing() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        let mut last = None;
        for round in 0..1_000 {
            contest.take_all(now);
            last = Some(contest.nominate(id(), &format!("manager-{round}"), vec![".data.x".into()], now));
        }
        assert_eq!(last, Some(Heal::AtInterval));
        assert_eq!((contest.rounds[&id()].len(), contest.nominations[&id()].len()), (MANAGERS + 1, 1));
        assert!(contest.insisted(now)[0].to_string().contains("by ever new managers (of late .data.x)"));
        assert_eq!(contest.nominate(id(), "manager-3", vec![], now), Heal::At(now + DELAYS[1]), "is known");
        let later = now + WINDOW * 2;
        contest.take_all(later);
        contest.forget_old(later + WINDOW * 2);
        assert!(contest.rounds.is_empty());
    }

    #[test]
    fn ten_quiet_minutes_end_a_contest() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        take(&mut contest, now);
        let later = now + WINDOW + Duration::from_secs(1);
        assert_eq!(take(&mut contest, later), Heal::At(later));
    }

    #[test]
    fn events_before_the_heal_count_once_and_delayed_ones_are_not_due() {
        let (mut contest, now) = (Contest::default(), Instant::now());
        contest.nominate(id(), "a", vec![], now);
        contest.nominate(id(), "a", vec![], now);
        assert_eq!(contest.due(now), 1);
        assert_eq!(contest.take_due(now).len(), 1);
        contest.nominate(id(), "a", vec![], now);
        assert_eq!(contest.due(now), 0);
        assert_eq!(contest.due(now + Duration::from_secs(10)), 1);
    }
}
