//! `logs`: what the controllers wrote, in one line each.
use clap::{Args, ValueEnum};
use futures::{AsyncBufReadExt, StreamExt, TryStreamExt, future::try_join_all, stream::select_all};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::{
    CommandError,
    cluster::{Cluster, Select, get},
    commands::version::{DEPLOYMENTS, PART_OF},
    duration,
    resource::{Resource, escaped},
    run::Context,
    say,
    value::{at, flag, list, name, or, text},
};

pub(crate) const PODS: Resource = Resource::fixed("", "v1", "pods", "Pod");
/// The container of a controller.
const CONTAINER: &str = "manager";

/// Show the logs of the controllers
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # About all objects
  sluice logs --all-namespaces

  # The errors of the last two minutes
  sluice logs --all-namespaces --level=error --since=2m

  # About one object
  sluice logs --kind=Kustomization --name=apps")]
pub(crate) struct LogsArgs {
    /// Only lines of this level
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<Level>,
    /// Only about objects of this kind
    #[arg(long, default_value = "", hide_default_value = true)]
    kind: String,
    /// Only about objects of this name
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Go on with what is written
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// So many lines of each controller, from the end
    #[arg(long, value_name = "LINES")]
    tail: Option<u64>,
    /// Where the controllers run
    #[arg(long, default_value = "flux-system", value_name = "NAMESPACE")]
    flux_namespace: String,
    /// About objects of all namespaces
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Not older than this
    #[arg(long, value_parser = duration::parse, value_name = "DURATION", conflicts_with = "since_time")]
    since: Option<std::time::Duration>,
    /// Not before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since_time: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Trace,
    Debug,
    Info,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: LogsArgs) -> Result<(), CommandError> {
    let cluster = context.cluster().await?;
    let pods = pods(&cluster, &args.flux_namespace).await?;
    if args.follow {
        let streams = try_join_all(pods.iter().map(|pod| stream(&cluster, &args, pod))).await?;
        let mut lines = select_all(streams.into_iter().map(Box::pin));
        while let Some(line) = lines.next().await {
            print(&line?, &args, &cluster.namespace)?;
        }
        return Ok(());
    }
    let mut failed = false;
    for pod in &pods {
        if let Err(error) = whole(&cluster, &args, pod).await {
            say::note(&format!("failed getting logs: {error}"));
            failed = true;
        }
    }
    if failed {
        return Err(CommandError::failed("failed to collect logs from all Flux pods"));
    }
    Ok(())
}

async fn whole(cluster: &Cluster, args: &LogsArgs, pod: &Value) -> Result<(), CommandError> {
    let mut lines = Box::pin(stream(cluster, args, pod).await?);
    while let Some(line) = lines.next().await {
        print(&line?, args, &cluster.namespace)?;
    }
    Ok(())
}

async fn stream(
    cluster: &Cluster,
    args: &LogsArgs,
    pod: &Value,
) -> Result<impl futures::Stream<Item = Result<String, CommandError>> + use<>, CommandError> {
    let mut path = format!("{}/log?follow={}", PODS.object(&args.flux_namespace, name(pod)), args.follow);
    if list(pod, &["spec", "containers"]).len() > 1 {
        path += &format!("&container={CONTAINER}");
    }
    if let Some(lines) = args.tail {
        path += &format!("&tailLines={lines}");
    }
    if let Some(since) = args.since {
        path += &format!("&sinceSeconds={}", since.as_secs().max(1));
    }
    if let Some(time) = args.since_time {
        path += &format!("&sinceTime={}", escaped(&time.to_string()));
    }
    let answer = cluster.client().request_stream(get(&path)?).await?;
    Ok(answer.lines().map_err(CommandError::from))
}

/// One pod of each Deployment of the installation: a ready one before a running one before another.
async fn pods(cluster: &Cluster, place: &str) -> Result<Vec<Value>, CommandError> {
    let deployments = cluster.list(&DEPLOYMENTS, Some(place), &Select::labels(PART_OF)).await?;
    let mut chosen = Vec::new();
    for deployment in &deployments {
        let labels = at(deployment, &["spec", "template", "metadata", "labels"]).and_then(Value::as_object);
        let pairs = labels
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
        let select = Select::labels(pairs.collect::<Vec<_>>().join(","));
        let pods = cluster.list(&PODS, Some(place), &select).await?;
        chosen.extend(pods.into_iter().max_by_key(rank));
    }
    if chosen.is_empty() {
        return Err(CommandError::not_found(format!("no Flux pods found in namespace \"{place}\""))
            .hint("--flux-namespace names where the controllers run"));
    }
    Ok(chosen)
}

fn rank(pod: &Value) -> (bool, bool) {
    let ready = list(pod, &["status", "containerStatuses"]).iter().any(|one| flag(one, &["ready"]));
    (text(pod, &["status", "phase"]) == "Running", ready)
}

/// A line in Flux's form, when it is one of a controller and wanted.
fn print(line: &str, args: &LogsArgs, namespace: &str) -> Result<(), CommandError> {
    if !line.starts_with('{') {
        return Ok(());
    }
    let Ok(entry) = serde_json::from_str::<Value>(line) else { return Ok(()) };
    if !wanted(&entry, args, namespace) {
        return Ok(());
    }
    say::shown(&format!("{}\n", shown(&entry)))
}

fn wanted(entry: &Value, args: &LogsArgs, namespace: &str) -> bool {
    let part = |key| text(entry, &[key]);
    let is = |wanted: &str, keys: &[&'static str]| {
        wanted.is_empty() || keys.iter().any(|key| text(entry, &[key]).eq_ignore_ascii_case(wanted))
    };
    args.level.is_none_or(|level| level.name() == part("level"))
        && is(&args.kind, &["reconciler kind", "controllerKind"])
        && is(&args.name, &["name"])
        && (args.all_namespaces || part("namespace").eq_ignore_ascii_case(namespace))
}

fn shown(entry: &Value) -> String {
    let part = |key| text(entry, &[key]);
    let kind = or(part("reconciler kind"), part("controllerKind"));
    let object = if part("name").is_empty() {
        String::new()
    } else {
        format!("/{}.{}", part("name"), part("namespace"))
    };
    format!("{} {} {kind}{object} - {} {}", part("ts"), part("level"), part("msg"), part("error"))
}
