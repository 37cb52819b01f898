use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::meta::{Artifact, ConditionType};
use api::source::v1::{
    Bucket, ChartSourceKind, GitRepository, HelmChart, HelmChartStatus, HelmRepository, ReconcileStrategy,
};
use artifact::{ArtifactPath, Digest, Tree, UnpackLimits, unpack};
use runtime::metrics::Origin;
use runtime::{Event, Key, Run, Set, Store, read_named};

use crate::helm::build::{Build, Cached, Order, effective};
use crate::helm::{local, remote};
use crate::helm_repository::is_registry;
use crate::remote::{Answer, Remotes};
use crate::repositories::Repositories;
use crate::source::{
    Base, Progress, RunFailure, Settled, SourceObject, Steps, announcement, build, is_new, news,
};
use crate::status::{FAILED, SourceReason, StepError};
use crate::steps::features;
use crate::steps::put::{NewArtifact, Target, blocking};
use crate::steps::storage::own;

/// How much of a commit's hash goes into a version.
const SHORT: usize = 12;

/// The steps of HelmCharts: the chart that a source has, as an archive.
pub(crate) struct HelmCharts {
    pub(crate) base: Arc<Base>,
    pub(crate) repositories: Arc<Repositories>,
    pub(crate) git: Store<GitRepository>,
    /// Where a source's tree lies while it is read.
    pub(crate) dir: PathBuf,
}

/// The source of a chart, with its artifact.
enum Source {
    Repository(Arc<HelmRepository>),
    /// Revision and path of the artifact.
    Tree(Artifact),
}

impl Steps for HelmCharts {
    type Kind = HelmChart;

    fn check(&self, object: &HelmChart) -> Result<(), StepError> {
        features::check_chart(&object.spec)
    }

    async fn run(
        &self,
        run: &Run<HelmChart>,
        remotes: &Remotes,
        progress: &mut Progress<HelmChart>,
    ) -> Result<Settled, RunFailure> {
        let source = self.source(run).await?;
        if let Some(revision) = source.revision() {
            progress.status.observed_source_artifact_revision = Some(revision.to_owned());
        }
        let building = tokio::time::timeout(LONGEST, self.build(run, &progress.status, &source));
        let building = async { building.await.unwrap_or_else(|_| Err(late())) };
        let built = remotes.receive(run, None, building).await;
        let Answer { found: built, turn: _turn } = built.inspect_err(|failure| {
            if let RunFailure::Step(error) = failure {
                progress.sets.push(Set::remove(other(error)));
            }
        })?;
        let settled = Settled { reason: built.reason().into(), message: built.summary() };
        self.store(run, progress, built, &settled).await?;
        progress.sets.extend([ConditionType::FetchFailed, ConditionType::BuildFailed].map(Set::remove));
        progress.sets.extend(settled.in_storage());
        Ok(settled)
    }
}

/// How long a chart with all that it depends on may take: each request has a time limit of its own, but there may be
/// hundreds, and meanwhile it holds one of the few places.
const LONGEST: Duration = Duration::from_secs(600);

fn late() -> StepError {
    StepError::fetch(
        SourceReason::ChartPullError,
        "the chart and its dependencies: context deadline exceeded",
    )
}

/// The chart of a registry may be in folders below the repository; the artifact is a file of the object's own folder.
fn file_name(chart: &str, version: &str) -> String {
    let name = chart.rsplit('/').next().unwrap_or_default();
    format!("{name}-{version}.tgz")
}

/// A chart fails to be fetched or to be built, never both.
fn other(error: &StepError) -> ConditionType {
    match error.condition {
        Some(ConditionType::BuildFailed) => ConditionType::FetchFailed,
        _ => ConditionType::BuildFailed,
    }
}

impl HelmCharts {
    async fn source(&self, run: &Run<HelmChart>) -> Result<Source, StepError> {
        let reference = &run.object.spec.source_ref;
        let key = Key { namespace: run.key.namespace.clone(), name: reference.name.clone() };
        match &reference.kind {
            ChartSourceKind::HelmRepository => {
                let repository = self.get(&self.repositories.store, &key).await?;
                match is_registry(&repository.spec) || own(&*repository).is_some() {
                    true => Ok(Source::Repository(repository)),
                    false => Err(no_artifact(run)),
                }
            }
            ChartSourceKind::GitRepository => {
                let repository = self.get(&self.git, &key).await?;
                own(&*repository).cloned().map(Source::Tree).ok_or_else(|| no_artifact(run))
            }
            // Buckets are not built yet: there is no artifact of one.
            _ => {
                let _: Arc<Bucket> = self.read(&key).await?;
                Err(no_artifact(run))
            }
        }
    }

