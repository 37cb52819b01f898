//! `events`: the Kubernetes events of our objects.
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use clap::Args;
use futures::{StreamExt, future::try_join_all};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::{
    CommandError,
    age::since,
    cluster::{Cluster, Select},
    commands::get::{AGAIN, is_news},
    kinds::Kind,
    resource::Resource,
    run::Context,
    say,
    table::Table,
    value::{at, namespace, or, text},
};

pub(crate) const EVENTS: Resource = Resource::fixed("", "v1", "events", "Event");

/// Show the Kubernetes events of objects
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Of a namespace
  sluice events -n flux-system

  # Of one Kustomization and its source
  sluice events --for Kustomization/apps

  # Only what went wrong, anywhere
  sluice events --all-namespaces --types Warning")]
pub(crate) struct EventsArgs {
    /// Of all namespaces
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Go on with what happens
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// Of one object and what it refers to, or of one kind
    #[arg(long = "for", value_name = "KIND[/NAME]")]
    for_object: Option<String>,
    /// Only Normal or Warning
    #[arg(long, value_delimiter = ',', value_name = "TYPE")]
    types: Vec<String>,
}

/// One question to the API server: events of a namespace about something.
#[derive(Clone, Debug)]
struct Query {
    namespace: Option<String>,
    select: Select,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: EventsArgs) -> Result<(), CommandError> {
    let wrong = |kind: &&String| !["Normal", "Warning"].iter().any(|known| known.eq_ignore_ascii_case(kind));
    if let Some(kind) = args.types.iter().find(wrong) {
        return Err(CommandError::usage(format!(
            "type '{kind}' not supported. Supported types are Normal, Warning"
        )));
    }
    let cluster = context.cluster().await?;
    let queries = queries(&cluster, &args).await?;
    let shown_namespace =
        args.all_namespaces || queries.iter().any(|query| query.namespace != queries[0].namespace);
    if args.watch {
        return watch(&cluster, &args, queries, shown_namespace).await;
    }
    let lists = queries
        .iter()
        .map(async |query| cluster.list(&EVENTS, query.namespace.as_deref(), &query.select).await);
    let mut found: Vec<Value> = try_join_all(lists).await?.into_iter().flatten().collect();
    found.retain(|event| wanted(event, &args.types));
    if found.is_empty() {
        let place =
            if args.all_namespaces { String::new() } else { format!(" in {} namespace", cluster.namespace) };
        say::failure(&format!("No events found{place}."));
        return Ok(());
    }
    found.sort_by_cached_key(|event| last_time(event).to_owned());
    say::data(&table(&found, shown_namespace).render(true))
}

async fn queries(cluster: &Cluster, args: &EventsArgs) -> Result<Vec<Query>, CommandError> {
    let own = (!args.all_namespaces).then(|| cluster.namespace.clone());
    let Some(wanted) = &args.for_object else {
        return Ok(vec![Query { namespace: own, select: Select::default() }]);
    };
    let (word, name) = wanted.split_once('/').unwrap_or((wanted, ""));
    if word.is_empty() {
        return Err(CommandError::usage("--for selector must be of format <kind>[/<name>]"));
    }
    let kind = Kind::named(word)
        .ok_or_else(|| CommandError::usage(format!("'{word}' is not a recognized Flux kind")))?;
    let mut queries = vec![Query { namespace: own, select: about(kind.kind, name) }];
    if !name.is_empty() {
        let object = cluster.need(&kind.resource, &cluster.namespace, name).await?;
        queries.extend(
            referred(kind, &object)
                .into_iter()
                .map(|(kind, place, name)| Query { namespace: Some(place), select: about(&kind, &name) }),
        );
    }
    Ok(queries)
}

