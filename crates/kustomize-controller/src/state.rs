use runtime::{Reason, Reasons};

/// What is known before anything is built, when source and dependencies are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed {
    /// Why the run happens.
    pub reasons: Reasons,
    /// A full pass was due before and did not come to its end.
    pub full_due: bool,
    /// The last pass of this process was for the generation and revision of now.
    pub same_target: bool,
    /// What the last pass of this process ended in; `None` when this process made none.
    pub last: Option<Last>,
    /// Objects whose drift may be undone now.
    pub nominated: usize,
    /// The status holds the revision and generation of now, with Ready=True.
    pub settled: bool,
}

/// How the last pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// Applied, pruned, healthy.
    Ready,
    /// Applied; something is waited for.
    Waiting,
    /// Some objects could not be applied yet (their kind or webhook is missing).
    Deferred,
    /// Failed.
    Failed,
}

/// Where the object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A full pass is due: the start, the interval, a request, a change of the spec or of a referenced value, a retry.
    Due,
    /// There is a new revision of the source, and all of the last one is in the cluster.
    Outdated,
    /// Someone changed objects that are in the cluster.
    Drifted,
    /// Everything is applied and something is waited for.
    Waiting,
    /// Nothing to do until the next wake-up.
    Settled,
}

/// What a pass sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every object.
    Full,
    /// Objects that differ from the last applied build, and those whose drift was seen.
    Changed,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Fetch, build, apply, prune, then wait for health.
    Pass(Scope),
    /// Undo drift, whatever has become of the dependencies meanwhile.
    Heal(Scope),
    /// Look at what is waited for.
    Look,
}

/// More drifted objects than this at once are a full pass (decision D2).
pub(crate) const MANY_NOMINATIONS: usize = 20;

const FULL: [Reason; 6] =
    [Reason::Start, Reason::Requested, Reason::Generation, Reason::Config, Reason::Interval, Reason::Retry];

/// Whether a full pass is due for one of these reasons, whatever became of the last one.
pub(crate) fn is_full(reasons: Reasons) -> bool {
    reasons.any(&FULL)
}

/// Where the object stands (decisions D1, D2, D3).
pub(crate) fn state(observed: &Observed) -> State {
    if observed.full_due || is_full(observed.reasons) {
        return State::Due;
    }
    match observed.last {
        None | Some(Last::Failed | Last::Deferred) => State::Due,
        Some(Last::Ready) if observed.reasons.contains(Reason::Deadline) => State::Due,
        Some(Last::Ready) if !observed.settled && observed.same_target => State::Due,
        Some(Last::Ready) if !observed.same_target => State::Outdated,
        Some(Last::Waiting) if !observed.same_target => State::Due,
        Some(_) if observed.nominated > 0 => State::Drifted,
        Some(Last::Waiting) => State::Waiting,
        Some(Last::Ready) => State::Settled,
    }
}

/// What to do there; `None` is to rest.
pub(crate) fn action(state: State, nominated: usize) -> Option<Action> {
    match state {
        State::Due => Some(Action::Pass(Scope::Full)),
        State::Drifted if nominated > MANY_NOMINATIONS => Some(Action::Heal(Scope::Full)),
        State::Drifted => Some(Action::Heal(Scope::Changed)),
        State::Outdated => Some(Action::Pass(Scope::Changed)),
        State::Waiting => Some(Action::Look),
        State::Settled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Observed = Observed {
        reasons: Reasons::NONE,
        full_due: false,
        same_target: true,
        last: Some(Last::Ready),
        nominated: 0,
        settled: true,
    };

    fn check(observed: Observed, expect: Option<Action>) {
        assert_eq!(action(state(&observed), observed.nominated), expect, "{observed:?}");
    }

    #[test]
    fn full_passes_are_due_by_reason_whatever_the_state() {
        for reason in FULL {
            for last in [None, Some(Last::Ready), Some(Last::Waiting), Some(Last::Failed)] {
                check(Observed { reasons: reason.into(), last, ..BASE }, Some(Action::Pass(Scope::Full)));
            }
        }
    }

    #[test]
    fn a_new_revision_after_ready_sends_only_what_changed() {
        let new =
            Observed { reasons: Reason::NewRevision.into(), same_target: false, settled: false, ..BASE };
        check(new, Some(Action::Pass(Scope::Changed)));
        for last in [Last::Waiting, Last::Failed, Last::Deferred] {
            check(Observed { last: Some(last), ..new }, Some(Action::Pass(Scope::Full)));
        }
    }

    #[test]
    fn a_wait_is_looked_at_and_drift_meanwhile_is_undone() {
        let waiting =
            Observed { reasons: Reason::Wake.into(), last: Some(Last::Waiting), settled: false, ..BASE };
        check(waiting, Some(Action::Look));
        check(Observed { nominated: 1, ..waiting }, Some(Action::Heal(Scope::Changed)));
    }

    #[test]
    fn drift_is_undone_alone_and_many_drifts_by_one_full_pass() {
        let drifted = Observed { reasons: Reason::Heal.into(), nominated: 1, ..BASE };
        check(drifted, Some(Action::Heal(Scope::Changed)));
        check(Observed { nominated: MANY_NOMINATIONS, ..drifted }, Some(Action::Heal(Scope::Changed)));
        check(Observed { nominated: MANY_NOMINATIONS + 1, ..drifted }, Some(Action::Heal(Scope::Full)));
    }

    #[test]
    fn a_status_that_lost_what_was_applied_is_a_full_pass_even_over_drift() {
        let lost = Observed { settled: false, ..BASE };
        check(lost, Some(Action::Pass(Scope::Full)));
        check(Observed { nominated: 1, ..lost }, Some(Action::Pass(Scope::Full)));
    }

    #[test]
    fn a_settled_object_rests_until_its_interval() {
        check(Observed { reasons: Reason::Deadline.into(), ..BASE }, Some(Action::Pass(Scope::Full)));
        check(Observed { full_due: true, ..BASE }, Some(Action::Pass(Scope::Full)));
        check(Observed { reasons: Reason::Dependency.into(), ..BASE }, None);
    }
}
