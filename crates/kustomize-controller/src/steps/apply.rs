//! Applies a build: what differs from the last applied one, what drifted, or everything.

use std::collections::{HashMap, HashSet};

use api::meta::Reason;
use manifest::ObjectId;
use ssa::{Action, Applied, ApplyError, ApplyOptions, Change, ObjectCause, Pass, Prepared};
use tokio::time::Instant;

use crate::memory::AppliedObject;
use crate::status::{Failure, Phase};
use crate::work::{Stop, Work};

/// What a pass sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sends {
    /// Every object.
    All,
    /// Objects whose build changed.
    Changed(HashSet<ObjectId>),
    /// Objects that drifted, each with the managers whose fields are left to the interval.
    Drifted(HashMap<ObjectId, HashSet<String>>),
}

impl Sends {
    /// Whether nothing is sent.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            Self::All => false,
            Self::Changed(ids) => ids.is_empty(),
            Self::Drifted(drifted) => drifted.is_empty(),
        }
    }

    fn pass(&self) -> Pass<'_> {
        match self {
            Self::All => Pass::Full,
            Self::Changed(ids) => Pass::Only(ids),
            Self::Drifted(drifted) => Pass::Heal(drifted),
        }
    }
}

/// An apply that did not come to its end.
#[derive(Debug)]
pub(crate) enum ApplyStop {
    /// Something newer is due.
    Outdated,
    /// Objects failed.
    Failed(Box<ApplyError>),
}

/// Sends the objects.
///
/// # Errors
/// When the API server refuses one, or the run is outdated.
pub(crate) async fn apply(work: &Work<'_>, prepared: &Prepared, sends: &Sends) -> Result<Applied, ApplyStop> {
    let fence = || work.run.fence().is_ok();
    let elsewhere = |group: &str, kind: &str| defined_elsewhere(work, group, kind);
    let options = ApplyOptions {
        owner: &work.owner,
        force: work.object().spec.force,
        ignore: &work.rules.ignore,
        pass: sends.pass(),
        defer: defers(work),
        elsewhere: &elsewhere,
        cancel: &work.run.cancel,
        deadline: Instant::now() + work.timeout(),
        fence: &fence,
    };
    work.session.apply(prepared, &options).await.map_err(|error| {
        let cancelled = error.errors.iter().all(|one| matches!(one.cause, ObjectCause::Cancelled));
        match cancelled && work.run.cancel.is_cancelled() {
            true => ApplyStop::Outdated,
            false => ApplyStop::Failed(Box::new(error)),
        }
    })
}

/// Annotation on the Kustomization that turns putting off (decision D7) off: `disabled`.
pub(crate) const DEFER: &str = "kustomize.toolkit.fluxcd.io/defer";

fn defers(work: &Work<'_>) -> bool {
    let annotations = work.object().metadata.annotations.as_ref();
    !annotations
        .and_then(|annotations| annotations.get(DEFER))
        .is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
}

/// Whether another Kustomization's inventory holds a CRD that may define the kind: CRDs are named
/// `<plural>.<group>`, and a plural begins as its kind does.
fn defined_elsewhere(work: &Work<'_>, group: &str, kind: &str) -> bool {
    let suffix = format!(".{group}_apiextensions.k8s.io_CustomResourceDefinition");
    let start = format!("_{}", kind.to_lowercase());
    let stem = start.trim_end_matches(['y', 's']);
    work.app.peers.any(|_, peer| {
        let inventory = peer.status.iter().filter_map(|status| status.inventory.as_ref());
        inventory
            .flat_map(|list| &list.entries)
            .any(|entry| entry.id.ends_with(&suffix) && entry.id.starts_with(stem))
    })
}

/// Lines of the change set that say something was done, as Flux's event has them.
pub(crate) fn change_lines(changes: &[Change]) -> String {
    let done = changes.iter().filter(|change| change.action.is_change());
    done.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What a failed apply means. The text ends as Flux's: the errors, a line break, and what was done before.
pub(crate) fn failure(error: &ApplyError) -> Failure {
    let done = change_lines(&error.applied.changes);
    let done = if done.is_empty() { done } else { format!("{done}\n") };
    Failure::in_phase(Phase::Applying, Reason::ReconciliationFailed, format!("{error}\n{done}"))
}

/// A build as it is remembered. Objects of this pass that their marks kept from being applied are not waited for;
/// for objects that were not sent, what was known before stays.
pub(crate) fn remembered(
    prepared: &Prepared,
    before: &[AppliedObject],
    changes: &[Change],
) -> Vec<AppliedObject> {
    let known: HashMap<&ObjectId, bool> = before.iter().map(|object| (&object.id, object.touched)).collect();
    let seen: HashMap<&ObjectId, bool> =
        changes.iter().map(|change| (&change.id, change.action != Action::Skipped)).collect();
    let mut objects = described(prepared);
    for object in &mut objects {
        let touched = seen.get(&object.id).or_else(|| known.get(&object.id));
        object.touched = touched.copied().unwrap_or(true);
    }
    objects
}

/// Identity, version and hash of each object of a build.
pub(crate) fn described(prepared: &Prepared) -> Vec<AppliedObject> {
    let hashes = prepared.hashes();
    let describe = |object: &manifest::Object| {
        let id = object.id();
        let hash = hashes.get(&id).copied().unwrap_or_default();
        AppliedObject { id, version: object.gvk().version, hash, touched: true }
    };
    prepared.objects().iter().map(describe).collect()
}

/// Stops a pass for an outdated run.
impl From<ApplyStop> for Stop {
    fn from(stop: ApplyStop) -> Self {
        match stop {
            ApplyStop::Outdated => Self::Outdated,
            ApplyStop::Failed(error) => failure(&error).into(),
        }
    }
}
