use std::sync::Arc;
use std::time::Duration;

use api::kustomize::v1::{Kustomization, KustomizationStatus};
use api::meta::{Artifact, ConditionType, Reason};
use applier::Rules;
use k8s_openapi::api::core::v1::ObjectReference;
use runtime::{Event, Run, Set};
use ssa::{Identity, Owner, Session};

use crate::app::App;
use crate::memory::Target;
use crate::pass::End;
use crate::status::{Failure, IN_PROGRESS, Phase};
use crate::steps::source::origin_revision;

/// Why a pass stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It failed, and the status says why.
    Failed(Box<Failure>),
    /// Something newer is due: the next run is queued already.
    Outdated,
    /// The status could not be written: the object is gone, the Lease is lost, or the API server refuses.
    Unrecorded,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// What a run works with once its source is known.
pub(crate) struct Work<'a> {
    /// What all runs share.
    pub app: &'a App,
    /// The run.
    pub run: &'a Run<Kustomization>,
    /// What was compiled from the spec.
    pub rules: Rules,
    /// The source's artifact.
    pub artifact: Artifact,
    /// Revision of the source's own origin.
    pub origin: Option<String>,
    /// Generation and revision.
    pub target: Target,
    /// Owner named on all applied objects.
    pub owner: Owner,
    /// Requests to the cluster as the Kustomization's identity.
    pub session: Session,
}

impl<'a> Work<'a> {
    /// Of a run and its artifact.
    pub(crate) fn new(app: &'a App, run: &'a Run<Kustomization>, rules: Rules, artifact: Artifact) -> Self {
        let target = Target { generation: run.generation(), revision: artifact.revision.clone() };
        let origin = origin_revision(&artifact);
        let owner = owner(run);
        let session = app.cluster.session(identity(app, &run.object));
        Self { app, run, rules, artifact, origin, target, owner, session }
    }

    /// What a run came to without the values of Secrets that became variables of the build, whoever quotes them.
    pub(crate) fn discreet(&self, result: Result<End, Stop>) -> Result<End, Stop> {
        let secrets = self.app.memories.with(&self.run.key, |memory| memory.secrets.clone());
        match result {
            Err(Stop::Failed(failure)) => Err(failure.masked(&secrets).into()),
            Ok(End::Waiting(waiting)) => Ok(End::Waiting(Box::new(waiting.masked(&secrets)))),
            other => other,
        }
    }

    /// The Kustomization.
    pub(crate) fn object(&self) -> &Arc<Kustomization> {
        &self.run.object
    }

    /// How long a phase may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.run.object.spec.timeout()
    }

    /// The message of Reconciling in a phase.
    pub(crate) fn message(&self, phase: Phase) -> String {
        phase.message(&self.target.revision, self.timeout())
    }

    /// The user name of the ServiceAccount that the Kustomization acts as; none when that is the controller.
    pub(crate) fn account(&self) -> Option<String> {
        match identity(self.app, self.object()) {
            Identity::ServiceAccount { namespace, name } => {
                Some(format!("system:serviceaccount:{namespace}:{name}"))
            }
            Identity::Controller => None,
        }
    }

    /// The status as last written.
    pub(crate) fn status(&self) -> KustomizationStatus {
        self.run.written()
    }

    /// Writes an intermediate status that says what is going on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn progress(
        &self,
        status: &KustomizationStatus,
        phase: Phase,
        more: &[Set],
    ) -> Result<(), Stop> {
        let mut sets = vec![Set::reconciling(self.message(phase)), Set::ready_unknown(IN_PROGRESS)];
        sets.push(Set::Remove(ConditionType::Stalled.into()));
        sets.extend_from_slice(more);
        self.run.progress(status, &sets).await.map_err(|error| {
            tracing::warn!(error = %error, "status is not written, the pass ends");
            Stop::Unrecorded
        })
    }

    /// Ends the run when something newer is due.
    ///
    /// # Errors
    /// When it is.
    pub(crate) fn border(&self) -> Result<(), Stop> {
        if self.run.cancel.is_cancelled() { Err(Stop::Outdated) } else { Ok(()) }
    }

    /// An event with the revision of this pass.
    pub(crate) fn about(&self, event: Event) -> Event {
        with_revision(event, Some(&self.target.revision), self.origin.as_deref())
    }

    /// Sends what was done so far while the pass goes on.
    pub(crate) fn tell(&self, message: String) {
        self.run.emit(self.about(Event::info(Reason::Progressing, message)));
    }
}

/// The Kustomization as what an event is about that Kubernetes alone is told.
pub(crate) fn reference(object: &Kustomization) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{}/v1", api::meta::groups::KUSTOMIZE)),
        kind: Some("Kustomization".to_owned()),
        name: object.metadata.name.clone(),
        namespace: object.metadata.namespace.clone(),
        uid: object.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// Adds the revisions to an event.
pub(crate) fn with_revision(event: Event, revision: Option<&str>, origin: Option<&str>) -> Event {
    let event = match revision {
        Some(revision) => event.with("revision", revision),
        None => event,
    };
    match origin {
        Some(origin) => event.with("originRevision", origin),
        None => event,
    }
}

/// The owner named on applied objects.
pub(crate) fn owner(run: &Run<Kustomization>) -> Owner {
    Owner { namespace: run.key.namespace.clone(), name: run.key.name.clone() }
}

/// As whom a Kustomization acts: its ServiceAccount, the default one, or the controller.
pub(crate) fn identity(app: &App, object: &Kustomization) -> Identity {
    let named = object.spec.service_account_name.as_deref();
    applier::identity(&app.options.shared, object.metadata.namespace.as_deref(), named)
}
