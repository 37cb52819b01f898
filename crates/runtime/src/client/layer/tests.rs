use super::{DEADLINE, LIST_DEADLINE, LONGEST, Limits, PolicyLayer};
use crate::fence::Fence;
use crate::metrics::Metrics;
use futures::StreamExt;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
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
    let (answer, _) = ask_for("/api/v1/pods?watch=true&timeoutSeconds=120", Fence::open(), "GET", &[0]).await;
    assert_eq!(answer, Err("no answer from the API server within 20 s".into()));
}

#[tokio::test(start_paused = true)]
async fn without_the_lease_nothing_is_written_but_reading_goes_on() {
    let (answer, sent) = ask(Fence::closed(), "PATCH", &[200]).await;
    assert!(answer.is_err() && sent == 0);
    assert_eq!(ask(Fence::closed(), "GET", &[200]).await, (Ok(200), 1));
}

#[test]
fn only_watches_that_say_their_end_have_no_deadline() {
    let of = |uri: &str| Limits::of(&Request::get(uri).body(Body::empty()).unwrap()).unwrap().time;
    assert_eq!(of("/api/v1/pods?watch=true&timeoutSeconds=290&resourceVersion=1"), None);
    assert_eq!(of("/api/v1/pods?limit=500"), Some(LIST_DEADLINE));
    assert_eq!(of("/api/v1/namespaces/a/pods/b"), Some(DEADLINE));
    assert_eq!(of("/api/v1/pods?watch=true"), Some(DEADLINE));
    assert_eq!(of("/api/v1/namespaces/a/pods/b?watch=true&timeoutSeconds=9999"), Some(DEADLINE));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_would_be_another_request_is_not_sent() {
    let uri = "/api/v1/namespaces/own/secrets/?watch=true";
    let (answer, sent) = ask_for(uri, Fence::open(), "GET", &[200]).await;
    assert!(answer.unwrap_err().contains("no address"));
    assert_eq!(sent, 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_longer_than_we_have_is_not_waited_for() {
    let server = service_fn(|_: Request<Body>| async {
        let answer = Response::builder().status(429).header("retry-after", "60");
        Ok::<_, BoxError>(answer.body(Body::from(b"too many".to_vec())).unwrap())
    });
    let began = tokio::time::Instant::now();
    let layer = PolicyLayer::new(Fence::open(), Arc::new(Metrics::new("test")), None);
    let answer = layer.layer(server).call(Request::get("/api").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), began.elapsed()), (429, Duration::ZERO));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "too many");
}

/// The error of a request that is answered with such a body, and after which time.
async fn with_body(uri: &str, status: u16, frames: Frames) -> (String, Duration) {
    let mut body = Some(StreamBody::new(frames));
    let server = service_fn(move |_: Request<Body>| {
        let body = body.take().unwrap();
        async move { Ok::<_, BoxError>(Response::builder().status(status).body(body).unwrap()) }
    });
    let began = tokio::time::Instant::now();
    let layer = PolicyLayer::new(Fence::open(), Arc::new(Metrics::new("test")), None);
    let answer = layer.layer(server).call(Request::get(uri).body(Body::empty()).unwrap()).await;
    (answer.err().unwrap().to_string(), began.elapsed())
}

type Frames = futures::stream::BoxStream<'static, Result<Frame<bytes::Bytes>, BoxError>>;

#[tokio::test(start_paused = true)]
async fn a_refused_watch_whose_reason_never_ends_is_given_up() {
    let silent = futures::stream::pending().boxed();
    let (error, time) = with_body("/api/v1/pods?watch=true&timeoutSeconds=120", 503, silent).await;
    assert_eq!(error, "no answer from the API server within 15 s");
    assert_eq!(time, DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_never_ends_is_given_up_before_memory_is() {
    let mebibyte = || Ok(Frame::data(bytes::Bytes::from(vec![b' '; 1 << 20])));
    let endless = futures::stream::repeat_with(mebibyte).boxed();
    let (error, _) = with_body("/api/v1/namespaces/a/secrets/b", 200, endless).await;
    assert_eq!(error, format!("the API server's answer is longer than {} MiB", LONGEST >> 20));
}
