//! `suspend`: ask the controllers to leave objects alone.
use clap::Args;
use serde_json::{Value, json};

use crate::{
    CommandError,
    cluster::{Cluster, Select},
    kinds::{Kind, Verb},
    run::Context,
    say,
    target::{Nouns, Target, What},
    value::name,
};

/// Suspend the reconciliation of objects
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # One Kustomization
  sluice suspend kustomization apps

  # All Git repositories of a namespace
  sluice suspend source git --all")]
pub(crate) struct SuspendArgs {
    #[command(subcommand)]
    target: Target<Suspending>,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    all: bool,
}

#[derive(Clone, Debug)]
struct Suspending;

impl Nouns for Suspending {
    const VERB: Verb = Verb::Suspend;
    const ABOUT: &'static str = "Suspend";
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: SuspendArgs) -> Result<(), CommandError> {
    let What::One(kind) = args.target.what else { return Err(CommandError::usage("a kind is required")) };
    let cluster = context.cluster().await?;
    let chosen = chosen(&cluster, kind, &args.target.names, args.all).await?;
    for object in &chosen {
        say::action(&format!(
            "suspending {} {} in {} namespace",
            kind.human,
            name(object),
            cluster.namespace
        ));
        cluster.merge(&kind.resource, (&cluster.namespace, name(object)), &suspended(true)).await?;
        say::success(&format!("{} suspended", kind.human));
    }
    Ok(())
}

/// A patch that sets or removes `spec.suspend`.
pub(crate) fn suspended(value: bool) -> Value {
    let value = if value { Value::Bool(true) } else { Value::Null };
    json!({ "spec": { "suspend": value } })
}

/// The objects of these names, or all; a missing one is told and passed over, as in Flux.
pub(crate) async fn chosen(
    cluster: &Cluster,
    kind: &Kind,
    names: &[String],
    all: bool,
) -> Result<Vec<Value>, CommandError> {
    let place = cluster.namespace.as_str();
    if names.is_empty() && !all {
        return Err(CommandError::usage(format!("{} name is required", kind.human)));
    }
    if names.is_empty() {
        let found = cluster.list(&kind.resource, Some(place), &Select::default()).await?;
        if found.is_empty() {
            return Err(CommandError::not_found(format!(
                "no {} objects found in {place} namespace",
                kind.kind
            )));
        }
        return Ok(found);
    }
    let mut found: Vec<Value> = Vec::new();
    for wanted in names {
        if found.iter().any(|object| name(object) == wanted) {
            continue;
        }
        match cluster.find(&kind.resource, place, wanted).await? {
            Some(object) => found.push(object),
            None => say::failure(&format!("{} object '{wanted}' not found in {place} namespace", kind.kind)),
        }
    }
    if found.is_empty() {
        return Err(CommandError::not_found(format!("nothing to do in {place} namespace")));
    }
    Ok(found)
}
