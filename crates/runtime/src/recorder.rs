//! Events: core/v1 on the object, and a POST to `--events-addr`. Both off the critical path, in the order they were
//! sent per object.

mod body;
mod post;
mod under_way;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use api::meta::FluxObject;
use k8s_openapi::api::core::v1::{Event as CoreEvent, ObjectReference};
use kill_points::{Point, at as point};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::body::{Message, Posted};
use self::post::Poster;
pub(crate) use self::under_way::Busy;
use self::under_way::UnderWay;
use crate::event::{Event, Severity};
use crate::key::Key;

/// Sends events. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    created: Arc<[mpsc::Sender<Waiting>]>,
    /// Empty where nothing is posted. Apart from the other lines, so that a receiver that is down delays nobody.
    posted: Arc<[mpsc::Sender<(Posted, Busy)>]>,
    runs: UnderWay,
    /// Events that are in a line or on their way.
    unsent: UnderWay,
    controller: &'static str,
}

/// An event in its line, until when it may be held back, and that it is unsent.
type Waiting = (Instant, CoreEvent, Busy);

/// How long an event may wait for the work that others are at: a burst of events would slow it down.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many objects' events are created at once: few, for the same reason.
const CREATE_LINES: usize = 2;
/// How many objects' events are posted at once.
const POST_LINES: usize = 8;
/// How many events wait in all lines; more are dropped, and said so in the log.
const MOST_WAITING: usize = 4096;

impl Recorder {
    /// Starts sending. An empty address posts nothing.
    pub(crate) fn start(client: Client, controller: &'static str, events_addr: &str) -> Self {
        let runs = UnderWay::new();
        let created = lines(CREATE_LINES, |receiver| create_all(client.clone(), runs.clone(), receiver));
        let posted = match Poster::new(events_addr) {
            Some(poster) => lines(POST_LINES, |receiver| post_all(poster.clone(), receiver)),
            None => Arc::default(),
        };
        Self { created, posted, runs, unsent: UnderWay::new(), controller }
    }

    /// A run is under way until what is returned is dropped.
    pub(crate) fn run(&self) -> Busy {
        self.runs.begin()
    }

    /// Logs an event on an object that no reconciler has (an Alert) and queues it for Kubernetes alone. Its metadata
    /// become annotations as they are.
    pub fn send_on(&self, object: ObjectReference, event: &Event) {
        log(event);
        let name = |part: &Option<String>| part.clone().unwrap_or_default();
        let key = Key::new(name(&object.namespace), name(&object.name));
        let core = body::core(object, event, &event.metadata, self.controller);
        if !self.queue(&key, core) {
            dropped(&key);
        }
    }

    /// Whether there was room for it.
    fn queue(&self, key: &Key, core: CoreEvent) -> bool {
        let waiting = (Instant::now() + PATIENCE, core, self.unsent.begin());
        line_of(key, &self.created).is_none_or(|line| line.try_send(waiting).is_ok())
    }

    /// Waits until all events are sent, at most so long: what is left then is lost with the process, and said so in the log.
    pub(crate) async fn flush(&self, longest: Duration) {
        if tokio::time::timeout(longest, self.unsent.none()).await.is_err() {
            let error = "the process ends";
            tracing::error!(events = self.unsent.count(), error, "events are not delivered");
        }
    }

    /// The same, with another name of who reports.
    pub(crate) fn named(&self, controller: &'static str) -> Self {
        Self { controller, ..self.clone() }
    }

    /// Logs an event and queues it for sending.
    pub fn send<K: FluxObject>(&self, object: &K, event: Event) {
        log(&event);
        let key = Key::of(object);
        let Message { core, posted } = body::message(object, event, self.controller);
        let mut full = !self.queue(&key, core);
        if let (Some(posted), Some(line)) = (posted, line_of(&key, &self.posted)) {
            full |= line.try_send((posted, self.unsent.begin())).is_err();
        }
        if full {
            dropped(&key);
        }
    }
}

fn dropped(key: &Key) {
    let error = "too many events wait";
    tracing::error!(name = key.name, namespace = key.namespace, error, "event is dropped");
}

/// The line of an object, so that its events keep their order; none where there are no lines.
fn line_of<'a, M>(key: &Key, lines: &'a [mpsc::Sender<M>]) -> Option<&'a mpsc::Sender<M>> {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let line = hasher.finish().checked_rem(lines.len() as u64)?;
    lines.get(usize::try_from(line).unwrap_or_default())
}

fn log(event: &Event) {
    match event.severity {
        Severity::Trace => tracing::debug!(reason = event.reason.as_str(), "{}", event.message),
        Severity::Info => tracing::info!(reason = event.reason.as_str(), "{}", event.message),
        Severity::Error => {
            tracing::error!(reason = event.reason.as_str(), error = event.message, "{}", event.reason)
        }
    }
}

/// Starts one task a line.
fn lines<M, F>(count: usize, serve: impl Fn(mpsc::Receiver<M>) -> F) -> Arc<[mpsc::Sender<M>]>
where
    F: Future<Output = ()> + Send + 'static,
{
    let line = |_| {
        let (sender, receiver) = mpsc::channel(MOST_WAITING / count);
        tokio::spawn(serve(receiver));
        sender
    };
    (0..count).map(line).collect()
}

