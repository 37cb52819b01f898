use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::notification::v1::Receiver;
use api::notification::v1beta3::{Alert, Provider};
use runtime::watch::Selection;
use runtime::{Context, Controller, FeatureGates, RunError, args};
use tokio::time::Instant;

use crate::app::App;
use crate::args::{Command, GATES};
use crate::events::dispatch::Dispatcher;
use crate::events::duplicates::Duplicates;
use crate::events::endpoint as event_endpoint;
use crate::events::judging::Judging;
use crate::events::spool::{Entry, Limits, Spool, SpoolError, Ticket};
use crate::finalizers::{Finalized, bare, finalized};
use crate::listen;
use crate::providers::Clients;
use crate::receivers::endpoint as webhook_endpoint;
use crate::receivers::paths::Paths;
use crate::receivers::reconciler::ReceiverReconciler;
use crate::watching;

/// The name of the controller, and its field manager.
const NAME: &str = "notification-controller";
const CONTROLLER: Controller = Controller { name: NAME, status_manager: NAME, concurrent: 4 };
/// How long deliveries may go on when the process is to end; what is left stays in the spool.
const DRAIN: Duration = Duration::from_secs(8);

/// Why the controller cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A port cannot be listened to.
    #[error(transparent)]
    Listen(#[from] runtime::ListenError),
    /// An address cannot be read.
    #[error("flag {flag}: {cause}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Runs the controller until it is told to end.
///
/// # Errors
/// See [`RunError`].
pub fn run(command: Command) -> Result<(), RunError> {
    let gates = FeatureGates::parse(&GATES, &command.common.feature_gates)?;
    let mut common = command.common.clone();
    // Here the flag is the address to listen on; our own events go to Kubernetes alone.
    common.events_addr.clear();
    let (command, gates) = (&command, &gates);
    let serve = |context| async move { serve_all(&context, command).await };
    runtime::run_serving(CONTROLLER, common, serve, |context, served| async move {
        lead(&context, served, gates);
        Ok(())
    })
}

/// What the replica that leads goes on with.
struct Served {
    alerts: Finalized,
    providers: Finalized,
}

/// What every replica does: it takes events and calls, tells providers and wakes objects. As in Flux each has its own spool
/// and its own view of what was said before.
async fn serve_all(context: &Context, command: &Command) -> Result<Served, SetupError> {
    let limits =
        Limits { events: command.own.event_spool_max_events, bytes: command.own.event_spool_max_size };
    let (spool, left) = Spool::open(&command.own.spool_dir(), limits)?;
    let (app, served) = app(context, command, spool);
    serve(context, command, &app, left).await?;
    Ok(served)
}

/// What one replica does: it writes the status of Receivers, and takes old finalizers off.
fn lead(context: &Context, served: Served, gates: &FeatureGates) {
    for gate in GATES.iter().filter(|gate| gate.name != "DisableConfigWatchers" && gates.enabled(gate.name)) {
        tracing::warn!(gate = gate.name, "this feature gate has no effect here");
    }
    context.spawn(bare::<Alert>(context.client.clone(), NAME, served.alerts));
    context.spawn(bare::<Provider>(context.client.clone(), NAME, served.providers));
    let receivers = context.register(|_| ReceiverReconciler { client: context.client.clone() });
    if !gates.enabled("DisableConfigWatchers") {
        watching::watch_secrets(context, receivers);
    }
}

/// Watches all kinds and puts together what the parts share.
fn app(context: &Context, command: &Command, spool: Spool) -> (Arc<App>, Served) {
    let selection = Selection::default();
    let ((alert, alerts), (provider, providers)) = (finalized(), finalized());
    let (paths, followed) = (Paths::default(), Selection { labels: context.args.selector(), fields: None });
    let follower = paths.clone();
    let app = Arc::new(App {
        client: context.client.clone(),
        alerts: context.mirror::<Alert>(&selection, alert),
        providers: context.mirror::<Provider>(&selection, provider),
        receivers: context.mirror::<Receiver>(&followed, move |change| follower.follow(&change)),
        paths,
        recorder: context.recorder.clone(),
        duplicates: Mutex::new(Duplicates::new(command.own.rate_limit_interval, Instant::now())),
        judging: Judging::default(),
        dispatcher: Dispatcher::new(spool),
        clients: Clients::default(),
        no_cross_namespace_refs: command.common.no_cross_namespace_refs.0,
        watched: context.namespace.clone(),
    });
    app.dispatcher.attach(&app);
    (app, Served { alerts, providers })
}

/// Listens once the watches know all objects, so that no event misses its Alert and no call its Receiver.
async fn serve(
    context: &Context,
    command: &Command,
    app: &Arc<App>,
    left: Vec<(Ticket, Entry)>,
) -> Result<(), SetupError> {
    let address = |flag, text: &str| args::address(text).map_err(|cause| SetupError::Flag { flag, cause });
    let events = address("--events-addr", &command.common.events_addr)?;
    let webhooks = address("--receiverAddr", &command.own.receiver_addr)?;
    let events = match events {
        Some(address) => Some(runtime::listen(address, "events").await?),
        None => None,
    };
    let webhooks = match webhooks {
        Some(address) => Some(runtime::listen(address, "webhooks").await?),
        None => None,
    };
    let (app, shutdown) = (app.clone(), context.shutdown.clone());
    context.spawn_to_end(async move {
        let synced = async {
            app.alerts.synced().await;
            app.providers.synced().await;
            app.receivers.synced().await;
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = synced => {}
        }
        for (ticket, entry) in left {
            app.dispatcher.submit(ticket, entry);
        }
        let handler = app.clone();
        let events = events.map(|listener| {
            let take = move |call| event_endpoint::take(handler.clone(), call);
            listen::serve(listener, shutdown.clone(), |_| None, take)
        });
        let (handler, looked) = (app.clone(), app.clone());
        let webhooks = webhooks.map(|listener| {
            let refuse = move |target: &str| webhook_endpoint::refuse(&looked, target);
            let take = move |call| webhook_endpoint::take(handler.clone(), call);
            listen::serve(listener, shutdown.clone(), refuse, take)
        });
        tokio::join!(maybe(events), maybe(webhooks));
        shutdown.cancelled().await;
        drain(&app).await;
    });
    Ok(())
}

async fn maybe(server: Option<impl Future<Output = ()>>) {
    if let Some(server) = server {
        server.await;
    }
}

/// Lets deliveries that are on their way come to their end.
async fn drain(app: &App) {
    let end = Instant::now() + DRAIN;
    while !app.dispatcher.is_idle() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let deliveries = app.dispatcher.waiting();
    if deliveries > 0 {
        tracing::warn!(
            deliveries,
            "ended before all was delivered, the rest waits in the spool for the next start"
        );
    }
}
