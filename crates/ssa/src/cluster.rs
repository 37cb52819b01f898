use std::sync::{Arc, OnceLock};

use manifest::{Gvk, Object};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use crate::{
    ApiError, DriftWatch, Identity, Settings,
    discovery::{Discovery, Lookup},
    managed::Takeover,
    marks::Marks,
    request::{self, Answer, Call},
};

/// One API server: its discovery, its connection pool, and the watches for drift. Cheap to clone.
#[derive(Clone)]
pub struct Cluster(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) client: kube::Client,
    pub(crate) settings: Settings,
    pub(crate) marks: Marks,
    pub(crate) takeover: Takeover,
    pub(crate) discovery: Arc<Discovery>,
    pub(crate) crds: watch::Sender<u64>,
    pub(crate) crd_watch: OnceLock<()>,
    pub(crate) drift: DriftWatch,
    in_flight: Semaphore,
}

/// Requests about objects in flight on one API server: each holds a connection, and more of them would only
/// wait there.
const IN_FLIGHT: usize = 32;

/// One identity on one cluster. Cheap to clone: a header on the shared connections.
#[derive(Clone)]
pub struct Session {
    pub(crate) cluster: Arc<Inner>,
    pub(crate) identity: Identity,
}

/// A kind that cannot be asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GetError {
    /// The API server serves no such kind. Flux's words.
    #[error("no matches for kind \"{}\" in version \"{}\"", .0.kind, .0.api_version())]
    NoMatch(Gvk),
    /// The request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The answer is no object.
    #[error("the answer is no object: {0}")]
    NotAnObject(#[from] manifest::NotAnObject),
}

impl Cluster {
    /// Takes a client that repeats requests after 429 and 502 to 504 at most twice, and knows of the fence;
    /// deadlines and other retries are this crate's. Must be called inside a Tokio runtime; no request is
    /// made yet.
    #[must_use]
    pub fn new(client: kube::Client, settings: Settings) -> Self {
        let marks = Marks::new(&settings.owner_group);
        let takeover = Takeover {
            field_manager: settings.field_manager.clone(),
            overrides: settings.override_managers.clone(),
        };
        let discovery = Arc::new(Discovery::default());
        let drift = DriftWatch::new(client.clone(), discovery.clone(), &settings);
        let crds = watch::Sender::new(0);
        let (crd_watch, in_flight) = (OnceLock::new(), Semaphore::new(IN_FLIGHT));
        Self(Arc::new(Inner {
            client,
            settings,
            marks,
            takeover,
            discovery,
            crds,
            crd_watch,
            drift,
            in_flight,
        }))
    }

    /// Requests as this identity.
    #[must_use]
    pub fn session(&self, identity: Identity) -> Session {
        Session { cluster: self.0.clone(), identity }
    }

    /// The drift watches of this cluster.
    #[must_use]
    pub fn drift(&self) -> &DriftWatch {
        &self.0.drift
    }
}

impl Session {
    /// Reads one object live, as this identity.
    ///
    /// # Errors
    /// When the kind is unknown or the request fails; an absent object is `None`.
    pub async fn get(
        &self,
        gvk: &Gvk,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, GetError> {
        let Lookup::Found(resource) = self.lookup(gvk).await? else {
            return Err(GetError::NoMatch(gvk.clone()));
        };
        let live = self.read(&resource.object_path(namespace.unwrap_or_default(), name)).await?;
        Ok(live.map(Object::from_value).transpose()?)
    }

    /// Whether this identity's ServiceAccount exists; always true for the controller itself.
    ///
    /// # Errors
    /// When the request fails.
    pub async fn account_exists(&self) -> Result<bool, ApiError> {
        let Identity::ServiceAccount { namespace, name } = &self.identity else { return Ok(true) };
        let segment = crate::discovery::segment;
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", segment(namespace), segment(name));
        let call = Call::get(path);
        match request::send(&self.cluster.client, &Identity::Controller, &call).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// An object by its path; `None` when the object, and nothing else, is proven absent.
    pub(crate) async fn read(&self, path: &str) -> Result<Option<Value>, ApiError> {
        match self.send(&Call::get(path)).await {
            Ok(answer) => Ok(Some(answer.value)),
            Err(error) if error.is_absent_object() => Ok(None),
            Err(error) => {
                if error.is_not_found() {
                    self.cluster.discovery.invalidate();
                }
                Err(error)
            }
        }
    }

    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, ApiError> {
        // The semaphore is never closed; should it be, the bound is what is lost.
        let _permit = self.cluster.in_flight.acquire().await.ok();
        request::send(&self.cluster.client, &self.identity, call).await
    }

    pub(crate) async fn lookup(&self, gvk: &Gvk) -> Result<Lookup, ApiError> {
        self.cluster.discovery.find(&self.cluster.client, gvk).await
    }
}
