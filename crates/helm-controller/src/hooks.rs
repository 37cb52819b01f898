//! Hooks of a release: by weight, each waited for, deleted by its policy. What ran stands in the release, so that
//! nothing runs twice unless it failed.

use helm_release::{Release, ReleaseHook};
use manifest::Object;
use tokio::time::Instant;

use crate::act::{Act, ActError};
use crate::made;
use crate::plan::Phase;
use crate::resources;
use crate::wait::{self, WaitError};
use crate::writer::Writer;

/// When a hook is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    BeforeCreation,
    Succeeded,
    Failed,
}

impl Policy {
    const fn text(self) -> &'static str {
        match self {
            Self::BeforeCreation => made::BEFORE_CREATION,
            Self::Succeeded => "hook-succeeded",
            Self::Failed => "hook-failed",
        }
    }

    /// Without any policy a hook is deleted before it is made anew.
    fn applies(self, hook: &ReleaseHook) -> bool {
        // A CRD takes all objects of its kind with it.
        if hook.kind == "CustomResourceDefinition" {
            return false;
        }
        match hook.delete_policies.as_slice() {
            [] => self == Self::BeforeCreation,
            policies => policies.iter().any(|policy| policy == self.text()),
        }
    }
}

/// Places of the hooks of an event in the release, in the order they run.
fn order(release: &Release, event: &str, skip: &[String]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..release.hooks.len())
        .filter(|at| release.hooks[*at].events.iter().any(|one| one == event))
        .filter(|at| !skip.contains(&release.hooks[*at].name))
        .collect();
    places.sort_by(|a, b| {
        let (a, b) = (&release.hooks[*a], &release.hooks[*b]);
        (a.weight, &a.name).cmp(&(b.weight, &b.name))
    });
    places
}

/// What runs of one event.
pub(crate) struct Hooks<'e> {
    /// The event, such as `pre-install`.
    pub event: &'e str,
    /// The phase the plan is in meanwhile.
    pub phase: Phase,
    /// Names of hooks that do not run.
    pub skip: &'e [String],
}

/// Runs the hooks of an event.
///
/// # Errors
/// At the first hook that fails, after its policy was done.
pub(crate) async fn run(act: &mut Act<'_>, hooks: &Hooks<'_>) -> Result<(), ActError> {
    let places = order(&act.release, hooks.event, hooks.skip);
    if places.is_empty() {
        return Ok(());
    }
    for (step, place) in places.iter().enumerate() {
        if let Err(error) = one(act, hooks, step, *place).await {
            if !matches!(error, ActError::Superseded) {
                clean_after_failure(act, *place, &places[..step]).await?;
            }
            return Err(error);
        }
    }
    for place in places.iter().rev() {
        delete(act, *place, Policy::Succeeded).await?;
    }
    Ok(())
}

async fn clean_after_failure(act: &Act<'_>, failed: usize, before: &[usize]) -> Result<(), ActError> {
    if let Err(error) = delete(act, failed, Policy::Failed).await {
        tracing::warn!(error = %error, "the failed hook could not be deleted");
    }
    for place in before {
        delete(act, *place, Policy::Succeeded).await?;
    }
    Ok(())
}

/// What a former process has left of a hook.
enum Before {
    /// It did not begin.
    Nothing,
    /// It runs, or ran, and how it ended is still to be seen.
    Begun,
    /// It succeeded.
    Done,
}

async fn one(act: &mut Act<'_>, hooks: &Hooks<'_>, step: usize, place: usize) -> Result<(), ActError> {
    let text = act.release.hooks[place].manifest.clone();
    let went_on = act.resumes(hooks.phase) || act.plan.installs && hooks.phase == Phase::Before;
    let before = if went_on { left(act, place, &text).await? } else { Before::Nothing };
    if matches!(before, Before::Done) {
        return Ok(());
    }
    act.enter(hooks.phase, step, matches!(before, Before::Begun)).await?;
    made::default_policy(&mut act.release.hooks[place]);
    let path = act.release.hooks[place].path.clone();
    if matches!(before, Before::Nothing) {
        delete(act, place, Policy::BeforeCreation).await?;
    }
    let objects =
        resources::build(&act.work.session, &text, &act.release.namespace).await.map_err(|error| {
            ActError::Helm(format!(
                "unable to build kubernetes object for {} hook {path}: {error}",
                hooks.event
            ))
        })?;
    if matches!(before, Before::Nothing) {
        begin(act, hooks, place, &objects, &path).await?;
    }
    let until = act.until();
    let started = act.release.hooks[place].last_run.started_at.clone();
    let result = wait::ran(act.work, &objects, started.as_deref(), until).await;
    finish(act, place, result).await
}

async fn begin(
    act: &mut Act<'_>,
    hooks: &Hooks<'_>,
    place: usize,
    objects: &[Object],
    path: &str,
) -> Result<(), ActError> {
    let run = &mut act.release.hooks[place].last_run;
    run.started_at = Some(made::now_text());
    run.completed_at = None;
    run.phase = "Running".into();
    act.record().await?;
    let writer = Writer { strict: true, ..act.writer() };
    if let Err(error) = writer.create(objects, false).await {
        let run = &mut act.release.hooks[place].last_run;
        run.completed_at = Some(made::now_text());
        run.phase = "Failed".into();
        return Err(ActError::Helm(format!("warning: Hook {} {path} failed: {error}", hooks.event)));
    }
    Ok(())
}