/// What an object refers to: kind, namespace, name.
fn referred(kind: &Kind, object: &Value) -> Vec<(String, String, String)> {
    let own = namespace(object);
    let mut found = Vec::new();
    if let Some(reference) = kind.reference {
        let target = at(object, reference.path).unwrap_or(&Value::Null);
        let place = or(text(target, &["namespace"]), own);
        let kind = or(reference.kind, text(target, &["kind"]));
        found.push((kind.to_owned(), place.to_owned(), text(target, &["name"]).to_owned()));
        if at(object, &["spec", "chart"]).is_some_and(Value::is_object) {
            let chart = format!("{own}-{}", crate::value::name(object));
            found.push(("HelmChart".into(), place.to_owned(), chart));
        }
    }
    if let Some(chart) = at(object, &["spec", "chartRef"]) {
        let place = or(text(chart, &["namespace"]), own);
        found.push((text(chart, &["kind"]).into(), place.into(), text(chart, &["name"]).into()));
    }
    found.retain(|(_, _, name)| !name.is_empty());
    found
}

fn about(kind: &str, name: &str) -> Select {
    let mut fields = format!("involvedObject.kind={kind}");
    if !name.is_empty() {
        fields += &format!(",involvedObject.name={name}");
    }
    Select { fields, ..Select::default() }
}

/// What is there, then what happens, of all queries at once.
async fn watch(
    cluster: &Cluster,
    args: &EventsArgs,
    queries: Vec<Query>,
    shown_namespace: bool,
) -> Result<(), CommandError> {
    let shown = Shown { args, shown_namespace, headers: Cell::new(true), seen: RefCell::default() };
    try_join_all(queries.iter().map(|query| follow(cluster, query, &shown))).await.map(drop)
}

/// What was printed so far.
struct Shown<'a> {
    args: &'a EventsArgs,
    shown_namespace: bool,
    headers: Cell<bool>,
    seen: RefCell<HashMap<String, String>>,
}

/// Asks again when the server ends the watch, whatever becomes of the others; what it repeats then is not shown.
async fn follow(cluster: &Cluster, query: &Query, shown: &Shown<'_>) -> Result<(), CommandError> {
    loop {
        let mut events = Box::pin(cluster.watch(&EVENTS, query.namespace.as_deref(), &query.select).await?);
        while let Some(event) = events.next().await {
            let (there, event) = event?;
            let is_news = is_news(&mut shown.seen.borrow_mut(), there, &event);
            if there && is_news && wanted(&event, &shown.args.types) {
                say::data(&table(&[event], shown.shown_namespace).render(shown.headers.replace(false)))?;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn wanted(event: &Value, types: &[String]) -> bool {
    let kind = text(event, &["type"]);
    Kind::named(text(event, &["involvedObject", "kind"])).is_some()
        && (types.is_empty() || types.iter().any(|one| one.eq_ignore_ascii_case(kind)))
}

fn table(events: &[Value], shown_namespace: bool) -> Table {
    let mut headers = vec!["Last seen", "Type", "Reason", "Object", "Message"];
    if shown_namespace {
        headers.insert(0, "Namespace");
    }
    let mut table = Table::new(headers);
    let now = Timestamp::now();
    for event in events {
        let part = |path: &[&str]| text(event, path).to_owned();
        let object = format!("{}/{}", part(&["involvedObject", "kind"]), part(&["involvedObject", "name"]));
        let mut row =
            vec![last_seen(event, now), part(&["type"]), part(&["reason"]), object, part(&["message"])];
        if shown_namespace {
            row.insert(0, namespace(event).to_owned());
        }
        table.push(row);
    }
    table
}

/// The time an event is sorted by: of its series, its end, or its only occurrence.
pub(crate) fn last_time(event: &Value) -> &str {
    let times = [&["series", "lastObservedTime"][..], &["lastTimestamp"], &["eventTime"]];
    times.into_iter().map(|path| text(event, path)).find(|time| !time.is_empty()).unwrap_or_default()
}

fn last_seen(event: &Value, now: Timestamp) -> String {
    let ago = |path: &[&str]| since(text(event, path), now);
    let first = since(or(text(event, &["eventTime"]), text(event, &["firstTimestamp"])), now);
    let count = |path: &[&str]| at(event, path).and_then(Value::as_i64).unwrap_or_default();
    if at(event, &["series"]).is_some() {
        let times = count(&["series", "count"]);
        return format!("{} (x{times} over {first})", ago(&["series", "lastObservedTime"]));
    }
    match count(&["count"]) {
        times if times > 1 => format!("{} (x{times} over {first})", ago(&["lastTimestamp"])),
        _ => first,
    }
}
