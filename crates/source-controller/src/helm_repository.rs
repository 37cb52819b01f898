use std::sync::Arc;

use api::meta::{Artifact, ConditionType};
use api::source::v1::{HelmRepository, HelmRepositorySpec, HelmRepositoryType};
use artifact::Digest;
use runtime::metrics::Origin;
use runtime::{Change, Event, Run, Set};
use url::Url;

use crate::cross::ChartWaker;
use crate::helm::access::HelmAccess;
use crate::helm::cache::IndexCache;
use crate::helm::http::{Body, HelmLimits, Http};
use crate::helm::index::Index;
use crate::remote::{Answer, Remotes};
use crate::source::{
    Base, Progress, RunFailure, Settled, SourceObject, Steps, announcement, build, is_new, news,
};
use crate::state::{Action, Observed, decide};
use crate::status::{FAILED, SUCCEEDED, SourceReason, StepError};
use crate::steps::access::{odd_host, without_userinfo};
use crate::steps::features;
use crate::steps::put::{NewArtifact, Target, blocking};

/// The steps of HelmRepositories of the default type: their index.
pub(crate) struct HelmRepositories {
    pub(crate) base: Arc<Base>,
    pub(crate) http: Http,
    pub(crate) limits: HelmLimits,
    pub(crate) indices: IndexCache,
    pub(crate) charts: ChartWaker,
}

impl Steps for HelmRepositories {
    type Kind = HelmRepository;

    fn check(&self, object: &HelmRepository) -> Result<(), StepError> {
        features::check_helm_repository(&object.spec)
    }

    /// A registry has no index: such an object only says where charts are.
    fn is_static(object: &HelmRepository) -> bool {
        is_registry(&object.spec)
    }

    async fn run(
        &self,
        run: &Run<HelmRepository>,
        remotes: &Remotes,
        progress: &mut Progress<HelmRepository>,
    ) -> Result<Settled, RunFailure> {
        let spec = &run.object.spec;
        let url = http_url(&spec.url)?;
        let access = HelmAccess::read(&self.base.client, &run.key.namespace, spec).await?;
        let (pass, timeout) = (spec.pass_credentials, spec.timeout());
        let repository = self.http.repository(&url, access.credentials, pass, timeout, self.limits);
        let asking = async { repository.index().await.map_err(|cause| not_fetched(&cause)) };
        let Answer { found: fetched, turn: _turn } = remotes.ask(run, asking).await?;
        let (fetched, digest) = digested(fetched).await?;
        let revision = digest.to_string();
        run.revision(&revision);
        let observed = Observed {
            artifact: progress.status.artifact.as_ref(),
            revision: &revision,
            content_changed: false,
        };
        let settled = Settled::succeeded(format!("stored artifact: revision '{revision}'"));
        match decide(observed) {
            Action::Keep => keep(run, progress, &revision),
            Action::Build { outdated, .. } => {
                let (index, stored) = self.parse(fetched).await?;
                let text = format!("new index revision '{revision}'");
                progress.sets.push(Set::remove(ConditionType::FetchFailed));
                let message = announcement(progress, SourceReason::NewRevision, &text, outdated);
                self.build(run, progress, (&digest, message), (index, stored)).await?;
            }
        }
        progress.sets.push(Set::remove(ConditionType::FetchFailed));
        progress.sets.extend(settled.in_storage());
        Ok(settled)
    }

    fn observed(&self, change: &Change<HelmRepository>) {
        self.charts.source_changed(change);
    }
}

impl HelmRepositories {
    async fn parse(&self, fetched: Vec<u8>) -> Result<(Index, Vec<u8>), StepError> {
        let max = usize::try_from(self.limits.index).unwrap_or(usize::MAX);
        blocking(move || {
            Index::parse(&fetched, max).map_err(|error| {
                let text = "failed to load Helm repository from index YAML: failed to load index";
                StepError::fetch(SourceReason::IndexationFailed, format!("{text}: {error}"))
            })
        })
        .await
    }

