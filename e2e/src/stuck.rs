//! What a person sees of a stuck object by `kubectl get` and `kubectl describe`, and nothing else.
use anyhow::{Result, bail};

use crate::{World, eventually};

/// What the two commands print of one object of the world's namespace.
pub fn seen(world: &World, kind: &str, name: &str) -> Result<String> {
    let namespace = world.ns.name();
    let get = world.plane.kubectl_ok(&["-n", namespace, "get", kind, name])?;
    Ok(get + &world.plane.kubectl_ok(&["-n", namespace, "describe", kind, name])?)
}

/// Waits until they show all of `words`.
///
/// # Errors
/// When they do not in time: with what is missing, and what was seen.
pub async fn shows(world: &World, kind: &str, name: &str, words: &[&str]) -> Result<()> {
    let lacking = || -> Result<Vec<&str>> {
        let text = flat(&seen(world, kind, name)?);
        Ok(words.iter().copied().filter(|word| !text.contains(&flat(word))).collect())
    };
    let found =
        eventually(&format!("{kind}/{name} shows {words:?}"), || async { Ok(lacking()?.is_empty()) }).await;
    if found.is_err() {
        bail!("{kind}/{name} does not show {:?}:\n{}", lacking()?, seen(world, kind, name)?);
    }
    Ok(())
}

/// kubectl wraps nothing, but it indents the lines of a message.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Ends the test with all that failed, not only with the first.
///
/// # Panics
/// When one of them failed.
pub fn all(results: Vec<Result<()>>) {
    let failed: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    assert!(failed.is_empty(), "{} rows failed:\n{}", failed.len(), failed.join("\n\n"));
}
