//! Compares the cluster with the release, and puts it right.

use std::fmt;

use futures::{StreamExt, stream};
use manifest::Object;
use serde_json::{Map, Value};
use ssa::{Action, GetError, Write};

use crate::resources;
use crate::storage::MANAGER;
use crate::work::Work;
use helm_release::Release;

/// Label or annotation by which an object is left out, `disabled`.
const MARK: &str = "helm.toolkit.fluxcd.io/driftDetection";
/// Comparisons in flight.
const CONCURRENCY: usize = 8;

/// How an object differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// What the release says.
    pub wanted: Object,
    /// In which way.
    pub how: How,
}

/// In which way an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It is gone.
    Gone,
    /// So many fields differ.
    Changed(Counts),
    /// It is left out.
    Excluded,
}

/// Fields to add, to change and to remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    added: usize,
    changed: usize,
    removed: usize,
}

impl Counts {
    fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Difference {
    /// A line of Flux's summary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.wanted.id().subject())?;
        match self.how {
            How::Gone => f.write_str("removed"),
            How::Excluded => f.write_str("excluded"),
            How::Changed(counts) => write!(
                f,
                "changed ({} additions, {} changes, {} removals)",
                counts.added, counts.changed, counts.removed
            ),
        }
    }
}

/// Whether any of them is to be dealt with.
pub(crate) fn matters(differences: &[Difference]) -> bool {
    differences.iter().any(|difference| difference.how != How::Excluded)
}

/// Flux's summary, a line an object.
pub(crate) fn summary(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Why the comparison failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    /// The release's manifest cannot be read.
    #[error("failed to read objects from release manifest: {0}")]
    Manifest(#[from] resources::BuildError),
    /// Objects cannot be compared.
    #[error("{0}")]
    Objects(String),
}

/// Compares all objects of the release. What could be compared counts, even when something could not.
///
/// # Errors
/// When nothing differs and something could not be compared.
pub(crate) async fn compare(work: &Work<'_>, release: &Release) -> Result<Vec<Difference>, CompareError> {
    let mut objects = resources::build(&work.session, &release.manifest, &release.namespace).await?;
    for object in &mut objects {
        resources::mark(object, &release.name, &release.namespace);
    }
    let all: Vec<_> = objects.iter().map(|object| one(work, object)).collect();
    let results: Vec<_> = stream::iter(all).buffered(CONCURRENCY).collect().await;
    let (mut differences, mut errors) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(difference) => differences.extend(difference),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() && !matters(&differences) {
        return Err(CompareError::Objects(errors.join(", ")));
    }
    for error in errors {
        tracing::warn!(error, "an object could not be compared with the cluster");
    }
    Ok(differences)
}

async fn one(work: &Work<'_>, wanted: &Object) -> Result<Option<Difference>, String> {
    let found = |how| Ok(Some(Difference { wanted: wanted.clone(), how }));
    let ignored = work.rules.ignore.paths_of(wanted);
    if is_disabled(wanted) || ignored.iter().any(String::is_empty) {
        return found(How::Excluded);
    }
    let fail = |error: GetError| format!("{} dry-run failed: {error}", wanted.id().subject());
    let live = work.session.get(&wanted.gvk(), wanted.namespace(), wanted.name()).await.map_err(fail)?;
    let Some(live) = live else { return found(How::Gone) };
    if is_disabled(&live) {
        return found(How::Excluded);
    }
    let write = Write { manager: MANAGER, force: true, dry_run: true, strict: false };
    let result = work.session.apply_one(wanted, &write).await.map_err(fail)?;
    work.app.cluster.drift().track(&work.owner, &[work.session.change_of(&live, Action::Unchanged)]);
    let counts = differing(live.value(), result.object.value(), &ignored);
    if counts.is_none() { Ok(None) } else { found(How::Changed(counts)) }
}

fn is_disabled(object: &Object) -> bool {
    object.mark(MARK).is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
}

/// Flux's comparison: added and changed labels and annotations, and everything outside metadata and status.
fn differing(live: &Value, result: &Value, ignored: &[String]) -> Counts {
    let (mut live, mut result) = (live.clone(), result.clone());
    for pointer in ignored {
        remove(&mut live, pointer);
        remove(&mut result, pointer);
    }
    let mut counts = Counts::default();
    for field in ["labels", "annotations"] {
        let of =
            |object: &Value| object.pointer(&format!("/metadata/{field}")).cloned().unwrap_or(Value::Null);
        let mut marks = Counts::default();
        count(&of(&live), &of(&result), &mut marks);
        counts.added += marks.added;
        counts.changed += marks.changed;
    }
    count(&rest(&live), &rest(&result), &mut counts);
    counts
}

fn rest(object: &Value) -> Value {
    let fields = object.as_object().into_iter().flatten();
    let kept = fields.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
}

fn count(live: &Value, wanted: &Value, counts: &mut Counts) {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            counts.removed += live.keys().filter(|key| !wanted.contains_key(*key)).count();
            for (key, wanted) in wanted {
                match live.get(key) {
                    None => counts.added += 1,
                    Some(live) => count(live, wanted, counts),
                }
            }
        }
        (Value::Array(live), Value::Array(wanted)) => {
            for (live, wanted) in live.iter().zip(wanted) {
                count(live, wanted, counts);
            }
            counts.added += wanted.len().saturating_sub(live.len());
            counts.removed += live.len().saturating_sub(wanted.len());
        }
        (Value::Null, Value::Null) => {}
        (Value::Null, _) => counts.added += 1,
        (_, Value::Null) => counts.removed += 1,
        (live, wanted) if live != wanted => counts.changed += 1,
        _ => {}
    }
}