    async fn build(
        &self,
        run: &Run<HelmRepository>,
        progress: &mut Progress<HelmRepository>,
        (digest, message): (&Digest, String),
        (index, stored): (Index, Vec<u8>),
    ) -> Result<(), RunFailure> {
        let target = Target::new(&self.base, HelmRepository::FOLDER, &run.key);
        let (file, revision) = (format!("index-{}.yaml", digest.hex()), digest.to_string());
        let storing = blocking(move || {
            let new = NewArtifact {
                file: &file,
                revision: &revision,
                metadata: Default::default(),
                link: Some("index.yaml"),
                failure: "unable to save artifact to storage",
            };
            target.put(&new, &mut |out| Ok(out.write_all(&stored)?))
        });
        let (artifact, url) = build(run, progress, Some(message), storing).await?;
        if is_new(run, &artifact) {
            self.base.metrics.change(Origin::Source, false);
        }
        self.indices.put(&artifact.path, Arc::new(index));
        progress.events.extend(told(run, &artifact));
        progress.status.artifact = Some(artifact);
        progress.status.url = url.or(progress.status.url.take());
        Ok(())
    }
}

/// In memory, with its digest, which takes a while for a large index.
async fn digested(fetched: Arc<Body>) -> Result<(Vec<u8>, Digest), StepError> {
    blocking(move || {
        let fetched = fetched.read().map_err(|cause| not_fetched(&cause))?;
        let digest = Digest::of(&fetched);
        Ok((fetched, digest))
    })
    .await
}

/// Whether charts are in a registry.
pub(crate) fn is_registry(spec: &HelmRepositorySpec) -> bool {
    spec.type_ == Some(HelmRepositoryType::Oci)
}

/// The URL of a repository that is served over HTTP.
pub(crate) fn http_url(text: &str) -> Result<Url, StepError> {
    let invalid = |cause: String| {
        let message = format!("invalid Helm repository URL: {cause}");
        StepError::fetch(SourceReason::URLInvalid, message).stalled()
    };
    if text.starts_with("oci://") {
        return Err(invalid("'oci' URL scheme cannot be used with 'default' HelmRepository type".into()));
    }
    let shown = without_userinfo(text);
    let parsed = Url::parse(text).map_err(|error| {
        invalid(format!("parse {shown:?}: {}", odd_host(&shown).unwrap_or_else(|| error.to_string())))
    })?;
    if !matches!(parsed.scheme(), "http" | "https") {
        let message = format!("failed to construct Helm client: scheme {:?} not supported", parsed.scheme());
        return Err(StepError::fetch(FAILED, message).stalled());
    }
    Ok(parsed)
}

fn not_fetched(cause: &str) -> StepError {
    let message =
        format!("failed to fetch Helm repository index: failed to cache index to temporary file: {cause}");
    StepError::fetch(FAILED, message)
}

fn keep(run: &Run<HelmRepository>, progress: &mut Progress<HelmRepository>, revision: &str) {
    let text = format!("artifact up-to-date with remote revision: '{revision}'");
    progress.events.push(Event::trace(SourceReason::ArtifactUpToDate, text));
    if let Some(artifact) = progress.status.artifact.clone() {
        progress.events.extend(told(run, &artifact));
    }
}

fn told(run: &Run<HelmRepository>, artifact: &Artifact) -> Option<Event> {
    let size = artifact.size.map_or("unknown size".to_owned(), |size| format!("size {}", human(size)));
    let url = without_userinfo(&run.object.spec.url);
    let message = format!("stored fetched index of {size} from '{url}'");
    news(run, artifact, (SourceReason::NewArtifact.into(), SUCCEEDED.into()), &message)
}

/// Bytes with four digits and a unit of thousands, as Docker shows them.
fn human(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1000.0 && unit < UNITS.len() - 1 {
        size /= 1000.0;
        unit += 1;
    }
    let places = if size >= 100.0 {
        1
    } else if size >= 10.0 {
        2
    } else {
        3
    };
    let text = format!("{size:.places$}");
    format!("{}{}", text.trim_end_matches('0').trim_end_matches('.'), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::{http_url, human};
    use crate::status::Disposition;

    #[test]
    fn sizes_are_shown_as_docker_shows_them() {
        for (bytes, expected) in
            [(0, "0B"), (409, "409B"), (717, "717B"), (1234, "1.234kB"), (15_600_000, "15.6MB")]
        {
            assert_eq!(human(bytes), expected);
        }
    }

    #[test]
    fn urls_of_registries_and_nonsense_stall_without_a_password() {
        assert!(http_url("https://charts.example.com/stable").is_ok());
        let error = http_url("oci://h/x").unwrap_err();
        assert_eq!(error.disposition, Disposition::Stalled);
        let error = http_url("http://u:hunter2@a b/x").unwrap_err();
        assert!(
            error.message.starts_with("invalid Helm repository URL: parse \"http://a b/x\": "),
            "{error}"
        );
    }
}
