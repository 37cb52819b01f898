use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use api::meta::FluxKind;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Config};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::args::CommonArgs;
use crate::debug::Debug;
use crate::edges::Edges;
use crate::fence::Fence;
use crate::key::Key;
use crate::metrics::Metrics;
use crate::process::Controller;
use crate::queue::{Queue, Sizes, Waker};
use crate::reason::Reason;
use crate::reconciler::Reconciler;
use crate::recorder::Recorder;
use crate::shell::{Backoff, Shared, Shell, Troubles};
use crate::status::Writer;
use crate::store::{Change, Store};
use crate::watch::{self, Selection};

/// What the watch of a kind tells who observes it.
enum Seen<K> {
    Change(Change<K>),
    /// Nothing: dropped when all that came before it was observed.
    Mark(tokio::sync::oneshot::Sender<()>),
}

/// What a controller gets to set itself up with: once it leads, and before that for what every replica serves.
#[derive(Clone)]
pub struct Context {
    /// The client: deadlines, retries, and the fence are in it.
    pub client: Client,
    /// Where the cluster is, and as whom we talk to it.
    pub config: Config,
    /// The flags.
    pub args: Arc<CommonArgs>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// To be asked before each write that does not go through `client`.
    pub fence: Fence,
    /// Sends events.
    pub recorder: Recorder,
    /// Fires when the process is to end.
    pub shutdown: CancellationToken,
    /// The one namespace that is watched; none for all.
    pub namespace: Option<String>,
    pub(crate) controller: Controller,
    pub(crate) debug: Debug,
    pub(crate) tasks: TaskTracker,
}

/// What a reconciler gets of its own kind when it is made.
pub struct Handle<K> {
    /// Wakes objects of the kind.
    pub waker: Waker,
    /// The objects of the kind.
    pub store: Store<K>,
}

impl<K> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self { waker: self.waker.clone(), store: self.store.clone() }
    }
}

/// What [`Context::watch_configs`] watches where no label is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlabelled {
    /// Every object of the kind.
    All,
    /// Nothing.
    None,
}

/// How ConfigMaps and Secrets stand among the far ends of [`Context::wake_by_configs`].
pub struct ConfigEnds<F> {
    /// The far end that is a ConfigMap.
    pub config_map: fn(Key) -> F,
    /// The far end that is a Secret.
    pub secret: fn(Key) -> F,
}

/// Permits that heals have beside `--concurrent`.
const HEAL_PERMITS: usize = 2;

