//! The status as it grows in a run: fields and conditions, and what of the conditions was not written yet.

use std::sync::{Mutex, MutexGuard, PoisonError};

use api::helm::v2::{HelmRelease, HelmReleaseStatus};
use api::meta::{Condition as Row, ConditionType, Reason, Time};
use runtime::conditions::{self, ConditionStatus};
use runtime::{ConditionName, Run, Set};

use crate::digest;
use crate::spec::Spec;
use crate::status::Condition;
use crate::work::Stop;

/// The status a run works on.
pub(crate) struct Ledger<'a> {
    run: &'a Run<HelmRelease>,
    page: Mutex<Page>,
}

struct Page {
    status: HelmReleaseStatus,
    sets: Vec<Set>,
}

impl<'a> Ledger<'a> {
    /// Begins with the status as last written.
    pub(crate) fn new(run: &'a Run<HelmRelease>) -> Self {
        Self { run, page: Mutex::new(Page { status: run.written(), sets: Vec::new() }) }
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the status.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&HelmReleaseStatus) -> T) -> T {
        read(&self.page().status)
    }

    /// Changes fields of the status; conditions are changed by [`Ledger::set`].
    pub(crate) fn change(&self, change: impl FnOnce(&mut HelmReleaseStatus)) {
        change(&mut self.page().status);
    }

    /// Changes a condition.
    pub(crate) fn set(&self, set: Set) {
        let mut page = self.page();
        let generation = self.run.generation();
        conditions::apply(&mut page.status.conditions, std::slice::from_ref(&set), generation, &now());
        page.sets.retain(|earlier| earlier.kind() != set.kind());
        page.sets.push(set);
    }

    /// A condition.
    pub(crate) fn condition(&self, kind: impl Into<ConditionName>) -> Option<Row> {
        conditions::find(&self.page().status.conditions, kind).cloned()
    }

    /// Whether a condition is True.
    pub(crate) fn is_true(&self, kind: impl Into<ConditionName>) -> bool {
        self.condition(kind).is_some_and(|condition| condition.status == "True")
    }

    /// Ready=False of one of these reasons becomes Unknown: what it said holds no more.
    pub(crate) fn overcome(&self, reasons: &[&str]) {
        let ready = self.condition(ConditionType::Ready);
        if ready.is_some_and(|ready| reasons.contains(&ready.reason.as_str())) {
            self.set(Set::ready_unknown(crate::status::IN_PROGRESS));
        }
    }

    /// Writes what was changed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn write(&self) -> Result<(), Stop> {
        let (status, sets) = {
            let mut page = self.page();
            (page.status.clone(), std::mem::take(&mut page.sets))
        };
        self.run.progress(&status, &sets).await.map_err(|error| {
            tracing::warn!(error = %error, "status is not written, the run ends");
            Stop::Unrecorded
        })
    }

    /// What the shell is to record at the end.
    pub(crate) fn close(self) -> (HelmReleaseStatus, Vec<Set>) {
        let page = self.page.into_inner().unwrap_or_else(PoisonError::into_inner);
        (page.status, page.sets)
    }

    /// Ready is made of Remediated, TestSuccess and Released, in Flux's order.
    pub(crate) fn summarize(&self, spec: Spec<'_>) {
        let test = spec.test();
        if !test.enable {
            self.set(Set::remove(Condition::TestSuccess));
        }
        let counted = counted(test.enable && !test.ignore_failures);
        let Some(first) = self.read(|status| first(&status.conditions, &counted)) else { return };
        let remediated = first.type_ == Condition::Remediated.text();
        let status = if remediated { "False" } else { first.status.as_str() };
        if status == "True" {
            self.set(Set::remove(ConditionType::Stalled));
        }
        self.ready_from(&first, status);
        let object = &self.run.object;
        self.change(|status| {
            status.observed_post_renderers_digest = digest::of_post_renderers(object);
            status.observed_common_metadata_digest = digest::of_common_metadata(object);
        });
    }

    /// Ready says what another condition says.
    fn ready_from(&self, row: &Row, status: &str) {
        let status = match status {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        };
        self.set(Set::Put {
            kind: ConditionType::Ready.into(),
            status,
            reason: crate::names::known(&row.reason).unwrap_or(Reason::Progressing.into()),
            message: row.message.clone(),
        });
    }

    /// Reconciling goes on, with this message.
    pub(crate) fn reconciling(&self, message: impl Into<String>) {
        self.set(Set::reconciling(message));
        self.set(Set::remove(ConditionType::Stalled));
    }

    /// Reconciling says that it is tried again.
    pub(crate) fn retrying(&self, message: impl Into<String>) {
        self.set(Set::yes(ConditionType::Reconciling, Reason::ProgressingWithRetry, message));
        self.set(Set::remove(ConditionType::Stalled));
    }
}

fn counted(tests: bool) -> Vec<&'static str> {
    let mut counted = vec![Condition::Remediated.text()];
    if tests {
        counted.push(Condition::TestSuccess.text());
    }
    counted.push(Condition::Released.text());
    counted
}

/// The condition that Ready repeats: Go's stable sort of few entries, with Flux's comparison, from the order Flux
/// stores them in.
fn first(all: &[Row], counted: &[&str]) -> Option<Row> {
    let rank = |row: &Row| counted.iter().position(|kind| *kind == row.type_);
    let mut rows: Vec<Row> = all.iter().filter(|row| rank(row).is_some()).cloned().collect();
    let less = |a: &Row, b: &Row| {
        a.observed_generation.unwrap_or(0) >= b.observed_generation.unwrap_or(0) && rank(a) < rank(b)
    };
    for end in 1..rows.len() {
        let mut at = end;
        while at > 0 && less(&rows[at], &rows[at - 1]) {
            rows.swap(at, at - 1);
            at -= 1;
        }
    }
    rows.into_iter().next()
}

/// The time in whole seconds.
pub(crate) fn now() -> Time {
    let now = k8s_openapi::jiff::Timestamp::now();
    Time(k8s_openapi::jiff::Timestamp::from_second(now.as_second()).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, generation: i64) -> Row {
        Row {
            type_: kind.into(),
            status: "True".into(),
            reason: "x".into(),
            message: String::new(),
            observed_generation: Some(generation),
            last_transition_time: now(),
        }
    }

    fn chosen(rows: &[Row], tests: bool) -> String {
        first(rows, &counted(tests)).map(|row| row.type_).unwrap_or_default()
    }

    #[test]
    fn remediated_stands_before_released_unless_it_is_older() {
        let both = [row("Ready", 1), row("Released", 1), row("Remediated", 1)];
        assert_eq!(chosen(&both, false), "Remediated");
        let newer = [row("Released", 2), row("Remediated", 1)];
        assert_eq!(chosen(&newer, false), "Released");
    }

    #[test]
    fn tests_count_only_when_asked_for() {
        let rows = [row("Released", 1), row("TestSuccess", 1)];
        assert_eq!(chosen(&rows, true), "TestSuccess");
        assert_eq!(chosen(&rows, false), "Released");
        assert_eq!(chosen(&[row("Ready", 1)], true), "");
    }
}
