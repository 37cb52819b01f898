use std::sync::Arc;

use http::{HeaderMap, Method};
use net::{Body, Response};

use crate::{
    OciError, OciLimits, Repository,
    host::{Ask, Host, Place},
};

/// A repository, reached in one way. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    host: Arc<Host>,
    repository: Repository,
    pub(crate) limits: OciLimits,
}

impl Session {
    pub(crate) fn new(host: Arc<Host>, repository: Repository, limits: OciLimits) -> Self {
        Self { host, repository, limits }
    }

    /// Which repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// A request to read, below the repository: `manifests/v1`.
    pub(crate) async fn read(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        max_body: Option<u64>,
    ) -> Result<Response, OciError> {
        let place = Place::Path(format!("{}/{path}", self.repository.path()));
        self.host
            .ask(&Ask { method, place, headers, body: Body::new(), scope: self.scope("pull"), max_body })
            .await
    }

    /// A request to an address that the registry gave, to read on.
    pub(crate) async fn follow(&self, url: String, max_body: Option<u64>) -> Result<Response, OciError> {
        let (headers, body, place) = (HeaderMap::new(), Body::new(), Place::Url(url));
        let scope = self.scope("pull");
        self.host.ask(&Ask { method: Method::GET, place, headers, body, scope, max_body }).await
    }

    /// A request that writes.
    pub(crate) async fn write(
        &self,
        method: Method,
        place: Place,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Response, OciError> {
        let scope = self.scope("push,pull");
        self.host.ask(&Ask { method, place, headers, body, scope, max_body: None }).await
    }

    fn scope(&self, actions: &str) -> String {
        format!("repository:{}:{actions}", self.repository.path())
    }
}
