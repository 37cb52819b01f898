//! One Helm action under way: the release it works on, its plan, and the writes that make both survive a kill.

use std::time::Duration;

use api::helm::v2::ReleaseSnapshot;
use api::meta::Reason;
use helm_release::Release;
use k8s_openapi::jiff::Timestamp;
use manifest::Object;
use runtime::Set;
use tokio::time::Instant;

use crate::history;
use crate::made;
use crate::plan::{Doing, Phase, Plan};
use crate::resources;
use crate::seal;
use crate::snapshot;
use crate::spec::{Kind, Waits};
use crate::status::Condition;
use crate::storage::{Storage, StorageError};
use crate::wait::{self, WaitError};
use crate::work::Work;
use crate::writer::{WriteError, Writer};

/// Objects of one kind written at the same time.
const CONCURRENCY: usize = 8;

/// Why an action ended without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActError {
    /// Helm's words.
    #[error("{0}")]
    Helm(String),
    /// Something newer is wanted: the action is given up, and no failure is counted.
    #[error("superseded by a newer revision")]
    Superseded,
    /// The status could not be written, and nothing was begun.
    #[error("the status could not be written")]
    Unrecorded,
}

impl From<StorageError> for ActError {
    fn from(error: StorageError) -> Self {
        Self::Helm(error.to_string())
    }
}

impl From<WriteError> for ActError {
    fn from(error: WriteError) -> Self {
        Self::Helm(error.0)
    }
}

impl From<WaitError> for ActError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Superseded => Self::Superseded,
            error => Self::Helm(error.to_string()),
        }
    }
}

/// An action under way.
pub(crate) struct Act<'a> {
    /// The run.
    pub work: &'a Work<'a>,
    /// Where the release is stored.
    pub storage: Storage,
    /// Which action.
    pub kind: Kind,
    /// The release that is made.
    pub release: Release,
    /// The plan on its Secret.
    pub plan: Plan,
    /// The phase a former process was in; none for a fresh action.
    pub resumed: Option<Phase>,
    /// What is waited for.
    pub waits: Waits,
    /// How long a phase may take.
    pub timeout: Duration,
    /// Server-side apply.
    pub server_side: bool,
    /// Objects are replaced instead of patched.
    pub replace: bool,
    /// Hooks are run.
    pub hooks: bool,
    /// Unknown fields are refused.
    pub strict: bool,
    /// Whether the plan stands on the Secret as it is here.
    marked: bool,
    /// Releases written so far, in order, as the status will show them.
    pub written: Vec<ReleaseSnapshot>,
}

impl<'a> Act<'a> {
    /// A fresh action on a release that is not stored yet.
    pub(crate) fn new(work: &'a Work<'a>, kind: Kind, release: Release, original: i64) -> Self {
        let spec = work.spec();
        let timeout = spec.timeout(kind);
        let plan = Plan {
            doing: Doing::from(kind),
            phase: Phase::Before,
            hook: 0,
            deadline: deadline(timeout),
            owner: work.uid(),
            holder: work.app.holder.clone(),
            generation: work.run.generation(),
            original,
            installs: false,
        };
        Self {
            work,
            storage: work.storage(),
            kind,
            server_side: made::is_server_side(&release),
            release,
            plan,
            resumed: None,
            waits: spec.waits(kind),
            timeout,
            replace: spec.replaces(kind),
            hooks: spec.runs_hooks(kind),
            strict: spec.is_strict(kind),
            marked: false,
            written: Vec::new(),
        }
    }

    /// The rest of an action that a former process began.
    pub(crate) fn resume(work: &'a Work<'a>, kind: Kind, release: Release, plan: Plan) -> Self {
        let mut act = Self::new(work, kind, release, plan.original);
        act.resumed = Some(plan.phase);
        act.plan = Plan { holder: work.app.holder.clone(), ..plan };
        act
    }

    /// Whether a phase was begun before this process came.
    pub(crate) fn resumes(&self, phase: Phase) -> bool {
        self.resumed.is_some_and(|at| at >= phase)
    }

    /// Whether a phase was done before this process came.
    pub(crate) fn is_past(&self, phase: Phase) -> bool {
        self.resumed.is_some_and(|at| at > phase)
    }

    /// The events of the hooks before and after the objects.
    pub(crate) fn events(&self) -> (&'static str, &'static str) {
        match self.kind {
            Kind::Install => ("pre-install", "post-install"),
            Kind::Upgrade if self.plan.installs => ("pre-install", "post-install"),
            Kind::Upgrade => ("pre-upgrade", "post-upgrade"),
            Kind::Rollback => ("pre-rollback", "post-rollback"),
            Kind::Uninstall => ("pre-delete", "post-delete"),
            Kind::Test => ("test", "test"),
        }
    }

