//! What a run works with.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use api::helm::v2::HelmRelease;
use api::meta::Artifact;
use applier::Rules;
use runtime::{Event, ReasonName, Run};
use ssa::{Identity, Owner, Session};

use crate::app::App;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::seal;
use crate::sources::{SourceKey, has_other_artifact};
use crate::spec::Spec;
use crate::status::Condition;
use crate::steps::values::Given;
use crate::storage::{Storage, Stored};

/// Why a run stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It failed; the ledger says how, and it is tried again.
    Failed(Retry, String),
    /// Something newer is due: the next run is queued already.
    Outdated,
    /// The status could not be written: the object is gone, the Lease is lost, or the API server refuses.
    Unrecorded,
}

/// When a run that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After a growing delay.
    Backoff,
    /// After this time; nothing was tried, and the generation is not judged.
    After(Duration),
    /// After this time; the generation is judged.
    JudgedAfter(Duration),
    /// When the object or what it refers to changes, or somebody asks.
    Never,
}

/// What a run works with.
pub(crate) struct Work<'a> {
    /// What all runs share.
    pub app: &'a App,
    /// The run.
    pub run: &'a Run<HelmRelease>,
    /// The status as it grows.
    pub ledger: Ledger<'a>,
    /// What was compiled from the spec.
    pub rules: Rules,
    /// Owner named on all objects of the release.
    pub owner: Owner,
    /// Requests to the cluster as the HelmRelease's identity.
    pub session: Session,
    /// The source and its artifact, once they are known.
    pub source: Option<(SourceKey, Artifact)>,
    /// What Secrets gave to the values, once they are known.
    pub given: OnceLock<Vec<Given>>,
}

impl<'a> Work<'a> {
    /// Of a run.
    pub(crate) fn new(app: &'a App, run: &'a Run<HelmRelease>, rules: Rules) -> Self {
        Self {
            app,
            run,
            ledger: Ledger::new(run),
            rules,
            owner: Owner { namespace: run.key.namespace.clone(), name: run.key.name.clone() },
            session: app.cluster.session(identity(app, &run.object)),
            source: None,
            given: OnceLock::new(),
        }
    }

    /// The text without what Secrets gave to the values, whoever quotes it.
    pub(crate) fn discreet(&self, text: &str) -> String {
        applier::secrets(self.given.get().into_iter().flatten().flat_map(Given::texts)).mask(text)
    }

    /// What is asked for.
    pub(crate) fn spec(&self) -> Spec<'_> {
        Spec::new(&self.run.object, self.app.options.defaults)
    }

    /// Whether a ServiceAccount acts, with rights of its own.
    pub(crate) fn is_impersonated(&self) -> bool {
        matches!(identity(self.app, &self.run.object), Identity::ServiceAccount { .. })
    }

    /// The storage of the release.
    pub(crate) fn storage(&self) -> Storage {
        let spec = self.spec();
        let stored = self.ledger.read(|status| status.storage_namespace.clone());
        let namespace = stored.filter(|text| !text.is_empty()).unwrap_or(spec.storage_namespace().to_owned());
        Storage::new(&self.session, &namespace, &spec.name())
    }

    /// The plan of a stored release, when it is ours: of this HelmRelease, and doing what the status says. A Secret may be
    /// written by others than those who may have the controller apply something.
    pub(crate) fn plan_of<'s>(&self, stored: &'s Stored) -> Option<&'s Plan> {
        let plan = stored.plan.as_ref().filter(|plan| plan.owner == self.uid())?;
        let said = self.ledger.condition(Condition::Acting)?;
        (said.message == seal::of(&stored.release, plan)).then_some(plan)
    }

    /// UID of the HelmRelease.
    pub(crate) fn uid(&self) -> String {
        self.run.object.metadata.uid.clone().unwrap_or_default()
    }

    /// Whether something newer than this run is wanted: a new generation, a deletion, another chart.
    pub(crate) async fn is_superseded(&self) -> bool {
        if !self.run.cancel.is_cancelled() {
            return false;
        }
        let newest = self.app.peers.get(&self.run.key);
        let generation = newest.and_then(|newest| newest.metadata.generation).unwrap_or_default();
        if generation > self.run.generation() || self.is_deleted_since() {
            return true;
        }
        let Some((source, artifact)) = &self.source else { return false };
        has_other_artifact(&self.app.sources, source, artifact)
    }

    /// Whether the deletion of the HelmRelease was asked for since this run began.
    pub(crate) fn is_deleted_since(&self) -> bool {
        let newest = self.app.peers.get(&self.run.key);
        let deleted = newest.is_some_and(|newest| newest.metadata.deletion_timestamp.is_some());
        deleted && self.run.object.metadata.deletion_timestamp.is_none()
    }

    /// An event with what it is about.
    pub(crate) fn event(&self, about: &About, event: Event) -> Event {
        let fields = [
            ("revision", &about.revision),
            ("token", &about.token),
            ("app-version", &about.app_version),
            ("oci-digest", &about.oci_digest),
        ];
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .fold(event, |event, (key, value)| event.with(key, value.clone()))
    }

    /// Sends an event.
    pub(crate) fn emit(&self, about: &About, event: Event) {
        self.run.emit(self.event(about, event));
    }

    /// Ends the run as failed: Ready says why, and a Warning tells it.
    pub(crate) fn fail(&self, reason: impl Into<ReasonName>, message: impl Into<String>) -> Stop {
        let (reason, message) = (reason.into(), self.discreet(&message.into()));
        self.run.emit(Event::error(reason, message.clone()));
        self.fail_silently(reason, message)
    }

    /// Ends the run as failed: Ready says why.
    pub(crate) fn fail_silently(&self, reason: impl Into<ReasonName>, message: impl Into<String>) -> Stop {
        let message = self.discreet(&message.into());
        self.ledger.set(runtime::Set::no(api::meta::ConditionType::Ready, reason, message.clone()));
        Stop::Failed(Retry::Backoff, message)
    }

    /// Ends the run for good: only a change of the object helps.
    pub(crate) fn stall(&self, reason: impl Into<ReasonName>, message: impl Into<String>) -> Stop {
        use api::meta::ConditionType::{Ready, Reconciling, Stalled};
        let (reason, message) = (reason.into(), message.into());
        self.ledger.set(runtime::Set::yes(Stalled, reason, message.clone()));
        self.ledger.set(runtime::Set::no(Ready, reason, message.clone()));
        self.ledger.set(runtime::Set::remove(Reconciling));
        Stop::Failed(Retry::Never, message)
    }
}

/// What an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// Version of the chart.
    pub revision: String,
    /// Digest of the values.
    pub token: String,
    /// Version of the chart's application.
    pub app_version: String,
    /// Digest of the OCI artifact.
    pub oci_digest: String,
}

/// As whom a HelmRelease acts: its ServiceAccount, the default one, or the controller.
pub(crate) fn identity(app: &App, object: &HelmRelease) -> Identity {
    let named = object.spec.service_account_name.as_deref();
    applier::identity(&app.options.shared, object.metadata.namespace.as_deref(), named)
}

/// Labels or annotations by name.
pub(crate) type Marks = BTreeMap<String, String>;
