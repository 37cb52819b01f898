//! What a stored release says, in the form the actions use. Pure, but for the clock.

use helm_release::{Release, ReleaseHook};

/// Server-side apply, as the release notes it.
pub(crate) const SERVER_SIDE: &str = "ssa";
/// Client-side apply.
const CLIENT_SIDE: &str = "csa";

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

/// Hooks that have not run.
pub(crate) fn fresh(hooks: &[ReleaseHook]) -> Vec<ReleaseHook> {
    hooks
        .iter()
        .map(|hook| ReleaseHook { last_run: helm_release::LastRun::default(), ..hook.clone() })
        .collect()
}
