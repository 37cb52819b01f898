use std::sync::Arc;
use std::time::Duration;

use api::image::v1::{GitSpec, ImageUpdateAutomation, ImageUpdateAutomationStatus, UpdateStrategyName};
use api::source::v1::GitRepository;
use git::{
    Checkout, Git, GitError, Identity, Lease, Oid, Push, PushError, RefUpdate, Refspec, Resolved, Selector,
    Session,
};
use kube::Client;
use kube::core::PartialObjectMeta;
use runtime::watch::Selection;
use runtime::{Context, FeatureGates, Finalized, Handle, Key, Next, Outcome, Reason, Reconciler, Run};

use super::policies::{Choices, choices, setters};
use super::prepare::{Plan, Prepared, prepare};
use super::source::{Source, source};
use crate::args::{ALL_REFERENCES, FORCE_PUSH};
use crate::status::{Done, ImageReason, RunFailure, StepError, begin, conclude, now};

/// Reconciles ImageUpdateAutomations.
pub(crate) struct ImageUpdateAutomations {
    client: Client,
    git: Git,
    no_cross_namespace: bool,
    /// The push branch is given up for a new one where it does not start from where it stands.
    force_push: bool,
    /// The push branch goes on where it stands.
    all_references: bool,
}

/// How often a run starts anew because somebody else pushed first.
const RACES: u32 = 5;
/// The first pause between two tries; it doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a push.
struct Pushed {
    commit: Oid,
    /// What is told of it.
    summary: String,
    /// Revision of the push branch.
    revision: String,
}

/// What one try came to.
enum Try {
    /// Revision and policies are those of the last run.
    Skipped,
    /// Nothing to write, at this revision.
    UpToDate(String),
    /// Written on top of this revision.
    Pushed(String, Pushed),
    /// Somebody else was faster.
    LostRace(PushError),
}

impl Reconciler for ImageUpdateAutomations {
    type Kind = ImageUpdateAutomation;
    const FINALIZE_SUSPENDED: bool = true;
    const SUSPEND_HANDLES_REQUESTS: bool = false;

    async fn reconcile(&self, run: &Run<ImageUpdateAutomation>) -> Outcome<ImageUpdateAutomationStatus> {
        let mut status = run.base.clone();
        status.last_automation_run_time = Some(now());
        let result = self.steps(run, &mut status).await;
        conclude(run, status, result)
    }

    async fn finalize(&self, _: &Run<ImageUpdateAutomation>) -> Finalized<ImageUpdateAutomationStatus> {
        Finalized::Done { events: Vec::new() }
    }

    fn forget(&self, _: &Key) {}
}

impl ImageUpdateAutomations {
    pub(crate) fn new(context: &Context, git: Git, gates: &FeatureGates) -> Self {
        Self {
            client: context.client.clone(),
            git,
            no_cross_namespace: context.args.no_cross_namespace_refs.0,
            force_push: gates.enabled(FORCE_PUSH),
            all_references: gates.enabled(ALL_REFERENCES),
        }
    }

    async fn steps(
        &self,
        run: &Run<ImageUpdateAutomation>,
        status: &mut ImageUpdateAutomationStatus,
    ) -> Result<Done, RunFailure> {
        begin(run, status).await?;
        let spec = &run.object.spec;
        let chosen = choices(&self.client, &run.key.namespace, spec.policy_selector.as_ref()).await?;
        let mut source = source(&self.client, self.no_cross_namespace, run).await?;
        let git = spec.git.as_ref().cloned().unwrap_or_default();
        let plan = Arc::new(plan(run, &git, &chosen, source.signer.take())?);
        let refspec = refspec(&git)?;
        let must_sync = chosen != run.base.observed_policies || source.switch_branch || refspec.is_some();
        let observed = run.base.observed_source_revision.clone().filter(|_| !must_sync);
        let writer = Writer { of: self, run, source: &source, plan, git: &git, refspec };
        let outcome = writer.write(observed).await?;
        let interval = spec.interval.get().unwrap_or_default();
        let next = if interval.is_zero() { Next::Never } else { Next::Interval(interval) };
        Ok(self::record(status, outcome, chosen, source.switch_branch, next))
    }
}

/// What the status keeps of a run, and what is told.
fn record(
    status: &mut ImageUpdateAutomationStatus,
    outcome: Try,
    chosen: Choices,
    switch_branch: bool,
    next: Next,
) -> Done {
    let ready = "repository up-to-date".to_owned();
    let (revision, pushed) = match outcome {
        Try::Skipped | Try::LostRace(_) => {
            let quiet = "no change since last reconciliation".to_owned();
            return Done { ready, news: None, quiet, next };
        }
        Try::UpToDate(revision) => (revision, None),
        Try::Pushed(revision, pushed) => (revision, Some(pushed)),
    };
    status.observed_policies = chosen;
    status.observed_source_revision = Some(match &pushed {
        Some(pushed) if !switch_branch => pushed.revision.clone(),
        _ => revision,
    });
    if let Some(pushed) = &pushed {
        status.last_push_commit = Some(pushed.commit.to_string());
        status.last_push_time = Some(now());
    }
    let news = pushed.map(|pushed| pushed.summary);
    Done { quiet: ready.clone(), ready, news, next }
}

