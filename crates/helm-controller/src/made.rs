//! What a stored release says, in the form the actions use. Pure, but for the clock.

use helm_release::{Release, ReleaseHook, Status};

/// Server-side apply, as the release notes it.
pub(crate) const SERVER_SIDE: &str = "ssa";
/// Client-side apply.
const CLIENT_SIDE: &str = "csa";

/// Description of a release whose action was given up for something newer.
pub(crate) const SUPERSEDED: &str = "superseded by a newer revision";

/// The policy by which a hook is deleted that names none.
pub(crate) const BEFORE_CREATION: &str = "before-hook-creation";

/// Whether the release's action was given up for something newer. It has not failed.
pub(crate) fn is_given_up(release: &Release) -> bool {
    release.status() == Status::Failed && release.info.description == SUPERSEDED
}

/// The time of now as Helm writes it.
pub(crate) fn now_text() -> String {
    k8s_openapi::jiff::Timestamp::now().to_string()
}

/// How objects are applied, as the release notes it.
pub(crate) fn apply_method(server_side: bool) -> String {
    if server_side { SERVER_SIDE } else { CLIENT_SIDE }.to_owned()
}

/// Whether the release's objects were applied server-side.
pub(crate) fn is_server_side(release: &Release) -> bool {
    release.apply_method == SERVER_SIDE
}

/// Whether a release has a hook of this event.
pub(crate) fn has_hook(release: &Release, event: &str) -> bool {
    release.hooks.iter().any(|hook| hook.events.iter().any(|one| one == event))
}

/// Hooks of a newer revision. What succeeded for the one before, and is the same still, has run.
pub(crate) fn with_runs(hooks: Vec<ReleaseHook>, before: &[ReleaseHook]) -> Vec<ReleaseHook> {
    let ran = |hook: &ReleaseHook| {
        let same = before.iter().find(|one| one.name == hook.name && one.manifest == hook.manifest)?;
        (same.last_run.phase == "Succeeded").then(|| same.last_run.clone())
    };
    hooks.into_iter().map(|hook| ReleaseHook { last_run: ran(&hook).unwrap_or_default(), ..hook }).collect()
}

/// A hook that runs says in the release by which policy: Helm writes its default down.
pub(crate) fn default_policy(hook: &mut ReleaseHook) {
    if hook.delete_policies.is_empty() {
        hook.delete_policies.push(BEFORE_CREATION.to_owned());
    }
}

/// Hooks that have not run.
pub(crate) fn fresh(hooks: &[ReleaseHook]) -> Vec<ReleaseHook> {
    hooks
        .iter()
        .map(|hook| ReleaseHook { last_run: helm_release::LastRun::default(), ..hook.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, manifest: &str, phase: &str) -> ReleaseHook {
        let mut hook = ReleaseHook { name: name.into(), manifest: manifest.into(), ..ReleaseHook::default() };
        hook.last_run.phase = phase.into();
        hook
    }

    #[test]
    fn a_hook_that_succeeded_has_run_for_the_next_revision_unless_it_is_another_now() {
        let before =
            [hook("same", "a", "Succeeded"), hook("other", "a", "Succeeded"), hook("bad", "a", "Failed")];
        let next = ["same", "bad", "new"].map(|name| hook(name, "a", "")).into_iter();
        let runs = with_runs(next.chain([hook("other", "b", "")]).collect(), &before);
        let phases: Vec<&str> = runs.iter().map(|hook| &*hook.last_run.phase).collect();
        assert_eq!(phases, ["Succeeded", "", "", ""]);
    }

    #[test]
    fn what_runs_notes_the_policy_it_runs_by() {
        let policy = |policies: &[&str]| {
            let mut hook = hook("a", "", "");
            hook.delete_policies = policies.iter().map(|policy| (*policy).to_owned()).collect();
            default_policy(&mut hook);
            hook.delete_policies.join(",")
        };
        assert_eq!(policy(&[]), "before-hook-creation");
        assert_eq!(policy(&["hook-failed"]), "hook-failed");
    }

    #[test]
    fn what_was_given_up_for_something_newer_has_not_failed() {
        let ended = |text: &str| {
            let mut release = Release::default();
            release.set_status(Status::Failed, text);
            is_given_up(&release)
        };
        assert!(ended(SUPERSEDED) && !ended("Release \"app\" failed: timeout"));
    }
}
