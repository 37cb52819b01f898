//! Conditions: changes a run makes, and the rules of their bookkeeping.

use std::cmp::Ordering;

use api::meta::{Condition, ConditionType, Reason, Time};

use crate::names::{ConditionName, ReasonName};
use crate::reconciler::Verdict;

/// The value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is being found out.
    Unknown,
}

impl ConditionStatus {
    /// The text in the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// One change of an object's conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// The condition becomes this, observed at the generation of the run.
    Put {
        /// The type.
        kind: ConditionName,
        /// The value.
        status: ConditionStatus,
        /// The reason.
        reason: ReasonName,
        /// The message; never a secret.
        message: String,
    },
    /// The condition goes.
    Remove(ConditionName),
}

impl Set {
    /// The condition becomes True.
    pub fn yes(
        kind: impl Into<ConditionName>,
        reason: impl Into<ReasonName>,
        message: impl Into<String>,
    ) -> Self {
        Self::put(kind.into(), ConditionStatus::True, reason.into(), message.into())
    }

    /// The condition becomes False.
    pub fn no(
        kind: impl Into<ConditionName>,
        reason: impl Into<ReasonName>,
        message: impl Into<String>,
    ) -> Self {
        Self::put(kind.into(), ConditionStatus::False, reason.into(), message.into())
    }

    /// The condition becomes Unknown.
    pub fn unknown(
        kind: impl Into<ConditionName>,
        reason: impl Into<ReasonName>,
        message: impl Into<String>,
    ) -> Self {
        Self::put(kind.into(), ConditionStatus::Unknown, reason.into(), message.into())
    }

    /// Reconciling=True with reason Progressing.
    pub fn reconciling(message: impl Into<String>) -> Self {
        Self::yes(ConditionType::Reconciling, Reason::Progressing, message)
    }

    /// Ready=Unknown with reason Progressing.
    pub fn ready_unknown(message: impl Into<String>) -> Self {
        Self::unknown(ConditionType::Ready, Reason::Progressing, message)
    }

    /// The condition goes.
    pub fn remove(kind: impl Into<ConditionName>) -> Self {
        Self::Remove(kind.into())
    }

    fn put(kind: ConditionName, status: ConditionStatus, reason: ReasonName, message: String) -> Self {
        Self::Put { kind, status, reason, message }
    }

    /// The type that is changed.
    pub fn kind(&self) -> ConditionName {
        match self {
            Self::Put { kind, .. } | Self::Remove(kind) => *kind,
        }
    }
}

/// The condition of a type.
pub fn find(conditions: &[Condition], kind: impl Into<ConditionName>) -> Option<&Condition> {
    let kind = kind.into();
    conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

/// Applies changes: observedGeneration is the run's, lastTransitionTime moves with the value only (as in Kubernetes'
/// API conventions). Stalled, Reconciling and Ready stand first, then those of the newest generation, then by type: the
/// order of Flux's library, in which `kubectl` shows them.
pub fn apply(conditions: &mut Vec<Condition>, sets: &[Set], generation: i64, now: &Time) {
    for set in sets {
        match set {
            Set::Remove(kind) => conditions.retain(|condition| condition.type_ != kind.as_str()),
            Set::Put { kind, status, reason, message } => {
                let condition = Condition {
                    type_: kind.as_str().to_owned(),
                    status: status.as_str().to_owned(),
                    reason: reason.as_str().to_owned(),
                    message: bounded(message),
                    observed_generation: Some(generation),
                    last_transition_time: now.clone(),
                };
                put(conditions, condition);
            }
        }
    }
    conditions.sort_by(order);
}

fn order(a: &Condition, b: &Condition) -> Ordering {
    let (first, second) = (rank(&a.type_), rank(&b.type_));
    if first < OTHERS || second < OTHERS {
        return first.cmp(&second);
    }
    b.observed_generation.cmp(&a.observed_generation).then_with(|| a.type_.cmp(&b.type_))
}

fn put(conditions: &mut Vec<Condition>, mut condition: Condition) {
    match conditions.iter_mut().find(|old| old.type_ == condition.type_) {
        None => conditions.push(condition),
        Some(old) => {
            if old.status == condition.status {
                condition.last_transition_time = old.last_transition_time.clone();
            }
            *old = condition;
        }
    }
}

/// The rank of all conditions that have no place of their own.
const OTHERS: usize = FIRST.len();

/// What stands before all others.
const FIRST: [&str; 3] = ["Stalled", "Reconciling", "Ready"];

fn rank(kind: &str) -> usize {
    FIRST.iter().position(|first| *first == kind).unwrap_or(OTHERS)
}

/// The longest message the API server takes: 32768 characters (the CRDs' maxLength).
const MAX_MESSAGE: usize = 32_768;

fn bounded(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let mut end = MAX_MESSAGE - "...".len();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &message[..end])
}