async fn finish(act: &mut Act<'_>, place: usize, result: Result<(), WaitError>) -> Result<(), ActError> {
    if matches!(result, Err(WaitError::Superseded)) {
        return Err(ActError::Superseded);
    }
    let run = &mut act.release.hooks[place].last_run;
    run.completed_at = Some(made::now_text());
    run.phase = if result.is_ok() { "Succeeded" } else { "Failed" }.into();
    // What ran must not run again, and what failed must: it is written down before anything else happens.
    act.record().await?;
    result.map_err(|error| ActError::Helm(error.to_string()))
}

/// What a former process has left of a hook, as the release and the cluster show it.
async fn left(act: &Act<'_>, place: usize, text: &str) -> Result<Before, ActError> {
    match act.release.hooks[place].last_run.phase.as_str() {
        "Succeeded" => return Ok(Before::Done),
        "Running" => {}
        _ => return Ok(Before::Nothing),
    }
    let objects = resources::build_known(&act.work.session, text, &act.release.namespace)
        .await
        .map_err(|error| ActError::Helm(error.to_string()))?;
    let started = act.release.hooks[place].last_run.started_at.clone();
    for object in &objects {
        let live = act.work.session.get(&object.gvk(), object.namespace(), object.name()).await;
        let live = live.map_err(|error| ActError::Helm(error.to_string()))?;
        if !was_made(object, live.as_ref(), started.as_deref()) {
            return Ok(Before::Nothing);
        }
    }
    Ok(Before::Begun)
}

/// Whether the run that began then has made the object: it is there, or it deleted itself when it was done.
fn was_made(object: &Object, live: Option<&Object>, started: Option<&str>) -> bool {
    match live {
        Some(live) => is_younger(live, started),
        None => started.is_some() && wait::vanishes_in(object, started).is_some_and(|left| left.is_zero()),
    }
}

/// Whether the object was made by the run that began then; clocks may differ by a little.
fn is_younger(live: &Object, started: Option<&str>) -> bool {
    const SLACK: i64 = 5;
    let time = |text: &str| text.parse::<k8s_openapi::jiff::Timestamp>().ok().map(|time| time.as_second());
    let created = live.value().pointer("/metadata/creationTimestamp").and_then(|text| time(text.as_str()?));
    match (created, started.and_then(time)) {
        (Some(created), Some(started)) => created + SLACK >= started,
        _ => false,
    }
}

async fn delete(act: &Act<'_>, place: usize, policy: Policy) -> Result<(), ActError> {
    let hook = &act.release.hooks[place];
    if !policy.applies(hook) {
        return Ok(());
    }
    let session = &act.work.session;
    let built = resources::build_known(session, &hook.manifest, &act.release.namespace).await;
    let objects = built.map_err(|error| {
        ActError::Helm(format!("unable to build kubernetes object for deleting hook {}: {error}", hook.path))
    })?;
    let mut failures = Vec::new();
    for object in &objects {
        act.work.app.cluster.drift().untrack(&act.work.owner, &[object.id()]);
        if let Err(error) = session.delete_one(object, "Background", None).await {
            failures.push(error.to_string());
        }
    }
    if !failures.is_empty() {
        return Err(ActError::Helm(failures.join("; ")));
    }
    if !act.waits.objects {
        return Ok(());
    }
    let until = Instant::now() + act.timeout;
    wait::gone(act.work, &objects, until).await.map_err(|error| ActError::Helm(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, weight: i64, policies: &[&str]) -> ReleaseHook {
        ReleaseHook {
            name: name.into(),
            weight,
            events: vec!["pre-install".into()],
            delete_policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
            ..ReleaseHook::default()
        }
    }

    #[test]
    fn hooks_run_by_weight_then_name_and_filtered_ones_do_not() {
        let hooks = vec![hook("b", 0, &[]), hook("a", 0, &[]), hook("z", -1, &[]), hook("c", 5, &[])];
        let release = Release { hooks, ..Release::default() };
        assert_eq!(order(&release, "pre-install", &[]), [2, 1, 0, 3]);
        assert_eq!(order(&release, "pre-install", &["a".into()]), [2, 0, 3]);
        assert!(order(&release, "post-install", &[]).is_empty());
    }

    #[test]
    fn a_job_that_has_deleted_itself_is_not_run_again() {
        let job = crate::storage::object(serde_json::json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:01Z"},
            "spec": {"ttlSecondsAfterFinished": 60}}));
        let (long_ago, now) = (Some("2026-01-01T00:00:00Z"), made::now_text());
        assert!(was_made(&job, Some(&job), long_ago) && was_made(&job, None, long_ago));
        assert!(!was_made(&job, None, Some(&now)), "it was never made, or somebody deleted it");
        assert!(!was_made(&job, Some(&job), Some(&now)), "it is of an earlier run");
        let mut plain = job.clone();
        plain.value_mut()["spec"] = serde_json::json!({});
        assert!(!was_made(&plain, None, long_ago));
    }

    #[test]
    fn without_a_policy_a_hook_goes_before_it_is_made_anew() {
        assert!(Policy::BeforeCreation.applies(&hook("a", 0, &[])));
        assert!(!Policy::Succeeded.applies(&hook("a", 0, &[])));
        let both = hook("a", 0, &["hook-succeeded", "hook-failed"]);
        assert!(!Policy::BeforeCreation.applies(&both) && Policy::Succeeded.applies(&both));
        let crd = ReleaseHook { kind: "CustomResourceDefinition".into(), ..both };
        assert!(!Policy::Succeeded.applies(&crd));
    }
}
