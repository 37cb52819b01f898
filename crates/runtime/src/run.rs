use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::meta::FluxObject;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::conditions::Set;
use crate::event::Event;
use crate::fence::LostLease;
use crate::key::Key;
use crate::queue::Turn;
use crate::reason::Reasons;
use crate::shell::Shared;
use crate::status::{Live, StatusError};

/// One run of one object, and what a reconciler may ask of the shell meanwhile.
pub struct Run<K: FluxObject> {
    /// Which object.
    pub key: Key,
    /// The object when the run began. Its status can be older than `base`.
    pub object: Arc<K>,
    /// The status as we last wrote it: what decisions start from.
    pub base: K::Status,
    /// Why the run happens: everything since the last one.
    pub reasons: Reasons,
    /// Fires when the run is outdated: end at the next step border with [`crate::Verdict::Unchanged`].
    pub cancel: CancellationToken,
    /// When the newest of its reasons was given: what was found out since answers them all.
    pub asked: Instant,
    /// When the run began.
    pub started: Instant,
    pub(crate) shared: Arc<Shared<K>>,
    pub(crate) turn: Arc<Turn>,
    pub(crate) live: Mutex<Live<K::Status>>,
}

impl<K: FluxObject> Run<K> {
    /// Writes an intermediate status (decision D9): only the top-level fields that differ from what we last wrote.
    /// Conditions in `status` are ignored; `conditions` are applied to those last written. Nothing is sent when
    /// nothing differs.
    ///
    /// # Errors
    /// When the Lease is lost, the object is gone, or the API server refuses.
    pub async fn progress(&self, status: &K::Status, conditions: &[Set]) -> Result<(), StatusError> {
        let mut live = self.live().clone();
        live.apply(status.clone(), conditions, self.generation());
        let written = self.shared.write_status(&self.key, live).await?;
        *self.live() = written;
        Ok(())
    }

    /// What the run is at, without a write: shown by Reconciling if the run fails.
    pub fn at(&self, progress: impl Into<String>) {
        self.live().progress = Some(progress.into());
    }

    /// The status with the conditions as last written in this run.
    pub fn written(&self) -> K::Status {
        self.live().status.clone()
    }

    /// Gives the permit (`--concurrent`) back: to be called before waiting. The key stays taken until the run ends.
    pub fn release_permit(&self) {
        self.turn.release_permit();
    }

    /// Sends an event, off the critical path.
    pub fn emit(&self, event: Event) {
        self.shared.emit(&self.object, event);
    }

    /// To be called before every write to the cluster that does not go through this type.
    ///
    /// # Errors
    /// When the Lease is not held.
    pub fn fence(&self) -> Result<(), LostLease> {
        self.shared.fence.check()
    }

    /// What the run waits for, shown by `/debug/objects`.
    pub fn note(&self, waiting_for: impl Into<String>) {
        self.shared.debug.note(self.shared.kind, &self.key, waiting_for.into());
    }

    /// The revision that the run is about, shown by every later log line of the run.
    pub fn revision(&self, revision: &str) {
        tracing::Span::current().record("revision", revision);
    }

    /// The generation of the object.
    pub fn generation(&self) -> i64 {
        self.object.meta().generation.unwrap_or_default()
    }

    /// The value of the annotation `reconcile.fluxcd.io/requestedAt`.
    pub fn requested_at(&self) -> Option<&str> {
        self.object.requested_at()
    }

    /// Whether the annotation asks for a run that was not handled yet.
    pub fn is_requested(&self) -> bool {
        use api::meta::FluxStatus;
        self.requested_at().is_some() && self.requested_at() != self.base.last_handled_reconcile_at()
    }

    /// Whether nothing outdates the run but a further request: it is at what is still wanted.
    pub fn is_asked_again(&self) -> bool {
        let Some(now) = self.shared.store.get(&self.key) else { return false };
        let asked_anew = now.requested_at() != self.requested_at();
        let (now, then) = (now.meta(), self.object.meta());
        asked_anew
            && now.uid == then.uid
            && now.generation == then.generation
            && now.deletion_timestamp.is_none()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live<K::Status>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