/// The changes of Ready, Reconciling and Stalled that a verdict means. `progress` is the message of Reconciling that
/// the run showed last.
pub(crate) fn of_verdict(verdict: &Verdict, progress: Option<&str>) -> Vec<Set> {
    use ConditionType::{Ready, Reconciling, Stalled};
    match verdict {
        Verdict::Judged | Verdict::Unchanged => Vec::new(),
        Verdict::Ready { reason, message } => {
            vec![Set::remove(Reconciling), Set::remove(Stalled), Set::yes(Ready, *reason, message.as_str())]
        }
        Verdict::Waiting { reconciling, ready } => vec![
            Set::remove(Stalled),
            Set::yes(Reconciling, reconciling.0, reconciling.1.as_str()),
            Set::unknown(Ready, ready.0, ready.1.as_str()),
        ],
        Verdict::Failed { reason, message } => vec![
            Set::remove(Stalled),
            Set::yes(Reconciling, Reason::ProgressingWithRetry, progress.unwrap_or(message)),
            Set::no(Ready, *reason, message.as_str()),
        ],
        Verdict::Stalled { reason, message } => vec![
            Set::remove(Reconciling),
            Set::yes(Stalled, *reason, message.as_str()),
            Set::no(Ready, *reason, message.as_str()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::{Set, apply, find, of_verdict};
    use crate::reconciler::Verdict;
    use api::meta::{Condition, ConditionType, Reason, Time};

    fn time(second: i64) -> Time {
        Time(k8s_openapi::jiff::Timestamp::from_second(second).unwrap())
    }

    fn types(conditions: &[Condition]) -> Vec<&str> {
        conditions.iter().map(|condition| condition.type_.as_str()).collect()
    }

    #[test]
    fn the_transition_time_moves_with_the_value_only() {
        let mut conditions = Vec::new();
        apply(&mut conditions, &[Set::ready_unknown("a")], 1, &time(1));
        apply(&mut conditions, &[Set::ready_unknown("b")], 2, &time(2));
        let ready = find(&conditions, ConditionType::Ready).unwrap();
        assert_eq!((ready.last_transition_time.clone(), ready.observed_generation), (time(1), Some(2)));
        assert_eq!(ready.message, "b");
        apply(&mut conditions, &[Set::yes(ConditionType::Ready, Reason::Succeeded, "b")], 2, &time(3));
        assert_eq!(find(&conditions, ConditionType::Ready).unwrap().last_transition_time, time(3));
    }

    #[test]
    fn reconciling_and_stalled_exist_only_while_true() {
        let mut conditions = Vec::new();
        let stalled = Verdict::Stalled { reason: Reason::Failed.into(), message: "no".into() };
        apply(&mut conditions, &[Set::reconciling("x")], 1, &time(1));
        apply(&mut conditions, &of_verdict(&stalled, None), 1, &time(1));
        assert_eq!(types(&conditions), ["Stalled", "Ready"]);
        let failed = Verdict::Failed { reason: Reason::Failed.into(), message: "no".into() };
        apply(&mut conditions, &of_verdict(&failed, Some("building")), 1, &time(1));
        assert_eq!(types(&conditions), ["Reconciling", "Ready"]);
        assert_eq!(conditions[0].message, "building");
        let ready = Verdict::Ready { reason: Reason::Succeeded.into(), message: "yes".into() };
        apply(&mut conditions, &of_verdict(&ready, None), 1, &time(1));
        assert_eq!(types(&conditions), ["Ready"]);
    }

    #[test]
    fn conditions_of_the_kind_stand_behind_and_keep_their_generation() {
        let mut conditions = Vec::new();
        apply(
            &mut conditions,
            &[Set::yes(ConditionType::ArtifactInStorage, Reason::Succeeded, "x")],
            1,
            &time(1),
        );
        apply(&mut conditions, &[Set::reconciling("y"), Set::ready_unknown("y")], 2, &time(1));
        assert_eq!(types(&conditions), ["Reconciling", "Ready", "ArtifactInStorage"]);
        assert_eq!(conditions[2].observed_generation, Some(1));
    }

    #[test]
    fn an_endless_message_is_cut_at_a_character() {
        let mut conditions = Vec::new();
        apply(&mut conditions, &[Set::ready_unknown("\u{fc}".repeat(40_000))], 1, &time(1));
        assert!(conditions[0].message.len() <= 32_768 && conditions[0].message.ends_with("..."));
    }

    #[test]
    fn conditions_stand_by_generation_and_type_behind_the_three_that_tell_most() {
        let mut conditions = Vec::new();
        let yes = |kind| Set::yes(kind, Reason::Succeeded, "x");
        let (one, two) = (ConditionType::ArtifactInStorage, ConditionType::SourceVerified);
        apply(&mut conditions, &[yes(two), yes(one), yes(ConditionType::Ready)], 1, &time(1));
        assert_eq!(types(&conditions), ["Ready", "ArtifactInStorage", "SourceVerified"]);
        apply(&mut conditions, &[yes(two)], 2, &time(2));
        assert_eq!(types(&conditions), ["Ready", "SourceVerified", "ArtifactInStorage"]);
    }
}
