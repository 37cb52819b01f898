use std::collections::BTreeMap;
use std::time::Duration;

use api::meta::{Snapshot, Time};

use crate::status::short;

/// Outcomes that are kept.
const KEPT: usize = 5;

/// One outcome of one build.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    /// Digest of the built manifests, as `sha256:<hex>`.
    pub digest: &'a str,
    /// Reason of Ready.
    pub status: &'a str,
    /// Revision of the source.
    pub revision: &'a str,
    /// Revision of the source's own origin, when the artifact names one.
    pub origin_revision: Option<&'a str>,
    /// When the pass ended.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
}

/// Puts an outcome first. The same outcome of the same build again counts on, keeping its first time.
pub(crate) fn record(history: &mut Vec<Snapshot>, entry: &Entry<'_>) {
    let known = history
        .iter()
        .position(|old| old.digest == entry.digest && old.last_reconciled_status == entry.status);
    let old = known.map(|index| history.remove(index));
    history.insert(0, snapshot(entry, old));
    history.truncate(KEPT);
}

fn snapshot(entry: &Entry<'_>, old: Option<Snapshot>) -> Snapshot {
    let (first, total) =
        old.map_or((entry.at.clone(), 0), |old| (old.first_reconciled, old.total_reconciliations));
    Snapshot {
        digest: entry.digest.to_owned(),
        first_reconciled: first,
        last_reconciled: entry.at.clone(),
        last_reconciled_duration: short(entry.took),
        last_reconciled_status: entry.status.to_owned(),
        total_reconciliations: total + 1,
        metadata: metadata(entry),
    }
}

fn metadata(entry: &Entry<'_>) -> BTreeMap<String, String> {
    let mut metadata = BTreeMap::from([("revision".to_owned(), entry.revision.to_owned())]);
    if let Some(origin) = entry.origin_revision {
        metadata.insert("originRevision".to_owned(), origin.to_owned());
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::jiff::Timestamp;

    fn entry<'a>(digest: &'a str, status: &'a str, second: i64) -> Entry<'a> {
        let at = Time(Timestamp::from_second(second).unwrap());
        Entry { digest, status, revision: "r", origin_revision: None, at, took: Duration::from_millis(5) }
    }

    fn shape(history: &[Snapshot]) -> Vec<(&str, &str, i64)> {
        history
            .iter()
            .map(|one| (one.digest.as_str(), one.last_reconciled_status.as_str(), one.total_reconciliations))
            .collect()
    }

    #[test]
    fn the_same_outcome_counts_on_and_comes_first() {
        let mut history = Vec::new();
        record(&mut history, &entry("a", "ok", 1));
        record(&mut history, &entry("b", "ok", 2));
        record(&mut history, &entry("a", "ok", 3));
        record(&mut history, &entry("a", "bad", 4));
        assert_eq!(shape(&history), [("a", "bad", 1), ("a", "ok", 2), ("b", "ok", 1)]);
        assert_eq!(history[1].first_reconciled.0.as_second(), 1);
        assert_eq!(history[1].last_reconciled.0.as_second(), 3);
    }

    #[test]
    fn five_outcomes_are_kept() {
        let mut history = Vec::new();
        for (second, digest) in ["a", "b", "c", "d", "e", "f"].iter().enumerate() {
            record(&mut history, &entry(digest, "ok", i64::try_from(second).unwrap()));
        }
        assert_eq!(history.len(), 5);
        assert_eq!(history[4].digest, "b");
    }
}
