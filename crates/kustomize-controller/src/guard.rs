use std::fmt;

/// Annotation on the Kustomization whose value is the revision for which a held prune is allowed.
pub(crate) const ALLOW_PRUNE: &str = "kustomize.toolkit.fluxcd.io/allow-prune";

/// How much one pass may prune without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PruneGuard {
    /// The largest share of the inventory in percent, 1 to 100; 100 holds only builds that fell to no object at all.
    pub max_percent: u8,
}

/// Inventories below this size are not measured by share: one of two is half and means nothing.
const SMALL: usize = 5;

/// Why pruning is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    candidates: usize,
    before: usize,
    empty: bool,
    revision: String,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { candidates, before, empty, revision } = self;
        if *empty {
            write!(f, "the build of revision {revision} has no objects; deleting all {before} is held")?;
        } else {
            write!(f, "deleting {candidates} of {before} objects at revision {revision} is held")?;
        }
        write!(f, "; annotate the Kustomization with {ALLOW_PRUNE}={revision} to allow it")
    }
}

/// What a prune would do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intent<'a> {
    /// Objects to delete of those that were in the inventory before the pass.
    pub candidates: usize,
    /// Objects in the inventory before the pass, without what it has written ahead.
    pub before: usize,
    /// Objects in the build.
    pub built: usize,
    /// Revision of the pass.
    pub revision: &'a str,
    /// Value of [`ALLOW_PRUNE`].
    pub allowed: Option<&'a str>,
}

/// Holds a prune that looks like an accident. Deleting the Kustomization itself is not asked here.
pub(crate) fn check(guard: Option<PruneGuard>, intent: &Intent<'_>) -> Result<(), Held> {
    let Some(guard) = guard else { return Ok(()) };
    if intent.candidates == 0 || intent.allowed == Some(intent.revision) {
        return Ok(());
    }
    let empty = intent.built == 0;
    let large =
        intent.before >= SMALL && intent.candidates * 100 > intent.before * usize::from(guard.max_percent);
    if !empty && !large {
        return Ok(());
    }
    Err(Held {
        candidates: intent.candidates,
        before: intent.before,
        empty,
        revision: intent.revision.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Option<PruneGuard> = Some(PruneGuard { max_percent: 50 });

    fn intent(candidates: usize, before: usize, built: usize) -> Intent<'static> {
        Intent { candidates, before, built, revision: "main@sha1:a", allowed: None }
    }

    #[test]
    fn holds_empty_builds_and_large_shares() {
        assert!(check(HALF, &intent(2, 2, 0)).is_err());
        assert!(check(HALF, &intent(6, 10, 4)).is_err());
        assert!(check(HALF, &intent(5, 10, 5)).is_ok());
        assert!(check(HALF, &intent(3, 4, 1)).is_ok(), "small inventories have no share");
        assert!(check(None, &intent(10, 10, 0)).is_ok());
    }

    #[test]
    fn the_annotation_allows_one_revision_and_the_message_names_it() {
        let held = check(HALF, &intent(2, 2, 0)).unwrap_err().to_string();
        assert!(held.contains("kustomize.toolkit.fluxcd.io/allow-prune=main@sha1:a"), "{held}");
        let other = Intent { allowed: Some("main@sha1:b"), ..intent(2, 2, 0) };
        assert!(check(HALF, &other).is_err());
        assert!(check(HALF, &Intent { allowed: Some("main@sha1:a"), ..other }).is_ok());
    }
}
