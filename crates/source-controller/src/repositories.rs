//! The places that HelmRepositories of a namespace mean, for charts and for their dependencies.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use api::meta::Artifact;
use api::source::v1::{HelmRepository, HelmRepositorySpec};
use artifact::ArtifactPath;
use futures::FutureExt;
use helm_template::Limits;
use oci::{Access, Oci};
use runtime::Store;

use crate::helm::access::HelmAccess;
use crate::helm::cache::IndexCache;
use crate::helm::dependencies::Places;
use crate::helm::http::{HelmLimits, Http};
use crate::helm::index::Index;
use crate::helm::place::{Place, Registry};
use crate::helm_repository::{http_url, is_registry};
use crate::source::Base;
use crate::status::{FAILED, SourceReason, StepError};
use crate::steps::put::blocking;
use crate::steps::storage::own;

/// How long a repository that no object describes may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Everything that is needed to reach charts.
pub(crate) struct Repositories {
    pub(crate) base: Arc<Base>,
    pub(crate) store: Store<HelmRepository>,
    pub(crate) oci: Oci,
    pub(crate) http: Http,
    pub(crate) limits: HelmLimits,
    pub(crate) indices: IndexCache,
}

impl Repositories {
    /// What a chart may cost.
    pub(crate) fn chart_limits(&self) -> Limits {
        Limits { archive_bytes: self.limits.chart, file_bytes: self.limits.chart_file, ..Limits::default() }
    }

    /// The place of an object that has an artifact or is a registry.
    pub(crate) async fn place_of(&self, repository: &HelmRepository) -> Result<Place, StepError> {
        let namespace = repository.metadata.namespace.as_deref().unwrap_or_default();
        let access = HelmAccess::read(&self.base.client, namespace, &repository.spec).await?;
        if is_registry(&repository.spec) {
            return self.registry(&repository.spec, access);
        }
        self.http(&repository.spec, access, own(repository)).await
    }

    /// Finds the places of a namespace's charts by URL.
    pub(crate) fn places(self: &Arc<Self>, namespace: &str) -> Places {
        let (all, namespace) = (self.clone(), namespace.to_owned());
        let find = move |url: String| {
            let (all, namespace) = (all.clone(), namespace.clone());
            async move { all.by_url(&namespace, &url).await.map_err(|error| error.message) }.boxed()
        };
        Places { find: Box::new(find), limits: self.chart_limits() }
    }

    /// The object with this URL says how to reach it; without one it is reached anonymously.
    async fn by_url(&self, namespace: &str, url: &str) -> Result<Place, StepError> {
        let all = self.store.all().into_iter().filter(|(key, _)| key.namespace == namespace);
        let described = all.map(|(_, object)| object).find(|object| same(&object.spec.url, url));
        let Some(object) = described else {
            let spec = HelmRepositorySpec { url: url.to_owned(), ..HelmRepositorySpec::default() };
            return match url.starts_with("oci://") {
                true => self.registry(&spec, HelmAccess::default()),
                false => self.http(&spec, HelmAccess::default(), None).await,
            };
        };
        let access = HelmAccess::read(&self.base.client, namespace, &object.spec).await?;
        if url.starts_with("oci://") {
            return self.registry(&object.spec, access);
        }
        self.http(&object.spec, access, own(&*object)).await
    }

    fn registry(&self, spec: &HelmRepositorySpec, access: HelmAccess) -> Result<Place, StepError> {
        let url = spec.url.trim_end_matches('/').to_owned();
        if !url.starts_with("oci://") {
            let message = format!("failed to construct Helm client: invalid OCI registry URL: {url}");
            return Err(StepError::fetch(FAILED, message).stalled());
        }
        let (insecure, timeout) = (spec.insecure, spec.timeout());
        let access = move |repository: &oci::Repository| Access {
            login: access.login(repository),
            tls: access.credentials.tls.clone(),
            proxy: None,
            insecure,
            timeout,
        };
        let (oci, limit) = (self.oci.clone(), self.limits.chart);
        Ok(Place::Registry(Registry { oci, url, access: Box::new(access), limit }))
    }

    async fn http(
        &self,
        spec: &HelmRepositorySpec,
        access: HelmAccess,
        artifact: Option<&Artifact>,
    ) -> Result<Place, StepError> {
        let url = http_url(&spec.url)?;
        let timeout = spec.timeout.as_ref().map_or(TIMEOUT, |timeout| timeout.get_or(TIMEOUT));
        let (pass, limits) = (spec.pass_credentials, self.limits);
        let repository = self.http.repository(&url, access.credentials, pass, timeout, limits);
        let index = match artifact {
            Some(artifact) => self.stored(artifact).await?,
            None => {
                let failed = |cause: String| load(format!("failed to cache index: {cause}"));
                let fetched = repository.index().await.map_err(failed)?;
                self.parse(blocking(move || fetched.read().map_err(failed)).await?).await?
            }
        };
        Ok(Place::Http { repository, index })
    }

    /// The index of an artifact of ours, from memory where it is.
    async fn stored(&self, artifact: &Artifact) -> Result<Arc<Index>, StepError> {
        if let Some(index) = self.indices.get(&artifact.path) {
            return Ok(index);
        }
        let (store, text, max) = (self.base.store.clone(), artifact.path.clone(), self.limits.index * 2);
        let read = blocking(move || {
            let failed = |cause: String| load(format!("failed to load index: {cause}"));
            let path = ArtifactPath::parse(&text).map_err(|error| failed(error.to_string()))?;
            let mut bytes = Vec::new();
            let opened = store.open(&path).map_err(|error| failed(error.to_string()))?;
            opened.take(max).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
            Ok(bytes)
        });
        let index = self.parse(read.await?).await?;
        self.indices.put(&artifact.path, index.clone());
        Ok(index)
    }

    async fn parse(&self, bytes: Vec<u8>) -> Result<Arc<Index>, StepError> {
        let max = usize::try_from(self.limits.index).unwrap_or(usize::MAX);
        blocking(move || {
            let parsed = Index::parse(&bytes, max);
            parsed
                .map(|(index, _)| Arc::new(index))
                .map_err(|error| load(format!("failed to load index: {error}")))
        })
        .await
    }
}

/// An index that cannot be had is a chart that cannot be pulled.
fn load(cause: String) -> StepError {
    let message = format!("chart pull error: failed to get chart version for remote reference: {cause}");
    StepError::fetch(SourceReason::ChartPullError, message)
}

/// URLs are the same with and without a slash at their end.
fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}
