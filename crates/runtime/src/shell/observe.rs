//! From a change in the watch to the reasons for a run.

use api::meta::{FluxObject, FluxStatus, finalizers};
use kube::Resource;

use super::Shell;
use crate::reason::Reason;
use crate::reconciler::Reconciler;
use crate::store::Change;

impl<R: Reconciler> Shell<R> {
    /// Takes a change of the watch.
    pub(crate) fn observe(&self, change: &Change<R::Kind>) {
        let shared = &self.shared;
        self.reconciler.observed(change);
        match &change.new {
            None => {
                shared.forget(&change.key);
                self.reconciler.forget(&change.key);
            }
            Some(new) => {
                // The watch may have missed the end of an object whose name another one has now.
                let old = change.old.as_deref().filter(|old| old.meta().uid == new.meta().uid);
                if old.is_none() && change.old.is_some() {
                    shared.forget(&change.key);
                    self.reconciler.forget(&change.key);
                }
                shared.debug.seen(shared.kind, &change.key);
                shared.metrics.seen(shared.kind, &change.key, new.as_ref());
                for reason in reasons(old, new, change.initial) {
                    self.wake(&change.key, reason);
                }
            }
        }
    }
}

/// Why a change needs a run; `old` is the same object. Our own writes need none: they touch neither generation nor
/// annotations. One that is being deleted wakes by its spec and by requests too: what holds its end may be mended.
fn reasons<K: FluxObject>(old: Option<&K>, new: &K, initial: bool) -> Vec<Reason> {
    let is_deleted = |object: &K| object.meta().deletion_timestamp.is_some();
    if is_deleted(new) && !old.is_some_and(is_deleted) {
        return vec![Reason::Deletion];
    }
    let mut reasons = Vec::new();
    match old {
        None => reasons.push(first(new, initial)),
        Some(old) if old.meta().generation != new.meta().generation => reasons.push(Reason::Generation),
        Some(old) if has_finalizer(old) && !has_finalizer(new) => reasons.push(Reason::Generation),
        Some(_) => {}
    }
    if is_requested(old, new) {
        reasons.push(Reason::Requested);
    }
    reasons
}

fn first<K: FluxObject>(new: &K, initial: bool) -> Reason {
    let observed = new.status().map(FluxStatus::observed_generation);
    if initial && observed == new.meta().generation { Reason::Start } else { Reason::Generation }
}

fn is_requested<K: FluxObject>(old: Option<&K>, new: &K) -> bool {
    let Some(token) = new.requested_at() else { return false };
    let handled = new.status().and_then(FluxStatus::last_handled_reconcile_at);
    match old {
        Some(old) => old.requested_at() != Some(token),
        None => handled != Some(token),
    }
}

fn has_finalizer<K: FluxObject>(object: &K) -> bool {
    object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == finalizers::FLUX)
}

#[cfg(test)]
mod tests {
    use super::reasons;
    use crate::reason::Reason;
    use api::meta::annotations::REQUESTED_AT;
    use api::source::v1::{GitRepository, GitRepositoryStatus};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn object(generation: i64, observed: i64) -> GitRepository {
        let mut object = GitRepository::new("app", Default::default());
        object.metadata.generation = Some(generation);
        object.metadata.uid = Some("u".into());
        object.status = Some(GitRepositoryStatus { observed_generation: observed, ..Default::default() });
        object
    }

    fn requested(mut object: GitRepository, token: &str) -> GitRepository {
        object.metadata.annotations = Some([(REQUESTED_AT.to_owned(), token.to_owned())].into());
        object
    }

    #[test]
    fn an_object_that_was_there_before_us_starts_and_a_new_one_has_a_generation() {
        assert_eq!(reasons(None, &object(1, 1), true), [Reason::Start]);
        assert_eq!(reasons(None, &object(2, 1), true), [Reason::Generation]);
        assert_eq!(reasons(None, &object(1, -1), false), [Reason::Generation]);
    }

    #[test]
    fn our_own_status_writes_need_no_run() {
        assert!(reasons(Some(&object(1, -1)), &object(1, 1), false).is_empty());
    }

    #[test]
    fn a_new_token_is_a_request_and_a_handled_one_is_not() {
        let (old, new) = (object(1, 1), requested(object(1, 1), "a"));
        assert_eq!(reasons(Some(&old), &new, false), [Reason::Requested]);
        assert_eq!(reasons(Some(&new), &new, false), []);
        assert_eq!(reasons(None, &new, true), [Reason::Start, Reason::Requested]);
        let mut handled = new.clone();
        handled.status.as_mut().unwrap().last_handled_reconcile_at = Some("a".into());
        assert_eq!(reasons(None, &handled, true), [Reason::Start]);
    }

    #[test]
    fn a_deletion_is_told_once_and_outweighs_the_rest() {
        let mut new = requested(object(2, 1), "a");
        new.metadata.deletion_timestamp = Some(Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(reasons(Some(&object(1, 1)), &new, false), [Reason::Deletion]);
        assert_eq!(reasons(Some(&new), &new, false), []);
        assert_eq!(reasons(None, &new, true), [Reason::Deletion]);
    }

    #[test]
    fn an_object_that_cannot_end_hears_of_its_spec_and_of_requests() {
        let deleted = |generation| {
            let mut object = object(generation, 1);
            object.metadata.deletion_timestamp = Some(Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH));
            object
        };
        assert_eq!(reasons(Some(&deleted(2)), &deleted(3), false), [Reason::Generation]);
        assert_eq!(reasons(Some(&deleted(2)), &requested(deleted(2), "b"), false), [Reason::Requested]);
    }
}
