//! The client all requests go through: a deadline and few retries for each, counted, and fenced by the Lease.

mod layer;
mod rate;

use std::sync::Arc;

use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};

use self::layer::PolicyLayer;
use self::rate::Rate;
use crate::args::CommonArgs;
use crate::fence::Fence;
use crate::metrics::Metrics;

/// Builds clients of one cluster.
pub(crate) struct Clients {
    config: Config,
    metrics: Arc<Metrics>,
    rate: Option<Arc<Rate>>,
}

/// What answers with this header has priority and fairness.
const FLOW_SCHEMA: &str = "x-kubernetes-pf-flowschema-uid";

impl Clients {
    /// Finds out whether the API server shares its time fairly by itself; only if not, `--kube-api-qps` and
    /// `--kube-api-burst` act, as in Flux.
    pub(crate) async fn new(
        mut config: Config,
        args: &CommonArgs,
        metrics: Arc<Metrics>,
    ) -> Result<Self, kube::Error> {
        // Ours retries within the deadline; kube's would try 15 times.
        config.default_retry = false;
        let mut clients = Self { config, metrics, rate: None };
        if !clients.is_fair().await? && args.kube_api_qps > 0.0 {
            clients.rate = Some(Arc::new(Rate::new(args.kube_api_qps, args.kube_api_burst)));
        }
        Ok(clients)
    }

    /// A client whose writes pass only while the fence is open.
    pub(crate) fn fenced(&self, fence: Fence) -> Result<Client, kube::Error> {
        self.build(fence, self.rate.clone())
    }

    /// A client for the Lease: nothing fences it, and it waits behind no other request.
    pub(crate) fn of_lease(&self) -> Result<Client, kube::Error> {
        self.build(Fence::open(), None)
    }

    fn build(&self, fence: Fence, rate: Option<Arc<Rate>>) -> Result<Client, kube::Error> {
        let layer = PolicyLayer::new(fence, self.metrics.clone(), rate);
        let builder = ClientBuilder::try_from(self.config.clone())?;
        Ok(builder.with_layer(&layer).build())
    }

    async fn is_fair(&self) -> Result<bool, kube::Error> {
        let client = self.fenced(Fence::open())?;
        let request = http::Request::get("/livez/ping").body(Body::empty());
        let request = request.map_err(kube::Error::HttpError)?;
        let answer = client.send(request).await?;
        Ok(answer.headers().contains_key(FLOW_SCHEMA))
    }
}
