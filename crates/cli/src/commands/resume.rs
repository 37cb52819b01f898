//! `resume`: take objects up again, and wait until they are ready.
use clap::Args;
use futures::future::join_all;
use serde_json::Value;

use crate::{
    CommandError,
    cluster::Cluster,
    commands::suspend::{chosen, suspended},
    kinds::{Kind, Verb},
    ready::{is_ready, settled},
    run::Context,
    say,
    target::{Nouns, Target, What},
    value::name,
    wait,
};

/// Resume suspended objects
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # One Kustomization; waits for its end
  sluice resume kustomization apps

  # All Git repositories of a namespace
  sluice resume source git --all --wait")]
pub(crate) struct ResumeArgs {
    #[command(subcommand)]
    target: Target<Resuming>,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    all: bool,
    /// Wait until they are ready; one named object is always waited for
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    wait: Option<bool>,
}

#[derive(Clone, Debug)]
struct Resuming;

impl Nouns for Resuming {
    const VERB: Verb = Verb::Resume;
    const ABOUT: &'static str = "Resume";
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: ResumeArgs) -> Result<(), CommandError> {
    let What::One(kind) = args.target.what else { return Err(CommandError::usage("a kind is required")) };
    let cluster = context.cluster().await?;
    let names = &args.target.names;
    let mut objects = chosen(&cluster, kind, names, args.all).await?;
    for object in &objects {
        say::action(&format!("resuming {} {} in {} namespace", kind.human, name(object), cluster.namespace));
        cluster.merge(&kind.resource, (&cluster.namespace, name(object)), &suspended(false)).await?;
        say::success(&format!("{} resumed", kind.human));
    }
    if !args.wait.unwrap_or(names.len() == 1) {
        return Ok(());
    }
    objects.sort_by(|a, b| name(a).cmp(name(b)));
    let results = join_all(objects.iter().map(|object| ready(&cluster, kind, object))).await;
    told(kind, &objects, results)
}

async fn ready(cluster: &Cluster, kind: &Kind, object: &Value) -> Result<Value, CommandError> {
    say::waiting(&format!("waiting for {} reconciliation", kind.kind));
    let place = (cluster.namespace.as_str(), name(object));
    let done = if kind.is_static(object) { settled } else { is_ready };
    wait::until(cluster, kind, place, done).await
}

fn told(
    kind: &Kind,
    objects: &[Value],
    results: Vec<Result<Value, CommandError>>,
) -> Result<(), CommandError> {
    let mut failed = 0;
    for (object, result) in objects.iter().zip(results) {
        match result {
            Ok(object) => {
                say::success(&format!("{} {} reconciliation completed", kind.kind, name(&object)));
                say::success(&kind.done(&object));
            }
            Err(error) => {
                failed += 1;
                say::failure(&format!("{} {} reconciliation failed: {error}", kind.kind, name(object)));
            }
        }
    }
    if failed > 0 {
        return Err(CommandError::failed(format!("reconciliation failed for {failed} {}(s)", kind.kind)));
    }
    Ok(())
}