/// Takes the value at a JSON pointer out.
fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&last);
        }
        Some(Value::Array(list)) => {
            if let Ok(at) = last.parse::<usize>()
                && at < list.len()
            {
                list.remove(at);
            }
        }
        _ => {}
    }
}

/// What a correction came to: a line an object that was put right, and what failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Corrected {
    /// `Kind/ns/name configured`.
    pub lines: Vec<String>,
    /// Why others were not.
    pub errors: Vec<String>,
}

/// Puts the objects right.
pub(crate) async fn correct(work: &Work<'_>, differences: &[Difference]) -> Corrected {
    let mut corrected = Corrected::default();
    let (gone, changed): (Vec<_>, Vec<_>) = differences
        .iter()
        .filter(|difference| difference.how != How::Excluded)
        .partition(|difference| difference.how == How::Gone);
    for difference in gone.into_iter().chain(changed) {
        let wanted = &difference.wanted;
        let object = without_ignored(work, wanted).await;
        let write = Write { manager: MANAGER, force: true, dry_run: false, strict: false };
        let (word, failure) = match difference.how {
            How::Gone => ("created", "creation"),
            _ => ("configured", "patch"),
        };
        let subject = wanted.id().subject();
        match work.session.apply_one(&object, &write).await {
            Ok(written) => {
                let change = work.session.change_of(&written.object, Action::Configured);
                work.app.cluster.drift().track(&work.owner, &[change]);
                corrected.lines.push(format!("{subject} {word}"));
            }
            Err(error) => {
                corrected.errors.push(format!("{subject} {failure} failure: {}", shown(wanted, &error)))
            }
        }
    }
    corrected
}

/// Fields that are left to others keep their live value.
async fn without_ignored(work: &Work<'_>, wanted: &Object) -> Object {
    let ignored = work.rules.ignore.paths_of(wanted);
    if ignored.is_empty() {
        return wanted.clone();
    }
    let live = work.session.get(&wanted.gvk(), wanted.namespace(), wanted.name()).await.ok().flatten();
    let Some(live) = live else { return wanted.clone() };
    let mut object = wanted.clone();
    for pointer in &ignored {
        let found = live.value().pointer(pointer).cloned();
        match (object.value_mut().pointer_mut(pointer), found) {
            (Some(slot), Some(found)) => *slot = found,
            (Some(_), None) => remove(object.value_mut(), pointer),
            (None, _) => {}
        }
    }
    object
}

/// An error about a Secret may quote its content: only its last part is shown.
fn shown(object: &Object, error: &GetError) -> String {
    let text = error.to_string();
    if object.kind() != "Secret" {
        return text;
    }
    text.rsplit(':').next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counts(live: Value, wanted: Value, ignored: &[&str]) -> (usize, usize, usize) {
        let ignored: Vec<String> = ignored.iter().map(|path| (*path).to_owned()).collect();
        let counts = differing(&live, &wanted, &ignored);
        (counts.added, counts.changed, counts.removed)
    }

    #[test]
    fn fields_are_counted_by_what_a_patch_would_do() {
        let live = json!({"data": {"a": "1", "b": "x"}, "status": {"n": 1}});
        assert_eq!(counts(live.clone(), json!({"data": {"a": "2", "c": "3"}}), &[]), (1, 1, 1));
        assert_eq!(
            counts(live.clone(), json!({"data": {"a": "1", "b": "x"}, "status": {"n": 2}}), &[]),
            (0, 0, 0)
        );
        assert_eq!(counts(live, json!({"data": {"a": "2", "b": "x"}}), &["/data/a"]), (0, 0, 0));
    }

    #[test]
    fn labels_of_others_are_no_drift_and_lost_ones_are() {
        let live = json!({"metadata": {"labels": {"theirs": "x"}}});
        assert_eq!(counts(live.clone(), json!({"metadata": {"labels": {}}}), &[]), (0, 0, 0));
        assert_eq!(
            counts(live, json!({"metadata": {"labels": {"theirs": "x", "ours": "y"}}}), &[]),
            (1, 0, 0)
        );
    }

    #[test]
    fn lists_are_compared_place_by_place() {
        let live = json!({"spec": {"list": [1, 2]}});
        assert_eq!(counts(live.clone(), json!({"spec": {"list": [1, 3, 4]}}), &[]), (1, 1, 0));
        assert_eq!(counts(live, json!({"spec": {"list": [1]}}), &["/spec/none/x"]), (0, 0, 1));
    }
}