fn plan(
    run: &Run<ImageUpdateAutomation>,
    git: &GitSpec,
    chosen: &Choices,
    signer: Option<git::Signer>,
) -> Result<Plan, StepError> {
    let invalid = |text: String| StepError::stalled(ImageReason::InvalidUpdateStrategy, text);
    let update = run.object.spec.update.as_ref().ok_or_else(|| invalid("no update strategy".to_owned()))?;
    if let Some(other) = update.strategy.as_ref().filter(|name| **name != UpdateStrategyName::Setters) {
        return Err(invalid(format!("unsupported update strategy: {other}")));
    }
    let author = &git.commit.author;
    Ok(Plan {
        path: update.path.clone().unwrap_or_default(),
        setters: setters(&run.key.namespace, chosen)?,
        author: Identity {
            name: author.name.clone().unwrap_or_default(),
            email: author.email.clone(),
            time: 0,
        },
        template: git.commit.message_template.clone(),
        values: git.commit.message_template_values.clone(),
        automation: run.key.clone(),
        signer,
    })
}

fn refspec(git: &GitSpec) -> Result<Option<Refspec>, StepError> {
    let text = git.push.as_ref().and_then(|push| push.refspec.as_deref()).filter(|text| !text.is_empty());
    text.map(Refspec::parse).transpose().map_err(|error| push_failed(&error))
}

fn push_failed(error: &PushError) -> StepError {
    let text = format!("failed to update source: failed to push to remote: {error}");
    StepError::retry(ImageReason::GitOperationFailed, text)
}

/// One run's way from ls-remote to the push.
struct Writer<'a> {
    of: &'a ImageUpdateAutomations,
    run: &'a Run<ImageUpdateAutomation>,
    source: &'a Source,
    plan: Arc<Plan>,
    git: &'a GitSpec,
    refspec: Option<Refspec>,
}

