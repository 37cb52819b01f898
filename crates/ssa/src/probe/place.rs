//! Where a kind lives, and what its absence means.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use manifest::{Gvk, Object};
use tokio::time::{Instant, sleep};

use crate::{
    ObjectCause, ObjectError,
    apply::Run,
    defer::{self, Expected},
    discovery::{Lookup, Resource},
    probe::{Plan, put},
};

/// Waits for a kind that is about to be served, in milliseconds; together about two seconds.
const KIND_WAITS: [u64; 8] = [10, 20, 50, 100, 200, 400, 600, 600];

/// A kind that is not served.
pub(super) struct Absent(Expected);

impl Run<'_> {
    /// The kind's place on the server, or what its absence means.
    pub(super) async fn resource(&self, object: &Object) -> Result<Result<Resource, Absent>, ObjectError> {
        let gvk = object.gvk();
        let defined = self.defined.contains(&(gvk.group.clone(), gvk.kind.clone()));
        let mut waited = 0;
        loop {
            let found = self.session.lookup(&gvk).await;
            let group_unknown = match found.map_err(|e| ObjectError::new(object, ObjectCause::DryRun(e)))? {
                Lookup::Found(resource) => return Ok(Ok(resource)),
                Lookup::NoKind => false,
                Lookup::NoGroup => true,
            };
            let waits = self.kind_waits(&gvk, defined, group_unknown);
            let Some(wait) = waits.get(waited).filter(|_| self.is_awaited(&gvk, waits)) else {
                let defined = defined || (self.options.elsewhere)(&gvk.group, &gvk.kind);
                return Ok(Err(Absent(Expected { group_unknown, defined })));
            };
            sleep(Duration::from_millis(*wait)).await;
            self.session.cluster.discovery.forget(&gvk.group);
            waited += 1;
        }
    }

    /// Whether a kind may still be awaited: the objects of one kind wait together, not one after the other.
    fn is_awaited(&self, gvk: &Gvk, waits: &[u64]) -> bool {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *awaited.entry(gvk.clone()).or_insert_with(Instant::now);
        since.elapsed() <= Duration::from_millis(waits.iter().sum())
    }

    /// How long a kind may be awaited here: when this apply has defined it, or when its group is served
    /// without it, as is the case for a moment after somebody else has.
    fn kind_waits(&self, gvk: &Gvk, defined: bool, group_unknown: bool) -> &'static [u64] {
        let custom = gvk.group.contains('.') && !gvk.group.ends_with(".k8s.io");
        if defined && self.new_kinds.load(Ordering::Relaxed) {
            &KIND_WAITS
        } else if custom && !defined && !group_unknown {
            &KIND_WAITS[..5]
        } else {
            &[]
        }
    }

    pub(super) fn put_or_fail(&self, object: &Object, Absent(expected): Absent) -> Result<Plan, ObjectError> {
        let error = ObjectError::new(object, ObjectCause::NoMatch(object.gvk()));
        if self.options.defer && defer::awaits_kind(&expected) { Ok(put(object, error)) } else { Err(error) }
    }
}

/// Whether the path, not the object, is unknown to the server: discovery was out of date.
pub(super) fn is_stale(error: &ObjectError) -> bool {
    error.api().is_some_and(|error| error.is_not_found() && !error.is_absent_object())
}
