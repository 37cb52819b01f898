use super::{LIST_DEADLINE, PolicyLayer, deadline};
use crate::fence::Fence;
use crate::metrics::Metrics;
use http::{Request, Response};
use kube::client::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tower::{BoxError, Layer, Service, service_fn};

/// Answers each request with the next status; 0 stands for silence.
async fn ask(fence: Fence, method: &str, statuses: &'static [u16]) -> (Result<u16, String>, u32) {
    ask_for("/api", fence, method, statuses).await
}

async fn ask_for(
    uri: &str,
    fence: Fence,
    method: &str,
    statuses: &'static [u16],
) -> (Result<u16, String>, u32) {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    let server = service_fn(move |_: Request<Body>| {
        let index = counted.fetch_add(1, Ordering::SeqCst) as usize;
        async move {
            if statuses[index] == 0 {
                std::future::pending::<()>().await;
            }
            Ok::<_, BoxError>(Response::builder().status(statuses[index]).body(Body::empty()).unwrap())
        }
    });
    let layer = PolicyLayer::new(fence, Arc::new(Metrics::new("test")), None);
    let request = Request::builder().method(method).uri(uri).body(Body::from(b"x".to_vec())).unwrap();
    let answer = layer.layer(server).call(request).await;
    (
        answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string()),
        count.load(Ordering::SeqCst),
    )
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_asked_three_times_at_most() {
    assert_eq!(ask(Fence::open(), "GET", &[429, 503, 200]).await, (Ok(200), 3));
    assert_eq!(ask(Fence::open(), "PATCH", &[503, 503, 503]).await, (Ok(503), 3));
    assert_eq!(ask(Fence::open(), "PATCH", &[409]).await, (Ok(409), 1));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up_after_the_deadline() {
    let (answer, _) = ask(Fence::open(), "GET", &[0]).await;
    assert_eq!(answer, Err("no answer from the API server within 15 s".into()));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_does_not_begin_is_given_up() {
    let (answer, _) = ask_for("/api/v1/pods?watch=true", Fence::open(), "GET", &[0]).await;
    assert_eq!(answer, Err("no answer from the API server within 20 s".into()));
}

#[tokio::test(start_paused = true)]
async fn without_the_lease_nothing_is_written_but_reading_goes_on() {
    let (answer, sent) = ask(Fence::closed(), "PATCH", &[200]).await;
    assert!(answer.is_err() && sent == 0);
    assert_eq!(ask(Fence::closed(), "GET", &[200]).await, (Ok(200), 1));
}

#[test]
fn watches_have_no_deadline_and_lists_a_longer_one() {
    let of = |uri: &str| deadline(&Request::get(uri).body(Body::empty()).unwrap());
    assert_eq!(of("/api/v1/pods?watch=true&resourceVersion=1"), None);
    assert_eq!(of("/api/v1/pods?limit=500"), Some(LIST_DEADLINE));
    assert_eq!(of("/api/v1/namespaces/a/pods/b"), Some(Duration::from_secs(15)));
}