    /// From the watch; an object that it has not seen yet is read.
    async fn get<K: SourceObject>(&self, store: &Store<K>, key: &Key) -> Result<Arc<K>, StepError> {
        match store.get(key) {
            Some(found) => Ok(found),
            None => self.read(key).await,
        }
    }

    async fn read<K: SourceObject>(&self, key: &Key) -> Result<Arc<K>, StepError> {
        let unavailable = |text: String| {
            StepError::fetch(SourceReason::SourceUnavailable, format!("failed to get source: {text}"))
        };
        let found: Result<Option<K>, _> = read_named(&self.base.client, key).await;
        let found = found.map_err(|error| unavailable(error.to_string()))?;
        let missing = || unavailable(format!("{}.{} {:?} not found", K::KIND, K::GROUP, key.name));
        found.map(Arc::new).ok_or_else(missing)
    }

    async fn build(
        &self,
        run: &Run<HelmChart>,
        status: &HelmChartStatus,
        source: &Source,
    ) -> Result<Build, StepError> {
        let (spec, namespace) = (&run.object.spec, &run.key.namespace);
        let order = self.order(run, status, source);
        match source {
            Source::Repository(repository) => {
                let place = self.repositories.place_of(repository).await?;
                let wanted = spec.version.as_deref().unwrap_or_default();
                remote::build(&place, &spec.chart, wanted, order).await.map_err(authentication)
            }
            Source::Tree(artifact) => {
                let tree = self.tree(artifact).await?;
                let places = self.repositories.places(namespace);
                local::build(tree, &spec.chart, order, &places).await
            }
        }
    }

    fn order(&self, run: &Run<HelmChart>, status: &HelmChartStatus, source: &Source) -> Order {
        let spec = &run.object.spec;
        let is_same = is_made_of(&run.base, run.generation());
        let cached = status.artifact.as_ref().zip(status.observed_chart_name.as_ref()).filter(|_| is_same);
        let observed = &status.observed_values_files;
        let values_files = effective(&spec.values_files);
        Order {
            metadata: metadata(run, source, !values_files.is_empty()),
            values_files,
            ignore_missing: spec.ignore_missing_values_files,
            cached: cached.map(|(artifact, name)| Cached {
                name: name.clone(),
                version: artifact.revision.clone(),
                values_files: (!observed.is_empty()).then(|| observed.clone()),
            }),
            limits: self.repositories.chart_limits(),
        }
    }

    /// The files of a source.
    async fn tree(&self, artifact: &Artifact) -> Result<Arc<Tree>, StepError> {
        let (store, dir, artifact) = (self.base.store.clone(), self.dir.clone(), artifact.clone());
        blocking(move || {
            let open = |cause: String| {
                let message = format!("failed to open source artifact: {cause}");
                StepError::fetch(SourceReason::ReadOperationFailed, message)
            };
            let path = ArtifactPath::parse(&artifact.path).map_err(|error| open(error.to_string()))?;
            let digest: Digest = artifact.digest.parse().map_err(|_| open("its digest is none".into()))?;
            let archive = store.open(&path).map_err(|error| open(error.to_string()))?;
            let blob = tempfile::Builder::new().prefix("tree-").tempfile_in(&dir);
            let blob = blob.map_err(|error| open(error.to_string()))?.into_temp_path();
            // The tree removes its file itself.
            let blob = blob.keep().map_err(|error| open(error.to_string()))?;
            let tree = unpack(archive, digest, &blob, &UnpackLimits::default());
            tree.map(Arc::new)
                .map_err(|error| StepError::fetch(FAILED, format!("artifact untar error: {error}")))
        })
        .await
    }

