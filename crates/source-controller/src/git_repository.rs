use std::sync::Arc;
use std::time::Duration;

use api::meta::{Artifact, ConditionType};
use api::source::v1::{GitRepository, GitRepositoryRef, GitRepositorySpec, GitRepositoryStatus};
use futures::TryFutureExt;
use git::{Git, Selector};
use runtime::metrics::Origin;
use runtime::{Change, Event, Reason, Run, Set, shell_word};
use tokio::time::Instant;

use crate::cross::ChartWaker;
use crate::remote::{Answer, Remotes};
use crate::source::{
    Base, Progress, RunFailure, Settled, SourceObject, Steps, announcement, build, is_new, news,
};
use crate::state::{Action, Observed, content_changed, decide};
use crate::status::{SUCCEEDED, SourceReason, StepError, stored};
use crate::steps::checkout::{Asked, Content};
use crate::steps::made::{Lately, Made, Twin, Wanted};
use crate::steps::put::{Target, blocking};
use crate::steps::sparse::Sparse;
use crate::steps::{access, checkout, features};

/// The steps of GitRepositories: which commit the reference means, and its tree.
pub(crate) struct GitRepositories {
    pub(crate) base: Arc<Base>,
    pub(crate) git: Git,
    pub(crate) asked: Asked,
    pub(crate) lately: Lately,
    pub(crate) charts: ChartWaker,
}

impl Steps for GitRepositories {
    type Kind = GitRepository;

    fn check(&self, object: &GitRepository) -> Result<(), StepError> {
        features::check_git(&object.spec)
    }

    async fn run(
        &self,
        run: &Run<GitRepository>,
        remotes: &Remotes,
        progress: &mut Progress<GitRepository>,
    ) -> Result<Settled, RunFailure> {
        let spec = &run.object.spec;
        let remote = access::remote(&self.base.client, &run.key.namespace, spec).await?;
        let selector = selector(spec.reference.as_ref());
        let asking = async {
            let lists = lists(run, &progress.status);
            let remoted = checkout::resolve((&self.git, &self.asked), (remote, selector), since(run)).await;
            remoted.map_err(|error| checkout::unresolved(&error, lists).run(ask_the_remote(run)))
        };
        let Answer { found: remoted, turn } = remotes.ask(run, asking).await?;
        progress.sets.push(Set::remove(ConditionType::FetchFailed));
        let revision = remoted.resolved.revision.clone();
        run.revision(&revision);
        let observed = Observed {
            artifact: progress.status.artifact.as_ref(),
            revision: &revision,
            content_changed: content_changed(spec, &progress.status),
        };
        match decide(observed) {
            Action::Keep => keep(run, progress, &revision),
            Action::Build { outdated, new_revision } => {
                let wanted = Wanted::new(remoted.remote.clone(), spec);
                let Answer { found: content, turn: _turn } = match self.twin(&wanted, &revision).await? {
                    Some(twin) => Answer { found: Content::Made(twin), turn },
                    None => {
                        let sparse = Sparse::new(&spec.sparse_checkout);
                        let fetching = checkout::fetch(&self.git, remoted, sparse);
                        let fetching = fetching.map_ok(|checkout| Content::Fetched(Box::new(checkout)));
                        remotes.receive(run, turn, fetching).await?
                    }
                };
                let text = format!("new upstream revision '{revision}'");
                let message =
                    new_revision.then(|| announcement(progress, SourceReason::NewRevision, &text, outdated));
                self.build(run, progress, (&revision, message), (wanted, content)).await?;
            }
        }
        Ok(Settled::succeeded(stored(&revision)))
    }

    fn observed(&self, change: &Change<GitRepository>) {
        self.charts.source_changed(change);
    }
}

impl GitRepositories {
    /// The file that another object has of the same.
    async fn twin(&self, wanted: &Wanted, revision: &str) -> Result<Option<Twin>, StepError> {
        let Some(made) = self.lately.find(wanted, revision) else { return Ok(None) };
        let store = self.base.store.clone();
        blocking(move || Ok(Twin::open(made, &*store))).await
    }