    /// Begins a phase, or a hook of it: the plan is written first. What a former process has begun keeps its deadline.
    ///
    /// # Errors
    /// When the plan cannot be written.
    pub(crate) async fn enter(&mut self, phase: Phase, hook: usize, begun: bool) -> Result<(), ActError> {
        if self.marked && self.plan.phase == phase && self.plan.hook == hook {
            return Ok(());
        }
        let same = begun && self.plan.hook == hook && self.plan.phase == phase;
        if !same {
            self.plan.phase = phase;
            self.plan.hook = hook;
            self.plan.deadline = deadline(self.timeout);
        }
        self.storage.mark(self.release.version, &self.plan).await?;
        self.marked = true;
        Ok(())
    }

    /// When the phase ends at the latest.
    pub(crate) fn until(&self) -> Instant {
        let left = self.plan.deadline - Timestamp::now().as_millisecond();
        Instant::now() + Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(self.timeout)
    }

    /// Writes the release with its plan, and notes it for the status.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn record(&mut self) -> Result<(), ActError> {
        self.storage.update(&self.release, Some(&self.plan)).await?;
        self.marked = true;
        self.note();
        Ok(())
    }

    /// Writes the release as it is now, its plan done with. The plan stays until the status has told of it: who finds
    /// it there, and not in the status, tells.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn conclude(&mut self) -> Result<(), ActError> {
        let done = Plan { phase: Phase::Done, ..self.plan.clone() };
        self.storage.update(&self.release, Some(&done)).await?;
        self.unseal();
        self.note();
        Ok(())
    }

    /// Says in the status what is done: whoever comes next goes on with exactly that.
    ///
    /// # Errors
    /// When the status cannot be written.
    pub(crate) async fn seal(&self) -> Result<(), ActError> {
        let text = seal::of(&self.release, &self.plan);
        self.work.ledger.set(Set::yes(Condition::Acting, Reason::Progressing, text));
        self.work.ledger.write().await.map_err(|_| ActError::Unrecorded)
    }

    /// Nobody has to go on any more, once the status is written that tells how the action ended.
    pub(crate) fn unseal(&self) {
        self.work.ledger.set(Set::remove(Condition::Acting));
    }

    /// Stores the release for the first time; what is done with it stands in the status before.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub(crate) async fn store(&mut self, max_history: i64) -> Result<(), ActError> {
        self.seal().await?;
        if let Err(error) = self.storage.create(&self.release, Some(&self.plan), max_history).await {
            // In doubt it is there, and to be gone on with.
            if error.is_refusal() {
                self.unseal();
            }
            return Err(error.into());
        }
        self.marked = true;
        self.note();
        Ok(())
    }

    fn note(&mut self) {
        let entry = self.shown(&self.release);
        self.written.push(entry);
    }

    /// A release as the status will show it.
    pub(crate) fn shown(&self, release: &Release) -> ReleaseSnapshot {
        let digest = self.work.ledger.read(|status| {
            let known = status
                .history
                .iter()
                .find(|entry| history::targets(entry, &release.name, &release.namespace, release.version));
            let fresh =
                matches!(self.kind, Kind::Install | Kind::Upgrade) && release.version == self.release.version;
            match known {
                _ if fresh => status.last_attempted_revision_digest.clone(),
                Some(entry) => entry.oci_digest.clone(),
                None => None,
            }
        });
        snapshot::of(release, digest.as_deref().unwrap_or_default(), None)
    }

    /// How objects are written.
    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer {
            session: &self.work.session,
            owner: &self.work.owner,
            drift: self.work.app.cluster.drift(),
            server_side: self.server_side,
            replace: self.replace,
            strict: self.strict,
            concurrency: CONCURRENCY,
            release: (&self.release.name, &self.release.namespace),
        }
    }

    /// Objects of the release, marked as its own.
    ///
    /// # Errors
    /// When the manifest cannot be read, or a kind is unknown.
    pub(crate) async fn target(&self) -> Result<Vec<Object>, resources::BuildError> {
        let release = &self.release;
        let mut objects = resources::build(&self.work.session, &release.manifest, &release.namespace).await?;
        for object in &mut objects {
            resources::mark(object, &release.name, &release.namespace);
        }
        Ok(objects)
    }

    /// Waits for the release's objects.
    ///
    /// # Errors
    /// See [`wait::WaitError`].
    pub(crate) async fn wait(&mut self, objects: &[Object]) -> Result<(), ActError> {
        if !self.waits.objects || self.is_past(Phase::Wait) || objects.is_empty() {
            return Ok(());
        }
        self.enter(Phase::Wait, 0, self.resumed == Some(Phase::Wait)).await?;
        let until = self.until();
        Ok(wait::ready(self.work, objects, self.waits.jobs, until).await?)
    }
}

/// The end of a phase that begins now.
fn deadline(timeout: Duration) -> i64 {
    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    Timestamp::now().as_millisecond().saturating_add_unsigned(millis)
}