impl Writer<'_> {
    /// Tries until the commit stands on what the server has. `observed` is the revision at which nothing is to be done.
    async fn write(&self, observed: Option<String>) -> Result<Try, RunFailure> {
        let mut pause = PAUSE;
        for left in (0..RACES).rev() {
            match self.once(observed.as_deref()).await? {
                Try::LostRace(error) if left == 0 => return Err(push_failed(&error).into()),
                Try::LostRace(_) => {}
                done => return Ok(done),
            }
            tracing::info!("somebody else pushed first: once more on the new head");
            tokio::select! {
                () = self.run.cancel.cancelled() => return Err(RunFailure::Outdated),
                () = tokio::time::sleep(pause) => pause *= 2,
            }
        }
        Err(RunFailure::Outdated)
    }

    async fn once(&self, observed: Option<&str>) -> Result<Try, RunFailure> {
        let again = observed.is_some();
        let session = self.of.git.open(&self.source.remote).await;
        let mut session = session.map_err(|error| not_listed(error, again))?;
        let resolved = session.resolve(&self.source.selector).await;
        let resolved = resolved.map_err(|error| not_resolved(error, again, self.source.switch_branch))?;
        self.run.revision(&resolved.revision);
        if observed == Some(resolved.revision.as_str()) {
            return Ok(Try::Skipped);
        }
        let checkout = self.checkout(&mut session, &resolved).await?;
        drop(session);
        let plan = self.plan.clone();
        let prepared = tokio::task::spawn_blocking(move || prepare(&checkout, &plan)).await;
        let prepared = prepared.map_err(|error| {
            StepError::retry(ImageReason::UpdateFailed, format!("failed to apply policies: {error}"))
        })??;
        let Some(prepared) = prepared else { return Ok(Try::UpToDate(resolved.revision)) };
        match self.push(&prepared, &resolved).await? {
            Ok(pushed) => Ok(Try::Pushed(resolved.revision, pushed)),
            Err(error @ PushError::Moved(_)) => Ok(Try::LostRace(error)),
            Err(error) => Err(push_failed(&error).into()),
        }
    }

    /// The commit to build on: the head of the push branch where there is one, else what is checked out.
    async fn checkout(&self, session: &mut Session, resolved: &Resolved) -> Result<Checkout, StepError> {
        let mut base = resolved.clone();
        if self.source.switch_branch && self.of.all_references {
            let branch = Selector { branch: Some(self.source.push_branch.clone()), ..Selector::default() };
            match session.resolve(&branch).await {
                Ok(head) => base = head,
                Err(GitError::RefNotFound { .. }) => {}
                Err(error) => return Err(checkout_failed(error)),
            }
        }
        session.fetch(&base).await.map_err(checkout_failed)
    }

    async fn push(
        &self,
        prepared: &Prepared,
        checked_out: &Resolved,
    ) -> Result<Result<Pushed, PushError>, RunFailure> {
        let branch = &self.source.push_branch;
        let reference = format!("refs/heads/{branch}");
        // A branch that goes on where it stands needs no force, and must not lose what others push.
        let force = self.source.switch_branch && self.of.force_push && !self.of.all_references;
        let lease = if force { Lease::Force } else { Lease::FastForward };
        let mut updates = vec![RefUpdate { reference: reference.clone(), lease }];
        if let Some(refspec) = &self.refspec {
            let also = refspec.update(&reference).ok_or_else(|| {
                let text = format!("refspec does not speak of {reference}");
                push_failed(&PushError::Refspec(text))
            })?;
            let beside = self.leased(also, checked_out);
            updates.extend((beside.reference != reference).then_some(beside));
        }
        let options = self.git.push.iter().flat_map(|push| &push.options);
        let options: Vec<String> = options.map(|(key, value)| format!("{key}={value}")).collect();
        if self.run.cancel.is_cancelled() {
            return Err(RunFailure::Outdated);
        }
        self.run.fence().map_err(|_| RunFailure::Outdated)?;
        let push = Push { commit: &prepared.commit, updates: &updates, options: &options };
        kill_points::at(kill_points::Point::PushBefore);
        let sent = self.of.git.push(&self.source.remote, &push).await;
        kill_points::at(kill_points::Point::PushAfter);
        Ok(sent.map(|()| self.pushed(prepared)))
    }

    /// Force of the push branch is force of what goes beside it, as in Flux, but never of what was checked out.
    fn leased(&self, beside: RefUpdate, checked_out: &Resolved) -> RefUpdate {
        let is_base = checked_out.reference.as_ref() == Some(&beside.reference);
        match self.source.switch_branch && self.of.force_push && !is_base {
            true => RefUpdate { lease: Lease::Force, ..beside },
            false => beside,
        }
    }

    fn pushed(&self, prepared: &Prepared) -> Pushed {
        let (commit, branch) = (prepared.commit.id(), &self.source.push_branch);
        let id = commit.to_string();
        let mut summary = format!("pushed commit '{}' to branch '{branch}'", &id[..7]);
        let refspec = self.git.push.as_ref().and_then(|push| push.refspec.as_deref());
        if let Some(refspec) = refspec.filter(|text| !text.is_empty()) {
            summary.push_str(&format!(" and refspecs '{refspec}'"));
        }
        if !prepared.message.is_empty() {
            summary.push_str(&format!("\n{}", prepared.message));
        }
        Pushed { commit, summary, revision: format!("{branch}@sha1:{id}") }
    }
}

fn checkout_failed(error: GitError) -> StepError {
    let text = format!("failed to checkout source: {error}");
    StepError::retry(ImageReason::GitOperationFailed, text)
}

/// A repository that was checked out before is only asked for its references first.
fn not_listed(error: GitError, again: bool) -> StepError {
    if !again {
        return checkout_failed(error);
    }
    let text = format!("failed to checkout source: {}", error.of_listing());
    StepError::retry(ImageReason::GitOperationFailed, text)
}

/// go-git has other words for a branch that is missing when only its head, or every branch, is asked for.
fn not_resolved(error: GitError, again: bool, every_branch: bool) -> StepError {
    match error {
        GitError::RefNotFound { url, .. } if again || every_branch => {
            let text = format!("failed to checkout source: unable to clone '{url}': reference not found");
            StepError::retry(ImageReason::GitOperationFailed, text)
        }
        error => not_listed(error, again),
    }
}

/// Wakes the automations of a GitRepository that comes, or whose spec changes.
pub(crate) fn watch_repositories(context: &Context, automations: Handle<ImageUpdateAutomation>) {
    context.mirror::<PartialObjectMeta<GitRepository>>(&Selection::default(), move |change| {
        let generation = |object: &Option<Arc<PartialObjectMeta<GitRepository>>>| {
            object.as_ref().and_then(|object| object.metadata.generation)
        };
        let (old, new) = (generation(&change.old), generation(&change.new));
        if change.initial || new.is_none() || old == new {
            return;
        }
        for (key, object) in automations.store.all() {
            let source = &object.spec.source_ref;
            let namespace = source.namespace.as_deref().filter(|text| !text.is_empty());
            if Key::new(namespace.unwrap_or(&key.namespace), &source.name) == change.key {
                automations.waker.wake(&key, Reason::Dependency);
            }
        }
    });
}
