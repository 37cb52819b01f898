//! Watches that go on: past a missing CRD and a lost connection.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::key::Key;
use crate::store::{Change, Mirror, Store};

/// Which objects a watch selects.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A label selector, as in `kubectl -l`.
    pub labels: Option<String>,
    /// A field selector.
    pub fields: Option<String>,
}

/// First and longest pause after a watch broke. A missing CRD is looked for at the longest pause.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Keeps a store equal to the cluster until the token fires. A missing CRD is waited for. Managed fields are dropped.
/// `changed` is called in the order of the watch and must not block.
///
/// The type must decode whatever the cluster holds, or one odd object stops the watch for all others: the kinds of
/// `api` do (they name what they could not read, see [`api::meta::FluxObject::spec_error`]), and
/// [`kube::core::PartialObjectMeta`] does, for which only metadata is asked for.
pub fn mirror<K>(
    api: Api<K>,
    selection: &Selection,
    shutdown: CancellationToken,
    changed: impl FnMut(Change<K>) + Send + 'static,
) -> (Store<K>, impl Future<Output = ()> + Send + 'static)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (mirror, store) = Mirror::new();
    let mut watch = Watch { mirror, changed, kind: K::kind(&()).into_owned(), broken: false, begun: false };
    let config = config(selection);
    let run = async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = watch.run(api, config) => {}
        }
    };
    (store, run)
}

/// After so many seconds the API server ends a watch, which goes on where it was; five later it is given up. On a line that
/// died in silence (a router that forgot it, a machine that fell over) it would be deaf for the usual five minutes.
const LASTS: u32 = 120;

fn config(selection: &Selection) -> watcher::Config {
    let mut config = watcher::Config::default().streaming_lists().timeout(LASTS);
    config.label_selector.clone_from(&selection.labels);
    config.field_selector.clone_from(&selection.fields);
    config
}

struct Watch<K, F> {
    mirror: Mirror<K>,
    changed: F,
    kind: String,
    broken: bool,
    /// Whether a list was begun: the store may hold something.
    begun: bool,
}

impl<K, F> Watch<K, F>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    F: FnMut(Change<K>) + Send,
{
    async fn run(&mut self, api: Api<K>, config: watcher::Config) {
        let mut pause = PAUSES.0;
        let mut config = config;
        loop {
            let mut events = std::pin::pin!(watcher::watcher(api.clone(), config.clone()));
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        if self.goes_back(&event, &config) {
                            config = plain(config);
                            break;
                        }
                        // A plain list is told to begin before it is asked for: that is no sign of life.
                        if !matches!(event, Event::Init) {
                            (pause, self.broken) = (PAUSES.0, false);
                        }
                        self.take(event);
                    }
                    Err(error) => {
                        let refused = streaming_is_refused(&error);
                        self.report(&error);
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(PAUSES.1);
                        if refused {
                            config = plain(config);
                            break;
                        }
                    }
                }
            }
        }
    }

    /// A streaming list is what one API server has in its cache, however old: good for a first look, which may be followed
    /// by what came later. A second one could show again what was seen to have changed, and miss what was seen to be new.
    fn goes_back(&mut self, event: &Event<K>, config: &watcher::Config) -> bool {
        matches!(event, Event::Init) && std::mem::replace(&mut self.begun, true) && is_streaming(config)
    }

    fn take(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.mirror.begin_list(),
            Event::InitApply(object) => {
                let change = self.mirror.listed(slim(object));
                (self.changed)(change);
            }
            Event::InitDone => self.mirror.end_list().into_iter().for_each(&mut self.changed),
            Event::Apply(object) => {
                let change = self.mirror.applied(slim(object));
                (self.changed)(change);
            }
            Event::Delete(object) => {
                let change = self.mirror.deleted(&Key::of(&object));
                (self.changed)(change);
            }
        }
    }

    /// Says once that the watch is broken, and again only after it worked.
    fn report(&mut self, error: &watcher::Error) {
        if !std::mem::replace(&mut self.broken, true) {
            tracing::warn!(kind = self.kind, error = %error, "watch is interrupted and will be resumed");
        }
    }
}

fn is_streaming(config: &watcher::Config) -> bool {
    config.initial_list_strategy == watcher::InitialListStrategy::StreamingList
}

/// Lists in pages what is there at the time of asking, whichever API server answers.
fn plain(config: watcher::Config) -> watcher::Config {
    let mut plain = config.page_size(500).list_semantic(watcher::ListSemantic::MostRecent);
    plain.initial_list_strategy = watcher::InitialListStrategy::ListWatch;
    plain
}

fn slim<K: Resource>(mut object: K) -> K {
    object.meta_mut().managed_fields = None;
    object
}

/// API servers before 1.34, and those with the feature off, answer a streaming list with 400 or 422.
fn streaming_is_refused(error: &watcher::Error) -> bool {
    let cause = match error {
        watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause) => cause,
        _ => return false,
    };
    matches!(cause, kube::Error::Api(status) if matches!(status.code, 400 | 422))
}

#[cfg(test)]
mod tests;
