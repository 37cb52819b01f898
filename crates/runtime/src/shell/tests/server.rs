use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::meta::Envelope;
use api::source::v1::GitRepository;
use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, service_fn};

use super::Scripted;
use crate::args::CommonArgs;
use crate::debug::Debug;
use crate::fence::Fence;
use crate::key::Key;
use crate::metrics::Metrics;
use crate::queue::{Queue, Sizes};
use crate::reason::Reason;
use crate::recorder::Recorder;
use crate::shell::{Backoff, Shared, Shell, Troubles};
use crate::status::Writer;
use crate::store::Mirror;

/// Keeps GitRepositories as JSON and applies merge patches to them.
#[derive(Clone, Default)]
pub(super) struct Api {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: HashMap<String, GitRepository>,
    requests: Vec<String>,
}

impl Api {
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(super) fn object(&self, name: &str) -> GitRepository {
        self.state.lock().unwrap().objects[name].clone()
    }

    /// A fresh object of this name, changed.
    pub(super) fn put(&self, name: &str, change: impl FnOnce(&mut GitRepository)) {
        let mut object = GitRepository::new(name, Default::default());
        object.metadata.namespace = Some("ns".into());
        object.metadata.uid = Some(format!("uid of {name}"));
        object.metadata.generation = Some(1);
        object.metadata.resource_version = Some("1".into());
        change(&mut object);
        self.state.lock().unwrap().objects.insert(name.to_owned(), object);
    }

    fn answer(&self, method: &Method, path: &str, patch: &Value) -> (u16, Value) {
        let mut state = self.state.lock().unwrap();
        let Some((_, tail)) = path.split_once("/gitrepositories/") else { return (201, patch.clone()) };
        state.requests.push(format!("{method} {tail}"));
        let (name, status) = tail.split_once('/').map_or((tail, false), |(name, _)| (name, true));
        let Some(object) = state.objects.get_mut(name) else { return (404, refusal(404)) };
        if *method == Method::PATCH {
            let uid = patch["metadata"]["uid"].as_str();
            if uid != object.metadata.uid.as_deref() {
                return (409, refusal(409));
            }
            apply(object, patch, status);
        }
        let version = state.requests.len() + 1;
        let object = state.objects.get_mut(name).unwrap();
        if *method == Method::PATCH {
            object.metadata.resource_version = Some(version.to_string());
        }
        (200, serde_json::to_value(with_spec_error(object)).unwrap())
    }

    fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                let bytes = request.into_body().collect_bytes().await?;
                let patch = serde_json::from_slice(&bytes).unwrap_or_default();
                let (code, body) = api.answer(&method, &path, &patch);
                let body = Body::from(serde_json::to_vec(&body)?);
                Ok::<_, BoxError>(Response::builder().status(code).body(body)?)
            }
        });
        kube::Client::new(service, "ns")
    }
}

/// An object that cannot be read is sent as it is stored: with a field of the wrong type.
fn with_spec_error(object: &GitRepository) -> Value {
    let mut value = serde_json::to_value(object).unwrap();
    if object.spec_error.is_some() {
        value["spec"]["url"] = json!({});
    }
    value
}

fn refusal(code: u16) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "", "reason": "" })
}

/// Merges into the status, or into all but the status.
fn apply(object: &mut GitRepository, patch: &Value, status: bool) {
    let spec_error = object.spec_error.clone();
    let mut value = serde_json::to_value(&*object).unwrap();
    let part = if status { "status" } else { "metadata" };
    merge(&mut value[part], &patch[part]);
    let stored: Envelope = serde_json::from_value(value).unwrap();
    *object = GitRepository::from(stored);
    object.spec_error = spec_error;
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// A shell that runs over the stand-in; the test plays the watch.
pub(super) struct Rig {
    pub(super) api: Api,
    pub(super) reconciler: Arc<Scripted>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) shutdown: CancellationToken,
    pub(super) driven: JoinHandle<()>,
    shell: Shell<Scripted>,
    mirror: Mutex<Mirror<GitRepository>>,
}

impl Rig {
    pub(super) fn start(reconciler: Scripted, concurrent: usize) -> Self {
        let (api, metrics) = (Api::default(), Arc::new(Metrics::new("test")));
        let (mut mirror, store) = Mirror::new();
        mirror.end_list();
        let client = api.client();
        let shared = Shared {
            kind: "GitRepository",
            args: Arc::new(args()),
            queue: Queue::new(Sizes { main: concurrent, heal: 1 }),
            store,
            fence: Fence::open(),
            debug: Debug::default(),
            metrics: metrics.clone(),
            recorder: Recorder::start(client.clone(), "test", ""),
            writer: Writer { client: client.clone(), fence: Fence::open(), manager: "test" },
            client,
            bases: Mutex::default(),
            backoff: Backoff::new(Duration::from_millis(750), Duration::from_secs(900)),
            troubles: Troubles::default(),
        };
        let reconciler = Arc::new(reconciler);
        let shell = Shell { shared: Arc::new(shared), reconciler: reconciler.clone() };
        let shutdown = CancellationToken::new();
        let driven = tokio::spawn(shell.clone().drive(std::future::ready(()), shutdown.clone()));
        Self { api, reconciler, metrics, shutdown, driven, shell, mirror: Mutex::new(mirror) }
    }

    /// A new object, as the watch tells of it.
    pub(super) fn create(&self, name: &str) {
        self.api.put(name, |_| {});
        self.show(name);
    }

    /// The objects that `/debug/objects` lists, with their states.
    pub(super) fn listed(&self) -> Vec<String> {
        let rows = self.shell.shared.debug.rows();
        rows.iter().map(|row| format!("{} {:?}", row.name, row.state)).collect()
    }

    /// The watch shows the object as it is.
    pub(super) fn show(&self, name: &str) {
        let change = self.mirror.lock().unwrap().applied(self.api.object(name));
        self.shell.observe(&change);
    }

    /// The watch shows the object with an older status than it has.
    pub(super) fn show_stale(&self, name: &str) {
        let mut object = self.api.object(name);
        if let Some(status) = &mut object.status {
            status.observed_ignore = Some("stale".into());
        }
        let change = self.mirror.lock().unwrap().applied(object);
        self.shell.observe(&change);
    }

    /// Changes the object in the cluster; the watch tells of it.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut GitRepository)) {
        let mut object = self.api.object(name);
        change(&mut object);
        self.api.put(name, |stored| *stored = object);
        self.show(name);
    }

    /// The watch shows a change of the object as it last showed it, whatever became of it in the cluster.
    pub(super) fn change_cached(&self, name: &str, change: impl FnOnce(&mut GitRepository)) {
        let key = Key::new("ns", name);
        let mut object = self.shell.shared.store.get(&key).unwrap().as_ref().clone();
        change(&mut object);
        let change = self.mirror.lock().unwrap().applied(object);
        self.shell.observe(&change);
    }

    pub(super) async fn wake(&self, name: &str, reason: Reason) {
        self.shell.wake(&Key::new("ns", name), reason);
        self.settle().await;
    }

    /// Lets everything that is due come to its end, without reaching the first retry.
    pub(super) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn args() -> CommonArgs {
    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        common: CommonArgs,
    }
    let parsed: Command = clap::Parser::parse_from(["test"]);
    parsed.common
}
