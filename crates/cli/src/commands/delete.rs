//! `delete`: delete one object.
use clap::Args;

use crate::{
    CommandError,
    cluster::Dry,
    confirm::confirm,
    kinds::Verb,
    run::Context,
    say,
    target::{Nouns, Target, What},
};

/// Delete an object
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # A Kustomization, and with it what it applied (when it prunes)
  sluice delete kustomization apps --silent

  # A source
  sluice delete source git apps --silent")]
pub(crate) struct DeleteArgs {
    #[command(subcommand)]
    target: Target<Deleting>,
    /// Do not ask
    #[arg(long, short, global = true)]
    silent: bool,
}

#[derive(Clone, Debug)]
struct Deleting;

impl Nouns for Deleting {
    const VERB: Verb = Verb::Delete;
    const ABOUT: &'static str = "Delete";
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: DeleteArgs) -> Result<(), CommandError> {
    let What::One(kind) = args.target.what else { return Err(CommandError::usage("a kind is required")) };
    let name = args.target.one_name(kind.human)?;
    let cluster = context.cluster().await?;
    cluster.need(&kind.resource, &cluster.namespace, name).await?;
    if !args.silent {
        confirm(&format!("Are you sure you want to delete this {}", kind.human), "--silent")?;
    }
    say::action(&format!("deleting {} {name} in {} namespace", kind.human, cluster.namespace));
    cluster.delete(&kind.resource, &cluster.namespace, name, Dry::Run).await?;
    say::success(&format!("{} deleted", kind.human));
    Ok(())
}