async fn create_all(client: Client, runs: UnderWay, mut events: mpsc::Receiver<Waiting>) {
    while let Some((until, event, _unsent)) = events.recv().await {
        runs.few(until).await;
        point(Point::EventBefore);
        create(&client, &event).await;
        point(Point::EventAfter);
    }
}

async fn post_all(poster: Poster, mut events: mpsc::Receiver<(Posted, Busy)>) {
    while let Some((event, _unsent)) = events.recv().await {
        point(Point::PostBefore);
        poster.post(&event).await;
        point(Point::PostAfter);
    }
}

/// An event that cannot be created is only logged: the object may be in a namespace that is being deleted.
async fn create(client: &Client, event: &CoreEvent) {
    let namespace = event.metadata.namespace.as_deref().unwrap_or("default");
    let api: Api<CoreEvent> = Api::namespaced(client.clone(), namespace);
    if let Err(error) = api.create(&PostParams::default(), event).await {
        tracing::debug!(error = %crate::shell::Chain(&error), "event is not created");
    }
}

/// The name of this machine or pod.
pub(crate) fn host() -> String {
    let from_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()).or_else(from_kernel);
    name.map_or_else(|| "localhost".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Recorder;
    use crate::event::Event;
    use api::meta::Reason;
    use api::source::v1::GitRepository;
    use axum::extract::State;
    use http::{Request, Response, StatusCode};
    use kube::client::Body;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    use tower::{BoxError, service_fn};

    type Seen = Arc<Mutex<Vec<String>>>;

    fn object() -> GitRepository {
        let mut object = GitRepository::new("app", Default::default());
        object.metadata.namespace = Some("ns".into());
        object
    }

    fn api() -> (kube::Client, Seen) {
        let seen = Seen::default();
        let created = seen.clone();
        let service = service_fn(move |request: Request<Body>| {
            let created = created.clone();
            async move {
                let bytes = request.into_body().collect_bytes().await?;
                let event: serde_json::Value = serde_json::from_slice(&bytes)?;
                created.lock().unwrap().push(event["message"].as_str().unwrap_or_default().to_owned());
                Ok::<_, BoxError>(Response::builder().status(201).body(Body::from(bytes.to_vec()))?)
            }
        });
        (kube::Client::new(service, "ns"), seen)
    }

    async fn receiver(answers: &'static [u16]) -> (String, Seen) {
        let seen = Seen::default();
        let take = move |State(seen): State<Seen>, body: String| async move {
            let event: serde_json::Value = serde_json::from_str(&body).unwrap();
            let mut seen = seen.lock().unwrap();
            seen.push(event["message"].as_str().unwrap().to_owned());
            StatusCode::from_u16(answers[(seen.len() - 1).min(answers.len() - 1)]).unwrap()
        };
        let router = axum::Router::new().fallback(take).with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, seen)
    }

    async fn wait_for(seen: &Seen, expected: &[&str]) {
        let all = async {
            while *seen.lock().unwrap() != expected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
    }

    #[tokio::test]
    async fn a_receiver_that_is_down_delays_no_event_of_kubernetes() {
        let (client, created) = api();
        let recorder = Recorder::start(client, "test", "127.0.0.1:1");
        for text in ["a", "b", "c"] {
            recorder.send(&object(), Event::info(Reason::Succeeded, text));
        }
        tokio::time::timeout(Duration::from_millis(900), wait_for(&created, &["a", "b", "c"])).await.unwrap();
    }

    #[tokio::test]
    async fn the_last_events_are_sent_before_the_process_ends() {
        let (client, created) = api();
        let (address, posted) = receiver(&[503, 202]).await;
        let recorder = Recorder::start(client, "test", &address);
        let busy: Vec<_> = (0..3).map(|_| recorder.run()).collect();
        recorder.send(&object(), Event::info(Reason::Succeeded, "a"));
        drop(busy);
        recorder.flush(Duration::from_secs(10)).await;
        assert_eq!((created.lock().unwrap().len(), posted.lock().unwrap().len()), (1, 2));
    }

    #[tokio::test]
    async fn events_wait_for_a_lull_and_not_for_ever() {
        let (client, created) = api();
        let recorder = Recorder::start(client, "test", "");
        let busy: Vec<_> = (0..3).map(|_| recorder.run()).collect();
        recorder.send(&object(), Event::info(Reason::Succeeded, "a"));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(created.lock().unwrap().is_empty(), "others are at work");
        drop(busy);
        wait_for(&created, &["a"]).await;
        let _busy: Vec<_> = (0..3).map(|_| recorder.run()).collect();
        recorder.send(&object(), Event::info(Reason::Succeeded, "b"));
        wait_for(&created, &["a", "b"]).await;
    }

    #[tokio::test]
    async fn a_failing_receiver_is_asked_again_and_a_duplicate_is_not() {
        let (client, _) = api();
        let (address, posted) = receiver(&[503, 200, 429, 200]).await;
        let recorder = Recorder::start(client, "test", &address);
        for text in ["a", "b", "c"] {
            recorder.send(&object(), Event::info(Reason::Succeeded, text));
        }
        wait_for(&posted, &["a", "a", "b", "c"]).await;
    }
}
