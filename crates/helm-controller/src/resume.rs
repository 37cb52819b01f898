//! Goes on with an action that a former process left (decision D16), or tells of one that it ended.

use helm_release::{Release, Status};

use crate::act::Act;
use crate::actions::report::{self, Ended};
use crate::actions::{install, rollback, uninstall, upgrade};
use crate::chart::Loaded;
use crate::plan::{Doing, Phase, Plan};
use crate::release::target;
use crate::storage::Stored;
use crate::work::{Stop, Work};
use crate::{made, snapshot};

/// Goes on where the plan says.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn resume(work: &Work<'_>, chart: &Loaded, stored: Stored) -> Result<Ended, Stop> {
    let Stored { release, plan } = stored;
    let Some(plan) = plan else { return Ok(Ended::Stored) };
    tracing::info!(doing = ?plan.doing, phase = ?plan.phase, "an action of a former run goes on");
    if plan.doing == Doing::Uninstall {
        return uninstall::uninstall(work, uninstall::Cause::Remedy).await;
    }
    let unwanted = plan.phase != Phase::Done && !fits(work, chart, &release, &plan);
    if unwanted || made::is_given_up(&release) {
        return supersede(work, release, plan).await;
    }
    match plan.doing {
        Doing::Install => install::go_on_with(work, release, plan, chart).await,
        Doing::Upgrade => upgrade::go_on_with(work, release, plan, chart).await,
        _ => match target(work) {
            Some(target) => rollback::go_on_with(work, release, plan, &target, &chart.values_digest).await,
            None => supersede(work, release, plan).await,
        },
    }
}

/// Whether the action does what is still wanted.
fn fits(work: &Work<'_>, chart: &Loaded, release: &Release, plan: &Plan) -> bool {
    if plan.generation != work.run.generation() {
        return false;
    }
    let values = match plan.doing {
        Doing::Rollback => return true,
        // What the release keeps of earlier values is wanted too, as for a release that is done.
        Doing::Upgrade => upgrade::values(work.spec(), chart, release),
        _ => chart.values.clone(),
    };
    let metadata = release.chart_metadata();
    metadata.name == chart.name
        && metadata.version == chart.version
        && helm_release::verify_values(&helm_release::digest_values(&values), &release.values())
}

/// The action is given up: something newer is wanted. No failure is counted.
async fn supersede(work: &Work<'_>, mut release: Release, plan: Plan) -> Result<Ended, Stop> {
    release.set_status(Status::Failed, made::SUPERSEDED);
    let done = Plan { phase: Phase::Done, ..plan };
    match work.storage().update(&release, Some(&done)).await {
        Ok(()) => {
            // It is ours: a release that the history does not know would be taken for somebody else's.
            let action = match done.doing {
                Doing::Install => "install",
                Doing::Rollback => "rollback",
                _ => "upgrade",
            };
            report::released(work, vec![snapshot::of(&release, "", None)], action);
            Ok(Ended::GivenUp)
        }
        Err(error) => Ok(Ended::Nothing(error.to_string())),
    }
}

/// How an action ended, as its release says; none while it goes on.
pub(crate) fn ended(act: &Act<'_>) -> Option<Result<(), String>> {
    if act.plan.phase != Phase::Done {
        return None;
    }
    match act.release.status() {
        Status::Failed => {
            let text = &act.release.info.description;
            Some(Err(text.split_once(" failed: ").map_or(text.as_str(), |(_, cause)| cause).to_owned()))
        }
        _ => Some(Ok(())),
    }
}

/// A release that an earlier run wrote and could not tell of is told now.
pub(crate) fn tell(act: &mut Act<'_>) {
    act.unseal();
    let shown = act.shown(&act.release);
    act.written.push(shown);
}
