//! `reconcile`: ask a controller to look now, and wait until it has.
use clap::Args;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    CommandError,
    cluster::Cluster,
    kinds::{Kind, Verb},
    ready::settled,
    run::Context,
    say,
    target::{Nouns, Target, What},
    value::{at, condition, namespace, or, text},
    wait,
};

/// Sources of sources are followed this far: HelmRelease, HelmChart, HelmRepository.
const DEPTH: usize = 4;

/// Ask for a reconciliation and wait for its end
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Fetch a Git repository now
  sluice reconcile source git apps

  # Fetch the source, then apply
  sluice reconcile kustomization apps --with-source")]
pub(crate) struct ReconcileArgs {
    #[command(subcommand)]
    target: Target<Reconciling>,
    /// The source of the object first
    #[arg(long, global = true)]
    with_source: bool,
    /// HelmRelease: one install or upgrade, whatever has changed
    #[arg(long, global = true)]
    force: bool,
    /// HelmRelease: forget its failures
    #[arg(long, global = true)]
    reset: bool,
}

#[derive(Clone, Debug)]
struct Reconciling;

impl Nouns for Reconciling {
    const VERB: Verb = Verb::Reconcile;
    const ABOUT: &'static str = "Reconcile";
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: ReconcileArgs) -> Result<(), CommandError> {
    let What::One(kind) = args.target.what else { return Err(CommandError::usage("a kind is required")) };
    let name = args.target.one_name(kind.kind)?;
    let has_source = matches!(kind.kind, "Kustomization" | "HelmRelease" | "HelmChart");
    if args.with_source && !has_source {
        return Err(CommandError::usage(format!("--with-source: a {} has no source", kind.kind)));
    }
    if (args.force || args.reset) && kind.kind != "HelmRelease" {
        return Err(CommandError::usage("--force and --reset are for HelmReleases"));
    }
    let cluster = context.cluster().await?;
    let place = cluster.namespace.clone();
    let wanted = Wanted { with_source: args.with_source, force: args.force, reset: args.reset };
    reconcile(&cluster, kind, (&place, name), wanted, DEPTH).await
}

#[derive(Clone, Copy, Default)]
struct Wanted {
    with_source: bool,
    force: bool,
    reset: bool,
}

/// The object, after its source when that is wanted too.
async fn reconcile(
    cluster: &Cluster,
    kind: &'static Kind,
    (namespace, name): (&str, &str),
    wanted: Wanted,
    depth: usize,
) -> Result<(), CommandError> {
    let object = cluster.need(&kind.resource, namespace, name).await?;
    if kind.is_static(&object) {
        say::success("reconciliation not supported by the object");
        return Ok(());
    }
    if kind.suspended(&object) {
        return Err(CommandError::failed("resource is suspended")
            .hint(format!("sluice resume {} {name} --namespace={namespace}", noun(kind))));
    }
    if wanted.with_source && depth > 0 {
        let (source, place, source_name) = source_of(kind, &object)?;
        // A chart is always fetched anew with its own source.
        let more = Wanted { with_source: source.kind == "HelmChart", ..Wanted::default() };
        Box::pin(reconcile(cluster, source, (&place, &source_name), more, depth - 1)).await?;
    }
    request(cluster, kind, (namespace, name), &object, wanted).await
}

/// The words of a kind on the command line.
pub(crate) fn noun(kind: &Kind) -> String {
    kind.family.map_or(kind.word.into(), |family| format!("{} {}", family.words()[0], kind.word))
}

fn source_of(kind: &Kind, object: &Value) -> Result<(&'static Kind, String, String), CommandError> {
    let own = namespace(object);
    let chart_ref = at(object, &["spec", "chartRef"]);
    if kind.kind == "HelmRelease" && chart_ref.is_none() {
        let place = or(text(object, &["spec", "chart", "spec", "sourceRef", "namespace"]), own);
        return known("HelmChart", place, &format!("{own}-{}", crate::value::name(object)));
    }
    let reference = chart_ref.or_else(|| at(object, &["spec", "sourceRef"])).unwrap_or(&Value::Null);
    let place = if kind.kind == "HelmChart" { own } else { or(text(reference, &["namespace"]), own) };
    known(text(reference, &["kind"]), place, text(reference, &["name"]))
}

fn known(kind: &str, place: &str, name: &str) -> Result<(&'static Kind, String, String), CommandError> {
    match Kind::named(kind).filter(|kind| kind.verbs.contains(&Verb::Reconcile)) {
        Some(kind) => Ok((kind, place.into(), name.into())),
        None => Err(CommandError::failed(format!("cannot reconcile source of kind {kind}"))),
    }
}

async fn request(
    cluster: &Cluster,
    kind: &Kind,
    place: (&str, &str),
    before: &Value,
    wanted: Wanted,
) -> Result<(), CommandError> {
    say::action(&format!("annotating {} {} in {} namespace", kind.kind, place.1, place.0));
    let now = Timestamp::now().to_string();
    let mut annotations = Map::new();
    let all = [("requestedAt", true), ("forceAt", wanted.force), ("resetAt", wanted.reset)];
    for (key, _) in all.into_iter().filter(|(_, wanted)| *wanted) {
        annotations.insert(format!("reconcile.fluxcd.io/{key}"), now.clone().into());
    }
    cluster.merge(&kind.resource, place, &json!({ "metadata": { "annotations": annotations } })).await?;
    say::success(&format!("{} annotated", kind.kind));
    say::waiting(&format!("waiting for {} reconciliation", kind.kind));
    let handled = |object: &Value| text(object, &["status", "lastHandledReconcileAt"]).to_owned();
    let old = handled(before);
    let object =
        wait::until(cluster, kind, place, |object| Ok(handled(object) != old && settled(object)?)).await?;
    let ready =
        condition(&object, "Ready").ok_or_else(|| CommandError::failed("status can't be determined"))?;
    if text(ready, &["status"]) != "True" {
        let why = text(ready, &["message"]);
        return Err(CommandError::failed(format!("{} reconciliation failed: '{why}'", kind.kind))
            .hint(format!("sluice events --for {}/{} --namespace={}", kind.kind, place.1, place.0)));
    }
    say::success(&kind.done(&object));
    Ok(())
}
