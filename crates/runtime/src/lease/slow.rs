//! Renewing against a stand-in for an API server that has trouble.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::client::Body;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, service_fn};

use super::{Candidate, LeaseError, Times};
use crate::fence::Fence;

const TIMES: Times = Times {
    lease: Duration::from_millis(3500),
    renew: Duration::from_secs(3),
    retry: Duration::from_millis(500),
};

#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<Option<Lease>>>,
    requests: Arc<Mutex<Vec<Method>>>,
    delay: Arc<Mutex<Duration>>,
}

impl Server {
    fn candidate(&self) -> Candidate {
        let server = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let method = request.method().clone();
                let sent = request.into_body().collect_bytes().await?;
                let delay = *server.delay.lock().unwrap();
                tokio::time::sleep(delay).await;
                server.requests.lock().unwrap().push(method.clone());
                let (code, body) = server.answer(&method, &sent);
                Ok::<_, BoxError>(Response::builder().status(code).body(Body::from(body))?)
            }
        });
        Candidate::new(Client::new(service, "ns"), "ns", "lease".into(), TIMES, Fence::closed())
    }

    fn answer(&self, method: &Method, sent: &[u8]) -> (u16, Vec<u8>) {
        let mut lease = self.lease.lock().unwrap();
        let refused = |code: u16| {
            let status = serde_json::json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
                "code": code, "message": "", "reason": if code == 404 { "NotFound" } else { "Conflict" } });
            (code, status.to_string().into_bytes())
        };
        if *method == Method::GET {
            return lease.as_ref().map_or(refused(404), |lease| (200, serde_json::to_vec(lease).unwrap()));
        }
        let mut next: Lease = serde_json::from_slice(sent).unwrap();
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        if *method == Method::PUT && lease.as_ref().and_then(version) != version(&next) {
            return refused(409);
        }
        let number = lease.as_ref().and_then(version).map_or(0, |version| version.parse::<u64>().unwrap());
        next.metadata.resource_version = Some((number + 1).to_string());
        *lease = Some(next.clone());
        (200, serde_json::to_vec(&next).unwrap())
    }
}

#[tokio::test]
async fn a_renewal_is_one_request_and_a_slow_server_is_waited_for() {
    let server = Server::default();
    let mut candidate = server.candidate();
    let shutdown = CancellationToken::new();
    candidate.win(&shutdown).await;
    server.requests.lock().unwrap().clear();
    // Each answer takes longer than the period of renewals, and two of them longer than half of the deadline.
    *server.delay.lock().unwrap() = Duration::from_millis(900);
    let ending = shutdown.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(6)).await;
        ending.cancel();
    });
    assert!(candidate.hold(shutdown).await.is_ok());
    let requests = server.requests.lock().unwrap().clone();
    assert!(requests.len() >= 3 && requests.iter().all(|method| *method == Method::PUT), "{requests:?}");
}

#[tokio::test]
async fn a_lease_that_another_took_is_seen_at_the_next_renewal() {
    let server = Server::default();
    let mut candidate = server.candidate();
    candidate.win(&CancellationToken::new()).await;
    {
        let mut lease = server.lease.lock().unwrap();
        let lease = lease.as_mut().unwrap();
        lease.metadata.resource_version = Some("77".into());
        lease.spec.as_mut().unwrap().holder_identity = Some("another".into());
    }
    let lost = candidate.hold(CancellationToken::new()).await;
    assert!(matches!(lost, Err(LeaseError::Taken { holder, .. }) if holder == "another"));
}
