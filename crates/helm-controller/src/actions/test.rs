//! The chart's tests.

use api::helm::v2::TestFilter;
use helm_release::{Release, ReleaseHook};
use runtime::{Event, Set};

use crate::act::{Act, ActError};
use crate::actions::report::{self, Ended};
use crate::history;
use crate::hooks::{self, Hooks};
use crate::plan::{Phase, Plan};
use crate::snapshot;
use crate::spec::Kind;
use crate::status::{Condition, Why};
use crate::storage::Stored;
use crate::work::{Stop, Work};

/// Runs the tests of the newest release, and tells of it.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn test(work: &Work<'_>) -> Result<Ended, Stop> {
    let (release, plan) = match work.storage().last().await {
        Ok(Some(Stored { release, plan })) => (release, plan),
        Ok(None) => return Ok(nothing(work, "release: not found".into())),
        Err(error) => return Ok(nothing(work, error.to_string())),
    };
    let mut act = begin(work, release, plan);
    let result = run(&mut act).await;
    observe(&act);
    match result {
        Ok(()) => success(work),
        Err(error) => {
            let text = report::ends(error)?;
            failure(work, &text);
            if !is_tested(work) {
                work.ledger.summarize(work.spec());
                return Ok(Ended::Nothing(text));
            }
        }
    }
    work.ledger.summarize(work.spec());
    Ok(Ended::Stored)
}

fn begin<'a>(work: &'a Work<'a>, release: Release, plan: Option<Plan>) -> Act<'a> {
    let resumed = plan.filter(|plan| plan.continues(&work.uid(), crate::plan::Doing::Test));
    match resumed {
        Some(plan) => Act::resume(work, Kind::Test, release, plan),
        None => Act::new(work, Kind::Test, release, 0),
    }
}

async fn run(act: &mut Act<'_>) -> Result<(), ActError> {
    let filters = act.work.spec().test().filters.unwrap_or_default();
    let skip: Vec<String> = act
        .release
        .hooks
        .iter()
        .filter(|hook| !snapshot::is_selected(&hook.name, &filters))
        .map(|hook| hook.name.clone())
        .collect();
    let result = hooks::run(act, &Hooks { event: "test", phase: Phase::Before, skip: &skip }).await;
    skipped_first(&mut act.release.hooks, &filters);
    let written = act.conclude().await;
    result.and(written)
}

/// Helm stores the hooks anew after it tested with filters: those that are excluded, those that are not included, and
/// then the others.
fn skipped_first(hooks: &mut [ReleaseHook], filters: &[TestFilter]) {
    let names = |exclude: bool| -> Vec<&str> {
        filters.iter().filter(|one| one.exclude == exclude).map(|one| one.name.as_str()).collect()
    };
    let (excluded, included) = (names(true), names(false));
    hooks.sort_by_key(|hook| match () {
        () if excluded.contains(&hook.name.as_str()) => 0,
        () if !included.is_empty() && !included.contains(&hook.name.as_str()) => 1,
        () => 2,
    });
}

/// The newest entry shows how the tests ended.
fn observe(act: &Act<'_>) {
    let filters = act.work.spec().test().filters.unwrap_or_default();
    let mut entry = act.shown(&act.release);
    entry.test_hooks = Some(snapshot::tests(&act.release, &filters));
    act.work.ledger.change(|status| {
        history::sort(&mut status.history);
        if let Some(first) = status.history.first_mut()
            && history::targets(first, &entry.name, &entry.namespace, entry.version)
        {
            entry.action = first.action.clone();
            *first = entry;
        }
    });
}

fn is_tested(work: &Work<'_>) -> bool {
    work.ledger.read(|status| history::latest(&status.history).is_some_and(history::is_tested))
}

fn nothing(work: &Work<'_>, text: String) -> Ended {
    failure(work, &text);
    work.ledger.summarize(work.spec());
    Ended::Nothing(text)
}

fn failure(work: &Work<'_>, text: &str) {
    let Some(current) = work.ledger.read(|status| history::latest(&status.history).cloned()) else { return };
    let message = format!(
        "Helm test failed for release {} with chart {}: {}",
        history::full_name(&current),
        history::chart(&current),
        text.trim()
    );
    work.ledger.change(|status| status.failures += 1);
    report::tell(work, Condition::TestSuccess, Why::TestFailed, &report::about(&current), message, true);
    if !history::is_tested(&current) {
        return;
    }
    let last = work.ledger.read(|status| status.last_attempted_release_action.clone());
    let ignored = work.spec().test().ignore_failures;
    let remediation = work.spec().active_remediation(last.as_ref());
    if let (Some(last), Some(remediation)) = (last, remediation)
        && !remediation.ignores_tests(ignored)
    {
        report::count(work, &last);
    }
}

fn success(work: &Work<'_>) {
    let Some(current) = work.ledger.read(|status| history::latest(&status.history).cloned()) else { return };
    let count = current.test_hooks.as_ref().map_or(0, std::collections::BTreeMap::len);
    let tests = match count {
        0 => "no test hooks".to_owned(),
        1 => "1 test hook completed successfully".to_owned(),
        count => format!("{count} test hooks completed successfully"),
    };
    let message = format!(
        "Helm test succeeded for release {} with chart {}: {tests}",
        history::full_name(&current),
        history::chart(&current)
    );
    work.ledger.set(Set::yes(Condition::TestSuccess, Why::TestSucceeded, message.clone()));
    work.emit(&report::about(&current), Event::info(Why::TestSucceeded, message));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_were_left_out_stand_first() {
        let all = ["a", "b", "c", "d"];
        let hook = |name: &&str| ReleaseHook { name: (*name).into(), ..ReleaseHook::default() };
        let filter = |name: &str, exclude| TestFilter { name: name.into(), exclude };
        let order = |filters: &[TestFilter]| {
            let mut hooks: Vec<ReleaseHook> = all.iter().map(hook).collect();
            skipped_first(&mut hooks, filters);
            hooks.into_iter().map(|hook| hook.name).collect::<String>()
        };
        assert_eq!(order(&[]), "abcd");
        assert_eq!(order(&[filter("c", true)]), "cabd");
        assert_eq!(order(&[filter("b", false)]), "acdb");
        assert_eq!(order(&[filter("b", false), filter("d", false), filter("c", true)]), "cabd");
    }
}
