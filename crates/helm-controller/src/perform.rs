//! The middle of install, upgrade and rollback: hooks, objects, wait, hooks. Each phase is written down before it
//! begins, so that the same function goes on where a former process ended.

use helm_release::{Release, Status};
use manifest::Object;

use crate::act::{Act, ActError};
use crate::hooks::{self, Hooks};
use crate::made;
use crate::plan::Phase;
use crate::resources;
use crate::spec::Kind;

/// Runs an action whose release is stored.
///
/// # Errors
/// At the first phase that fails; the release is written by the caller.
pub(crate) async fn perform(
    act: &mut Act<'_>,
    original: Option<&Release>,
    created: &mut Vec<Object>,
) -> Result<(), ActError> {
    let target = act.target().await.map_err(|error| {
        ActError::Helm(format!("unable to build kubernetes objects from new release manifest: {error}"))
    })?;
    let (before, after) = act.events();
    if act.hooks && !act.is_past(Phase::Before) {
        run_hooks(act, before, Phase::Before).await?;
    }
    if !act.is_past(Phase::Apply) {
        act.enter(Phase::Apply, 0, false).await?;
        apply(act, original, &target, created).await?;
    }
    act.wait(&target).await?;
    if act.hooks {
        run_hooks(act, after, Phase::After).await?;
    }
    Ok(())
}

async fn run_hooks(act: &mut Act<'_>, event: &str, phase: Phase) -> Result<(), ActError> {
    let result = hooks::run(act, &Hooks { event, phase, skip: &[] }).await;
    result.map_err(|error| match (error, act.kind) {
        (ActError::Helm(text), Kind::Install) => ActError::Helm(format!("failed {event}: {text}")),
        (ActError::Helm(text), Kind::Upgrade) => ActError::Helm(format!("{event} hooks failed: {text}")),
        (error, _) => error,
    })
}

async fn apply(
    act: &Act<'_>,
    original: Option<&Release>,
    target: &[Object],
    created: &mut Vec<Object>,
) -> Result<(), ActError> {
    let writer = act.writer();
    let Some(original) = original else {
        return install(act, target, created).await;
    };
    let built = resources::build_known(&act.work.session, &original.manifest, &original.namespace).await;
    let before = built.map_err(|error| {
        ActError::Helm(format!("unable to build kubernetes objects from current release manifest: {error}"))
    })?;
    let migrates = act.server_side && (act.kind == Kind::Rollback || !made::is_server_side(original));
    Ok(writer.update(&before, target, created, migrates).await?)
}

/// Under server-side apply an object that is there is taken over by the same request that would create it.
async fn install(act: &Act<'_>, target: &[Object], created: &mut Vec<Object>) -> Result<(), ActError> {
    let writer = act.writer();
    if act.server_side {
        return Ok(writer.create(target, true).await?);
    }
    let mut present = Vec::new();
    for object in target {
        let live = act.work.session.get(&object.gvk(), object.namespace(), object.name()).await;
        present.extend(live.map_err(|error| ActError::Helm(error.to_string()))?);
    }
    if present.is_empty() {
        return Ok(writer.create(target, false).await?);
    }
    Ok(writer.update(&present, target, created, false).await?)
}

/// The release has failed: it is written down as such, and what the action created goes where that is asked for.
pub(crate) async fn failed(act: &mut Act<'_>, error: &ActError, created: &[Object]) {
    let name = &act.release.name;
    let description = match (error, act.kind) {
        (ActError::Superseded, _) => made::SUPERSEDED.to_owned(),
        (error, Kind::Install) => format!("Release \"{name}\" failed: {error}"),
        (error, Kind::Rollback) => format!("Rollback \"{name}\" failed: {error}"),
        (error, _) => format!("Upgrade \"{name}\" failed: {error}"),
    };
    act.release.set_status(Status::Failed, description);
    if let Err(error) = act.conclude().await {
        tracing::warn!(error = %error, "the failed release could not be written");
    }
    // What is given up for something newer has not failed: the next action goes on with what is there.
    if !matches!(error, ActError::Superseded) && act.work.spec().cleans_up(act.kind) {
        clean_up(act, created).await;
    }
}

/// `cleanupOnFail`: nobody waits for these objects any more, nor tells of their drift.
async fn clean_up(act: &Act<'_>, created: &[Object]) {
    for object in created {
        act.work.app.cluster.drift().untrack(&act.work.owner, &[object.id()]);
        if let Err(error) = act.work.session.delete_one(object, "Background", None).await {
            tracing::warn!(error = %error, object = object.id().subject(), "could not be cleaned up");
        }
    }
}

/// The release is deployed: it is written down as such.
///
/// # Errors
/// When it cannot be written.
pub(crate) async fn deployed(act: &mut Act<'_>, description: &str) -> Result<(), ActError> {
    act.release.set_status(Status::Deployed, description);
    act.conclude().await
}
