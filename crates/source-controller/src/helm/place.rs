//! Where charts come from: an index and its archives, or a registry.

use std::sync::Arc;

use oci::{Access, Oci, Reference, Repository, Session};
use semver_range::Version;

use crate::helm::http::HttpRepository;
use crate::helm::index::Index;
use crate::helm::version::{PickError, of_index, of_tags};

/// The layer of a chart, and the one that early versions of Helm wrote.
const LAYERS: [&str; 2] = ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];

/// A place of charts.
#[expect(clippy::large_enum_variant, reason = "one at a time, in the run of one chart")]
pub(crate) enum Place {
    /// An index, and the repository that its references are of.
    Http { repository: HttpRepository, index: Arc<Index> },
    /// A registry, and the path below which each chart has a repository.
    Registry(Registry),
}

/// Charts in a registry.
pub(crate) struct Registry {
    pub(crate) oci: Oci,
    /// `oci://HOST/PATH`.
    pub(crate) url: String,
    /// Credentials for one chart's repository.
    pub(crate) access: Box<dyn Fn(&Repository) -> Access + Send + Sync>,
    /// Bytes of a chart's archive.
    pub(crate) limit: u64,
}

/// The version that was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where its archive is, as the place knows it.
    reference: Option<String>,
}

/// Why there is no such chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlaceError {
    /// The place has none: only another reference helps.
    Reference(String),
    /// The place did not tell.
    External(String),
}

impl PlaceError {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Reference(text) | Self::External(text) => text,
        }
    }
}

impl Place {
    /// The version of a chart that a text means.
    pub(crate) async fn find(&self, chart: &str, wanted: &str) -> Result<Found, PlaceError> {
        match self {
            Self::Http { index, .. } => find_in_index(index, chart, wanted).map_err(PlaceError::Reference),
            Self::Registry(registry) => registry.find(chart, wanted).await.map_err(PlaceError::External),
        }
    }

    /// The archive of a version.
    pub(crate) async fn download(&self, found: &Found) -> Result<Arc<Vec<u8>>, String> {
        let reference = found.reference.as_ref();
        let reference =
            reference.ok_or_else(|| format!("chart '{}' has no downloadable URLs", found.name))?;
        match self {
            Self::Http { repository, .. } => repository.archive(reference).await,
            Self::Registry(registry) => {
                let pulled = registry.pull(&found.name, reference).await;
                pulled.map_err(|cause| {
                    format!("failed to get '{}/{}:{}': {cause}", registry.url, found.name, found.version)
                })
            }
        }
    }
}

fn find_in_index(index: &Index, chart: &str, wanted: &str) -> Result<Found, String> {
    let versions = index.versions(chart).ok_or("no chart name found")?;
    if versions.is_empty() {
        return Err("no chart version found".into());
    }
    let found = of_index(versions, wanted).map_err(|error| match error {
        PickError::Range(cause) => cause,
        PickError::None => format!("no '{chart}' chart with version matching '{wanted}' found"),
    })?;
    Ok(Found { name: chart.to_owned(), version: found.version.clone(), reference: found.url.clone() })
}

impl Registry {
    async fn find(&self, chart: &str, wanted: &str) -> Result<Found, String> {
        let found = |version: String| Found {
            name: chart.to_owned(),
            reference: Some(version.replace('+', "_")),
            version,
        };
        // A whole version is a tag: no list is needed.
        if Version::parse_tag(wanted).is_ok() {
            return Ok(found(wanted.to_owned()));
        }
        let url = format!("{}/{chart}", self.url);
        let tags = async { self.session(chart)?.tags().await.map_err(|error| error.to_string()) };
        let tags = tags.await.map_err(|cause| {
            format!("could not get tags for {chart:?}: could not fetch tags for {url:?}: {cause}")
        })?;
        if tags.is_empty() {
            return Err(format!(
                "could not get tags for {chart:?}: unable to locate any tags in provided repository: {url}"
            ));
        }
        of_tags(&tags, wanted).map(found).map_err(|error| match error {
            PickError::Range(cause) => cause,
            PickError::None => {
                format!("could not locate a version matching provided version string {wanted}")
            }
        })
    }

    async fn pull(&self, chart: &str, tag: &str) -> Result<Arc<Vec<u8>>, String> {
        let session = self.session(chart)?;
        let tag = Reference::tag(tag).map_err(|error| error.to_string())?;
        let digest = session.resolve(&tag).await.map_err(|error| error.to_string())?;
        let manifest = session.manifest(&digest).await.map_err(|error| error.to_string())?;
        let layer = manifest.layers.iter().find(|layer| LAYERS.contains(&layer.media_type.as_str()));
        let layer = layer.ok_or("manifest does not contain a layer with a chart")?;
        session.blob_bytes(layer, self.limit).await.map(Arc::new).map_err(|error| error.to_string())
    }

    fn session(&self, chart: &str) -> Result<Session, String> {
        let name = format!("{}/{chart}", self.url.trim_start_matches("oci://"));
        let repository = Repository::parse(&name).map_err(|error| error.to_string())?;
        self.oci.session(&repository, &(self.access)(&repository)).map_err(|error| error.to_string())
    }
}
