//! Events: core/v1 on the object, and a POST to `--events-addr`. Both off the critical path, in the order they were
//! sent per object.

mod body;
mod post;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use api::meta::FluxObject;
use k8s_openapi::api::core::v1::Event as CoreEvent;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc;

use self::body::Message;
use self::post::Poster;
use crate::event::{Event, Severity};
use crate::key::Key;

/// Sends events. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    lines: Arc<[mpsc::Sender<Message>]>,
    controller: &'static str,
}

/// How many objects' events are sent at once.
const LINES: usize = 8;
/// How many events wait in a line; more are dropped, and said so in the log.
const LINE_LENGTH: usize = 512;

impl Recorder {
    /// Starts sending. An empty address posts nothing.
    pub(crate) fn start(client: Client, controller: &'static str, events_addr: &str) -> Self {
        let poster = Poster::new(events_addr);
        let lines = (0..LINES).map(|_| {
            let (sender, receiver) = mpsc::channel(LINE_LENGTH);
            tokio::spawn(send_all(client.clone(), poster.clone(), receiver));
            sender
        });
        Self { lines: lines.collect(), controller }
    }

    /// Logs an event and queues it for sending.
    pub fn send<K: FluxObject>(&self, object: &K, event: Event) {
        log(&event);
        let key = Key::of(object);
        let message = body::message(object, event, self.controller);
        if self.lines[line_of(&key)].try_send(message).is_err() {
            tracing::error!(
                name = key.name,
                namespace = key.namespace,
                error = "too many events wait",
                "event is dropped"
            );
        }
    }
}

fn line_of(key: &Key) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % LINES as u64).unwrap_or_default()
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

async fn send_all(client: Client, poster: Option<Poster>, mut messages: mpsc::Receiver<Message>) {
    while let Some(message) = messages.recv().await {
        let created = create(&client, &message.core);
        match (&poster, &message.posted) {
            (Some(poster), Some(posted)) => {
                tokio::join!(created, poster.post(posted));
            }
            _ => created.await,
        }
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
