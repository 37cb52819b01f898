//! What changes from run to run, taken out of both sides.
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use regex::Regex;
use serde_json::Value;

/// Text of this run ↔ text of the recordings.
#[derive(Default)]
pub(crate) struct Masks {
    /// Behind a lock: commits of an automation become known while its states are looked at.
    pairs: Mutex<Vec<(String, String)>>,
    commits: usize,
}

impl Masks {
    /// `real` is written as `mask` in recordings.
    pub(crate) fn add(&self, mask: &str, real: &str) {
        self.pairs().push((mask.into(), real.into()));
    }

    fn pairs(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this text of the run has a mask.
    pub(crate) fn has(&self, real: &str) -> bool {
        self.pairs().iter().any(|(_, known)| known == real)
    }

    /// The next commit; its first 12, 8 and 7 characters have masks of their own.
    pub(crate) fn add_commit(&mut self, id: &str) {
        self.commits += 1;
        self.number_commit(self.commits, id);
    }

    /// A commit of an automation: recordings number them behind those of the scenario's own steps, `own` in number.
    pub(crate) fn learn_commit(&self, own: usize, id: &str) {
        if !self.has(id) {
            let known = self.pairs().iter().filter(|(mask, _)| is_commit(mask)).count();
            let behind = known.saturating_sub(self.commits);
            self.number_commit(own + behind + 1, id);
        }
    }

    fn number_commit(&self, number: usize, id: &str) {
        self.add(&format!("<commit{number}>"), id);
        for length in [12, 8, 7] {
            self.add(&format!("<commit{number}:{length}>"), &id[..length]);
        }
    }

    /// Input of a recording, as text of this run.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.pairs().iter().fold(text.to_owned(), |text, (mask, real)| text.replace(mask, real))
    }

    /// A JSON value of this run, as it would stand in a recording.
    pub(crate) fn hide(&self, value: &Value) -> Value {
        let pairs = self.pairs().clone();
        let hide = |text: &str| {
            let mut longest_first: Vec<_> = pairs.iter().collect();
            longest_first.sort_by_key(|(_, real)| std::cmp::Reverse(real.len()));
            longest_first.iter().fold(text.to_owned(), |text, (mask, real)| text.replace(real.as_str(), mask))
        };
        map_strings(value, &hide)
    }
}

/// `<commit3>`, not its beginnings.
fn is_commit(mask: &str) -> bool {
    let number = mask.strip_prefix("<commit").and_then(|rest| rest.strip_suffix('>'));
    number.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
}

static MEASURED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(passed in|finished in|failed after|timeout waiting for: context deadline exceeded in) [0-9][0-9a-zµ.]*")
        .expect("constant")
});
static CLUSTER_IP: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^10\.0\.[0-9]+\.[0-9]+$").expect("constant"));
static PORT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"127\.0\.0\.1:[0-9]+->").expect("constant"));
static TEMPORARY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<tmp>/[A-Za-z-]+<n>|<tmp>/[A-Za-z-]+-[0-9]+").expect("constant"));

/// The recorder's Helm repository named a status in words of its own; sizes are of a compressor's output; and our errors
/// name files of a source by their path in it, not by a temporary folder.
static WORDS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    let regex = |text| Regex::new(text).expect("constant");
    [
        (regex("404 File not found"), "404 Not Found"),
        (regex(r"fetched index of size [0-9.]+[kMG]?B"), "fetched index of size <size>"),
        (regex(r"<tmp>/helmchart-<ns>-[a-z0-9-]+-<n>/source/"), ""),
        (regex(r"<tmp>/gitrepository-<ns>-[a-z0-9-]+-<n>/"), ""),
    ]
});

/// Times, measured durations, identities, and the digest and size of archives that source-controller packs: their
/// deflate stream is the compressor's own, so Go's is not ours.
pub(crate) fn normal(value: &Value) -> Value {
    let text = |text: &str| {
        let text = MEASURED.replace_all(text, "$1 <dur>");
        let text = CLUSTER_IP.replace_all(&text, "<cluster-ip>");
        let text = PORT.replace_all(&text, "127.0.0.1:<port>->");
        let text = TEMPORARY.replace_all(&text, "<tmp>").into_owned();
        WORDS.iter().fold(text, |text, (words, ours)| words.replace_all(&text, *ours).into_owned())
    };
    let mut value = map_strings(value, &text);
    mask_keys(&mut value);
    value
}

const HIDDEN: [&str; 23] = [
    "lastUpdateTime",
    "firstReconciled",
    "lastReconciled",
    "lastReconciledDuration",
    "lastTransitionTime",
    "timestamp",
    "uid",
    "resourceVersion",
    "reportingInstance",
    "size",
    "lastAutomationRunTime",
    "lastPushTime",
    "scanTime",
    "source.toolkit.fluxcd.io/digest",
    "totalReconciliations",
    "firstDeployed",
    "lastDeployed",
    "deleted",
    "lastStarted",
    "lastCompleted",
    "lastAttemptedReleaseActionDuration",
    "started_at",
    "completed_at",
];

fn mask_keys(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("lastTransitionTime");
            let is_artifact = map.contains_key("url") && map.contains_key("revision")
                || map.contains_key("chartName") && map.contains_key("configDigest");
            for (key, inner) in map.iter_mut() {
                if HIDDEN.contains(&key.as_str()) || (is_artifact && key == "digest") {
                    *inner = Value::String(format!("<{key}>"));
                } else {
                    mask_keys(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(mask_keys),
        _ => {}
    }
}

fn map_strings(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(list) => list.iter().map(|inner| map_strings(inner, change)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, inner)| (change(key), map_strings(inner, change))).collect()
        }
        other => other.clone(),
    }
}