    /// Stores, and shows meanwhile that it is under way.
    async fn build(
        &self,
        run: &Run<GitRepository>,
        progress: &mut Progress<GitRepository>,
        (revision, message): (&str, Option<String>),
        (wanted, content): (Wanted, Content),
    ) -> Result<(), RunFailure> {
        let target = Target::new(&self.base, GitRepository::FOLDER, &run.key);
        let is_copy = matches!(content, Content::Made(_));
        let storing = checkout::store(target, revision, run.object.spec.ignore.clone(), content);
        let made = build(run, progress, message, storing).await;
        match &made {
            Ok(made) => self.lately.remember(wanted, made.clone()),
            Err(_) if is_copy => self.lately.forget(&wanted),
            Err(_) => {}
        }
        let Made { artifact, subject, signed } = made?;
        if is_new(run, &artifact) {
            self.base.metrics.change(Origin::Source, signed);
        }
        progress.events.extend(told(run, &artifact, &subject));
        progress.sets.extend(Settled::succeeded(stored(&artifact.revision)).in_storage());
        observe(&mut progress.status, &run.object.spec, artifact);
        Ok(())
    }
}

/// The status of what was made from a spec.
fn observe(status: &mut GitRepositoryStatus, spec: &GitRepositorySpec, artifact: Artifact) {
    status.artifact = Some(artifact);
    status.observed_ignore.clone_from(&spec.ignore);
    status.observed_recurse_submodules = spec.recurse_submodules;
    status.observed_include.clone_from(&spec.include);
    status.observed_sparse_checkout.clone_from(&spec.sparse_checkout);
    status.included_artifacts = Vec::new();
    status.source_verification_mode = None;
}

/// A pass that only the interval asked for is content with what another object of the same repository was told a little
/// before: a tenth of the interval. Whoever asks otherwise hears what the remote says since.
fn since(run: &Run<GitRepository>) -> Instant {
    let interval_alone = run.reasons.iter().eq([Reason::Interval]);
    let content =
        if interval_alone { run.object.spec.interval.get_or(Duration::ZERO) / 10 } else { Duration::ZERO };
    run.asked.checked_sub(content).unwrap_or(run.asked)
}

/// What to run about a remote that refuses: look at the credentials where there are some, else ask it what it has.
fn ask_the_remote(run: &Run<GitRepository>) -> String {
    let spec = &run.object.spec;
    match &spec.secret_ref {
        Some(reference) => access::describe(&run.key.namespace, &reference.name),
        None => format!("git ls-remote {}", shell_word(&access::without_userinfo(&spec.url))),
    }
}

/// Whether Flux asks for the references before it clones, which its errors tell: for a name always, for a branch or a tag
/// when there is an artifact to compare with.
fn lists(run: &Run<GitRepository>, status: &GitRepositoryStatus) -> bool {
    let is_set = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
    let reference = run.object.spec.reference.clone().unwrap_or_default();
    let stored = runtime::conditions::find(&run.base.conditions, ConditionType::ArtifactInStorage);
    let compares = status.artifact.is_some() && stored.is_some_and(|stored| stored.status == "True");
    !is_set(&reference.commit) && (is_set(&reference.name) || (!is_set(&reference.semver) && compares))
}

fn selector(reference: Option<&GitRepositoryRef>) -> Selector {
    let Some(reference) = reference.cloned() else { return Selector::default() };
    Selector {
        branch: reference.branch,
        tag: reference.tag,
        semver: reference.semver,
        name: reference.name,
        commit: reference.commit,
    }
}

/// Nothing is new: the clone is skipped.
fn keep(run: &Run<GitRepository>, progress: &mut Progress<GitRepository>, revision: &str) {
    let text = format!("no changes since last reconciliation: observed revision '{revision}'");
    progress.events.push(Event::trace(SourceReason::GitOperationSucceeded, text));
    progress.sets.extend(Settled::succeeded(stored(revision)).in_storage());
    if let Some(artifact) = progress.status.artifact.clone() {
        progress.events.extend(told(run, &artifact, revision));
    }
}

fn told(run: &Run<GitRepository>, artifact: &Artifact, commit: &str) -> Option<Event> {
    let reasons = (SourceReason::NewArtifact.into(), SUCCEEDED.into());
    news(run, artifact, reasons, &format!("stored artifact for commit '{commit}'"))
}