impl Context {
    /// The API of a kind in the watched namespace or namespaces.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        match &self.namespace {
            None => Api::all(self.client.clone()),
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
        }
    }

    /// How many objects may be reconciled at once.
    pub fn concurrent(&self) -> usize {
        self.args.concurrent.map_or(self.controller.concurrent, usize::from)
    }

    /// Runs a task until it ends or the process is to end; the end of the process waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Runs a task that listens to [`Context::shutdown`] itself; the end of the process waits for it, within limits.
    pub fn spawn_to_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Watches objects of another kind in the watched namespaces. `changed` is called in the order of the watch and
    /// must not block.
    pub fn mirror<K>(
        &self,
        selection: &Selection,
        changed: impl FnMut(Change<K>) + Send + 'static,
    ) -> Store<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let api: Api<K> = self.api();
        let (store, run) = watch::mirror(api, selection, self.shutdown.clone(), changed);
        self.tasks.spawn(run);
        store
    }

    /// Watches the metadata of ConfigMaps or Secrets that bear the label of `--watch-configs-label-selector`: `changed`
    /// is called with each that came, changed or went after the first list, and must not block. Contents are read by
    /// who needs them.
    pub fn watch_configs<K>(&self, unlabelled: Unlabelled, mut changed: impl FnMut(&Key) + Send + 'static)
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let labels = Some(self.args.watch_configs_label_selector.clone()).filter(|text| !text.is_empty());
        if labels.is_none() && unlabelled == Unlabelled::None {
            return;
        }
        let selection = Selection { labels, fields: None };
        self.mirror::<PartialObjectMeta<K>>(&selection, move |change| {
            let version = |object: &Option<Arc<PartialObjectMeta<K>>>| {
                object.as_ref().and_then(|object| object.metadata.resource_version.clone())
            };
            if !change.initial && version(&change.old) != version(&change.new) {
                changed(&change.key);
            }
        });
    }

    /// Watches the ConfigMaps and Secrets that stand at the far ends of edges: who refers to a changed one wakes. Without
    /// a label all of them are watched.
    pub fn wake_by_configs<F>(&self, edges: &Edges<F>, waker: &Waker, ends: ConfigEnds<F>)
    where
        F: Clone + Eq + Hash + Ord + Send + 'static,
    {
        let woken = |end: fn(Key) -> F| {
            let (edges, waker) = (edges.clone(), waker.clone());
            move |key: &Key| edges.wake(&waker, &end(key.clone()), Reason::Config)
        };
        self.watch_configs::<ConfigMap>(Unlabelled::All, woken(ends.config_map));
        self.watch_configs::<Secret>(Unlabelled::All, woken(ends.secret));
    }

    /// Watches a kind and reconciles its objects from now on. `make` gets the waker and the store of the kind.
    pub fn register<R>(&self, make: impl FnOnce(Handle<R::Kind>) -> R) -> Handle<R::Kind>
    where
        R: Reconciler,
        R::Kind: FluxKind,
    {
        let queue = Queue::new(Sizes { main: self.concurrent(), heal: HEAL_PERMITS });
        self.debug.queue(R::Kind::KIND, queue.clone());
        let waker = Waker::new(queue.clone());
        let api: Api<R::Kind> = self.api();
        let selection = Selection { labels: self.args.selector(), fields: None };
        let (changes, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let marks = changes.clone();
        let (store, run) = watch::mirror(api, &selection, self.shutdown.clone(), move |change| {
            // The receiver lives as long as the process; what it misses at its end nobody needs.
            let _ = changes.send(Seen::Change(change));
        });
        let handle = Handle { waker, store: store.clone() };
        let shell = Shell {
            shared: Arc::new(self.shared::<R>(queue, store.clone())),
            reconciler: Arc::new(make(handle.clone())),
        };
        self.tasks.spawn(run);
        let observer = shell.clone();
        self.spawn(async move {
            while let Some(seen) = seen.recv().await {
                match seen {
                    Seen::Change(change) => observer.observe(&change),
                    Seen::Mark(passed) => drop(passed),
                }
            }
        });
        // What runs ask of their peers is known from all of them, not only from those that were observed first.
        let list = store;
        let observed = async move {
            list.synced().await;
            let (mark, passed) = tokio::sync::oneshot::channel::<()>();
            let _ = marks.send(Seen::Mark(mark));
            let _ = passed.await;
        };
        self.tasks.spawn(shell.drive(observed, self.shutdown.clone()));
        handle
    }

    fn shared<R>(&self, queue: Queue, store: Store<R::Kind>) -> Shared<R::Kind>
    where
        R: Reconciler,
        R::Kind: FluxKind,
    {
        Shared {
            kind: R::Kind::KIND,
            client: self.client.clone(),
            args: self.args.clone(),
            queue,
            store,
            fence: self.fence.clone(),
            debug: self.debug.clone(),
            metrics: self.metrics.clone(),
            recorder: R::MANAGER.map_or_else(|| self.recorder.clone(), |name| self.recorder.named(name)),
            writer: Writer {
                client: self.client.clone(),
                fence: self.fence.clone(),
                manager: R::MANAGER.unwrap_or(self.controller.status_manager),
            },
            bases: std::sync::Mutex::default(),
            backoff: Backoff::new(self.args.min_retry_delay, self.args.max_retry_delay),
            troubles: Troubles::default(),
        }
    }

    /// What an object waits for, shown by `/debug/objects`.
    pub fn note<K: FluxKind>(&self, key: &Key, waiting_for: impl Into<String>) {
        self.debug.note(K::KIND, key, waiting_for.into());
    }
}