    /// Shows what is on its way, and stores it, unless it is there.
    async fn store(
        &self,
        run: &Run<HelmChart>,
        progress: &mut Progress<HelmChart>,
        built: Build,
        settled: &Settled,
    ) -> Result<(), RunFailure> {
        run.revision(&built.version);
        let Some(archive) = built.archive else {
            self.keep(run, progress, &built.version, settled);
            return Ok(());
        };
        let before = progress.status.artifact.as_ref();
        let has_artifact = before.is_some();
        let is_other = before.is_none_or(|artifact| artifact.revision != built.version)
            || progress.status.observed_chart_name.as_deref() != Some(&built.name);
        let message =
            is_other.then(|| announcement(progress, SourceReason::NewChart, &settled.message, has_artifact));
        let target = Target::new(&self.base, HelmChart::FOLDER, &run.key);
        let (file, version) = (file_name(&built.name, &built.version), built.version);
        let storing = blocking(move || {
            let new = NewArtifact {
                file: &file,
                revision: &version,
                metadata: Default::default(),
                link: Some("latest.tar.gz"),
                failure: "unable to copy Helm chart to storage",
            };
            target.put(&new, &mut |out| Ok(out.write_all(&archive)?))
        });
        let (artifact, url) = build(run, progress, message, storing).await?;
        if is_new(run, &artifact) {
            self.base.metrics.change(Origin::Source, false);
        }
        if built.dependencies > 0 {
            let text = format!("resolved {} chart dependencies", built.dependencies);
            progress.events.push(Event::trace(SourceReason::ResolvedDependencies, text));
        }
        progress.events.extend(told(run, &artifact, settled));
        let status = &mut progress.status;
        status.artifact = Some(artifact);
        status.observed_chart_name = Some(built.name);
        status.observed_values_files = match run.object.spec.ignore_missing_values_files {
            true => built.values_files,
            false => Vec::new(),
        };
        status.url = url.or(status.url.take());
        Ok(())
    }

    fn keep(
        &self,
        run: &Run<HelmChart>,
        progress: &mut Progress<HelmChart>,
        version: &str,
        settled: &Settled,
    ) {
        let text = format!("artifact up-to-date with remote revision: '{version}'");
        progress.events.push(Event::trace(SourceReason::ArtifactUpToDate, text));
        if let Some(artifact) = progress.status.artifact.clone() {
            progress.events.extend(told(run, &artifact, settled));
        }
    }
}

impl Source {
    fn revision(&self) -> Option<&str> {
        match self {
            Self::Tree(artifact) => Some(&artifact.revision),
            Self::Repository(repository) => own(&**repository).map(|artifact| artifact.revision.as_str()),
        }
    }
}

/// What goes into the version so that consumers notice a change: the source's revision where the strategy says so, and
/// the generation where values files are merged.
fn metadata(run: &Run<HelmChart>, source: &Source, with_values: bool) -> Option<String> {
    let is_by_revision = run.object.spec.reconcile_strategy == Some(ReconcileStrategy::Revision);
    let revision = match source {
        Source::Tree(artifact) if is_by_revision => {
            let hash = artifact.revision.rsplit_once(':').map_or(&*artifact.revision, |(_, hash)| hash);
            Some(hash.chars().take(SHORT).collect::<String>())
        }
        _ => None,
    };
    let generation = with_values.then(|| run.generation().to_string());
    let parts: Vec<String> = revision.into_iter().chain(generation).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}

/// Whether the stored chart was made of the spec of this generation. The status's own `observedGeneration` does not
/// tell: a spec that stalled was observed too, and left the chart of the one before.
fn is_made_of(status: &HelmChartStatus, generation: i64) -> bool {
    let stored = runtime::conditions::find(&status.conditions, ConditionType::ArtifactInStorage);
    stored.is_some_and(|stored| stored.status == "True" && stored.observed_generation == Some(generation))
}

/// It is woken when there is one.
fn no_artifact(run: &Run<HelmChart>) -> StepError {
    let reference = &run.object.spec.source_ref;
    let message = format!("no artifact available for {} source '{}'", reference.kind, reference.name);
    StepError::fetch(SourceReason::NoSourceArtifact, message).quiet()
}

/// Flux tells a refusal by its words, and says so instead of what the build was at.
fn authentication(error: StepError) -> StepError {
    let words = ["401", "unauthorized", "authentication required", "tls", "unknown certificate authority"];
    if !words.iter().any(|word| error.message.contains(word)) {
        return error;
    }
    let message = format!("failed to authenticate with the Helm repository: {}", error.message);
    StepError::fetch(SourceReason::AuthenticationFailed, message)
}

fn told(run: &Run<HelmChart>, artifact: &Artifact, settled: &Settled) -> Option<Event> {
    news(run, artifact, (settled.reason, settled.reason), &settled.message)
}
