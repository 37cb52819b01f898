//! The health and metrics endpoints.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::debug::Debug;
use crate::metrics::Metrics;

/// Why an endpoint does not listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {purpose}")]
pub struct ListenError {
    address: SocketAddr,
    purpose: &'static str,
    #[source]
    cause: std::io::Error,
}

/// `/metrics`.
pub(crate) fn metrics(metrics: Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(exposition)).with_state(metrics)
}

/// `/healthz`, `/readyz` and `/debug/objects`. A replica that waits for the Lease is healthy and ready, as in Flux.
pub(crate) fn health(debug: Debug) -> Router {
    let ok = || async { "ok" };
    Router::new()
        .route("/healthz", get(ok))
        .route("/readyz", get(ok))
        .route("/debug/objects", get(objects))
        .with_state(debug)
}

async fn exposition(State(metrics): State<Arc<Metrics>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (StatusCode::OK, [(header::CONTENT_TYPE, kind)], metrics.text()).into_response()
}

async fn objects(State(debug): State<Debug>) -> Response {
    Json(debug.rows()).into_response()
}

/// Serves until the token fires. No address: nothing.
pub(crate) async fn serve(
    address: Option<SocketAddr>,
    purpose: &'static str,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), ListenError> {
    let Some(address) = address else { return Ok(()) };
    let listener = listen(address, purpose).await?;
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(purpose, error = %error, "endpoint ended");
        }
    });
    Ok(())
}

/// Takes a port. `:port` means all addresses of both families; where there is no IPv6, those of IPv4.
///
/// # Errors
/// When the port cannot be had; `purpose` says what it is for.
pub async fn listen(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, ListenError> {
    let bound = match TcpListener::bind(address).await {
        Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    bound.map_err(|cause| ListenError { address, purpose, cause })
}

#[cfg(test)]
mod tests {
    use super::{health, metrics, serve};
    use crate::debug::{Debug, State};
    use crate::key::Key;
    use crate::metrics::Metrics;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    async fn get(router: axum::Router, path: &str) -> (u16, String) {
        use http_body::Body as _;
        use tower::ServiceExt;
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        assert!(answer.body().size_hint().exact().is_some());
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn objects_are_listed_with_what_they_wait_for() {
        let debug = Debug::default();
        let key = Key::new("ns", "app");
        debug.state("Kustomization", &key, State::Waiting);
        debug.note("Kustomization", &key, "Deployment/ns/web".into());
        let (status, text) = get(health(debug), "/debug/objects").await;
        let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &rows[0]["state"], &rows[0]["name"]), (200, &"waiting".into(), &"app".into()));
        assert_eq!(rows[0]["waitsFor"], "Deployment/ns/web");
        assert!(rows[0]["since"].is_string());
    }

    #[tokio::test]
    async fn health_and_metrics_answer() {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(get(health(Debug::default()), path).await, (200, "ok".into()));
        }
        let (status, text) = get(metrics(Arc::new(Metrics::new("c"))), "/metrics").await;
        assert!(status == 200 && text.ends_with("# EOF\n"));
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_that_names_it() {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = taken.local_addr().unwrap();
        let error =
            serve(Some(address), "metrics", axum::Router::new(), CancellationToken::new()).await.unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
