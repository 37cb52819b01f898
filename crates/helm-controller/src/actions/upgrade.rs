//! A later release.

use api::helm::v2::ReleaseAction;
use helm_release::{Info, Release, Status};
use helm_template::Values;
use manifest::Object;

use crate::act::{Act, ActError};
use crate::actions::install::{adoptable, inventory};
use crate::actions::report::{Ended, Report};
use crate::chart::Loaded;
use crate::plan::{Doing, Phase, Plan};
use crate::spec::{Kind, Spec};
use crate::storage::{Storage, Stored};
use crate::work::{Stop, Work};
use crate::{crds, made, perform, render, resources, resume};

/// Upgrades, and tells of it.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn upgrade(work: &Work<'_>, chart: &Loaded) -> Result<Ended, Stop> {
    let report = Report::begin(work, chart, ReleaseAction::Upgrade);
    let (mut act, original) = match prepare(work, chart).await {
        Ok(prepared) => prepared,
        Err(error) => return report.nothing(error),
    };
    let result = go_on(&mut act, &original).await;
    report.finish(act.written, result)
}

/// Goes on with an upgrade that a former process began.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn go_on_with(
    work: &Work<'_>,
    release: Release,
    plan: Plan,
    chart: &Loaded,
) -> Result<Ended, Stop> {
    let report = Report::begin(work, chart, ReleaseAction::Upgrade);
    let original = work.storage().get(plan.original).await;
    let mut act = Act::resume(work, Kind::Upgrade, release, plan);
    let result = match original {
        Ok(Some(stored)) => go_on(&mut act, &stored.release).await,
        Ok(None) => {
            let nothing = Release::default();
            go_on(&mut act, &nothing).await
        }
        Err(error) => Err(error.into()),
    };
    report.finish(act.written, result)
}

/// The newest release, and the one that is live: the newest deployed one, else the newest.
async fn current(storage: &Storage, name: &str) -> Result<(Stored, Release), ActError> {
    let rows = storage.rows().await?;
    let missing = || ActError::Helm(format!("\"{name}\" has no deployed releases"));
    let last = rows.first().ok_or_else(missing)?;
    let newest = storage.get(last.version).await?.ok_or_else(missing)?;
    let release = newest.release.clone();
    if last.status == "deployed" {
        return Ok((newest, release));
    }
    if last.status.starts_with("pending-") {
        let text = "another operation (install/upgrade/rollback) is in progress";
        return Err(ActError::Helm(text.into()));
    }
    let deployed = rows.iter().find(|row| row.status == "deployed");
    match deployed {
        Some(row) => Ok((newest, storage.get(row.version).await?.ok_or_else(missing)?.release)),
        None if matches!(last.status.as_str(), "failed" | "superseded") => Ok((newest, release)),
        None => Err(missing()),
    }
}

/// Whether the installation of the release was given up for what is released now. Then this is that installation's end:
/// its hooks run, and not those of an upgrade, which count on what they made.
fn ends_installation(last: &Stored) -> bool {
    let installed = |plan: &Plan| plan.doing == Doing::Install || plan.installs;
    made::is_given_up(&last.release) && last.plan.as_ref().is_some_and(installed)
}

/// The values of an upgrade. With `preserveValues` those of the live release count where none are given anew.
pub(crate) fn values(spec: Spec<'_>, chart: &Loaded, current: &Release) -> Values {
    if !spec.upgrade().preserve_values {
        return chart.values.clone();
    }
    let mut values = current.values();
    values.merge(&chart.values);
    values
}

async fn prepare<'a>(work: &'a Work<'a>, chart: &Loaded) -> Result<(Act<'a>, Release), ActError> {
    let spec = work.spec();
    let storage = work.storage();
    let (newest, current) = current(&storage, &spec.name()).await?;
    let installs = ends_installation(&newest);
    let last = newest.release;
    let server_side = spec.server_side(Kind::Upgrade, made::is_server_side(&last));
    crds::apply(work, chart, Kind::Upgrade, server_side).await?;
    let values = values(spec, chart, &current);
    let revision = last.version + 1;
    let options = helm_template::ReleaseOptions {
        name: spec.name(),
        namespace: current.namespace.clone(),
        revision,
        is_install: installs,
        is_upgrade: !installs,
    };
    let skip_schema = spec.upgrade().disable_schema_validation;
    let resolved = chart.resolve(&values).map_err(ActError::Helm)?;
    let rendered = render::render(work, &resolved, &values, &options, skip_schema)
        .await
        .map_err(|error| ActError::Helm(error.0))?;
    let release = Release {
        name: spec.name(),
        namespace: current.namespace.clone(),
        version: revision,
        info: Info {
            first_deployed: current.info.first_deployed.clone(),
            last_deployed: Some(made::now_text()),
            status: Some(Status::PendingUpgrade),
            description: "Preparing upgrade".into(),
            notes: rendered.notes,
            ..Info::default()
        },
        chart: resolved.to_release_json(),
        config: values.as_map().clone(),
        manifest: rendered.manifest,
        hooks: if installs { made::with_runs(rendered.hooks, &last.hooks) } else { rendered.hooks },
        labels: last.labels.clone(),
        apply_method: made::apply_method(server_side),
        ..Release::default()
    };
    let mut act = Act::new(work, Kind::Upgrade, release, current.version);
    act.plan.installs = installs;
    begin_release(&mut act, &current, chart).await?;
    Ok((act, current))
}

async fn begin_release(act: &mut Act<'_>, current: &Release, chart: &Loaded) -> Result<(), ActError> {
    let spec = act.work.spec();
    let objects = act.target().await.map_err(|error| ActError::Helm(error.to_string()))?;
    let before = resources::parse(&current.manifest).unwrap_or_default();
    let is_known = |object: &&Object| {
        before.iter().any(|one| one.kind() == object.kind() && one.name() == object.name())
    };
    let new: Vec<Object> = objects.iter().filter(|object| !is_known(object)).cloned().collect();
    adoptable(act, &new, !spec.upgrade().disable_take_ownership)
        .await
        .map_err(|error| ActError::Helm(format!("unable to continue with update: {error}")))?;
    if !(act.hooks && made::has_hook(&act.release, act.events().0)) {
        act.plan.phase = Phase::Apply;
    }
    act.store(spec.max_history()).await?;
    inventory(act.work, &objects, chart);
    Ok(())
}

async fn go_on(act: &mut Act<'_>, original: &Release) -> Result<(), ActError> {
    if let Some(ended) = resume::ended(act) {
        resume::tell(act);
        let shown = act.shown(original);
        act.written.extend((original.version > 0).then_some(shown));
        return ended.map_err(ActError::Helm);
    }
    let mut created = Vec::new();
    match perform::perform(act, Some(original), &mut created).await {
        Ok(()) => {
            supersede(act, original).await;
            perform::deployed(act, "Upgrade complete").await
        }
        Err(error) => {
            // Helm writes the live release once more when objects or their wait failed; the status shows it.
            if act.plan.phase >= Phase::Apply && act.plan.phase != Phase::After && original.version > 0 {
                let shown = act.shown(original);
                act.written.push(shown);
            }
            perform::failed(act, &error, &created).await;
            Err(error)
        }
    }
}

async fn supersede(act: &mut Act<'_>, original: &Release) {
    if original.version == 0 {
        return;
    }
    let mut original = original.clone();
    original.info.status = Some(Status::Superseded);
    match act.storage.update(&original, None).await {
        Ok(()) => {
            let shown = act.shown(&original);
            act.written.push(shown);
        }
        Err(error) => tracing::warn!(error = %error, "the superseded release could not be written"),
    }
}
